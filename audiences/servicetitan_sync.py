"""Bring an account's ServiceTitan data up to date, page by page, resumable at any of them.

Each export has a continuation token, stored in the transaction that writes the page's rows: killed at any
instant, the next run goes on at the first page that was not committed. Pages are fetched outside any
transaction.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.db import transaction

from accounts.models import Account
from audiences import servicetitan_pages as pages
from audiences.models import SyncCursor
from integrations.messaging import ProviderError


class Page(Protocol):
    """One page of an export: its rows, and where the next one begins."""

    records: Sequence[Any]
    continue_from: str


class Client(Protocol):
    """What the sync needs of `integrations.servicetitan.client`. Both raise ProviderError."""

    def export(self, entity: str, token: str) -> Iterable[Page]:
        """Pages after `token` (empty: from the beginning), until nothing more has changed."""
        ...

    def list_job_types(self) -> Sequence[Any]:
        """All job types, inactive ones included: there is no export of them."""
        ...


Apply = Callable[[Account, Sequence[Any]], None]

# In this order: what names others comes after what it names, so that few stubs are needed.
EXPORTS: dict[str, Apply] = {
    "business-units": pages.apply_business_units,
    "tag-types": pages.apply_tags,
    "customers": pages.apply_customers,
    "locations": pages.apply_locations,
    "contacts": pages.apply_contact_methods,
    "jobs": pages.apply_jobs,
    "appointments": pages.apply_appointments,
}
JOB_TYPES = "job-types"


@dataclass
class SyncReport:
    """Rows applied by entity, and what stopped the sync (empty: it reached the end)."""

    rows: dict[str, int] = field(default_factory=dict)
    error: str = ""


class CursorMoved(Exception):
    """Another sync of this account has applied this page meanwhile."""


def sync(account: Account, *, client: Client, now: datetime) -> SyncReport:
    """Apply everything that changed at the source since the last run.

    A ProviderError ends the run: it is kept on the entity's cursor and in the report, and the next run
    resumes. Anything else propagates. Safe to run twice at once: whoever comes second to a page stops.
    """
    report = SyncReport()
    entity = JOB_TYPES
    try:
        job_types = client.list_job_types()
        _commit_page(account, JOB_TYPES, "", "", job_types, pages.apply_job_types, now)
        report.rows[JOB_TYPES] = len(job_types)
        for entity, apply in EXPORTS.items():
            report.rows[entity] = 0
            token = _cursor(account, entity).continue_from
            for page in client.export(entity, token):
                _commit_page(account, entity, token, page.continue_from, page.records, apply, now)
                token = page.continue_from
                report.rows[entity] += len(page.records)
    except ProviderError as error:
        report.error = f"{entity}: {error}"
        SyncCursor.objects.filter(account=account, entity=entity).update(error=str(error))
    except CursorMoved:
        report.error = f"{entity}: another sync of this account is running"
    return report


def _cursor(account: Account, entity: str) -> SyncCursor:
    return SyncCursor.objects.get_or_create(account=account, entity=entity)[0]


@transaction.atomic
def _commit_page(
    account: Account,
    entity: str,
    token: str,
    continue_from: str,
    records: Sequence[Any],
    apply: Apply,
    now: datetime,
) -> None:
    """Rows and token together, provided that nobody else has moved the token."""
    _cursor(account, entity)
    cursor = SyncCursor.objects.select_for_update(no_key=True).get(account=account, entity=entity)
    if cursor.continue_from != token:
        raise CursorMoved(entity)
    if records:
        apply(account, records)
    cursor.continue_from = continue_from
    cursor.rows += len(records)
    cursor.synced_at = now
    cursor.error = ""
    cursor.save()
