"""A booking's way from request to job, against the sandbox, whose ledger says what was asked of it."""

import time

import psycopg
import pytest
from django.db import connection

from audiences.models import SyncCursor
from audiences.tasks import sync_servicetitan
from campaigns import bookings, engine, enrolling, launching, lifecycle, passages, tasks
from campaigns.models import Booking, Campaign, Enrollment, Step
from common import clock, loops
from integrations.models import Connection, SendingNumber
from tests import factories
from tests.conversations.conftest import Company

NODES = [
    ("booking", "book_job", {"summary": "Tune-up", "timeout_minutes": 60}),
    ("won", "wait", {"minutes": 5}),
    ("lost", "send_sms", {"body": "Another time?"}),
]
EDGES = [("booking", "booked", "won"), ("booking", "not_booked", "lost")]


@pytest.fixture
def booking(company: Company) -> Booking:
    """The request of one enrollment, written by the engine and not yet made."""
    company.sandbox.set_faults(servicetitan={"dismiss": 0.0})  # the office dismisses some by chance
    keys = company.sandbox.credentials
    Connection.objects.create(
        account=company.account,
        provider=Connection.Provider.SERVICETITAN,
        credentials={name: keys[name] for name in ("client_id", "client_secret", "app_key")},
        settings={
            "tenant_id": keys["tenant_id"],
            "base_url": company.sandbox.base_url,
            "auth_base_url": company.sandbox.base_url,
            "booking_provider_id": 1,
        },
    )
    company.launch(1, NODES, EDGES)
    engine.run_round(now=clock.now())
    assert step("booking") == ("waiting", "")
    return Booking.objects.get()


def step(key: str) -> tuple[str, str]:
    return Step.objects.values_list("state", "outcome").get(node__key=key)


def asked(company: Company) -> list[str]:
    return [entry["status"] for entry in company.sandbox.ledger("booking")]


def work() -> None:
    """As if the time to look again had come."""
    Booking.objects.exclude(next_try_at=None).update(next_try_at="2000-01-01T00:00:00Z")
    bookings.work(now=clock.now())


def work_until(booking: Booking, state: str) -> None:
    deadline = time.monotonic() + 15
    while booking.state != state and time.monotonic() < deadline:
        work()
        time.sleep(0.1)
        booking.refresh_from_db()
    assert booking.state == state


def test_a_request_becomes_a_job_and_its_step_completes_as_booked(company: Company, booking: Booking) -> None:
    work()
    booking.refresh_from_db()
    assert (booking.state, asked(company)) == ("sent", ["New"])
    assert step("booking") == ("waiting", "")
    work_until(booking, "accepted")
    work_until(booking, "converted")
    assert asked(company) == ["New", "Accepted", "Converted"]
    (job,) = [entry["job"] for entry in company.sandbox.ledger("booking") if entry["status"] == "Converted"]
    assert booking.servicetitan_job_id == job
    assert booking.job is not None and booking.job.servicetitan_id == job
    assert booking.next_try_at is None
    assert step("booking") == ("completed", "booked")
    assert step("won")[0] == "waiting"


def test_who_has_asked_for_a_visit_is_asked_by_no_other_campaign(company: Company, booking: Booking) -> None:
    """The office makes a job of it hours later."""
    number = factories.make_number(company.account, "+13125550191")
    others = [passage(company, number, leaves_booked=leaves) for leaves in (True, False)]
    Booking.objects.update(requested_at=clock.now())
    work()
    ended = [
        Enrollment.objects.values_list("ended_reason", flat=True).get(campaign=other) for other in others
    ]
    assert ended == ["booked", ""]
    booking.refresh_from_db()
    assert booking.enrollment is not None and booking.enrollment.state == "active"


def passage(company: Company, number: SendingNumber, **terms: bool) -> Campaign:
    """The one customer in one more campaign."""
    now = clock.now()
    draft = launching.Draft(
        name=f"Another {terms}", version=factories.make_workflow(company.account),
        audience=factories.make_audience(company.account), number=number,
    )  # fmt: skip
    campaign = launching.launch(company.account, draft, by=None, now=now)
    Campaign.objects.filter(pk=campaign.pk).update(**terms)
    enrolling.enroll(campaign, now=now)
    return campaign


def test_a_dismissed_request_leaves_as_not_booked(company: Company, booking: Booking) -> None:
    company.sandbox.set_faults(servicetitan={"dismiss": 1.0})
    work_until(booking, "dismissed")
    assert step("booking") == ("completed", "not_booked")
    assert step("lost")[0] == "scheduled"
    assert booking.job_id is None and booking.next_try_at is None


