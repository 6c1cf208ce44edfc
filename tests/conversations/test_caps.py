"""What counts towards the caps: every touch that left or may have left, by phone and by home."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Account
from audiences.models import Contact, ContactAddress
from common import clock
from conversations import touches
from conversations.models import Message
from integrations.models import SendingNumber
from tests import factories

pytestmark = pytest.mark.django_db
State = Message.State


@pytest.fixture
def account() -> Account:
    return factories.make_account()


def text(
    to: Contact, *, ago: timedelta, state: str = State.ACCEPTED, kind: str = "campaign", **fields: Any
) -> None:
    at = clock.now() - ago
    accepted = at if state in (State.ACCEPTED, State.DELIVERED, State.FAILED) else None
    number = SendingNumber.objects.filter(account=to.account).first() or factories.make_number(to.account)
    Message.objects.create(
        account=to.account, contact=to, address=factories.phone_of(to), number=number, kind=kind, body="Hi",
        state=state, state_at=at, created_at=at, accepted_at=accepted,
        due_at=at if state == State.QUEUED else None, **fields,
    )  # fmt: skip


def counts(who: Contact) -> tuple[tuple[int, int], tuple[int, int]]:
    """((day, week) of the phone, (day, week) of the home)."""
    now, phone = clock.now(), factories.phone_of(who).pk
    of_phone = touches.count_by_address([phone], now).get(phone, touches.NONE)
    of_home = touches.count_by_household([who.household_id], now).get(who.household_id, touches.NONE)
    return (of_phone.of_day, of_phone.of_week), (of_home.of_day, of_home.of_week)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.DELIVERED, State.CALLING, State.UNKNOWN])
def test_what_left_or_may_have_left_counts(account: Account, state: str) -> None:
    ann = factories.make_contact(account)
    for ago in (timedelta(hours=23), timedelta(hours=25), timedelta(days=6), timedelta(days=8)):
        text(ann, ago=ago, state=state)
    assert counts(ann) == ((1, 3), (1, 3))


@pytest.mark.parametrize("state", [State.QUEUED, State.CANCELLED, State.EXPIRED])
def test_what_never_left_does_not(account: Account, state: str) -> None:
    ann = factories.make_contact(account)
    text(ann, ago=timedelta(hours=1), state=state)
    assert counts(ann) == ((0, 0), (0, 0))


@pytest.mark.parametrize("kind", ["agent", "automatic"])
def test_agents_answers_and_customers_do_not_count(account: Account, kind: str) -> None:
    """Automatic texts only ever answer or confirm what the customer wrote: those are free."""
    thread = factories.make_thread(account)
    text(thread.contact, ago=timedelta(hours=1), kind=kind)
    assert counts(thread.contact) == ((0, 0), (0, 0))


def test_two_who_share_a_phone_share_its_count_and_not_their_homes(account: Account) -> None:
    ann, bob = factories.make_contact(account), factories.make_contact(account)
    assert factories.phone_of(ann) == factories.phone_of(bob)
    text(ann, ago=timedelta(hours=1))
    text(bob, ago=timedelta(hours=2), state=State.UNKNOWN)
    assert counts(ann) == counts(bob) == ((2, 2), (1, 1))


def test_a_home_counts_every_phone_of_everybody_in_it(account: Account) -> None:
    ann = factories.make_contact(account)
    eve = factories.make_contact(account, "+13125550102", household=ann.household)
    second = factories.make_contact(account, "+13125550103")
    ContactAddress.objects.create(contact=ann, address=factories.phone_of(second), position=1)
    text(ann, ago=timedelta(hours=1))
    text(eve, ago=timedelta(hours=2))
    assert counts(ann) == ((1, 1), (2, 2)) and counts(second) == ((0, 0), (0, 0))


def test_a_home_frees_when_the_touch_that_fills_it_leaves(account: Account) -> None:
    ann = factories.make_contact(account)
    for ago in (timedelta(days=8), timedelta(days=6), timedelta(hours=20)):
        text(ann, ago=ago, state=State.UNKNOWN)
    now = clock.now()
    home = touches.count_by_household([ann.household_id], now)[ann.household_id]
    day, week = touches.household_frees(home, weekly=6), touches.household_frees(home, weekly=2)
    assert day is not None and round((day - now) / timedelta(hours=1)) == 4
    assert week is not None and round((week - now) / timedelta(days=1)) == 1
