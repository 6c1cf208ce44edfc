"""The customer base of a large contractor, made by plain SQL: people, homes, jobs, papers, tags.

Who and what follows from the customer's number alone, through hashes: every run has the same rows. One
customer in ten lives with the one before, half of these share the phone; one in ten is a company.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from accounts.models import Account, BusinessUnit
from audiences.hours import zone_set_for
from audiences.models import ContactTally, JobType, LeadSource, MembershipType, Tag
from bench import audience_rows
from common import sql

CONTACTS = 1_000_000
SLICE = 50_000
NOW = datetime(2026, 12, 1, 17, tzinfo=UTC)
SLUG = "bench-customers"
UNITS = ("West Heating", "East Heating", "Plumbing", "Installations")
JOB_TYPES = (
    "Tune-up", "Repair", "Furnace install", "AC install", "Water heater install", "Drain cleaning",
    "Estimate visit", "Duct cleaning", "Inspection", "Thermostat", "Leak repair", "Recall",
)  # fmt: skip
SOURCES = ("Web", "Referral", "Radio", "Mailer", "Truck", "Search")
MEMBERSHIPS = ("Comfort club", "Comfort club gold")
TAGS = 30  # “Tag 1” names a tenth of all customers, the others fewer and fewer
FILLED = (
    "audiences_household", "audiences_address", "audiences_job", "audiences_contact",
    "audiences_contactaddress", "audiences_contacttag", "audiences_location", "audiences_appointment",
    "audiences_customermembership", "audiences_estimate", "audiences_invoice", "audiences_optout",
)  # fmt: skip


def lay(contacts: int = CONTACTS) -> Account:
    """An account with that many contacts, made in this database unless it is there; some 4 jobs each.

    A million take some minutes. Tables are analysed and vacuumed, and the log is checkpointed.
    """
    if made := Account.objects.filter(slug=SLUG).first():
        return made
    began = time.perf_counter()
    account = Account.objects.create(name="Bench Comfort", slug=SLUG, timezone="America/Chicago")
    _kinds(account)
    with _bare():
        for first in range(1, contacts + 1, SLICE):
            last = min(first + SLICE - 1, contacts)
            values = {"account": account.pk, "first": first, "last": last, "now": NOW, "zones": _zones()}
            for statement in audience_rows.STATEMENTS:
                sql.run(statement, values)
                if first == 1:  # the next statement's plan needs to know how much there is
                    sql.run(f"analyze {statement.split()[2]}")
    ContactTally.objects.create(account=account, contacts=contacts, mirrored=contacts)  # triggers were off
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze")
        cursor.execute("checkpoint")
    print(f"audience: {contacts:,} contacts laid in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return account


def _kinds(account: Account) -> None:
    """What jobs, memberships and customers are of; `servicetitan_id` counts from 1 in each."""
    named: dict[Any, Sequence[str]] = {
        BusinessUnit: UNITS,
        JobType: JOB_TYPES,
        LeadSource: SOURCES,
        MembershipType: MEMBERSHIPS,
        Tag: [f"Tag {n}" for n in range(1, TAGS + 1)],
    }
    for model, names in named.items():
        model.objects.bulk_create(
            model(account=account, servicetitan_id=n, name=name) for n, name in enumerate(names, start=1)
        )


def _zones() -> int:
    return zone_set_for(state="IL", zip_code="60601").pk


@contextmanager
def _bare() -> Iterator[None]:
    """Without checks of foreign keys and with unique indexes only; the others are built once afterwards."""
    built = sql.rows(
        """
        SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
        WHERE i.indrelid = ANY(%s::regclass[]) AND NOT i.indisunique
        """,
        [list(FILLED)],
    )
    with connection.cursor() as cursor:
        # Rows that a crash may lose, and indexes in one pass: laying is not what is measured.
        for setting in ("synchronous_commit = off", "maintenance_work_mem = '512MB'"):
            cursor.execute(f"set {setting}")
        for name, _ in built:
            cursor.execute(f"drop index {name}")
        for table in FILLED:
            cursor.execute(f"alter table {table} disable trigger all")
        try:
            yield
        finally:
            for table in FILLED:
                cursor.execute(f"alter table {table} enable trigger all")
            for _, definition in built:
                cursor.execute(definition)
            for setting in ("synchronous_commit", "maintenance_work_mem"):
                cursor.execute(f"reset {setting}")
