"""The engine on its own: launches, batches, outcomes, ends. No provider takes part."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from campaigns import engine, enrolling, launching, lifecycle, passages
from campaigns.models import Campaign, Enrollment, Exclusion, Step
from common import clock, sql
from conversations import outbound
from conversations.models import Lane, Message
from integrations.models import SendingNumber
from tests import factories

pytestmark = pytest.mark.django_db

MONDAY_NOON = "2026-11-23T18:00:00+00:00"


def launch(account, contacts=3, nodes=factories.TUNE_UP_NODES, edges=factories.TUNE_UP_EDGES, at=None):
    now = clock.now()
    number = factories.make_number(account, e164=f"+1312555{100 + account.pk % 50:04}")
    factories.make_contacts(account, [f"+1312555{150 + index:04}" for index in range(contacts)])
    draft = launching.Draft(
        name="Tune-up",
        version=factories.make_workflow(account, nodes, edges),
        audience=factories.make_audience(account),
        number=number,
    )
    campaign = launching.launch(account, draft, by=None, now=now, at=at)
    enrolling.enroll(campaign, now=now)
    return campaign


def states(campaign):
    return sorted(Step.objects.filter(campaign=campaign).values_list("node__key", "state"))


@pytest.fixture
def open_hours(monkeypatch, settings):
    """A Monday noon in Chicago, whenever the test runs."""
    from datetime import datetime

    moment = datetime.fromisoformat(MONDAY_NOON)
    monkeypatch.setattr(clock, "now", lambda: moment)
    return moment


def test_a_launch_schedules_the_first_step_of_everybody(open_hours):
    campaign = launch(factories.make_account())
    assert states(campaign) == [("first_text", "scheduled")] * 3
    assert campaign.intakes.get().admitted == 3
    assert campaign.status == Campaign.Status.ACTIVE


def test_a_due_text_is_queued_once(open_hours):
    campaign = launch(factories.make_account())
    assert engine.run_round(now=open_hours) == 3
    assert engine.run_round(now=open_hours) == 0
    assert states(campaign) == [("first_text", "queued")] * 3
    assert Message.objects.filter(lane=campaign.lane, state="queued").count() == 3


def test_a_text_outside_the_hours_stays_scheduled_for_the_opening(open_hours):
    campaign = launch(factories.make_account())
    night = open_hours + timedelta(hours=9)  # 21:00 in Chicago
    engine.run_round(now=night)
    step = Step.objects.filter(campaign=campaign).first()
    assert step.state == "scheduled"
    assert step.due_at.isoformat() == "2026-11-24T15:00:00+00:00"  # Tuesday 9:00 in Chicago
    assert not Message.objects.exists()


def test_nobody_enters_twice_with_one_phone(open_hours):
    account = factories.make_account()
    shared = factories.make_contact(account, phone="+13125550150")
    campaign = launch(account, contacts=2)
    assert campaign.intakes.get().matched == 3
    excluded = Exclusion.objects.get(campaign=campaign)
    assert excluded.reason == "same_phone"
    assert Enrollment.objects.get(campaign=campaign, contact=shared).state == "active"


def test_accepted_texts_lead_to_the_next_node(open_hours):
    from conversations import delivery

    campaign = launch(factories.make_account())
    engine.run_round(now=open_hours)
    messages = list(Message.objects.filter(lane=campaign.lane))
    Message.objects.update(state="calling", body="Hello")
    delivery.advance(
        [delivery.Move(m.pk, "accepted", f"SM{m.pk}", "", "", 1) for m in messages], now=open_hours
    )
    assert states(campaign) == [("first_text", "completed")] * 3 + [("reply", "waiting")] * 3
    engine.run_round(now=open_hours + timedelta(minutes=61))
    assert states(campaign) == (
        [("done", "completed")] * 3 + [("first_text", "completed")] * 3 + [("reply", "completed")] * 3
    )
    assert set(Enrollment.objects.values_list("state", "ended_reason")) == {("ended", "finished")}
    lifecycle.complete_finished(now=open_hours)
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.COMPLETED


def test_a_refused_text_fails_its_step_and_leads_on(open_hours):
    from conversations import delivery

    campaign = launch(factories.make_account(), contacts=1)
    engine.run_round(now=open_hours)
    message = Message.objects.get()
    Message.objects.update(state="calling", body="Hello")
    delivery.advance([delivery.Move(message.pk, "failed", None, "21211", "bad", 0)], now=open_hours)
    step = Step.objects.get(node__key="first_text")
    assert (step.state, step.reason) == ("failed", "failed:21211")
    assert Step.objects.get(node__key="reply", campaign=campaign).state == "waiting"


def test_a_text_found_undelivered_before_we_heard_of_its_acceptance_completes_its_step(open_hours):
    from conversations import delivery

    campaign = launch(factories.make_account(), contacts=1)
    engine.run_round(now=open_hours)
    message = Message.objects.get()
    Message.objects.update(state="calling", body="Hello")
    # The provider's number for it proves the acceptance, whichever news arrives first.
    for state in ("failed", "accepted"):
        delivery.advance([delivery.Move(message.pk, state, "SM1", "", "", 1)], now=open_hours)
    message.refresh_from_db()
    assert (message.state, message.accepted_at) == ("failed", open_hours)
    assert states(campaign) == [("first_text", "completed"), ("reply", "waiting")]


def test_ending_closes_the_open_step_and_takes_back_the_text(open_hours):
    campaign = launch(factories.make_account(), contacts=2)
    engine.run_round(now=open_hours)
    first = Enrollment.objects.order_by("pk").first()
    assert passages.end([first.pk], reason="opted_out", now=open_hours) == 1
    assert passages.end([first.pk], reason="opted_out", now=open_hours) == 0
    step = Step.objects.get(enrollment=first)
    assert (step.state, step.reason, step.message.state) == ("skipped", "opted_out", "cancelled")
    assert Enrollment.objects.filter(campaign=campaign, state="active").count() == 1


def test_a_paused_campaign_keeps_everybody_in_place(open_hours):
    account = factories.make_account()
    campaign = launch(account)
    by = factories.make_user(account)
    lifecycle.pause(campaign, by=by, now=open_hours)
    assert engine.run_round(now=open_hours) == 0
    assert Lane.objects.get(pk=campaign.lane_id).paused
    lifecycle.resume(campaign, by=by, now=open_hours)
    assert engine.run_round(now=open_hours) == 3


def test_a_stopped_campaign_skips_the_rest(open_hours):
    account = factories.make_account()
    campaign = launch(account)
    engine.run_round(now=open_hours)
    lifecycle.stop(campaign, by=factories.make_user(account), now=open_hours)
    assert lifecycle.finish_stopped(now=open_hours) == 3
    assert states(campaign) == [("first_text", "skipped")] * 3
    assert set(Message.objects.values_list("state", flat=True)) == {"cancelled"}
    with pytest.raises(lifecycle.NotPossible):
        lifecycle.resume(campaign, by=factories.make_user(account), now=open_hours)


def test_a_stopped_campaign_takes_back_a_text_whose_passage_had_ended(open_hours):
    """A second try is queued long after its step was completed, and a stopped lane rests for good."""
    account = factories.make_account()
    campaign = launch(account, contacts=1)
    engine.run_round(now=open_hours)
    passages.end(Enrollment.objects.values_list("pk", flat=True), reason="finished", now=open_hours)
    Message.objects.update(state="queued", due_at=open_hours, accepted_at=open_hours, body="Hi")
    lifecycle.stop(campaign, by=factories.make_user(account), now=open_hours)
    lifecycle.finish_stopped(now=open_hours)
    message = Message.objects.get()
    assert (message.state, message.code) == ("cancelled", lifecycle.STOPPED)


@pytest.mark.parametrize(("rate", "hourly", "most"), [(1, None, 60), (1, 600, 10), (5, 90, 2), (5, 1, 1)])
def test_only_a_minute_of_texts_is_queued(open_hours, rate, hourly, most):
    campaign = launch(factories.make_account(), contacts=4)
    SendingNumber.objects.update(segments_per_second=rate)
    Lane.objects.update(texts_per_hour=hourly)
    drawn = engine.graph.load(campaign.version_id)
    text, asked = drawn.nodes[drawn.first], {"campaign_id": campaign.pk, "now": open_hours}
    limit = engine.KINDS["send_sms"].limit
    assert limit(1000, node=text, **asked) == most
    engine.run_round(now=open_hours)
    queued = min(most, 4)
    assert outbound.waiting(campaign.lane_id, 60, now=open_hours)[0] == queued
    assert limit(1000, node=text, **asked) == most - queued


def test_a_later_launch_enrolls_at_once_and_starts_then(open_hours):
    at = open_hours + timedelta(hours=2)
    campaign = launch(factories.make_account(), at=at)
    assert campaign.status == Campaign.Status.SCHEDULED
    assert set(Step.objects.values_list("due_at", flat=True)) == {at}
    assert engine.run_round(now=open_hours) == 0
    assert engine.run_round(now=at) == 3
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.ACTIVE


BRANCHING = [
    (
        "check",
        "branch",
        {"conditions": [{"label": "home", "field": "kind", "operator": "is", "value": "residential"}]},
    ),
    ("home_text", "send_sms", {"body": "Hi {{ first_name }}"}),
    ("work_text", "send_sms", {"body": "Hello {{ name }}"}),
]


def test_a_branch_splits_in_one_go_and_its_steps_are_stored_completed(open_hours):
    account = factories.make_account()
    factories.make_contact(account, phone="+13125550199", kind="commercial")
    campaign = launch(
        account,
        contacts=2,
        nodes=BRANCHING,
        edges=[("check", "home", "home_text"), ("check", "otherwise", "work_text")],
    )
    engine.run_round(now=open_hours)
    assert states(campaign) == [("check", "completed")] * 3 + [
        ("home_text", "scheduled"),
        ("home_text", "scheduled"),
        ("work_text", "scheduled"),
    ]


@pytest.mark.parametrize(
    ("break_it", "field", "words"),
    [
        (
            lambda d, other: {"number": factories.make_number(other, e164="+13125550198")},
            "number",
            "does not belong",
        ),
        (lambda d, other: {"audience": factories.make_audience(other)}, "audience", "does not belong"),
        (lambda d, other: {"version": factories.make_workflow(other)}, "workflow", "does not belong"),
        (lambda d, other: {"targeting": {"kind": "commercial"}}, "audience", "Nobody"),
        (lambda d, other: {"name": "  "}, "name", "name"),
        (
            lambda d, other: {"version": factories.make_workflow(d.audience.account, publish=False)},
            "workflow",
            "published",
        ),
    ],
)
def test_a_launch_that_cannot_work_is_refused_with_the_reason(break_it, field, words, open_hours):
    from dataclasses import replace

    account, other = factories.make_account(), factories.make_account()
    factories.make_contact(account)
    draft = launching.Draft(
        name="Spring", version=factories.make_workflow(account), audience=factories.make_audience(account),
        number=factories.make_number(account),
    )  # fmt: skip
    with pytest.raises(launching.LaunchRefused) as refused:
        launching.launch(account, replace(draft, **break_it(draft, other)), by=None, now=open_hours)
    assert words in " ".join(refused.value.errors[field])
    assert not Campaign.objects.exists()


def test_a_second_click_finds_the_first_launch(open_hours):
    account = factories.make_account()
    factories.make_contact(account)
    draft = launching.Draft(
        name="Spring", version=factories.make_workflow(account), audience=factories.make_audience(account),
        number=factories.make_number(account),
    )  # fmt: skip
    first = launching.launch(account, draft, by=None, now=open_hours)
    assert launching.launch(account, draft, by=None, now=open_hours) == first
    assert Campaign.objects.count() == Lane.objects.count() == 1


def test_a_loop_without_an_end_is_over_after_its_last_pass(open_hours, monkeypatch):
    monkeypatch.setattr(passages, "MOST_PASSES", 3)
    nodes = [
        ("pause", "wait", {"minutes": 1}),
        ("note", "update_contact", {"add_tags": ["Asked"]}),
        ("text", "send_sms", {"body": "Hi"}),
    ]
    edges = [("pause", "next", "note"), ("note", "next", "pause"), ("pause", "otherwise", "text")]
    campaign = launch(factories.make_account(), 2, nodes, edges)
    for minute in range(1, 9):
        engine.run_round(now=open_hours + timedelta(minutes=minute))
    ended = Enrollment.objects.filter(campaign=campaign)
    assert set(ended.values_list("state", "ended_reason")) == {("ended", "went_round_too_often")}
    assert states(campaign) == [("note", "completed")] * 6 + [("pause", "completed")] * 6
    assert not Step.objects.filter(state__in=Step.OPEN).exists()


def test_a_step_is_of_the_campaign_its_enrollment_is_of(open_hours):
    """One foreign key says both; nobody's step counts for another campaign."""
    campaign, other = (launch(factories.make_account(), 1) for _ in range(2))
    step = Step.objects.filter(campaign=campaign)
    sql.run("SET CONSTRAINTS step_of_enrollment IMMEDIATE")
    for wrong in ({"campaign_id": other.pk}, {"enrollment_id": 2**40}):
        with pytest.raises(IntegrityError, match="step_of_enrollment"), transaction.atomic():
            step.update(**wrong)
