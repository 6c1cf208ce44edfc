"""What one page of a ServiceTitan export does to our rows. Every function runs in the page's transaction.

Applying a page again changes nothing, so a sync killed between two pages, or told the same rows twice,
ends where an undisturbed one does.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from accounts.models import Account, BusinessUnit
from audiences import derived_contacts, merging, mirrored_tags
from audiences.derived_contacts import Customer
from audiences.locks import hold_jobs, hold_papers
from audiences.mirror import Table, ids_by_key, upsert
from audiences.models import (
    Appointment,
    AppointmentAssignment,
    Contact,
    ContactMethod,
    ContactTag,
    Job,
    JobTag,
    JobType,
    LeadSource,
    Location,
    LocationTag,
    RecurringVisit,
    Tag,
)
from audiences.signals import appointments_changed, job_papers_changed, jobs_changed
from audiences.state_names import state_code
from common import clock

Records = Sequence[Any]
KEY = ("account_id", "servicetitan_id")
NAMED = ("name", "active")
_UNITS = Table(BusinessUnit, KEY, NAMED, newest=False)
_TAGS = Table(Tag, KEY, NAMED, newest=False)
_JOB_TYPES = Table(JobType, KEY, NAMED, newest=False)
_LOCATIONS = Table(
    Location, KEY, ("servicetitan_customer_id", "active", "street", "unit", "city", "state", "zip")
)
_METHODS = Table(
    ContactMethod, KEY, ("servicetitan_customer_id", "kind", "value", "memo", "do_not_text", "active")
)
_JOBS = Table(
    Job,
    KEY,
    (
        "number", "servicetitan_customer_id", "servicetitan_booking_id", "servicetitan_location_id",
        "servicetitan_lead_call_id", "recall_for_servicetitan_id", "business_unit_id", "job_type_id",
        "lead_source_id", "status", "total", "no_charge", "active", "created_on", "completed_on",
    ),
    only_new=("first_seen_at",),
)  # fmt: skip
_RECURRING = Table(RecurringVisit, KEY, ("servicetitan_job_id", "active"))
_APPOINTMENTS = Table(
    Appointment,
    KEY,
    ("servicetitan_job_id", "starts_at", "ends_at", "arrives_from", "arrives_until", "status"),
)
_ASSIGNMENTS = Table(AppointmentAssignment, KEY, ("servicetitan_appointment_id", "technician", "active"))


def apply_business_units(account: Account, records: Records) -> None:
    """Names of the contractor's divisions."""
    apply_named(_UNITS, account, records)


def apply_tags(account: Account, records: Records) -> None:
    """Names of tags; a deleted one stays, inactive, so that rules naming it can say so."""
    apply_named(_TAGS, account, records)


def apply_job_types(account: Account, records: Records) -> None:
    """Names of job types."""
    apply_named(_JOB_TYPES, account, records)


def apply_customers(account: Account, records: Records) -> None:
    """One contact per customer, with its tags. One that was merged into another is no longer active, and what
    it had is the other's."""
    newest = {record.id: record for record in sorted(records, key=_modified)}
    customers = [_customer(record) for record in newest.values()]
    contact_ids = derived_contacts.derive(account.pk, customers)
    wanted = {
        contact_ids[pk]: list(record.tag_type_ids or []) for pk, record in newest.items() if pk in contact_ids
    }
    mirrored_tags.write(ContactTag, account.pk, wanted)
    merging.adopt(account, contact_ids.values())
    merging.follow(account, list(newest))


def apply_locations(account: Account, records: Records) -> None:
    """Service locations; a contact's address, household and zones follow."""
    hold_jobs(account.pk)  # as what follows will: before any row, whoever else writes the same ones
    before = _owners(Location, account, records)
    owner = merging.Owners(account, (record.customer_id for record in records))
    upsert(
        _LOCATIONS,
        [
            {
                **keys(account, record),
                "servicetitan_customer_id": owner[record.customer_id],
                "active": bool(record.active and not record.merged_to_id),
                **_address(record.address),
            }
            for record in records
        ],
    )
    mirrored_tags.keep(LocationTag, Location, account.pk, records)
    changed = before | {owner[record.customer_id] for record in records}
    derived_contacts.derive(account.pk, customer_ids=changed)


