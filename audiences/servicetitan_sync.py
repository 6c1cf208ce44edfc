"""Bring an account's ServiceTitan data up to date, page by page, resumable at any of them.

Each export has a continuation token, stored in the transaction that writes the page's rows: killed at any
instant, the next run goes on at the first page that was not committed. Pages are fetched outside any
transaction. A single row that cannot be read, or that the database refuses, is passed over and told on the
cursor: it comes again when somebody mends it at the source, and meanwhile holds nothing up.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction

from accounts.models import Account
from audiences import servicetitan_pages as pages
from audiences import servicetitan_work as work
from audiences import sync_stops
from audiences.models import SyncCursor
from common import sql
from common.transactions import atomic_with_retry
from integrations.messaging import ProviderError
from integrations.servicetitan.client import Page, ServiceTitanClient

Apply = Callable[[Account, Sequence[Any]], None]

# In this order: what names others comes after what it names, so that few stubs are needed.
EXPORTS: dict[str, Apply] = {
    "business-units": pages.apply_business_units,
    "tag-types": pages.apply_tags,
    "customers": pages.apply_customers,
    "locations": pages.apply_locations,
    "contacts": pages.apply_contact_methods,
    "recurring-service-events": pages.apply_recurring_visits,
    "jobs": pages.apply_jobs,
    "appointments": pages.apply_appointments,
    "appointment-assignments": pages.apply_assignments,
    "membership-types": work.apply_membership_types,
    "memberships": work.apply_memberships,
    "estimates": work.apply_estimates,
    "invoices": work.apply_invoices,
    "bookings": work.apply_bookings,
    "calls": work.apply_calls,
}
FIRST_EXPORT = next(iter(EXPORTS))
# Raised by one where more is kept of an entity's rows than a release before did: they are read once more from
# the beginning, and by a worker that keeps it, however long those of the release before still run.
SHAPES = {"appointments": 1}  # 1: arrival windows
# Short lists that no export has, read as a whole each time and before everything else.
JOB_TYPES, LEAD_SOURCES = "job-types", "lead-sources"
LISTS: dict[str, tuple[Callable[[ServiceTitanClient], Sequence[Any]], Apply]] = {
    JOB_TYPES: (ServiceTitanClient.list_job_types, pages.apply_job_types),
    LEAD_SOURCES: (ServiceTitanClient.list_lead_sources, work.apply_lead_sources),
}
# What an app may have no permission for: then it is told on the cursor, and the rest goes on.
OPTIONAL = {
    LEAD_SOURCES, "appointment-assignments", "recurring-service-events", "membership-types", "memberships",
    "estimates", "invoices", "bookings", "calls",
}  # fmt: skip
NOT_OURS = {"403", "404"}
# After so many rows of a first sync the planner is told: of an account that it never heard of it thinks that
# it has no rows, and reads all of them for each customer. By itself it looks when a tenth of a table is new.
TOLD_AT = (10_000, 40_000, 160_000, 640_000)
WRITTEN: dict[str, tuple[str, ...]] = {
    "customers": ("audiences_contact", "audiences_household"),
    "locations": ("audiences_location", "audiences_contact", "audiences_household"),
    "contacts": ("audiences_contactmethod", "audiences_address", "audiences_contactaddress"),
    "jobs": ("audiences_job",),
    "appointments": ("audiences_appointment",),
    "memberships": ("audiences_customermembership",),
    "estimates": ("audiences_estimate",),
    "invoices": ("audiences_invoice",),
}
ALL_REFUSED = 10  # as many rows and not one taken: ours is the mistake, nothing is passed over
MOST_WORDS = 5  # of rows passed over, kept in words

log = logging.getLogger(__name__)


@dataclass
class SyncReport:
    """Rows applied by entity; whether the end was reached, else what stopped it (empty: `go_on`).

    `skipped` are the rows passed over, in words.
    """

    rows: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    error: str = ""
    finished: bool = False


class CursorMoved(Exception):
    """Another sync of this account has applied this page meanwhile."""


def sync(
    account: Account, *, client: ServiceTitanClient, now: datetime, go_on: Callable[[], bool] = lambda: True
) -> SyncReport:
    """Apply everything that changed at the source since the last run.

    `go_on` is asked where more pages follow; whether somebody has stopped it, before each list, too, so that
    it stands still after the page under way. A ProviderError ends the run: it is kept on the entity's cursor
    and in the report. The next run resumes where this one ended. Anything else propagates. Safe to run twice
    at once: whoever comes second to a page stops.
    """
    report = SyncReport()
    entity = ""
    try:
        for entity in [*LISTS, *EXPORTS]:
            if sync_stops.stopped(account):
                return report
            if entity == FIRST_EXPORT:
                _count(account, client)
            try:
                read = _read_list if entity in LISTS else _follow
                if not read(account, entity, client, now, go_on, report):
                    return report
            except ProviderError as error:
                if entity != LEAD_SOURCES and (entity not in OPTIONAL or error.code not in NOT_OURS):
                    raise  # but no customer and no job waits for the names of lead sources
                _tell(account, entity, error)
        report.finished = True
    except ProviderError as error:
        report.error = f"{entity}: {error}"
        _tell(account, entity, error)
    except CursorMoved:
        report.error = f"{entity}: another sync of this account is running"
    return report


def _count(account: Account, client: ServiceTitanClient) -> None:
    """Before an export is read for the first time: how many rows the source says it has, where it says so."""
    cursors = {cursor.entity: cursor for cursor in SyncCursor.objects.filter(account=account)}
    for entity in EXPORTS:
        cursor = cursors.get(entity)
        if cursor is not None and (cursor.expected is not None or cursor.complete_at or cursor.error):
            continue
        expected = client.total(entity)
        if expected is not None:
            _cursor(account, entity)
            SyncCursor.objects.filter(account=account, entity=entity).update(expected=expected)


def _read_list(
    account: Account,
    entity: str,
    client: ServiceTitanClient,
    now: datetime,
    go_on: Callable[[], bool],
    report: SyncReport,
) -> bool:
    """Apply a short list as a whole; True, for it has no end to be cut off from."""
    fetch, apply = LISTS[entity]
    _cursor(account, entity)
    rows = fetch(client)
    report.skipped += commit_page(account, entity, "", Page(rows, "", False), apply, now)
    report.rows[entity] = len(rows)
    return True


def _follow(
    account: Account,
    entity: str,
    client: ServiceTitanClient,
    now: datetime,
    go_on: Callable[[], bool],
    report: SyncReport,
) -> bool:
    """Apply one export to its end; False where `go_on` ended it before."""
    report.rows[entity] = 0
    cursor = _cursor(account, entity)
    token, read = _place(cursor), None if cursor.complete_at else cursor.rows
    began = time.monotonic()
    for page in client.export(entity, token):
        busy, began = time.monotonic() - began, time.monotonic()
        report.skipped += commit_page(account, entity, token, page, EXPORTS[entity], now, busy)
        token = page.continue_from
        report.rows[entity] += len(page.records)
        if read is not None:
            before, read = read, read + len(page.records)
            if any(before < mark <= read for mark in TOLD_AT):
                _tell_planner(entity)
        if page.has_more and not go_on():
            return False
    return True


def _tell_planner(entity: str) -> None:
    """Have the tables of an entity looked at, which takes seconds at most for millions of rows: samples of
    them are read. Not inside somebody's transaction, whose end their locks would wait for."""
    if not connection.in_atomic_block:
        for table in WRITTEN.get(entity, ()):
            sql.run(f"ANALYZE {table}")


