"""Steering: another start, late joiners, one customer out, and another try of what failed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from analytics import campaign_page, counters, metrics, recount
from campaigns import engine, enrolling, launching, lifecycle, receivers, retrying, scheduling, steering
from campaigns.models import Campaign, Enrollment, Intake, Step
from campaigns.starts import Schedule
from common import clock
from conversations.delivery import Change
from conversations.models import Message
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launched import launch
from tests.campaigns.test_starts import living_in

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def running(noon: datetime, people: int = 2, **chosen: Any) -> Campaign:
    account = factories.make_account()
    factories.make_contacts(account, [f"+1312555{100 + n:04}" for n in range(people)])
    campaign = launch(account, now=noon, **chosen)
    enrolling.enroll(campaign, now=noon)
    engine.run_round(now=noon)
    return campaign


def test_the_start_of_what_has_not_begun_moves_with_all_who_wait(noon: datetime) -> None:
    campaign = running(noon, at=noon + DAY)
    user = factories.make_user(campaign.account)
    assert steering.reschedule(campaign, noon + 2 * DAY, by=user, now=noon) == 2
    campaign.refresh_from_db()
    assert campaign.starts_at == noon + 2 * DAY
    assert set(Step.objects.values_list("due_at", "send_by")) == {(noon + 2 * DAY, noon + 5 * DAY)}
    assert scheduling.activate(noon + 2 * DAY - HOUR) == 0 and scheduling.activate(noon + 2 * DAY) == 1
    with pytest.raises(lifecycle.NotPossible, match="has started"):
        steering.reschedule(campaign, noon + 4 * DAY, by=user, now=noon + 2 * DAY)
    assert AuditEntry.objects.filter(verb="rescheduled").count() == 1


def test_by_customers_clocks_it_moves_by_theirs(noon: datetime) -> None:
    account = factories.make_account()
    living_in(account, "MA", "CA")
    schedule = Schedule(date(2026, 11, 24), 600, local=True)
    campaign = launch(account, schedule=schedule, at=schedule.moment(account), now=noon)
    enrolling.enroll(campaign, now=noon)
    wanted = datetime(2026, 11, 25, 11, tzinfo=account.zone)
    steering.reschedule(campaign, wanted, by=factories.make_user(account), now=noon)
    dues = dict(Step.objects.values_list("enrollment__contact__state", "due_at"))
    east, west = datetime(2026, 11, 25, 16, tzinfo=UTC), datetime(2026, 11, 25, 19, tzinfo=UTC)
    assert dues == {"MA": east, "CA": west}
    campaign.refresh_from_db()
    assert campaign.starts_at == east

    client = signed_in(factories.make_user(account, "csr"))
    form = client.get(reverse("campaigns:reschedule", args=[campaign.pk])).content.decode()
    assert 'value="2026-11-25T11:00"' in form, "what their clocks show, not ours when theirs do"


def test_who_enters_after_the_start_moved_is_due_then(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contacts(account, ["+13125550101", "+13125550102"])
    campaign = launch(account, at=noon + DAY, now=noon)
    taking_in = Campaign.objects.get(pk=campaign.pk)  # as who takes in read it before the start moved
    intake = Intake.objects.create(campaign=campaign, started_at=noon)
    enrolling.enroll_slice(taking_in, intake.pk, now=noon, size=1)
    steering.reschedule(campaign, noon + 2 * DAY, by=factories.make_user(account), now=noon)
    enrolling.enroll_slice(taking_in, intake.pk, now=noon, size=1)
    assert list(Step.objects.values_list("due_at", flat=True)) == [noon + 2 * DAY] * 2


def test_a_start_that_cannot_be_is_refused_in_words(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contact(account)
    campaign = launch(account, at=noon + DAY, hold=launching.UNDO, now=noon)
    client = signed_in(factories.make_user(account, "csr"))
    url = reverse("campaigns:reschedule", args=[campaign.pk])
    assert "Move the start" in client.get(url).content.decode()
    for typed, words in (
        ("", "Choose when"),
        ("2020-01-01T10:00", "has passed"),
        ("2040-01-01T10:00", "more than a year ahead"),
        ("9999-12-31T23:59", "a day and a time that exist"),
    ):
        answer = client.post(url, {"starts_at": typed})
        assert answer.status_code == 422 and words in answer.content.decode(), typed
        assert 'href="#id_starts_at"' in answer.text and "Nothing was changed" in answer.text
    day = (noon + 3 * DAY).date()
    said = client.post(url, {"starts_at": f"{day}T10:00"}, follow=True).content.decode()
    assert "Nothing was sent; nobody is in it yet." in said


def test_late_joiners_are_let_in_and_no_more(noon: datetime) -> None:
    campaign = running(noon)
    client = signed_in(factories.make_user(campaign.account, "csr"))
    url = reverse("campaigns:joining", args=[campaign.pk])
    day = noon.date() + 10 * DAY
    said = client.post(url, {"joins_until": str(day)}, follow=True).content.decode()
    campaign.refresh_from_db()
    assert campaign.joins_until is not None and "whoever comes to match joins until" in said
    for never in ("2020-01-01", "2040-01-01", "9999-12-31"):
        assert client.post(url, {"joins_until": never}).status_code == 422, never
    client.post(url, {"joins_until": ""})
    campaign.refresh_from_db()
    assert campaign.joins_until is None
    assert AuditEntry.objects.filter(verb="changed_joining").count() == 2


def test_one_customer_is_taken_out_and_it_is_said_what_was_sent(noon: datetime) -> None:
    campaign = running(noon)
    first, second = Enrollment.objects.order_by("pk")
    user = factories.make_user(campaign.account, "csr")
    client = signed_in(user)
    record = reverse("analytics:campaign_record", args=[campaign.pk, first.pk])
    url = reverse("campaigns:remove", args=[campaign.pk, first.pk])
    assert url in client.get(record).content.decode()
    assert url in client.get(reverse("audiences:contact", args=[first.contact_id])).content.decode()
    assert "Nothing was sent to them" in client.get(url).content.decode()
    said = client.post(url, follow=True).content.decode()
    assert "is removed. Nothing was sent to them." in said
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.ended_reason, second.state) == ("ended", "removed", "active")
    assert Step.objects.get(enrollment=first).reason == "removed"
    assert Message.objects.filter(state="cancelled").count() == 1
    assert "has left this campaign already" in client.get(url).content.decode()
    assert "nothing was changed" in client.post(url, follow=True).content.decode()
    assert AuditEntry.objects.get(verb="removed_contact").by == user


def tell(message: Message, state: str, code: str = "") -> None:
    """What the provider answers to a text, as senders record it."""
    taken = state == "accepted"
    fields = {"accepted_at": clock.now()} if taken else {}
    Message.objects.filter(pk=message.pk).update(state=state, body="Hi", due_at=None, code=code, **fields)
    change = Change(message.pk, message.origin, state, code, "", taken)
    receivers.on_status_changed(changes=[change], now=clock.now())


def test_what_was_refused_is_tried_again_once_and_leads_nowhere(noon: datetime) -> None:
    campaign = running(noon, people=3)
    texts = list(Message.objects.order_by("pk"))
    tell(texts[0], "failed", "30003")
    tell(texts[1], "failed", "delivery_unknown")
    found = {one.reason: one.possible for one in retrying.failed(campaign)}
    assert found == {"failed:30003": 1, "delivery_unknown": 0}

    client = signed_in(factories.make_user(campaign.account, "csr"))
    url = reverse("campaigns:retry", args=[campaign.pk])
    assert url in client.get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert "Try 1 again" in client.get(url).content.decode()
    key = Step.objects.get(reason="failed:30003").node.key
    said = client.post(url, {"key": key, "reason": "failed:30003"}, follow=True).content.decode()
    assert "1 message is tried once more" in said
    for reason in ("failed:30003", "delivery_unknown"):
        said = client.post(url, {"key": key, "reason": reason}, follow=True).content.decode()
        assert "nothing was changed" in said, reason

    step = Step.objects.get(pass_number=2)
    others = Step.objects.filter(enrollment=step.enrollment_id).exclude(pk=step.pk)
    before = others.count()
    engine.run_round(now=clock.now())
    step.refresh_from_db()
    assert step.state == "queued" and step.message is not None and step.message not in texts
    tell(step.message, "accepted")
    step.refresh_from_db()
    assert step.state == "completed" and others.count() == before
    with counters.snapshot():
        shown = campaign_page.of_campaign(campaign)
    assert shown.left[key].whole == 2, "those that failed; another try leaves by no edge"
    assert not metrics.rows_behind(campaign, key, "edge:next").filter(pk=step.pk).exists()
    assert Enrollment.objects.get(pk=step.enrollment_id).state == "active"
    counters.squash()
    assert recount.recount([campaign.pk]).differences == []


ONE_TEXT = {
    "nodes": [("first_text", "send_sms", {"body": "Hi"}), ("done", "end", {})],
    "edges": [("first_text", "next", "done")],
}


def test_who_had_finished_is_let_in_for_that_one_message(noon: datetime) -> None:
    campaign = running(noon, **ONE_TEXT)
    for text in Message.objects.order_by("pk"):
        tell(text, "rejected", "30007")
    assert set(Enrollment.objects.values_list("state", flat=True)) == {"ended"}
    lifecycle.complete_finished(now=noon)
    campaign.refresh_from_db()
    assert campaign.status == "completed"
    user = factories.make_user(campaign.account)
    assert retrying.retry(campaign, "first_text", "rejected:30007", by=user, now=noon) == 2
    campaign.refresh_from_db()
    assert campaign.status == "active"
    assert set(Enrollment.objects.values_list("state", flat=True)) == {"active"}
    engine.run_round(now=clock.now())
    for text in Message.objects.filter(state="queued"):
        tell(text, "rejected", "30007")
    assert set(Enrollment.objects.values_list("state", "ended_reason")) == {("ended", "finished")}
    assert lifecycle.complete_finished(now=noon) == 1
    counters.squash()
    assert recount.recount([campaign.pk]).differences == []


def test_who_finishes_while_a_try_is_open_stays_until_it_is_over(noon: datetime) -> None:
    nodes = [*ONE_TEXT["nodes"], ("pause", "wait", {"minutes": 60})]
    edges = [("first_text", "next", "pause"), ("pause", "next", "done")]
    campaign = running(noon, people=1, nodes=nodes, edges=edges)
    tell(Message.objects.get(), "failed", "30003")
    user = factories.make_user(campaign.account)
    retrying.retry(campaign, "first_text", "failed:30003", by=user, now=noon)
    engine.run_round(now=clock.now() + 2 * HOUR)
    assert Step.objects.filter(node__key="done", state="completed").exists()
    assert Enrollment.objects.get().state == "active" and lifecycle.complete_finished(now=noon) == 0
    tell(Message.objects.get(state="queued"), "accepted")
    assert Enrollment.objects.get().ended_reason == "finished"


def test_stopped_ones_are_left_alone(noon: datetime) -> None:
    campaign = running(noon)
    text = Message.objects.order_by("pk")[0]
    tell(text, "failed", "30003")
    user = factories.make_user(campaign.account)
    lifecycle.stop(campaign, by=user, now=noon)
    with pytest.raises(lifecycle.NotPossible, match="was stopped"):
        retrying.retry(campaign, "first_text", "failed:30003", by=user, now=noon)
