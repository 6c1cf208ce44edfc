"""Which way a workflow books: by a request to the contractor's office, or by creating the job itself.

Jobs only where the account allows it, and where nothing has to be guessed: the customer's one active
location, the step's business unit and job type or else the account's, and the first business hours far enough
ahead. Whatever is missing makes it a request, which says why. The office confirms the time either way.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from audiences import business_hours, hours
from audiences.models import Location
from audiences.state_hours import public_holidays
from campaigns import words
from campaigns.models import Booking, JobCreation
from common.transactions import atomic_with_retry
from integrations.servicetitan.requests import JobRequest

ARRIVAL_WINDOW = timedelta(hours=4)  # from opening; shorter where the office closes sooner
FARTHEST = timedelta(days=60)
_SETTLED = (
    "way", "why_request", "starts_at", "ends_at", "servicetitan_location_id", "business_unit", "job_type",
)  # fmt: skip
_TO_CONFIRM = "The office still has to confirm the time with the customer."


class _NotPossible(Exception):
    """Something that a job needs is missing or undecided; the words say what."""


@atomic_with_retry
def decide(booking: Booking, *, now: datetime) -> None:
    """Settle how ServiceTitan will be asked, and keep it before it is.

    To be called once it is sure that nothing was made yet. Once it is a request it stays one.
    """
    _make_request(booking, "")
    allowed = JobCreation.objects.select_related("business_unit", "job_type", "lead_source")
    chosen = allowed.filter(account=booking.account_id, allowed=True).first()
    if chosen is not None and (booking.step_id is not None or booking.by_id is not None):
        try:
            _plan_job(booking, chosen, now)
        except _NotPossible as missing:
            _make_request(booking, str(missing))
    booking.save(update_fields=_SETTLED)


@atomic_with_retry
def ask_instead(booking: Booking, why: str) -> None:
    """Make it a request after all, where ServiceTitan has just refused to create any job."""
    _make_request(booking, why)
    booking.save(update_fields=_SETTLED)


def _make_request(booking: Booking, why: str) -> None:
    booking.way, booking.why_request = Booking.Way.REQUEST, why
    booking.servicetitan_location_id = None
    if booking.by_id is None:  # a person's window is what the customer agreed to
        booking.starts_at = booking.ends_at = None


def job_request(booking: Booking) -> JobRequest:
    """What to ask ServiceTitan for, of a booking whose way is a job."""
    chosen = JobCreation.objects.select_related("lead_source").get(account=booking.account_id)
    assert (
        chosen.lead_source
        and booking.business_unit
        and booking.job_type
        and booking.starts_at
        and booking.ends_at
    )
    return JobRequest(
        external_id=booking.external_id,
        customer_id=booking.contact.servicetitan_customer_id,
        location_id=booking.servicetitan_location_id or 0,
        business_unit_id=booking.business_unit.servicetitan_id,
        job_type_id=booking.job_type.servicetitan_id,
        campaign_id=chosen.lead_source.servicetitan_id,
        priority=chosen.priority,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        summary=f"{booking.summary} ({_TO_CONFIRM})",
    )


def first_window(account: Account, lead_days: int, *, now: datetime) -> hours.Span | None:
    """The arrival window of a job asked for now: the first business hours of the first open day that is at
    least so many days ahead and no federal holiday; None without business hours, or with none in 60 days."""
    zone = account.zone
    first = now.astimezone(zone).date() + timedelta(days=lead_days)
    for opens, closes in business_hours.open_spans(account, first=first, last=first + FARTHEST):
        day = opens.astimezone(zone).date()
        if day not in public_holidays(day.year):
            return opens, min(closes, opens + ARRIVAL_WINDOW)
    return None


def window_words(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
    """An arrival window for people: “Tuesday, Nov 24, 8:00 am to 12:00 pm”."""
    starts, ends = starts_at.astimezone(zone), ends_at.astimezone(zone)
    minutes = [words.clock_minute(at.hour * 60 + at.minute) for at in (starts, ends)]
    return f"{starts:%A, %b} {starts.day}, {minutes[0]} to {minutes[1]}"


@transaction.atomic
def keep(row: JobCreation, changed: dict[str, Any], *, by: User) -> None:
    """Keep what somebody chose; `changed` are the former values of what is new."""
    if row._state.adding:  # where two save the first at once, the second changes what the first made
        row.pk = JobCreation.objects.get_or_create(account=row.account)[0].pk
    row.save()
    said = (
        "Let workflows create jobs in ServiceTitan" if row.allowed else "Let workflows only ask for bookings"
    )
    if "allowed" not in changed:
        said = "Changed what jobs are created with"
    audit.record(
        account=row.account, by=by, verb="changed_job_creation", on=row, summary=said,
        detail={name: f"{before} → {getattr(row, name)}" for name, before in changed.items()},
    )  # fmt: skip


def _plan_job(booking: Booking, chosen: JobCreation, now: datetime) -> None:
    """Fill in what a job needs; all of it or nothing. Raises _NotPossible."""
    contact = booking.contact
    if contact.servicetitan_customer_id <= 0 or not contact.active or contact.do_not_service:
        raise _NotPossible("not an active customer in ServiceTitan")
    unit, job_type = _kind(booking, chosen, "business_unit"), _kind(booking, chosen, "job_type")
    if not chosen.lead_source or not chosen.lead_source.active:
        raise _NotPossible("the marketing campaign set for the company is no longer in use")
    mine = Location.objects.filter(account=booking.account_id, active=True)
    mine = mine.filter(servicetitan_customer_id=contact.servicetitan_customer_id)
    locations = list(mine.values_list("servicetitan_id", flat=True)[:2])
    if len(locations) != 1:
        many = "several service locations, and nobody said which"
        raise _NotPossible(f"the customer has {many if locations else 'no active service location'}")
    window = _agreed(booking) or first_window(booking.account, chosen.lead_days, now=now)
    if window is None:
        raise _NotPossible("no open day is known, for want of business hours")
    booking.way, booking.servicetitan_location_id = Booking.Way.JOB, locations[0]
    booking.starts_at, booking.ends_at = window
    booking.business_unit, booking.job_type = unit, job_type


def _agreed(booking: Booking) -> hours.Span | None:
    """The window that a person agreed with the customer."""
    if booking.by_id is None or booking.starts_at is None or booking.ends_at is None:
        return None
    return booking.starts_at, booking.ends_at


def _kind(booking: Booking, chosen: JobCreation, name: str) -> Any:
    """Business unit or job type: the step's, else the account's. Raises _NotPossible."""
    called, asked = name.replace("_", " "), booking.step.node.settings if booking.step else {}
    of_step = getattr(booking, name)
    if of_step is None and asked.get(name):
        raise _NotPossible(f"the step’s {called} is not known any more")
    found = of_step or getattr(chosen, name)
    if found is None:
        raise _NotPossible(f"no {called} is set, in the step or for the company")
    if not found.active:
        raise _NotPossible(f"the {called} {found} is no longer in use"[:200])
    return found
