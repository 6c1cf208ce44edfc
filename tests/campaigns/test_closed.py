"""Closed hours, full caps, holds and pauses: everything waits for its instant, and nothing spins."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import engine, lifecycle
from campaigns.models import Campaign, Enrollment, Step
from common import clock
from conversations import claiming, delivery, leasing
from conversations.models import ContactHold, Lane, Message
from integrations.models import NumberPace
from tests import factories
from tests.campaigns.test_engine import launch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
NEXT_MORNING = timedelta(hours=21)  # from Monday noon in Chicago to Tuesday, nine o'clock
NIGHT = timedelta(hours=9)
LOOK_QUERIES, LEASE_QUERIES = 2, 1  # of an engine and of a sender that find nothing to do


def send() -> int:
    """What a sender does up to the call; how many texts it would hand over now."""
    return len(claiming.claim(leasing.lease(100, now=clock.now()), now=clock.now()))


def accept() -> None:
    """The provider takes whatever is being called."""
    calling = Message.objects.filter(state="calling")
    delivery.advance(
        [delivery.Move(m.pk, "accepted", f"SM{m.pk}", "", "", 1) for m in calling], now=clock.now()
    )


def states() -> set[tuple[str, str]]:
    return set(Step.objects.values_list("state", "reason"))


def assert_at_rest() -> None:
    """Engine and sender look once and find nothing, whatever waits."""
    with CaptureQueriesContext(connection) as looked:
        assert engine.run_round(now=clock.now()) == 0
    with CaptureQueriesContext(connection) as asked:
        assert leasing.lease(100, now=clock.now()) == []
    assert (len(looked), len(asked)) == (LOOK_QUERIES, LEASE_QUERIES)


def touched(times: int, ago: timedelta) -> None:
    """Every phone has had so many texts of campaigns, the first `ago`."""
    for enrollment in Enrollment.objects.select_related("campaign", "contact"):
        lane = factories.make_campaign_lane(enrollment.campaign.account)
        for index in range(times):
            at = clock.now() - ago + timedelta(minutes=index)
            Message.objects.create(
                account=enrollment.campaign.account, contact=enrollment.contact, lane=lane, state="accepted",
                address_id=enrollment.address_id, number_id=enrollment.campaign.number_id, kind="campaign",
                body="Hi", state_at=at, created_at=at, accepted_at=at,
            )  # fmt: skip


def close_hours(later) -> datetime:
    noon = clock.now()
    later(NIGHT)
    return (noon + NEXT_MORNING).replace(minute=0, second=0, microsecond=0)


def fill_caps(later) -> datetime:
    touched(2, ago=timedelta(hours=2))  # as many as a home may have
    first = min(Message.objects.filter(state="accepted").values_list("accepted_at", flat=True))
    return first + timedelta(hours=24)


def hold(later) -> datetime:
    for enrollment in Enrollment.objects.all():
        ContactHold.objects.create(
            contact_id=enrollment.contact_id, reason="reply", at=clock.now(),
            until=clock.now() + timedelta(minutes=5),
        )  # fmt: skip
    return min(ContactHold.objects.values_list("until", flat=True))


@pytest.mark.parametrize("closed", [close_hours, fill_caps, hold])
@pytest.mark.parametrize("queued_before", [True, False])
def test_a_text_refused_for_now_is_scheduled_for_the_right_instant_and_nobody_spins(
    later, closed, queued_before
):
    launch(factories.make_account(), 2)
    if queued_before:
        engine.run_round(now=clock.now())
    until = closed(later)
    engine.run_round(now=clock.now())
    assert send() == 0
    assert states() == {("scheduled", "")}
    dues = set(Step.objects.values_list("due_at", flat=True))
    assert all(abs(due - until) < timedelta(seconds=2) for due in dues), (dues, until)
    assert_at_rest()
    later(until - clock.now() + timedelta(seconds=3))
    engine.run_round(now=clock.now())
    assert send() == 2, "each once, at its instant"


def test_a_paused_campaign_costs_a_look_and_keeps_every_place(later):
    campaign = launch(factories.make_account(), 5)
    Lane.objects.update(texts_per_hour=120)
    engine.run_round(now=clock.now())
    assert set(Step.objects.values_list("state", flat=True)) == {"queued", "scheduled"}
    before = list(Step.objects.order_by("pk").values_list("state", "due_at", "message__state"))
    lifecycle.pause(campaign, by=factories.make_user(campaign.account), now=clock.now())
    later(timedelta(hours=30))
    assert_at_rest()
    assert list(Step.objects.order_by("pk").values_list("state", "due_at", "message__state")) == before


def paused(campaign: Campaign, later, so_long: timedelta) -> None:
    by = factories.make_user(campaign.account)
    lifecycle.pause(campaign, by=by, now=clock.now())
    assert send() == 0
    later(so_long)
    lifecycle.resume(campaign, by=by, now=clock.now())


def test_what_was_leased_when_the_pause_came_is_not_called():
    campaign = launch(factories.make_account(), 3)
    engine.run_round(now=clock.now())
    leased = leasing.lease(100, now=clock.now())
    lifecycle.pause(campaign, by=factories.make_user(campaign.account), now=clock.now())
    assert len(leased) == 3 and claiming.claim(leased, now=clock.now()) == []


@pytest.mark.parametrize("queued_before", [True, False])
def test_after_a_pause_longer_than_its_send_by_a_text_is_skipped_as_too_late(later, queued_before):
    campaign = launch(factories.make_account(), 3)
    if queued_before:
        engine.run_round(now=clock.now())
    paused(campaign, later, timedelta(hours=73))
    engine.run_round(now=clock.now())
    assert send() == 0
    first = Step.objects.filter(node__key="first_text")
    assert set(first.values_list("state", "reason")) == {("skipped", "too_late")}
    assert Step.objects.filter(node__key="reply", state="waiting").count() == 3, "they go on, too"


def test_a_longer_send_by_outlives_the_same_pause(later):
    campaign = launch(factories.make_account(), 3)
    Step.objects.update(send_by=clock.now() + timedelta(hours=96))
    paused(campaign, later, timedelta(hours=73))
    engine.run_round(now=clock.now())
    assert send() == 3


@pytest.mark.parametrize(("hours", "left"), [(24, "scheduled"), (20, "skipped")])
def test_the_deadline_is_the_campaigns_own(later, hours, left):
    nodes = [("pause", "wait", {"minutes": 1}), ("text", "send_sms", {"body": "Hi"}), ("done", "end", {})]
    campaign = launch(
        factories.make_account(), 1, nodes, [("pause", "next", "text"), ("text", "next", "done")]
    )
    Campaign.objects.filter(pk=campaign.pk).update(send_by_hours=hours)
    later(NIGHT)
    engine.run_round(now=clock.now())
    engine.run_round(now=clock.now())
    assert Step.objects.get(node__key="text").state == "scheduled", "for nine in the morning, in 12 hours"
    paused(campaign, later, timedelta(hours=22))
    engine.run_round(now=clock.now())
    assert Step.objects.get(node__key="text").state == left, "at seven in the evening"


def test_resuming_drops_nobody_and_sends_no_burst(later):
    account = factories.make_account()
    campaign = launch(account, 40)
    campaign.number.segments_per_second = 10
    campaign.number.save()
    engine.run_round(now=clock.now())
    assert send() == 5, "half a second's worth"
    accept()
    paused(campaign, later, timedelta(hours=2))
    NumberPace.objects.update(tat=datetime(2020, 1, 1, tzinfo=clock.now().tzinfo))
    engine.run_round(now=clock.now())
    assert send() == 5, "as much as without the pause, not two hours' worth"
    accept()
    sent = 10
    for _ in range(20):
        NumberPace.objects.update(tat=datetime(2020, 1, 1, tzinfo=clock.now().tzinfo))
        engine.run_round(now=clock.now())
        sent += send()
        accept()
    assert sent == 40
    assert Step.objects.filter(node__key="first_text", state="completed").count() == 40


def test_resuming_keeps_to_the_pace(later):
    campaign = launch(factories.make_account(), 10)
    Lane.objects.update(texts_per_hour=60)
    engine.run_round(now=clock.now())
    assert send() == 1
    accept()
    paused(campaign, later, timedelta(hours=5))
    Lane.objects.update(tat=datetime(2020, 1, 1, tzinfo=clock.now().tzinfo))
    engine.run_round(now=clock.now())
    assert [send() for _ in range(3)] == [1, 0, 0]


def test_timers_that_ran_out_meanwhile_are_over_at_once_and_their_texts_keep_to_the_hours(later):
    nodes = [
        ("pause", "wait", {"minutes": 60}), ("text", "send_sms", {"body": "Hi"}), ("done", "end", {}),
    ]  # fmt: skip
    campaign = launch(
        factories.make_account(), 3, nodes, [("pause", "next", "text"), ("text", "next", "done")]
    )
    paused(campaign, later, timedelta(days=4) + NIGHT)  # Friday, nine in the evening
    for _ in range(2):
        engine.run_round(now=clock.now())
    assert set(Step.objects.filter(node__key="pause").values_list("state", flat=True)) == {"completed"}
    text = Step.objects.filter(node__key="text")
    assert set(text.values_list("state", flat=True)) == {"scheduled"}, "not too late: it has just become due"
    assert all(due > clock.now() for due in text.values_list("due_at", flat=True))
    assert_at_rest()


def test_a_pause_stops_one_campaign_and_no_other():
    account = factories.make_account()
    first = launch(account, 2)
    second_lane = Lane.objects.create(account=account, kind=Lane.Kind.CAMPAIGN, name="Other")
    engine.run_round(now=clock.now())
    one = Message.objects.order_by("pk")[0]
    Message.objects.filter(pk=one.pk).update(lane=second_lane)
    lifecycle.pause(first, by=factories.make_user(account), now=clock.now())
    assert send() == 1