def test_killed_between_request_and_record_nobody_is_booked_twice(
    company: Company, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Nothing of ours runs on."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(bookings, "_follow", die)
        with pytest.raises(Killed):
            work()
    booking.refresh_from_db()
    assert (booking.state, booking.servicetitan_id, asked(company)) == ("requested", None, ["New"])
    work_until(booking, "converted")
    assert asked(company).count("New") == 1


def test_an_answer_lost_on_the_way_books_nobody_twice(company: Company, booking: Booking) -> None:
    company.sandbox.set_faults(servicetitan={"accept_then_drop": 1.0})
    work()
    company.sandbox.clear_faults()
    company.sandbox.set_faults(servicetitan={"dismiss": 0.0})
    work_until(booking, "converted")
    assert asked(company).count("New") == 1


def test_without_servicetitan_the_request_fails_and_the_step_goes_on(booking: Booking) -> None:
    Connection.objects.filter(provider=Connection.Provider.SERVICETITAN).delete()
    work()
    booking.refresh_from_db()
    assert (booking.state, booking.reason) == ("failed", "ServiceTitan is not connected")
    assert step("booking") == ("completed", "not_booked")


def test_a_job_of_an_ended_passage_is_kept_and_moves_nobody(company: Company, booking: Booking) -> None:
    work()

    passages.end([booking.enrollment_id or 0], reason="opted_out", now=clock.now())
    work_until(booking, "converted")
    assert booking.servicetitan_job_id is not None
    assert Step.objects.get().state == "skipped"
    assert Enrollment.objects.get().ended_reason == "opted_out"


def test_one_account_with_broken_credentials_holds_up_no_other(company: Company, booking: Booking) -> None:
    broken = factories.make_account()
    Connection.objects.create(account=broken, provider=Connection.Provider.SERVICETITAN, credentials={})
    contact = factories.make_contact(broken)
    theirs = Booking.objects.create(
        account=broken, external_id="first", contact=contact, next_try_at="1999-01-01T00:00Z"
    )
    bookings.work(now=clock.now())
    booking.refresh_from_db()
    theirs.refresh_from_db()
    assert (booking.state, asked(company)) == ("sent", ["New"])
    assert (theirs.state, theirs.tries) == ("requested", 1)


def test_a_request_is_claimed_right_before_its_own_call(
    company: Company, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one call is slow, every other request is free for whoever comes."""
    later = Booking.objects.create(
        account=company.account, external_id="second", contact=booking.contact, next_try_at=clock.now()
    )
    Booking.objects.update(next_try_at="2000-01-01T00:00:00Z")
    seen = []
    make = bookings._request

    def look_around(*args):
        seen.append(Booking.objects.filter(tries=0).count())
        return make(*args)

    monkeypatch.setattr(bookings, "_request", look_around)
    bookings.work(now=clock.now())
    assert seen == [1, 0]
    later.refresh_from_db()
    assert later.state == "sent"


def end_by_time(booking: Booking) -> None:
    Step.objects.update(due_at=clock.now())
    engine.run_round(now=clock.now())
    assert step("booking") == ("completed", "not_booked")


def end_the_passage(booking: Booking) -> None:
    passages.end([booking.enrollment_id or 0], reason="opted_out", now=clock.now())


def stop_the_campaign(booking: Booking) -> None:
    lifecycle.stop(Campaign.objects.get(), by=None, now=clock.now())


@pytest.mark.parametrize("end", [end_by_time, end_the_passage, stop_the_campaign])
def test_nobody_is_booked_who_has_left_before_the_request(company: Company, booking: Booking, end) -> None:
    end(booking)
    work()
    booking.refresh_from_db()
    assert (booking.state, booking.next_try_at) == ("failed", None)
    assert "Nobody waited" in booking.reason
    assert asked(company) == []


def test_a_request_whose_answer_was_lost_is_followed_though_its_passage_ended(
    company: Company, booking: Booking
) -> None:
    company.sandbox.set_faults(servicetitan={"accept_then_drop": 1.0})
    work()
    company.sandbox.clear_faults()
    company.sandbox.set_faults(servicetitan={"dismiss": 0.0})
    end_the_passage(booking)
    work_until(booking, "converted")
    assert asked(company).count("New") == 1


class Beside:
    """Another worker, which holds the lock of this work until it is closed."""

    def __init__(self, name: str) -> None:
        parameters = connection.get_connection_params()
        address = {key: parameters[key] for key in ("host", "port", "user", "dbname") if parameters.get(key)}
        self._session = psycopg.connect(**address, autocommit=True)
        self._session.execute("SELECT pg_advisory_lock(%s)", [loops.key_of(name)])

    def close(self) -> None:
        if not self._session.closed:
            self._session.execute("SELECT pg_advisory_unlock_all()")
            self._session.close()


def test_of_three_workers_vendors_hold_two_at_most(company: Company, booking: Booking) -> None:
    Booking.objects.update(next_try_at="2000-01-01T00:00:00Z")
    syncing, asking = Beside("sync_servicetitan"), Beside(loops.VENDORS)
    try:
        assert (sync_servicetitan(), tasks.book(), asked(company)) == (0, 0, [])
        asking.close()
        assert (sync_servicetitan(), tasks.book(), asked(company)) == (0, 1, ["New"])
        assert not SyncCursor.objects.exists()
        syncing.close()
        sync_servicetitan()
        assert SyncCursor.objects.exists()
    finally:
        asking.close()
        syncing.close()
