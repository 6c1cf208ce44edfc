"""Settings, Hours: an admin sets them, everybody reads them, and the picture keeps inside the law."""

from datetime import date, timedelta

import pytest
from django.urls import reverse

from audiences import account_hours, hours, state_hours
from audiences.models import AccountHours, BusinessDay, ClosedDay, SendWindow
from common import clock
from conversations import after_hours, hours_picture
from tests import factories
from tests.accounts.making import signed_in
from tests.conftest import MONDAY_NOON

pytestmark = pytest.mark.django_db
PAGE = "/settings/hours/"
QUIET = {"start": "10:00", "end": "18:00", "days": ["0", "1", "2"], "rests_on_closed_days": "on"}


@pytest.fixture(autouse=True)
def _noon(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: MONDAY_NOON)


@pytest.fixture
def account(db):
    return factories.make_account("Comfort Air")


@pytest.fixture
def admin(account):
    return signed_in(factories.make_user(account, "admin"))


def business(**fields):
    data = {f"open_{i}": "on" for i in range(5)}
    data |= {f"from_{i}": "08:00" for i in range(7)} | {f"to_{i}": "17:00" for i in range(7)}
    return {name: value for name, value in (data | fields).items() if value}


def test_sending_hours_are_set_and_drawn(admin, account):
    assert admin.post(reverse("conversations:quiet_hours"), QUIET).status_code == 302
    window = hours.window_of(account.pk)
    assert (window.start_minute, window.end_minute, window.days) == (600, 1080, 0b111)
    shown = admin.get(PAGE + "?state=RI").content.decode()
    assert "10:00 am to 6:00 pm" in shown and "Quiet all day" in shown and "Rhode Island" in shown


def test_midnight_ends_a_day(admin, account):
    admin.post(reverse("conversations:quiet_hours"), QUIET | {"start": "00:00", "end": "00:00"})
    window = hours.window_of(account.pk)
    assert (window.start_minute, window.end_minute) == (0, 1440)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"start": "18:00", "end": "10:00"}, "must end after they begin"),
        ({"start": "22:00", "end": "23:00"}, "nothing would be left"),
        ({"days": []}, "at least one day"),
        ({"start": "soon"}, "Enter a valid time"),
    ],
)
def test_hours_that_cannot_be_are_refused_in_words(admin, fields, words):
    answer = admin.post(reverse("conversations:quiet_hours"), QUIET | fields)
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not AccountHours.objects.exists()


def test_business_hours(admin, account):
    assert "Not set yet" in admin.get(PAGE).content.decode()
    admin.post(reverse("conversations:business_hours"), business(open_5="on", to_5="12:00", open_0=""))
    saved = {row.weekday: (row.opens_minute, row.closes_minute) for row in BusinessDay.objects.all()}
    assert saved == dict.fromkeys(range(1, 5), (480, 1020)) | {5: (480, 720)}
    bad = admin.post(reverse("conversations:business_hours"), business(to_2="07:00"))
    assert bad.status_code == 422 and "Wednesday must close after it opens" in bad.content.decode()
    missing = admin.post(reverse("conversations:business_hours"), business(to_2=""))
    assert missing.status_code == 422 and "Say when Wednesday" in missing.content.decode()


def test_closed_days_come_and_go(admin, account):
    where = reverse("conversations:closed_day")
    admin.post(where, {"year": "2026"})
    assert set(ClosedDay.objects.values_list("day", flat=True)) == {date(2026, 11, 26), date(2026, 12, 25)}
    admin.post(where, {"year": "2026"})
    admin.post(where, {"day": "2026-12-24", "name": "Christmas Eve"})
    assert ClosedDay.objects.count() == 3
    assert hours.window_of(account.pk).closed_on[-1] == date(2026, 12, 25)
    shown = admin.get(PAGE).content.decode()
    assert "Thanksgiving Day" in shown and "Closed: Thanksgiving Day" in shown
    for wrong in (
        {"day": "2026-11-22", "name": "Past"},
        {"day": "2031-01-01", "name": "Far"},
        {"year": "1999"},
    ):
        assert admin.post(where, wrong).status_code == 422
    eve = ClosedDay.objects.get(name="Christmas Eve")
    admin.post(reverse("conversations:closed_day_remove", args=[eve.pk]))
    assert not ClosedDay.objects.filter(pk=eve.pk).exists()


def test_the_after_hours_answer_is_worded_and_previewed(admin, account):
    assert "Waits for business hours" in admin.get(PAGE).content.decode()
    admin.post(reverse("conversations:business_hours"), business())
    shown = admin.get(PAGE).content.decode()
    assert "We open Tuesday 8:00 AM" in shown
    where, try_it = reverse("conversations:after_hours_answer"), reverse("conversations:after_hours_preview")
    seen = admin.post(try_it, {"on": "on", "words": "Back {{ opens }}"}).content.decode()
    assert "Back Tuesday 8:00 AM" in seen and not AccountHours.objects.get().answer_words
    assert "There is no merge field" in admin.post(try_it, {"words": "{{ name }}"}).content.decode()
    assert admin.post(where, {"on": "on", "words": "{{ name }}"}).status_code == 422
    admin.post(where, {"words": after_hours.WORDS})
    row = AccountHours.objects.get()
    assert (row.answers, row.answer_words) == (False, "")


@pytest.mark.parametrize("role", ["agent", "csr", "marketer"])
def test_others_read(account, role):
    account_hours.set_business_hours(account, {0: (480, 1020)}, by=None, now=MONDAY_NOON)
    shown = signed_in(factories.make_user(account, role)).get(PAGE).content.decode()
    assert "9:00 am" in shown and "Save" not in shown and "Add closed day" not in shown


def test_the_law_is_sought_and_ordered(admin, monkeypatch):
    where = reverse("conversations:law")
    everything = admin.get(where).content.decode()
    assert everything.count('<th scope="row">') == 56 and "RCW 19.158.040" in everything
    found = admin.get(where, {"q": "florida"}).content.decode()
    assert found.count('<th scope="row">') == 1 and "501.616" in found
    assert "No state matches" in admin.get(where, {"q": "Ontario"}).content.decode()
    narrow = admin.get(where, {"sort": "narrow"}).content.decode()
    assert narrow.index("Wisconsin") > narrow.index("Washington") > narrow.index("Alabama")
    assert narrow.index("Alaska") > narrow.index("Washington")


@pytest.mark.parametrize("state", ["", *sorted(state_hours.STATES)])
def test_the_picture_stays_inside_the_law(state):
    window = SendWindow(start_minute=0, end_minute=1440, days=127)
    for day in hours_picture.drawn(state, window, {}, first=date(2026, 11, 23)):
        assert (day.law[0] <= day.open[0] and day.open[1] <= day.law[1]) or not day.open_width
        assert day.words


def test_an_overdue_review_is_said(account, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: MONDAY_NOON + timedelta(days=370))
    admin = signed_in(factories.make_user(account, "admin"))
    for page in (PAGE, reverse("conversations:law")):
        assert "more than 12 months ago" in admin.get(page).content.decode()
