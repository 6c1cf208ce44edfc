"""What pages of memberships, estimates, invoices, bookings and calls do to our rows.

As in `audiences.servicetitan_pages`: each runs in the page's transaction, and doing it again changes nothing.
"""

from collections.abc import Iterable
from typing import Any

from accounts.models import Account, BusinessUnit
from audiences import merging
from audiences.mirror import Table, upsert
from audiences.models import (
    BookingAtSource,
    CallAtSource,
    CustomerMembership,
    Estimate,
    Invoice,
    LeadSource,
    MembershipType,
)
from audiences.servicetitan_pages import KEY, NAMED, Records, apply_named, keys, stubs
from common import clock
from common.phone import parse_phone

_LEAD_SOURCES = Table(LeadSource, KEY, NAMED, newest=False)
_MEMBERSHIP_TYPES = Table(MembershipType, KEY, NAMED, newest=False)
_MEMBERSHIPS = Table(
    CustomerMembership,
    KEY,
    (
        "servicetitan_customer_id", "servicetitan_location_id", "membership_type_id", "business_unit_id",
        "status", "starts_at", "ends_at", "next_bill_at", "cancelled_at", "active",
    ),
)  # fmt: skip
_INVOICES = Table(
    Invoice,
    KEY,
    (
        "servicetitan_customer_id", "servicetitan_job_id", "business_unit_id", "number", "total", "balance",
        "invoiced_at", "due_at", "paid_at", "active",
    ),
)  # fmt: skip
_ESTIMATES = Table(
    Estimate,
    KEY,
    (
        "servicetitan_customer_id", "servicetitan_job_id", "servicetitan_location_id", "business_unit_id",
        "name", "status", "subtotal", "created_on", "sold_at", "active",
    ),
)  # fmt: skip
_BOOKINGS = Table(
    BookingAtSource,
    KEY,
    ("servicetitan_job_id", "external_id", "source", "status", "starts_at", "created_on", "active"),
)
_CALLS = Table(
    CallAtSource,
    KEY,
    ("servicetitan_customer_id", "servicetitan_job_id", "phone", "direction", "result", "at", "active"),
)


def apply_lead_sources(account: Account, records: Records) -> None:
    """Names of what brings customers in."""
    apply_named(_LEAD_SOURCES, account, records)


def apply_membership_types(account: Account, records: Records) -> None:
    """Names of service agreements."""
    apply_named(_MEMBERSHIP_TYPES, account, records)


def apply_memberships(account: Account, records: Records) -> None:
    """Service agreements of customers."""
    units = _units(account, (record.business_unit_id for record in records))
    types = stubs(MembershipType, account, (record.membership_type_id for record in records))
    owner = merging.Owners(account, (record.customer_id for record in records))
    upsert(
        _MEMBERSHIPS,
        [
            {
                **keys(account, record),
                "servicetitan_customer_id": owner[record.customer_id],
                "servicetitan_location_id": record.location_id,
                "membership_type_id": types.get(record.membership_type_id),
                "business_unit_id": units.get(record.business_unit_id),
                "status": record.status[:20],
                "starts_at": record.from_,
                "ends_at": record.to,
                "next_bill_at": record.next_scheduled_bill_date,
                "cancelled_at": record.cancellation_date,
                "active": record.active,
            }
            for record in records
        ],
    )


def apply_invoices(account: Account, records: Records) -> None:
    """Invoices and what is still to be paid of them."""
    units = _units(account, (_id(record.business_unit) for record in records))
    owner = merging.Owners(account, (_id(record.customer) for record in records))
    upsert(
        _INVOICES,
        [
            {
                **keys(account, record),
                "servicetitan_customer_id": owner[_id(record.customer)],
                "servicetitan_job_id": _id(record.job),
                "business_unit_id": units.get(_id(record.business_unit) or 0),
                "number": (record.reference_number or "")[:40],
                "total": record.total,
                "balance": record.balance,
                "invoiced_at": record.invoice_date,
                "due_at": record.due_date,
                "paid_at": record.paid_on,
                "active": record.active,
            }
            for record in records
        ],
    )


def apply_estimates(account: Account, records: Records) -> None:
    """Offers, with what became of them."""
    units = _units(account, (record.business_unit_id for record in records))
    owner = merging.Owners(account, (record.customer_id for record in records))
    upsert(
        _ESTIMATES,
        [
            {
                **keys(account, record),
                "servicetitan_customer_id": owner[record.customer_id],
                "servicetitan_job_id": record.job_id,
                "servicetitan_location_id": record.location_id,
                "business_unit_id": units.get(record.business_unit_id),
                "name": (record.name or "").strip()[:200],
                "status": (record.status.name if record.status else "Open")[:20],
                "subtotal": record.subtotal,
                "created_on": record.created_on or record.modified_on or clock.now(),
                "sold_at": record.sold_on,
                "active": record.active,
            }
            for record in records
        ],
    )


def apply_bookings(account: Account, records: Records) -> None:
    """Requests to book, whoever made them."""
    upsert(
        _BOOKINGS,
        [
            {
                **keys(account, record),
                "servicetitan_job_id": record.job_id,
                "external_id": (record.external_id or "")[:200],
                "source": (record.source or "")[:100],
                "status": record.status[:20],
                "starts_at": record.start,
                "created_on": record.created_on or record.modified_on or clock.now(),
                "active": record.active,
            }
            for record in records
        ],
    )


def apply_calls(account: Account, records: Records) -> None:
    """Phone calls, by the phone of the customer."""
    owner = merging.Owners(account, (_id(record.customer) for record in records))
    upsert(
        _CALLS,
        [
            {
                **keys(account, record),
                "servicetitan_customer_id": owner[_id(record.customer)],
                "servicetitan_job_id": _id(record.job),
                "phone": _phone(record.to if record.direction == "Outbound" else record.from_),
                "direction": record.direction[:10],
                "result": record.type[:20],
                "at": record.created_on or record.modified_on or clock.now(),
                "active": record.active,
            }
            for record in records
        ],
    )


def _units(account: Account, source_ids: Iterable[int | None]) -> dict[int, int]:
    return stubs(BusinessUnit, account, source_ids)


def _id(reference: Any) -> int | None:
    """What a reference names; ServiceTitan writes 0 for nothing."""
    return (reference.id or None) if reference else None


def _phone(text: str | None) -> str:
    phone = parse_phone(text or "")
    return phone.e164 if phone else ""