def apply_contact_methods(account: Account, records: Records) -> None:
    """Phones and mailboxes of customers; a contact's addresses and zones follow."""
    hold_jobs(account.pk)  # before any row, as in `apply_locations`
    before = _owners(ContactMethod, account, records)
    owner = merging.Owners(account, (record.customer_id for record in records))
    upsert(
        _METHODS,
        [
            {
                **keys(account, record),
                "servicetitan_customer_id": owner[record.customer_id],
                "kind": record.type[:20],
                "value": (record.value or "").strip()[:254],
                "memo": (record.memo or "").strip()[:100],
                "do_not_text": bool(record.phone_settings and record.phone_settings.do_not_text),
                "active": record.active,
            }
            for record in records
        ],
    )
    changed = before | {owner[record.customer_id] for record in records}
    merging.adopt(account, derived_contacts.derive(account.pk, customer_ids=changed).values())


def drop_methods(
    account: Account, customer_ids: Collection[int], *, but: Collection[int], known: datetime
) -> None:
    """These customers had no other phones and mailboxes at `known` than those of these ids; addresses that
    people added stay, and so does what the sync has brought since."""
    listed = ContactMethod.objects.filter(
        account=account, servicetitan_customer_id__in=customer_ids, active=True
    )
    gone = listed.exclude(servicetitan_id__in=but).exclude(source_modified_at__gt=known)
    owners = set(gone.values_list("servicetitan_customer_id", flat=True))
    if owners:
        gone.update(active=False)
        derived_contacts.derive(account.pk, customer_ids=owners)


def apply_jobs(account: Account, records: Records) -> None:
    """Jobs, the date of each customer's last one, and the news of what changed.

    Nobody enters a campaign meanwhile; `first_seen_at` is later than the entry of whoever entered before.
    """
    hold_jobs(account.pk)
    hold_papers(account.pk)
    units = stubs(BusinessUnit, account, (record.business_unit_id for record in records))
    types = stubs(JobType, account, (record.job_type_id for record in records))
    sources = stubs(LeadSource, account, (record.campaign_id for record in records))
    owner = merging.Owners(account, (record.customer_id for record in records))
    now = clock.now()
    owners = _owners(Job, account, records)
    changed = upsert(
        _JOBS,
        [
            {
                **keys(account, record),
                "number": (record.job_number or "")[:40],
                "servicetitan_customer_id": owner[record.customer_id],
                "servicetitan_booking_id": record.booking_id,
                "servicetitan_location_id": record.location_id,
                "servicetitan_lead_call_id": record.lead_call_id,
                "recall_for_servicetitan_id": record.recall_for_id,
                "business_unit_id": units.get(record.business_unit_id),
                "job_type_id": types.get(record.job_type_id),
                "lead_source_id": sources.get(record.campaign_id),
                "status": record.job_status[:20],
                "total": record.total,
                "no_charge": record.no_charge,
                "active": record.active,
                "created_on": record.created_on or record.modified_on or now,
                "completed_on": record.completed_on,
                "first_seen_at": now,
            }
            for record in records
        ],
    )
    mirrored_tags.keep(JobTag, Job, account.pk, records)
    if changed:
        derived_contacts.note_last_jobs(account.pk, owners | _owners(Job, account, records))
        jobs_changed.send(sender=Job, account=account, job_ids=sorted(changed))
        _tell_of_visits(account, Job.objects.filter(pk__in=changed).values_list("servicetitan_id", flat=True))


def apply_recurring_visits(account: Account, records: Records) -> None:
    """Visits of recurring services: their jobs are nobody's credit."""
    hold_papers(account.pk)
    before = jobs_named(RecurringVisit, account, records)
    changed = upsert(
        _RECURRING,
        [
            {**keys(account, record), "servicetitan_job_id": record.job_id, "active": record.active}
            for record in records
        ],
    )
    if changed:
        tell_of_papers(account, before | {record.job_id for record in records})


def jobs_named(model: Any, account: Account, records: Records) -> set[int | None]:
    """ServiceTitan's ids of the jobs that these rows name so far: a row that moves changes two jobs."""
    rows = model.objects.filter(account=account, servicetitan_id__in=[record.id for record in records])
    return set(rows.values_list("servicetitan_job_id", flat=True))


def tell_of_papers(account: Account, job_ids: Iterable[int | None]) -> None:
    """The news that what these jobs come from, or bring, has changed. Ids are ServiceTitan's."""
    named = {job_id for job_id in job_ids if job_id}
    if named:
        job_papers_changed.send(sender=Job, account=account, job_ids=named)


