"""Bring an account's ServiceTitan data up to date, page by page, resumable at any of them.

Each export has a continuation token, stored in the transaction that writes the page's rows: killed at any
instant, the next run goes on at the first page that was not committed. Pages are fetched outside any
transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Account
from audiences import servicetitan_pages as pages
from audiences.models import SyncCursor
from integrations.messaging import ProviderError
from integrations.servicetitan.client import ServiceTitanClient

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
    """Rows applied by entity; whether the end was reached, else what stopped it (empty: `go_on`)."""

    rows: dict[str, int] = field(default_factory=dict)
    error: str = ""
    finished: bool = False


class CursorMoved(Exception):
    """Another sync of this account has applied this page meanwhile."""


def sync(
    account: Account, *, client: ServiceTitanClient, now: datetime, go_on: Callable[[], bool] = lambda: True
) -> SyncReport:
    """Apply everything that changed at the source since the last run.

    `go_on` is asked where more pages follow. A ProviderError ends the run: it is kept on the entity's
    cursor and in the report. The next run resumes where this one ended. Anything else propagates. Safe to
    run twice at once: whoever comes second to a page stops.
    """
    report = SyncReport()
    entity = JOB_TYPES
    try:
        _cursor(account, JOB_TYPES)
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
                if page.has_more and not go_on():
                    return report
        report.finished = True
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
