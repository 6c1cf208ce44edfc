"""What waits for hours that were changed is asked after at once, and only that."""

from datetime import timedelta

import pytest

from audiences import account_hours
from audiences.account_hours import QuietHours
from audiences.models import AccountHours
from campaigns import engine, enrolling, launching, new_hours
from campaigns.models import Campaign, Step
from conversations.models import Message
from tests import factories
from tests.conversations.test_pages_poll import MONDAY_NOON as NOON

pytestmark = pytest.mark.django_db(transaction=True)
NIGHT = NOON + timedelta(hours=8)  # 8 pm in Chicago: the product's hours are over, the law's are not
LATE = QuietHours(end_minute=21 * 60)


def launched(account, number, contacts: int = 3, at=NIGHT, **chosen) -> Campaign:
    for index in range(contacts):
        factories.make_contact(account, f"+1312555{100 + index:04}")
    draft = launching.Draft(
        name=f"Launch {number}", version=factories.make_workflow(account),
        audience=factories.make_audience(account), number=number,
    )  # fmt: skip
    campaign = launching.launch(account, draft, by=None, now=NIGHT, **chosen)
    enrolling.enroll(campaign, now=NIGHT)
    engine.run_round(now=NIGHT)
    return campaign


@pytest.fixture
def account(db):
    return factories.make_account()


@pytest.fixture
def number(account):
    return factories.make_number(account)


def due(campaign: Campaign) -> list:
    return sorted(Step.objects.filter(campaign=campaign).values_list("due_at", flat=True))


def follow(now=NIGHT) -> int:
    return new_hours.follow(now=now, go_on=lambda: True)


def test_steps_that_waited_for_the_morning_leave_tonight(account, number):
    campaign = launched(account, number)
    morning = NOON + timedelta(hours=21)
    assert due(campaign) == [morning] * 3
    account_hours.set_quiet_hours(account, LATE, by=None, now=NIGHT)
    assert follow() == 3
    engine.run_round(now=NIGHT)
    assert Message.objects.filter(state="queued", due_at=NIGHT).count() == 3


def test_what_stays_closed_is_put_off_again_and_the_asking_ends(account, number):
    campaign = launched(account, number)
    earlier = QuietHours(start_minute=8 * 60, end_minute=12 * 60)
    account_hours.set_quiet_hours(account, earlier, by=None, now=NIGHT)
    assert follow() == 3
    engine.run_round(now=NIGHT)
    eight = NOON + timedelta(hours=20)
    assert due(campaign) == [eight] * 3
    settled = NIGHT + new_hours.SETTLED
    assert follow(settled) == 3  # once more, for what had begun before the change
    engine.run_round(now=settled)
    assert due(campaign) == [eight] * 3
    assert follow(settled) == 0
    row = AccountHours.objects.get()
    assert row.asked_again_at == settled


def test_a_change_meanwhile_keeps_the_account_pending(account, number):
    launched(account, number)
    account_hours.set_quiet_hours(account, LATE, by=None, now=NIGHT)
    stale = AccountHours.objects.get()
    later = NIGHT + timedelta(seconds=10)
    account_hours.set_quiet_hours(account, QuietHours(), by=None, now=later)
    account_hours.asked_again(stale, now=later)
    assert account_hours.waiting_for_new_hours()


def test_other_accounts_and_later_launches_are_left_alone(account, number):
    tomorrow = NIGHT + timedelta(days=1)
    waiting = launched(account, number, at=tomorrow)
    elsewhere = factories.make_account("Elsewhere")
    theirs = launched(elsewhere, factories.make_number(elsewhere, "+13125550191"))
    before = due(waiting), due(theirs)
    account_hours.set_quiet_hours(account, LATE, by=None, now=NIGHT)
    Campaign.objects.filter(pk=waiting.pk).update(status="scheduled")
    assert follow() == 0
    assert (due(waiting), due(theirs)) == before


def test_slices_leave_nothing_out(account, number, monkeypatch):
    monkeypatch.setattr(new_hours, "SLICE", 2)
    launched(account, number, contacts=5)
    account_hours.set_quiet_hours(account, LATE, by=None, now=NIGHT)
    assert follow() == 5
