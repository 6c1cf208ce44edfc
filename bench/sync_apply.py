"""Applying pages of ServiceTitan's exports: the sync's code against bare SQL that writes the same rows."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from accounts.models import Account
from audiences import servicetitan_sync
from bench.copying import copied
from bench.effort import effort
from bench.measurement import Measurement
from integrations.servicetitan.client import Page, read_rows
from integrations.servicetitan.entities import EXPORTS

CUSTOMERS = 20_000  # each with a location, a phone or two, a mailbox, four jobs with visits, and papers
PAGE = 1_000
NOW = datetime(2026, 12, 1, 17, tzinfo=UTC)
STAMP = "2026-11-01T12:00:00Z"
STREETS = ("Oak", "Elm", "Maple", "Cedar", "Lake", "Hill", "Park", "Washington")
CITIES = (("Chicago", "IL", "60601"), ("Denver", "CO", "80202"), ("Dallas", "TX", "75201"))
# Written from other rows: first what others name.
TABLES = (
    "accounts_businessunit", "audiences_jobtype", "audiences_leadsource", "audiences_location",
    "audiences_contactmethod", "audiences_household", "audiences_address", "audiences_contact",
    "audiences_contactaddress", "audiences_job", "audiences_appointment", "audiences_customermembership",
    "audiences_estimate", "audiences_invoice",
)  # fmt: skip

Row = dict[str, Any]


def sync_apply(customers: int = CUSTOMERS) -> Measurement:
    """Records a second from an answer's parsed JSON to committed rows: checked, upserted, contacts derived.

    The baseline copies the finished rows to tables with the same keys and indexes, one INSERT … SELECT a
    table: it reads no JSON, compares nothing and derives nothing.
    """
    account = Account.objects.create(name="Bench", slug="bench", timezone="America/Chicago")
    counts: dict[str, int] = {}
    seconds, spent = 0.0, time.process_time()
    with effort() as database:
        for entity, bodies in _pages(customers):
            taken = time.perf_counter()
            for number, body in enumerate(bodies):
                _apply(account, entity, body, number)
                counts[entity] = counts.get(entity, 0) + len(body["data"])
            taken = time.perf_counter() - taken
            seconds += taken
            print(f"sync_apply: {entity}: {counts[entity] / taken:,.0f} records/s", file=sys.stderr)
    spent = time.process_time() - spent
    records = sum(counts.values())
    ours, theirs = 1e6 * spent / records, 1e6 * database.cpu / records
    print(
        f"sync_apply: a record takes {ours:.0f} µs of our processor, {theirs:.0f} µs of the database's,"
        f" {database.wal / records:.0f} bytes of log",
        file=sys.stderr,
    )
    bare = copied(TABLES)
    rate, baseline = records / seconds, records / bare
    return Measurement(
        "sync_apply", records, rate, "records/s", "INSERT … SELECT of the finished rows", baseline,
        rate / baseline,
    )  # fmt: skip


def _apply(account: Account, entity: str, body: Row, number: int) -> None:
    rows, skipped = read_rows(body, EXPORTS[entity][2])
    if skipped:
        raise SystemExit(f"{entity}: {skipped[0]}")
    page = Page(rows, str(number + 1), True)
    token = str(number) if number else ""
    refused = servicetitan_sync.commit_page(
        account, entity, token, page, servicetitan_sync.EXPORTS[entity], NOW
    )
    if refused:
        raise SystemExit(f"{entity}: {refused[0]}")


def _pages(customers: int) -> Iterator[tuple[str, list[Row]]]:
    made = {
        "customers": map(_customer, range(customers)),
        "locations": map(_location, range(customers)),
        "contacts": (method for n in range(customers) for method in _methods(n)),
        "jobs": map(_job, range(customers * 4)),
        "appointments": map(_appointment, range(customers * 4)),
        "memberships": map(_membership, range(0, customers, 5)),
        "estimates": map(_estimate, range(0, customers * 4, 8)),
        "invoices": map(_invoice, range(customers * 4)),
    }
    for entity, rows in made.items():
        every = list(rows)
        yield entity, [{"data": every[at : at + PAGE]} for at in range(0, len(every), PAGE)]


def _customer(n: int) -> Row:
    kind = "Commercial" if n % 10 == 9 else "Residential"
    return {
        "id": n + 1, "active": True, "name": f"Pat Customer {n}", "type": kind, "address": _address(n),
        "balance": 0.0, "tagTypeIds": [], "doNotMail": False, "doNotService": False, "mergedToId": None,
        "createdOn": STAMP, "modifiedOn": STAMP,
    }  # fmt: skip


def _address(n: int) -> Row:
    city, state, code = CITIES[n % len(CITIES)]
    street = f"{100 + n} {STREETS[n % len(STREETS)]} Street"
    return {"street": street, "unit": None, "city": city, "state": state, "zip": code, "country": "USA"}


def _location(n: int) -> Row:
    return {
        "id": n + 1, "customerId": n + 1, "active": True, "name": "Home", "address": _address(n),
        "mergedToId": None, "modifiedOn": STAMP,
    }  # fmt: skip


def _methods(n: int) -> Iterator[Row]:
    phone = f"312{2_000_000 + n}"
    for at, (kind, value) in enumerate((("MobilePhone", phone), ("Email", f"pat{n}@example.com"))):
        yield {
            "id": 2 * n + at + 1, "customerId": n + 1, "type": kind, "value": value, "memo": None,
            "active": True, "phoneSettings": {"phoneNumber": value, "doNotText": False}, "modifiedOn": STAMP,
        }  # fmt: skip


def _job(n: int) -> Row:
    return {
        "id": n + 1, "jobNumber": str(n + 1), "customerId": n // 4 + 1, "locationId": n // 4 + 1,
        "jobStatus": "Completed", "businessUnitId": 1 + n % 4, "jobTypeId": 1 + n % 12,
        "campaignId": 1 + n % 6, "total": 189.5, "noCharge": False, "active": True,
        "createdOn": STAMP, "completedOn": STAMP, "invoiceId": n + 1, "modifiedOn": STAMP,
    }  # fmt: skip


def _appointment(n: int) -> Row:
    return {
        "id": n + 1, "jobId": n + 1, "start": STAMP, "end": "2026-11-01T14:00:00Z", "status": "Done",
        "active": True, "modifiedOn": STAMP,
    }  # fmt: skip


def _membership(n: int) -> Row:
    return {
        "id": n + 1, "customerId": n + 1, "locationId": n + 1, "membershipTypeId": 1 + n % 2,
        "businessUnitId": 1, "status": "Active", "from": STAMP, "to": None, "active": True,
        "modifiedOn": STAMP,
    }  # fmt: skip


def _estimate(n: int) -> Row:
    return {
        "id": n + 1, "jobId": n + 1, "customerId": n // 4 + 1, "locationId": n // 4 + 1,
        "businessUnitId": 1 + n % 4, "name": "Furnace", "status": {"value": 0, "name": "Open"},
        "subtotal": 4_500.0, "active": True, "createdOn": STAMP, "modifiedOn": STAMP,
    }  # fmt: skip


def _invoice(n: int) -> Row:
    return {
        "id": n + 1, "referenceNumber": str(n + 1), "customer": {"id": n // 4 + 1, "name": "Pat"},
        "job": {"id": n + 1}, "businessUnit": {"id": 1 + n % 4, "name": "Service"}, "total": "189.50",
        "balance": "0.00", "invoiceDate": STAMP, "dueDate": STAMP, "paidOn": STAMP, "active": True,
        "modifiedOn": STAMP,
    }  # fmt: skip
