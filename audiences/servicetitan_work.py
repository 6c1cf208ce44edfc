"""What pages of memberships, estimates, invoices, bookings and calls do to our rows.

As in `audiences.servicetitan_pages`: each runs in the page's transaction, and doing it again changes nothing.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from accounts.models import Account, BusinessUnit
from audiences import merging
from audiences.locks import hold_papers
from audiences.mirror import Table, upsert
from audiences.models import (
    BookingAtSource,
    CallAtSource,
    CustomerMembership,
    Estimate,
    Invoice,
    Job,
    LeadSource,
    MembershipType,
)
from audiences.servicetitan_pages import (
    KEY,
    NAMED,
    Records,
    apply_named,
    jobs_named,
    keys,
    stubs,
    tell_of_papers,
)
from common import clock, sql
from common.phone import parse_phone
from integrations.servicetitan.records import InvoiceItem

MOST_ITEMS = 30  # lines of an invoice that are kept; its total is always the whole
LONGEST_ITEM = 120
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
        "invoiced_at", "due_at", "paid_at", "active", "adjusts_servicetitan_id", "items",
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
    """Invoices, what takes money back included, and what is still to be paid of them."""
    hold_papers(account.pk)
    units = _units(account, (_id(record.business_unit) for record in records))
    owner = merging.Owners(account, (_id(record.customer) for record in records))
    named = [record.id for record in records]
    before = _jobs_billed(account, named)
    changed = upsert(
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
                "adjusts_servicetitan_id": record.adjustment_to_id or None,
                "items": json.dumps([_item(item) for item in (record.items or [])[:MOST_ITEMS]]),
            }
            for record in records
        ],
    )
    if changed:
        tell_of_papers(account, before + _jobs_billed(account, named))


def _item(item: InvoiceItem) -> dict[str, str]:
    """One line of what was billed, money as text like at the source."""
    return {
        "name": (item.sku_name or item.description or "").strip()[:LONGEST_ITEM],
        "quantity": "" if item.quantity is None else f"{item.quantity:f}",
        "total": "" if item.total is None else f"{item.total:.2f}",
    }


def _jobs_billed(account: Account, invoice_ids: Sequence[int]) -> list[int]:
    """ServiceTitan's ids of the jobs of these invoices; one without a job has that of the one it adjusts."""
    return sql.column(
        """
        WITH RECURSIVE upward AS (
            SELECT servicetitan_job_id, adjusts_servicetitan_id FROM audiences_invoice
            WHERE account_id = %(account)s AND servicetitan_id = ANY(%(invoices)s)
            UNION
            SELECT i.servicetitan_job_id, i.adjusts_servicetitan_id
            FROM upward JOIN audiences_invoice i
              ON i.account_id = %(account)s AND i.servicetitan_id = upward.adjusts_servicetitan_id
            WHERE upward.servicetitan_job_id IS NULL
        )
        SELECT DISTINCT servicetitan_job_id FROM upward WHERE servicetitan_job_id IS NOT NULL
        """,
        {"account": account.pk, "invoices": list(invoice_ids)},
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
    hold_papers(account.pk)
    before = jobs_named(BookingAtSource, account, records)
    changed = upsert(
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
    if changed:
        tell_of_papers(account, before | {record.job_id for record in records})


def apply_calls(account: Account, records: Records) -> None:
    """Phone calls, by the phone of the customer."""
    hold_papers(account.pk)
    owner = merging.Owners(account, (_id(record.customer) for record in records))
    changed = upsert(
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
    if changed:  # jobs name the call they came from, not the call its jobs
        led = Job.objects.filter(
            account=account, servicetitan_lead_call_id__in=[record.id for record in records]
        )
        tell_of_papers(account, led.values_list("servicetitan_id", flat=True))


def _units(account: Account, source_ids: Iterable[int | None]) -> dict[int, int]:
    return stubs(BusinessUnit, account, source_ids)


def _id(reference: Any) -> int | None:
    """What a reference names; ServiceTitan writes 0 for nothing."""
    return (reference.id or None) if reference else None


def _phone(text: str | None) -> str:
    phone = parse_phone(text or "")
    return phone.e164 if phone else ""
