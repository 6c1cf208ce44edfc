"""An account's own hours: what campaigns rest on, when the office is open, and the nights between."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.models import AuditEntry
from audiences import account_hours, business_hours, hours, suppression
from audiences.account_hours import HoursRefused, QuietHours
from audiences.models import AccountHours, ClosedDay, Opening, SendWindow
from tests.audiences import people
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db
CHICAGO = ZoneInfo("America/Chicago")
WORKDAYS = dict.fromkeys(range(5), (8 * 60, 17 * 60))


@pytest.fixture
def ann(db):
    return people.contact(people.account(timezone="America/Chicago"), name="Ann")


def chicago(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=CHICAGO).astimezone(UTC)


def may(who, now, **fields):
    reach = people.reach(who, people.phone(who), **fields)
    return suppression.may_reach([reach], now=now)[reach.key]


def set_quiet(account, now=NOON, **fields):
    account_hours.set_quiet_hours(account, QuietHours(**fields), by=None, now=now)


def test_the_accounts_window_counts_at_once_and_a_lanes_own_before_it(ann):
    assert may(ann, NOON).allowed
    set_quiet(ann.account, start_minute=15 * 60, end_minute=17 * 60, days=0b0001000)  # Thursdays
    found = may(ann, NOON)
    assert (found.reason, found.until) == ("window", NOON + timedelta(hours=51))
    assert may(ann, NOON, window_id=hours.default_window().pk).allowed  # a lane's own
    other = people.contact(people.account("other"))
    assert may(other, NOON).allowed


def test_no_window_widens_the_law(ann):
    set_quiet(ann.account, start_minute=0, end_minute=24 * 60, days=127)
    florida = people.contact(ann.account, zone_set=hours.zone_set_for(state="FL", zip_code="33101"))
    late = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)  # 8 pm in Miami and Albany
    assert not may(florida, late).allowed
    assert may(ann, late).allowed  # New York may be called until 9
    assert not may(ann, late + timedelta(hours=1)).allowed


def test_campaigns_rest_on_holidays_and_closed_days_where_chosen(ann):
    thanksgiving, friday = NOON + timedelta(days=2), NOON + timedelta(days=3)
    account_hours.add_closed_days(ann.account, {date(2026, 11, 27): "Bridge day"}, by=None, now=NOON)
    assert may(ann, thanksgiving).allowed and not may(ann, friday).allowed
    set_quiet(ann.account, rests_on_holidays=True, rests_on_closed_days=False)
    assert not may(ann, thanksgiving).allowed and may(ann, friday).allowed
    set_quiet(ann.account, rests_on_holidays=True)
    assert not may(ann, thanksgiving).allowed and not may(ann, friday).allowed
    account_hours.remove_closed_day(ClosedDay.objects.get(), by=None, now=NOON)
    assert not may(ann, thanksgiving).allowed and may(ann, friday).allowed


def test_a_change_leaves_stored_openings_of_others_alone_and_forgets_its_own(ann):
    other = people.contact(people.account("other"))
    assert may(ann, NOON).allowed and may(other, NOON).allowed
    kept = Opening.objects.count()
    set_quiet(ann.account, start_minute=600)
    assert not may(ann, NOON - timedelta(hours=2, minutes=30)).allowed  # 9:30
    assert Opening.objects.count() > kept
    set_quiet(ann.account, start_minute=540)
    assert Opening.objects.count() == kept
    assert may(ann, NOON - timedelta(hours=2, minutes=30)).allowed


def test_a_window_is_shared_by_all_who_have_the_same(ann):
    set_quiet(ann.account, start_minute=600)
    set_quiet(people.account("other"), start_minute=600)
    assert len(set(AccountHours.objects.values_list("window", flat=True))) == 1
    assert SendWindow.objects.filter(start_minute=600).count() == 1


def test_past_closed_days_leave_the_window_and_too_many_are_refused(ann):
    account_hours.add_closed_days(
        ann.account, {date(2026, 11, 2): "Past", date(2026, 12, 24): "Eve"}, by=None, now=NOON
    )
    assert hours.window_of(ann.account_id).closed_on == [date(2026, 12, 24)]
    many = {date(2027, 1, 1) + timedelta(days=n): "Shut" for n in range(account_hours.MOST_CLOSED_DAYS)}
    with pytest.raises(HoursRefused):
        account_hours.add_closed_days(ann.account, many, by=None, now=NOON)
    assert ClosedDay.objects.count() == 2


def test_every_change_is_on_record_and_only_another_window_is_pending(ann):
    set_quiet(ann.account)
    row = AccountHours.objects.get()
    assert row.asked_again_at == row.changed_at == NOON  # as before: nothing has to be asked again
    account_hours.set_business_hours(ann.account, WORKDAYS, by=None, now=NOON)
    account_hours.set_answers(ann.account, on=False, words="Later.", by=None, now=NOON)
    assert not account_hours.waiting_for_new_hours()
    set_quiet(ann.account, end_minute=18 * 60, now=NOON + timedelta(hours=1))
    assert [row.changed_at for row in account_hours.waiting_for_new_hours()] == [NOON + timedelta(hours=1)]
    verbs = list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs == [
        "changed_quiet_hours", "changed_business_hours", "changed_after_hours_answer", "changed_quiet_hours",
    ]  # fmt: skip


def test_windows_of_many_accounts_cost_one_query(ann, django_assert_num_queries):
    accounts = [ann.account, *(people.account(f"no-{n}") for n in range(5))]
    set_quiet(ann.account, start_minute=600)
    default = hours.default_window().pk
    with django_assert_num_queries(1):
        found = hours.windows_of([account.pk for account in accounts])
    assert found == {account.pk: default for account in accounts[1:]} | {
        ann.account_id: AccountHours.objects.get().window_id
    }


def test_a_night_lasts_from_closing_to_the_next_opening(ann):
    account = ann.account
    assert business_hours.night(account, NOON) is None  # nobody has said when the office is open
    account_hours.set_business_hours(account, WORKDAYS, by=None, now=NOON)
    assert business_hours.night(account, chicago(2026, 11, 24, 8)) is None
    assert business_hours.night(account, chicago(2026, 11, 24, 16, 59)) is None
    night = business_hours.night(account, chicago(2026, 11, 24, 17))
    assert night == business_hours.Night(chicago(2026, 11, 24, 17), chicago(2026, 11, 25, 8))
    assert business_hours.night(account, chicago(2026, 11, 25, 7, 59)) == night
    weekend = business_hours.Night(chicago(2026, 11, 27, 17), chicago(2026, 11, 30, 8))
    assert business_hours.night(account, chicago(2026, 11, 29, 12)) == weekend
    named = {date(2026, 11, 26): "Thanksgiving Day", date(2026, 11, 30): "Inventory"}
    account_hours.add_closed_days(account, named, by=None, now=NOON)
    assert business_hours.night(account, chicago(2026, 11, 26, 12)).opens_at == chicago(2026, 11, 27, 8)
    assert business_hours.night(account, chicago(2026, 11, 29, 12)).opens_at == chicago(2026, 12, 1, 8)


def test_an_office_that_never_closes_has_no_night_whatever_the_clocks_do(ann):
    account_hours.set_business_hours(ann.account, dict.fromkeys(range(7), (0, 1440)), by=None, now=NOON)
    for hour in range(24 * 9):
        assert business_hours.night(ann.account, chicago(2026, 10, 28, 0) + timedelta(hours=hour)) is None


@pytest.mark.parametrize(
    ("opens", "now", "words"),
    [
        ((2026, 11, 30, 8), (2026, 11, 27, 20), "Monday 8:00 AM"),
        ((2026, 11, 30, 13, 30), (2026, 11, 30, 2), "Monday 1:30 PM"),
        ((2026, 12, 8, 8), (2026, 11, 27, 20), "Tuesday, December 8, 8:00 AM"),
    ],
)
def test_when_the_office_opens_in_words(opens, now, words):
    assert business_hours.opening_words(chicago(*opens), now=chicago(*now), zone=CHICAGO) == words
