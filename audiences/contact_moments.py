"""What the mirror and our own records add to a contact's timeline: jobs, visits, sales, calls and wishes."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from audiences.contact_timeline import Moment, Source, register
from audiences.models import (
    Appointment,
    BookingAtSource,
    CallAtSource,
    Consent,
    Contact,
    ContactImport,
    CustomerMembership,
    Estimate,
    Invoice,
    Job,
    OptOut,
)  # fmt: skip
from common.phone import display_phone

_TOLD_ELSEWHERE = ("opted_out", "opted_in", "recorded_consent", "withdrew_consent")
_RESULTS = {"NotLead": "no lead"}


def money(amount: Decimal | None) -> str:
    """Dollars for people; blank for none."""
    return "" if amount is None else f"${amount:,.2f}".removesuffix(".00")


def of_customer(rows: QuerySet[Any], contact: Contact) -> QuerySet[Any]:
    """The rows of the contact's ServiceTitan customer that were not deleted there."""
    return rows.filter(
        account=contact.account_id, servicetitan_customer_id=contact.servicetitan_customer_id, active=True
    )


def jobs(contact: Contact) -> QuerySet[Job]:
    """The customer's jobs, with what they are called by."""
    return of_customer(Job.objects.all(), contact).select_related("job_type", "business_unit")


def visits(contact: Contact) -> QuerySet[Appointment]:
    """Visits of the customer's jobs; `job` is what people call the job."""
    numbers = jobs(contact).values("servicetitan_id")
    return Appointment.objects.filter(account=contact.account_id, servicetitan_job_id__in=numbers)


def calls(contact: Contact) -> QuerySet[CallAtSource]:
    """Calls that ServiceTitan recorded with this customer, or with one of the contact's phones."""
    phones = contact.contact_addresses.filter(address__channel="phone", wrong_number_at=None)
    mine = Q(servicetitan_customer_id=contact.servicetitan_customer_id)
    theirs = Q(servicetitan_customer_id=None, phone__in=list(phones.values_list("address__value", flat=True)))
    return CallAtSource.objects.filter(mine | theirs, account=contact.account_id, active=True)


def bookings(contact: Contact) -> QuerySet[BookingAtSource]:
    """Booking requests that became jobs of the customer, whoever made them."""
    ids = jobs(contact).values("servicetitan_id")
    return BookingAtSource.objects.filter(
        account=contact.account_id, servicetitan_job_id__in=ids, active=True
    )


def _wishes(contact: Contact) -> QuerySet[OptOut]:
    mine = contact.contact_addresses.filter(wrong_number_at=None).values("address")
    return OptOut.objects.filter(address__in=mine).select_related("address", "by", "lifted_by", "contact")


def _consents(contact: Contact) -> QuerySet[Consent]:
    return Consent.objects.of_contact(contact)


def _acts(contact: Contact) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.about(contact).exclude(verb__in=_TOLD_ELSEWHERE).select_related("by")


def _what(job: Job) -> str:
    return " · ".join(str(part) for part in (job.job_type, job.business_unit) if part)


def _made(rows: list[Job]) -> Iterable[Moment]:
    for job in rows:
        gone = job.status == "Canceled"
        yield Moment(
            job.created_on, "wrench", f"Job {job} made", tone="bad" if gone else "",
            note=" · ".join(filter(None, (_what(job), "cancelled" if gone else ""))),
        )  # fmt: skip


def _completed(rows: list[Job]) -> Iterable[Moment]:
    for job in rows:
        assert job.completed_on
        note = " · ".join(filter(None, (_what(job), "no charge" if job.no_charge else money(job.total))))
        yield Moment(job.completed_on, "circle-check", f"Job {job} completed", note=note, tone="good")


def _visited(rows: list[Appointment]) -> Iterable[Moment]:
    for visit in rows:
        until = timezone.localtime(visit.ends_at)
        window = f"until {until.hour % 12 or 12}:{until:%M} {'am' if until.hour < 12 else 'pm'}"
        gone = visit.status == "Canceled"
        words = {"Done": "Visit", "Canceled": "Visit cancelled"}.get(visit.status, "Visit planned")
        yield Moment(
            visit.starts_at, "calendar-x" if gone else "calendar-clock", words,
            note=f"{window} · {visit.status.lower()}", tone="bad" if gone else "",
        )  # fmt: skip


def _booked(rows: list[BookingAtSource]) -> Iterable[Moment]:
    for one in rows:
        source = f" from {one.source}" if one.source else ""
        yield Moment(one.created_on, "calendar-plus", f"Booking request{source}", note=one.status.lower())


def _offered(rows: list[Estimate]) -> Iterable[Moment]:
    for one in rows:
        note = " · ".join(filter(None, (money(one.subtotal), one.status.lower())))
        yield Moment(one.created_on, "file-text", f"Estimate {one}", note=note)


def _sold(rows: list[Estimate]) -> Iterable[Moment]:
    for one in rows:
        assert one.sold_at
        yield Moment(
            one.sold_at, "badge-check", f"Estimate {one} sold", note=money(one.subtotal), tone="good"
        )


