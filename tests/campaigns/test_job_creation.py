"""Jobs that a workflow creates at once, where the account allows it, against the sandbox and its ledger."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, BusinessUnit
from audiences.models import BusinessDay, ClosedDay, Contact, JobType, LeadSource, Location
from audiences.state_hours import public_holidays
from campaigns import bookings, job_creation, thread_entries
from campaigns.models import Booking, JobCreation
from common import clock
from conversations.models import Thread
from integrations import connections
from integrations.messaging import ProviderError
from integrations.servicetitan import errors
from integrations.servicetitan.client import ServiceTitanClient
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.test_bookings import (
    asked,
    booking,  # noqa: F401  (a fixture)
    end_the_passage,
    step,
    work,
    work_until,
)
from tests.conversations.conftest import Company

CUSTOMER, LOCATION, UNIT, JOB_TYPE, MARKETING = 7_900_001, 7_900_002, 391, 591, 691
TENANT = {  # what ServiceTitan has
    "customers": {"id": CUSTOMER, "name": "Ann Lee", "address": {"city": "Chicago"}, "modifiedOn": ""},
    "locations": {"id": LOCATION, "customerId": CUSTOMER},
    "business-units": {"id": UNIT, "name": "Service"},
    "job-types": {"id": JOB_TYPE, "name": "Tune-up"},
    "campaigns": {"id": MARKETING, "name": "Outreach by text"},
}
DAY = timedelta(days=1)


@pytest.fixture
def allowed(company: Company, booking: Booking) -> Booking:  # noqa: F811
    """A booking of an account that lets workflows create jobs, for a customer that ServiceTitan has."""
    account = company.account
    for entity, row in TENANT.items():
        company.sandbox.put_servicetitan(entity, **row)
    Contact.objects.update(servicetitan_customer_id=CUSTOMER)
    add_location(account.pk, LOCATION)
    open_the_office(account.pk)
    JobCreation.objects.create(
        account=account,
        allowed=True,
        lead_source=LeadSource.objects.create(account=account, servicetitan_id=MARKETING, name="Outreach"),
        business_unit=BusinessUnit.objects.create(account=account, servicetitan_id=UNIT, name="Service"),
        job_type=JobType.objects.create(account=account, servicetitan_id=JOB_TYPE, name="Tune-up"),
    )
    return booking


def add_location(account_id: int, servicetitan_id: int) -> None:
    """One more place of the customer."""
    customer_id = Contact.objects.get().servicetitan_customer_id
    Location.objects.create(
        account_id=account_id, servicetitan_id=servicetitan_id, servicetitan_customer_id=customer_id
    )


def open_the_office(account_id: int) -> None:
    """Monday to Friday, 8 to 5."""
    for weekday in range(5):
        BusinessDay.objects.create(
            account_id=account_id, weekday=weekday, opens_minute=8 * 60, closes_minute=17 * 60
        )


def made(company: Company) -> list[dict[str, Any]]:
    return [entry for entry in company.sandbox.ledger("st_write") if entry["what"] == "job"]


class Killed(BaseException):
    """Nothing of ours runs on."""


def die(*_: object, **__: object) -> None:
    raise Killed


def test_the_job_is_created_and_the_step_completes_as_booked(company: Company, allowed: Booking) -> None:
    work()
    allowed.refresh_from_db()
    [entry] = made(company)
    assert (allowed.state, allowed.way, allowed.next_try_at) == ("converted", "job", None)
    assert (allowed.servicetitan_job_id, allowed.servicetitan_id) == (entry["id"], None)
    assert allowed.job is not None and allowed.job.job_type == allowed.job_type
    assert entry["external"] == [allowed.external_id] and asked(company) == []
    assert step("booking") == ("completed", "booked") and step("won")[0] == "waiting"
    job = connections.servicetitan(company.account).job(entry["id"])
    assert (job.business_unit_id, job.job_type_id, job.campaign_id) == (UNIT, JOB_TYPE, MARKETING)
    assert job.location_id == Location.objects.get().servicetitan_id
    contact = Contact.objects.get()
    said = [one.text for one in thread_entries.happenings(Thread(contact=contact, account=company.account))]
    assert any("8:00 am to 12:00 pm. The office still has to confirm" in text for text in said), said


@pytest.mark.parametrize("where", ["decide", "job_request"])
def test_killed_before_the_call_the_next_try_makes_it(
    company: Company, allowed: Booking, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(job_creation, where, die)
        with pytest.raises(Killed):
            work()
    assert made(company) == []
    work_until(allowed, "converted")
    assert len(made(company)) == 1


def test_killed_between_creating_and_recording_there_is_one_job(
    company: Company, allowed: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(bookings, "record", die)
        with pytest.raises(Killed):
            work()
    allowed.refresh_from_db()
    assert (allowed.state, allowed.way, len(made(company))) == ("requested", "job", 1)
    JobCreation.objects.update(allowed=False)
    work_until(allowed, "converted")
    assert len(made(company)) == 1 and asked(company) == []
    assert allowed.servicetitan_job_id == made(company)[0]["id"]


def test_an_answer_lost_on_the_way_makes_one_job(company: Company, allowed: Booking) -> None:
    company.sandbox.set_faults(servicetitan={"accept_then_drop": 1.0})
    work()
    company.sandbox.clear_faults()
    work_until(allowed, "converted")
    assert len(made(company)) == 1


def test_an_answer_that_nobody_could_look_up_makes_one_job_though_the_passage_ended(
    company: Company, allowed: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise ProviderError("No answer", permanent=False, accepted="unknown", code="timeout")

    company.sandbox.set_faults(servicetitan={"accept_then_drop": 1.0})
    with monkeypatch.context() as patched:
        patched.setattr(ServiceTitanClient, "_get", lost)
        work()
    company.sandbox.clear_faults()
    allowed.refresh_from_db()
    assert (allowed.state, len(made(company))) == ("requested", 1), "not given up: it may have been made"
    end_the_passage(allowed)
    work_until(allowed, "converted")
    assert len(made(company)) == 1


def test_nobody_waits_any_more_and_nothing_is_created(company: Company, allowed: Booking) -> None:
    end_the_passage(allowed)
    work()
    allowed.refresh_from_db()
    assert (allowed.state, made(company), asked(company)) == ("failed", [], [])


def test_a_refused_job_fails_and_the_step_goes_on(company: Company, allowed: Booking) -> None:
    LeadSource.objects.update(servicetitan_id=999_999)
    work()
    allowed.refresh_from_db()
    assert allowed.state == "failed" and "campaignId" in allowed.reason
    assert step("booking") == ("completed", "not_booked") and made(company) == []


def test_an_app_that_may_not_create_jobs_asks_the_office(
    company: Company, allowed: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise errors.refusal(403, "", {})

    monkeypatch.setattr(ServiceTitanClient, "create_job", forbidden)
    work()
    allowed.refresh_from_db()
    assert (allowed.state, allowed.way, asked(company)) == ("sent", "request", ["New"])
    assert (allowed.starts_at, allowed.why_request) == (None, "the app may not create jobs in ServiceTitan")


def switched_off(booking: Booking) -> None:  # noqa: F811
    JobCreation.objects.update(allowed=False)


def two_places(booking: Booking) -> None:  # noqa: F811
    add_location(booking.account_id, 1)


def no_place(booking: Booking) -> None:  # noqa: F811
    Location.objects.update(active=False)


def no_job_type(booking: Booking) -> None:  # noqa: F811
    JobCreation.objects.update(job_type=None)


def unit_gone(booking: Booking) -> None:  # noqa: F811
    BusinessUnit.objects.update(active=False)


def campaign_over(booking: Booking) -> None:  # noqa: F811
    LeadSource.objects.update(active=False)


def never_open(booking: Booking) -> None:  # noqa: F811
    BusinessDay.objects.all().delete()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (switched_off, ""),
        (two_places, "several service locations"),
        (no_place, "no active service location"),
        (no_job_type, "no job type is set"),
        (unit_gone, "no longer in use"),
        (campaign_over, "marketing campaign"),
        (never_open, "business hours"),
    ],
)
def test_what_would_have_to_be_guessed_stays_a_request(
    company: Company, allowed: Booking, spoil: Any, why: str
) -> None:
    spoil(allowed)
    work()
    allowed.refresh_from_db()
    assert (allowed.state, allowed.way, asked(company), made(company)) == ("sent", "request", ["New"], [])
    assert why in allowed.why_request and bool(why) == bool(allowed.why_request)


def test_no_other_job_type_is_taken_for_one_that_the_step_names_and_nobody_knows(allowed: Booking) -> None:
    assert allowed.step is not None
    allowed.step.node.settings["job_type"] = 4711
    job_creation.decide(allowed, now=clock.now())
    allowed.refresh_from_db()
    assert (allowed.way, allowed.why_request) == ("request", "the step’s job type is not known any more")


def test_a_booking_once_requested_never_becomes_a_job(
    company: Company, allowed: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    JobCreation.objects.update(allowed=False)
    with monkeypatch.context() as patched:
        patched.setattr(bookings, "_follow", die)
        with pytest.raises(Killed):
            work()
    JobCreation.objects.update(allowed=True)
    work()
    assert (asked(company), made(company)) == (["New"], [])


@pytest.mark.django_db
def test_the_first_window_keeps_to_lead_weekend_closed_days_and_closing_time(noon) -> None:
    account = factories.make_account()
    assert job_creation.first_window(account, 1, now=noon) is None
    open_the_office(account.pk)
    zone = account.zone
    today = noon.astimezone(zone).date()
    for lead in range(1, 8):
        window = job_creation.first_window(account, lead, now=noon)
        assert window is not None
        opens, ends = (at.astimezone(zone) for at in window)
        assert (opens.hour, ends.hour) == (8, 12)
        assert opens.date() >= today + lead * DAY and opens.weekday() < 5
        between = [today + gap * DAY for gap in range(lead, (opens.date() - today).days)]
        assert all(day.weekday() >= 5 or day in public_holidays(day.year) for day in between), (
            "the first open day"
        )
    ClosedDay.objects.create(account=account, day=today + 3 * DAY, name="Picnic")
    BusinessDay.objects.update(closes_minute=10 * 60)
    window = job_creation.first_window(account, 3, now=noon)
    assert window is not None and window[0].astimezone(zone).date() > today + 3 * DAY
    assert window[1] - window[0] == timedelta(hours=2)


FORM = {"priority": "High", "lead_days": 3}


@pytest.mark.django_db
def test_an_admin_switches_it_on_with_what_servicetitan_has(noon) -> None:
    account = factories.make_account()
    client, url = signed_in(factories.make_user(account)), reverse("campaigns:bookings")
    source = LeadSource.objects.create(account=account, servicetitan_id=MARKETING, name="Outreach")
    foreign = LeadSource.objects.create(
        account=factories.make_account(), servicetitan_id=MARKETING, name="Theirs"
    )
    page = client.get(url).content.decode()
    assert "Requests only" in page and "Set your business hours" in page and "Theirs" not in page
    open_the_office(account.pk)
    for wrong in ({}, {"lead_source": foreign.pk}, {"lead_source": source.pk, "lead_days": 0}):
        assert client.post(url, FORM | {"allowed": "on"} | wrong).status_code == 422
    assert not JobCreation.objects.exists()
    assert client.post(url, FORM | {"allowed": "on", "lead_source": source.pk}).status_code == 302
    kept = JobCreation.objects.get()
    assert (kept.allowed, kept.priority, kept.lead_days, kept.lead_source) == (True, "High", 3, source)
    page = client.get(url).content.decode()
    assert "Jobs are created" in page and "8:00 am to 12:00 pm" in page
    assert client.post(url, FORM | {"lead_source": source.pk}).status_code == 302
    assert not JobCreation.objects.get().allowed
    said = AuditEntry.objects.filter(verb="changed_job_creation").order_by("pk")
    assert [entry.summary for entry in said] == [
        "Let workflows create jobs in ServiceTitan",
        "Let workflows only ask for bookings",
    ]


@pytest.mark.django_db
def test_two_who_save_the_first_choice_at_once_are_both_heard(noon) -> None:
    account = factories.make_account()
    by = factories.make_user(account)
    rows = [JobCreation(account=account, lead_days=days) for days in (3, 4)]
    for row in rows:
        job_creation.keep(row, {"lead_days": 2}, by=by)
    assert JobCreation.objects.get().lead_days == 4


@pytest.mark.django_db
def test_nobody_is_promised_thanksgiving() -> None:
    account = factories.make_account()
    open_the_office(account.pk)
    window = job_creation.first_window(account, 2, now=datetime(2026, 11, 24, 18, 0, tzinfo=UTC))
    assert window is not None
    assert job_creation.window_words(*window, account.zone) == "Friday, Nov 27, 8:00 am to 12:00 pm"