def apply_appointments(account: Account, records: Records) -> None:
    """Visits of jobs, and what is noted of them beside each customer."""
    hold_jobs(account.pk)
    before = jobs_named(Appointment, account, records)
    changed = upsert(
        _APPOINTMENTS,
        [
            {
                **keys(account, record),
                "servicetitan_job_id": record.job_id,
                "starts_at": record.start,
                "ends_at": record.end or record.start,
                **_window(record),
                "status": record.status[:20] if record.active else "Canceled",
            }
            for record in records
        ],
    )
    if changed:
        jobs = {job for job in before if job} | {record.job_id for record in records}
        of = Job.objects.filter(account=account, servicetitan_id__in=jobs)
        derived_contacts.note_last_jobs(account.pk, of.values_list("servicetitan_customer_id", flat=True))
        changed_jobs = Appointment.objects.filter(pk__in=changed)
        _tell_of_visits(account, changed_jobs.values_list("servicetitan_job_id", flat=True))


def _window(record: Any) -> dict[str, datetime | None]:
    """When somebody is told that we come: both ends, or nothing."""
    begin, end = record.arrival_window_start, record.arrival_window_end
    known = bool(begin and end and begin < end)
    return {"arrives_from": begin if known else None, "arrives_until": end if known else None}


def apply_assignments(account: Account, records: Records) -> None:
    """Who comes to a visit: a name for words to its customer, which nothing else follows from."""
    upsert(
        _ASSIGNMENTS,
        [
            {
                **keys(account, record),
                "servicetitan_appointment_id": record.appointment_id,
                "technician": (record.technician_name or "").strip()[:120],
                "active": record.active,
            }
            for record in records
        ],
    )


def _tell_of_visits(account: Account, job_ids: Iterable[int]) -> None:
    appointments_changed.send(sender=Appointment, account=account, job_ids=set(job_ids), now=clock.now())


def apply_named(table: Table, account: Account, records: Records) -> None:
    """Rows that are a name and whether it is still in use."""
    upsert(
        table,
        [
            {
                "account_id": account.pk,
                "servicetitan_id": record.id,
                "name": (record.name or f"#{record.id}")[:200],
                "active": record.active,
            }
            for record in records
        ],
    )


def keys(account: Account, record: Any) -> dict[str, Any]:
    """The columns that say which row of which age a record is."""
    return {
        "account_id": account.pk,
        "servicetitan_id": record.id,
        "source_modified_at": record.modified_on,
    }


def _modified(record: Any) -> float:
    return record.modified_on.timestamp() if record.modified_on else 0.0


def _address(address: Any) -> dict[str, str]:
    """The parts of an address, cut to their columns but for the state; all empty where there is none."""
    widths = {"street": 200, "unit": 60, "city": 100, "zip": 10}
    parts = {name: (getattr(address, name, None) or "").strip()[:width] for name, width in widths.items()}
    return parts | {"state": state_code(getattr(address, "state", None) or "")}


def _customer(record: Any) -> Customer:
    return Customer(
        servicetitan_id=record.id,
        name=(record.name or "").strip(),
        kind=Contact.Kind.COMMERCIAL if record.type == "Commercial" else Contact.Kind.RESIDENTIAL,
        active=bool(record.active and not record.merged_to_id),
        do_not_service=bool(record.do_not_service),
        modified_at=record.modified_on,
        do_not_mail=bool(record.do_not_mail),
        balance=record.balance,
        since=record.created_on,
        merged_into=record.merged_to_id,
        **_address(record.address),
    )


def _owners(model: Callable[..., Any], account: Account, records: Records) -> set[int]:
    """Customers who have these rows so far: a row that moves to another customer changes both."""
    rows = model.objects.filter(account=account, servicetitan_id__in=[record.id for record in records])  # type: ignore[attr-defined]
    return set(rows.values_list("servicetitan_customer_id", flat=True))


def stubs(model: Any, account: Account, source_ids: Iterable[int | None]) -> dict[int, int]:
    """Our id by ServiceTitan's; one not heard of yet gets its number for a name until its own row arrives."""
    wanted = {source_id for source_id in source_ids if source_id}
    return ids_by_key(model, account.pk, "servicetitan_id", wanted, fields={"name": lambda key: f"#{key}"})