def _invoiced(rows: list[Invoice]) -> Iterable[Moment]:
    for one in rows:
        assert one.invoiced_at
        owed = f"{money(one.balance)} still owed" if one.balance and one.balance > 0 else "paid"
        note = " · ".join(filter(None, (money(one.total), owed)))
        yield Moment(one.invoiced_at, "receipt", f"Invoice {one}", note=note)


def _joined(rows: list[CustomerMembership]) -> Iterable[Moment]:
    for one in rows:
        assert one.starts_at
        name = one.membership_type or "membership"
        yield Moment(one.starts_at, "shield-check", f"Membership began: {name}", note=one.status.lower())


def _called(rows: list[CallAtSource]) -> Iterable[Moment]:
    for call in rows:
        inward = call.direction == "Inbound"
        who = f" {'from' if inward else 'to'} {display_phone(call.phone)}" if call.phone else ""
        result = _RESULTS.get(call.result, call.result.lower())
        icon = "phone-incoming" if inward else "phone-outgoing"
        yield Moment(call.at, icon, f"Call{who}", note=result, tone="good" if call.result == "Booked" else "")


def _at(wish: OptOut | Consent) -> str:
    value = wish.address.value
    return display_phone(value) if value.startswith("+") else value


def _refused(rows: list[OptOut]) -> Iterable[Moment]:
    for wish in rows:
        how = f"recorded by {wish.by}" if wish.by else f"by {wish.get_source_display().lower()}"
        rule = f"read by “{wish.detector}”" if wish.detector else ""
        note = " · ".join(filter(None, (how, rule)))
        yield Moment(wish.at, "ban", f"Opted out: {_at(wish)}", wish.evidence, note, tone="bad")


def _lifted(rows: list[OptOut]) -> Iterable[Moment]:
    for wish in rows:
        assert wish.lifted_at
        how = f"recorded by {wish.lifted_by}" if wish.lifted_by else "by the customer"
        yield Moment(wish.lifted_at, "check", f"Opted in again: {_at(wish)}", wish.lifted_evidence, how)


def _agreed(rows: list[Consent]) -> Iterable[Moment]:
    for one in rows:
        by = f" · recorded by {one.recorded_by}" if one.recorded_by else ""
        text = f"Agreed to {one.get_kind_display().lower()}: {_at(one)}"
        yield Moment(
            one.given_at, "shield-check", text, one.proof, one.get_source_display() + by, tone="good"
        )


def _ended(rows: list[Consent]) -> Iterable[Moment]:
    for one in rows:
        assert one.ended_at
        text = f"Consent to {one.get_kind_display().lower()} ended: {_at(one)}"
        yield Moment(one.ended_at, "circle-off", text, note=one.get_ended_why_display().lower())


def _acted(rows: list[AuditEntry]) -> Iterable[Moment]:
    for act in rows:
        yield Moment(act.at, "user", act.summary, note=f"by {act.by or 'Truckroll'}")


def _imports(contact: Contact) -> QuerySet[ContactImport]:
    """The files that named the contact, with what each did with it."""
    return (
        ContactImport.objects.filter(contacts__contact=contact)
        .annotate(outcome=F("contacts__outcome"))
        .select_related("by")
    )


def _imported(rows: list[Any]) -> Iterable[Moment]:
    for one in rows:
        by = f" · by {one.by}" if one.by else ""
        link = reverse("audiences:import", args=[one.pk])
        text = f"In the file “{one.name}”"
        yield Moment(
            one.confirmed_at, "file-text", text, note=one.outcome + by, link=link, link_text="Import"
        )  # fmt: skip


def _came(rows: list[Contact]) -> Iterable[Moment]:
    for one in rows:
        number = one.servicetitan_customer_id
        note = f"ServiceTitan customer {number}" if number > 0 else "not one of ServiceTitan’s"
        yield Moment(one.created_at, "refresh-cw", "First known here", note=note)


def declare() -> None:
    """Make all of it known."""
    register(
        Source("job", "jobs", jobs, "created_on", _made),
        Source("job-done", "jobs", jobs, "completed_on", _completed),
        Source("visit", "jobs", visits, "starts_at", _visited),
        Source("booking-at-source", "jobs", bookings, "created_on", _booked),
        Source("estimate", "sales", lambda c: of_customer(Estimate.objects.all(), c), "created_on", _offered),
        Source("estimate-sold", "sales", lambda c: of_customer(Estimate.objects.all(), c), "sold_at", _sold),
        Source("invoice", "sales", lambda c: of_customer(Invoice.objects.all(), c), "invoiced_at", _invoiced),
        Source("membership", "sales", memberships, "starts_at", _joined),
        Source("call", "calls", calls, "at", _called),
        Source("opt-out", "wishes", _wishes, "at", _refused),
        Source("opt-out-end", "wishes", _wishes, "lifted_at", _lifted),
        Source("consent", "wishes", _consents, "given_at", _agreed),
        Source("consent-end", "wishes", _consents, "ended_at", _ended),
        Source("act", "wishes", _acts, "at", _acted),
        Source("import", "", _imports, "confirmed_at", _imported),
        Source("came", "", lambda c: Contact.objects.filter(pk=c.pk), "created_at", _came),
    )


def memberships(contact: Contact) -> QuerySet[CustomerMembership]:
    """The customer's memberships, with their kinds."""
    return of_customer(CustomerMembership.objects.all(), contact).select_related("membership_type")
