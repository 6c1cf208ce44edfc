"""Taking one customer out of a campaign can be undone for a minute, unless something else happened."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, User
from analytics import counters, metrics, recount
from campaigns import engine, enrolling, lifecycle, removing
from campaigns.models import Campaign, Enrollment, Removal, Step
from conversations import opt_outs
from conversations.models import Message, PlannedCall
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launched import launch

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
PLAN = {"words": {"en": "Hi {{ first_name }}, your plan ends soon."}}


def begun(noon: datetime, people: int = 2, **chosen: Any) -> tuple[Campaign, Enrollment, User]:
    account = factories.make_account()
    factories.make_contacts(account, [f"+1312555{100 + n:04}" for n in range(people)])
    campaign = launch(account, now=noon, **chosen)
    enrolling.enroll(campaign, now=noon)
    engine.run_round(now=noon)
    return campaign, Enrollment.objects.order_by("pk")[0], factories.make_user(account, "csr")


def test_what_was_taken_back_leaves_after_all_and_every_counter_agrees(noon: datetime) -> None:
    campaign, one, by = begun(noon)
    assert not removing.remove(one, by=by, now=noon)
    one.refresh_from_db()
    assert removing.undoable(one, now=noon + 20 * SECOND) == 40
    assert removing.undo(one, by=by, now=noon + 59 * SECOND) == 1
    one.refresh_from_db()
    assert (one.state, one.ended_at, one.ended_reason) == ("active", None, "")
    first, again = Step.objects.filter(enrollment=one).order_by("pass_number")
    assert (first.state, first.reason) == ("skipped", "removed")
    assert (again.state, again.node, again.pass_number) == ("scheduled", first.node, 2)
    assert again.send_by == first.send_by
    engine.run_round(now=noon + 60 * SECOND)
    again.refresh_from_db()
    assert again.message is not None and again.message.state == "queued"
    assert Message.objects.filter(contact=one.contact, state="cancelled").count() == 1
    assert recount.recount([campaign.pk]).differences == []
    with counters.snapshot():
        row = metrics.node_rows(campaign, counters.totals([campaign.pk]))[0]
        assert (row.entered, row.queued, row.skipped) == (3, 2, 1)
    assert AuditEntry.objects.get(verb="undid_removal").by == by


def test_a_timer_keeps_its_time(noon: datetime) -> None:
    nodes = [("pause", "wait", {"minutes": 60}), ("text", "send_sms", {"body": "Hi"}), ("end", "end", {})]
    edges = [("pause", "next", "text"), ("text", "next", "end")]
    _, one, by = begun(noon, nodes=nodes, edges=edges)
    due = Step.objects.get(enrollment=one).due_at
    removing.remove(one, by=by, now=noon + SECOND)
    removing.undo(one, by=by, now=noon + 30 * SECOND)
    again = Step.objects.get(enrollment=one, pass_number=2)
    assert again.due_at == due and again.state in ("scheduled", "waiting")
    for _ in range(2):  # the wait is over; then the text
        engine.run_round(now=noon + timedelta(minutes=61))
    assert Message.objects.filter(contact=one.contact, state="queued").count() == 1


def test_a_planned_call_is_planned_again(noon: datetime) -> None:
    nodes = [("ring", "call", {"plan": PLAN}), ("end", "end", {})]
    _, one, by = begun(noon, nodes=nodes, edges=[("ring", "next", "end")])
    removing.remove(one, by=by, now=noon)
    assert PlannedCall.objects.get(contact=one.contact).state == "cancelled"
    removing.undo(one, by=by, now=noon + SECOND)
    engine.run_round(now=noon + SECOND)
    states = PlannedCall.objects.filter(contact=one.contact).order_by("pk").values_list("state", flat=True)
    assert list(states) == ["cancelled", "queued"]


def opted_out(one: Enrollment, _: User, now: datetime) -> None:
    opt_outs.record([one.address], contact=one.contact, source="text", now=now)


def stopped(one: Enrollment, by: User, now: datetime) -> None:
    lifecycle.stop(one.campaign, by=by, now=now)


def entered_again(one: Enrollment, _: User, now: datetime) -> None:
    Enrollment.objects.create(
        campaign=one.campaign, version=one.version, contact=one.contact, address=one.address, entered_at=now
    )


def was_leaving(one: Enrollment, _: User, now: datetime) -> None:
    Message.objects.filter(contact=one.contact).update(state="accepted", accepted_at=now, body="Hi")


@pytest.mark.parametrize(
    ("what", "why"),
    [
        (opted_out, "opted out since"),
        (stopped, "is completed"),
        (entered_again, "in this campaign again"),
        (was_leaving, "went on meanwhile"),
    ],
)
def test_what_happened_since_keeps_them_out(
    noon: datetime, what: Callable[[Enrollment, User, datetime], None], why: str
) -> None:
    _, one, by = begun(noon)
    removing.remove(one, by=by, now=noon)
    what(one, by, noon + SECOND)
    with pytest.raises(lifecycle.NotPossible, match=why):
        removing.undo(one, by=by, now=noon + 2 * SECOND)
    one.refresh_from_db()
    assert one.state == "ended" and Removal.objects.get().undone_at is None


def test_after_a_minute_and_twice_it_is_too_late(noon: datetime) -> None:
    _, one, by = begun(noon)
    removing.remove(one, by=by, now=noon)
    with pytest.raises(lifecycle.NotPossible, match="more than a minute"):
        removing.undo(one, by=by, now=noon + 60 * SECOND)
    removing.undo(one, by=by, now=noon + SECOND)
    with pytest.raises(lifecycle.NotPossible, match="undone already"):
        removing.undo(one, by=by, now=noon + 2 * SECOND)
    assert Step.objects.filter(enrollment=one).count() == 2


def test_the_page_offers_it_and_says_what_was_not_sent(noon: datetime) -> None:
    campaign, one, by = begun(noon)
    client = signed_in(by)
    args = [campaign.pk, one.pk]
    url, back = reverse("campaigns:remove", args=args), reverse("campaigns:restore", args=args)
    assert "You can undo this for a minute" in client.get(url).content.decode()
    answer = client.post(url, headers={"HX-Request": "true"}).content.decode()
    assert "is removed" in answer and back in answer and "Undo" in answer
    record = reverse("analytics:campaign_record", args=args)
    assert back in client.get(record).content.decode()
    said = client.post(back, follow=True).content.decode()
    assert "back where they stood. Nothing was sent to them meanwhile." in said
    assert "1 message that was taken back leaves after all" in said
    assert back not in client.get(record).content.decode()
