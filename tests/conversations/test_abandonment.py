"""Calls that had nobody to talk to: what counts, and the campaign that rests for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account
from common import clock
from conversations import abandonment, safety
from conversations.models import Call, Lane, PlannedCall, SafetyPause
from tests import factories
from tests.accounts.making import make_member, signed_in

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def account() -> Account:
    return factories.make_account()


def talked(account: Account, lane: Lane, count: int, *, at: datetime = NOON, **fields: object) -> list[Call]:
    """So many calls of a campaign that people answered."""
    contact = account.contacts.first() or factories.make_contact(account)
    number = account.sending_numbers.first() or factories.make_number(account)
    made = PlannedCall.objects.bulk_create(
        PlannedCall(
            account=account, lane=lane, contact=contact, address=factories.phone_of(contact), number=number,
            kind="campaign", mode="script", state="called", outcome="answered", first_accepted_at=at,
        )
        for _ in range(count)
    )  # fmt: skip
    chosen = {"answered_at": at, "ended_at": at, "created_at": at, "outcome": "answered", **fields}
    return Call.objects.bulk_create(
        Call(
            account=account, planned=planned, direction="out", contact=contact, address=planned.address,
            number=number, state="completed", accepted_at=at, **chosen,
        )
        for planned in made
    )  # fmt: skip


def test_three_in_a_hundred_pause_the_campaign_alone(account: Account) -> None:
    lane, other = factories.make_campaign_lane(account), factories.make_campaign_lane(account)
    talked(account, lane, 98)
    talked(account, other, 98)
    talked(account, lane, 2, abandoned_at=NOON)
    talked(account, other, 2, abandoned_at=NOON)
    assert safety.evaluate(now=NOON) == 0  # 2 of 100
    talked(account, lane, 1, abandoned_at=NOON)  # 3 of 101, a little less than 3 %
    assert safety.evaluate(now=NOON) == 0
    talked(account, lane, 1, abandoned_at=NOON)
    assert safety.evaluate(now=NOON) == 1
    pause = SafetyPause.objects.get()
    assert (pause.rule, pause.lane, pause.part, pause.whole) == ("abandoned", lane, 4, 102)
    assert "nobody to talk to: 4 of 102, 3.9%. The limit is 3%." in pause.reason
    assert safety.evaluate(now=NOON) == 0


def test_one_alone_never_does(account: Account) -> None:
    lane = factories.make_campaign_lane(account)
    talked(account, lane, 1, abandoned_at=NOON)
    talked(account, lane, 32)
    assert safety.evaluate(now=NOON) == 0  # 1 of 33 is 3.03 %, of too few to say so
    talked(account, lane, 1)
    assert safety.evaluate(now=NOON) == 0  # 1 of 34


def test_two_of_a_few_are_too_many(account: Account) -> None:
    lane = factories.make_campaign_lane(account)
    talked(account, lane, 1)
    talked(account, lane, 2, abandoned_at=NOON)
    assert safety.evaluate(now=NOON) == 1
    pause = SafetyPause.objects.get()
    assert (pause.part, pause.whole) == (2, 3)


def test_what_dashboards_ask_is_counted_anew_where_it_changes(
    account: Account, django_assert_num_queries: Any
) -> None:
    lane = factories.make_campaign_lane(account)
    talked(account, lane, 30)
    with django_assert_num_queries(1):
        assert abandonment.lately(account, now=NOON) == []
    talked(account, lane, 1, abandoned_at=NOON)
    with django_assert_num_queries(2):
        (share,) = abandonment.lately(account, now=NOON)
    assert (share.lane_id, share.abandoned, share.answered) == (lane.pk, 1, 31)
    with django_assert_num_queries(1):
        assert abandonment.lately(account, now=NOON) == [share]
    talked(account, lane, 1, abandoned_at=NOON)
    assert abandonment.lately(account, now=NOON) == abandonment.shares(now=NOON, account=account) != [share]
    assert safety.evaluate(now=NOON) == 1
    pause = SafetyPause.objects.get()
    safety.lift(pause, by=factories.make_user(account), reason="More agents", now=NOON)
    assert all(share.answered == 0 for share in abandonment.lately(account, now=NOON))


def test_machines_and_what_is_over_a_month_ago_do_not_count(account: Account) -> None:
    lane = factories.make_campaign_lane(account)
    talked(account, lane, 40, at=NOON - timedelta(days=31), abandoned_at=NOON - timedelta(days=31))
    talked(account, lane, 40, answered_by="machine_end_beep", abandoned_at=NOON)
    assert safety.evaluate(now=NOON) == 0
    talked(account, lane, 40)
    assert [share.answered for share in abandonment.shares(now=NOON)] == [40]


def test_after_a_resume_it_is_counted_anew(account: Account) -> None:
    lane = factories.make_campaign_lane(account)
    talked(account, lane, 40, at=NOON - timedelta(hours=1), abandoned_at=NOON - timedelta(hours=1))
    assert safety.evaluate(now=NOON) == 1
    safety.lift(SafetyPause.objects.get(), by=factories.make_user(account), reason="More agents", now=NOON)
    assert safety.evaluate(now=NOON) == 0


@pytest.mark.parametrize(
    ("mode", "fields", "counts"),
    [
        ("person", {}, True),  # the agent had gone
        ("person", {"connected_at": NOON}, False),
        ("script", {}, False),  # heard the script
        ("script", {"transferred_at": NOON}, True),  # hung up while the transfer rang
        ("script", {"transferred_at": NOON, "connected_at": NOON}, False),
        ("script", {"transferred_at": NOON, "answered_by": "machine_end_beep"}, False),
        ("person", {"ended_at": None}, False),  # still going on
    ],
)
def test_what_nobody_said_at_the_time_is_found(
    account: Account, mode: str, fields: dict[str, object], counts: bool
) -> None:
    (call,) = talked(account, factories.make_campaign_lane(account), 1, **fields)
    PlannedCall.objects.update(mode=mode)
    assert abandonment.mark(now=NOON) == counts
    call.refresh_from_db()
    assert (call.abandoned_at is not None) == counts


def test_the_page_shows_shares_and_the_limit(account: Account) -> None:
    lane = factories.make_campaign_lane(account)
    Lane.objects.filter(pk=lane.pk).update(name="Renewals <b>")
    page = signed_in(make_member(account, "agent"))
    assert "There was none in the last 30 days" in page.get("/settings/sending-problems/").content.decode()
    talked(account, lane, 49)
    talked(account, lane, 1, abandoned_at=NOON)
    shown = page.get("/settings/sending-problems/").content.decode()
    assert "Renewals &lt;b&gt;" in shown and "2.0%" in shown and "At 3% of the calls" in shown