def _tell(account: Account, entity: str, error: ProviderError) -> None:
    SyncCursor.objects.filter(account=account, entity=entity).update(error=str(error))


def _cursor(account: Account, entity: str) -> SyncCursor:
    return SyncCursor.objects.get_or_create(account=account, entity=entity)[0]


def _place(cursor: SyncCursor) -> str:
    """The token to go on from: the beginning where the rows so far lack what is kept by now."""
    return "" if _outgrown(cursor) else cursor.continue_from


def _outgrown(cursor: SyncCursor) -> bool:
    return cursor.shape < SHAPES.get(cursor.entity, 0)


@atomic_with_retry
def commit_page(
    account: Account, entity: str, token: str, page: Page, apply: Apply, now: datetime, busy: float = 0.0
) -> list[str]:
    """Rows, token and shape together, provided that nobody else has moved the token; the rows passed over.

    `busy` are the seconds that went into fetching it and applying the one before.
    """
    _cursor(account, entity)
    cursor = SyncCursor.objects.select_for_update(no_key=True).get(account=account, entity=entity)
    if _place(cursor) != token:
        raise CursorMoved(entity)
    refused = apply_records(account, page.records, apply)
    skipped = [*page.skipped, *refused]
    if skipped:
        log.warning("account %s, %s: passed over %s", account.pk, entity, "; ".join(skipped[:MOST_WORDS]))
        cursor.skipped += len(skipped)
        cursor.last_skipped = "\n".join(skipped[:MOST_WORDS])
    before = 0 if entity in LISTS or _outgrown(cursor) else cursor.rows  # a list comes as a whole each time
    cursor.rows = before + len(page.records) - len(refused)
    cursor.continue_from, cursor.shape = page.continue_from, SHAPES.get(entity, 0)
    cursor.busy_seconds += busy
    cursor.synced_at = now
    if not page.has_more:
        cursor.complete_at = now
    cursor.error = ""
    cursor.save()
    return skipped


def apply_records(account: Account, records: Sequence[Any], apply: Apply) -> list[str]:
    """Apply what the database takes, and say what it does not. It refuses a statement as a whole, so the
    page is halved until the odd rows stand alone. Raises what it said where none of many is taken.
    """
    if not records:
        return []
    try:
        with transaction.atomic():
            apply(account, records)
        return []
    except (DataError, IntegrityError) as refusal:
        if len(records) == 1:
            return [f"{type(records[0]).__name__} {records[0].id}: {str(refusal).splitlines()[0][:150]}"]
        middle = len(records) // 2
        refused = apply_records(account, records[:middle], apply)
        refused += apply_records(account, records[middle:], apply)
        if len(refused) == len(records) >= ALL_REFUSED:
            raise
        return refused
