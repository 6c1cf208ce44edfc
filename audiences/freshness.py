"""Fresh at the moment of sending: who is about to be texted is asked after at the source where the mirror is
older than the account allows.

What the source says is written as a sync would write it. Never inside a transaction; doing it again, or dying
half-way, harms nothing.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from audiences import merging, servicetitan_pages, servicetitan_sync
from audiences.models import SourceFreshness, SyncCursor
from audiences.models.source_freshness import FRESH_MINUTES
from common import clock
from common.transactions import atomic_with_retry
from integrations.messaging import ProviderError
from integrations.servicetitan.client import MAX_IDS, ServiceTitanClient

log = logging.getLogger(__name__)
LISTS = ("customers", "contacts", "jobs")
"""What says whether somebody may be texted: as old as the oldest of these, so old is the mirror."""
MOST_CHANGES = 2_000  # jobs changed since; more are asked for customer by customer
MARGIN = timedelta(minutes=10)  # the source's clock, and what it shows late

_ALLOWED = f"(coalesce(sf.minutes, {FRESH_MINUTES}) * interval '1 minute')"


def asked_since(account: str) -> str:
    """SQL: since when the source must have been asked about whoever is texted; null where the mirror is young
    enough, or there is no source. `account` is an id in SQL; the parameter `now` is the product's clock.
    """
    return f"""(
        SELECT %(now)s::timestamptz - {_ALLOWED} FROM integrations_connection cn
        LEFT JOIN audiences_sourcefreshness sf ON sf.account_id = cn.account_id
        WHERE cn.account_id = {account} AND cn.provider = 'servicetitan' AND (
            SELECT count(*) FROM audiences_synccursor k WHERE k.account_id = cn.account_id
            AND k.entity IN ('{"', '".join(LISTS)}')
            AND k.complete_at >= %(now)s::timestamptz - {_ALLOWED}) < {len(LISTS)})"""


def minutes_of(account: Account) -> int:
    """How old an account lets its mirror be, in minutes."""
    row = SourceFreshness.objects.filter(account=account).first()
    return row.minutes if row else FRESH_MINUTES


@transaction.atomic
def set_minutes(account: Account, minutes: int, *, by: User) -> bool:
    """Let the mirror be so old; False where it was so already. Holds from the next text on."""
    row = SourceFreshness.objects.select_for_update().filter(account=account).first()
    before = row.minutes if row else FRESH_MINUTES
    if before == minutes:
        return False
    row = row or SourceFreshness(account=account)
    row.minutes = minutes
    row.full_clean(validate_unique=False)
    row.save()
    audit.record(
        account=account, by=by, verb="changed_freshness", on=row,
        summary=f"Customers are asked after at ServiceTitan where the mirror is older than {row}",
        detail={"minutes": f"{before} → {minutes}"},
    )  # fmt: skip
    return True


class Look:
    """Questions about people of one account, batch after batch: jobs that changed are asked for once."""

    def __init__(self, account: Account, client: ServiceTitanClient) -> None:
        self._account, self._client = account, client
        read = SyncCursor.objects.filter(account=account, entity="jobs").first()
        self._jobs_since = read.complete_at if read else None

    def at(self, customer_ids: Iterable[int]) -> None:
        """Bring these customers up to date: themselves, their phones and mailboxes, jobs made for them, and
        bookings. Raises ProviderError; nothing of that batch is written then.
        """
        wanted = set(customer_ids)
        # What is theirs may stand yet with those that were merged into them.
        asked = sorted(wanted | merging.origins(self._account.pk, wanted))
        began, since = clock.now(), self._jobs_since
        found: list[tuple[str, Sequence[Any]]] = []
        listed: set[int] = set()
        for start in range(0, len(asked), MAX_IDS):
            some = asked[start : start + MAX_IDS]
            found.append(("customers", self._client.by_ids("customers", some)))
            methods = self._client.by_ids("contacts", some)
            found.append(("contacts", methods))
            listed |= {method.id for method in methods if method.active}
        found.append(("jobs", self._jobs(asked)))
        if since is not None:
            found.append(("bookings", self._bookings(since)))
        _write(self._account, found, asked, listed, began)
        if self._jobs_since is not None:
            self._jobs_since = began

    def _jobs(self, customer_ids: Sequence[int]) -> Sequence[Any]:
        """What changed since the last look, everybody's; of these alone where that is too much to read."""
        if self._jobs_since is not None:
            changed = self._client.changed("jobs", self._jobs_since - MARGIN, most=MOST_CHANGES)
            if changed is not None:
                return changed
            self._jobs_since = None  # what these were asked is no answer for the next: they are asked, too
        return [job for pk in customer_ids for job in self._client.jobs(customer_id=pk)]

    def _bookings(self, since: datetime) -> Sequence[Any]:
        try:
            return self._client.changed("bookings", since - MARGIN, most=MOST_CHANGES) or []
        except ProviderError as error:
            if error.code in servicetitan_sync.NOT_OURS:  # the app need not be allowed to read them
                return []
            raise


@atomic_with_retry
def _write(
    account: Account, found: Sequence[tuple[str, Sequence[Any]]], asked: Sequence[int], methods: set[int],
    began: datetime,
) -> None:  # fmt: skip
    """As the sync writes pages, but for its place in the lists, which is not moved. A phone that the source
    does not name any more was deleted there: it lists only what is not."""
    for entity, records in found:
        refused = servicetitan_sync.apply_records(account, records, servicetitan_sync.EXPORTS[entity])
        if refused:
            words = "; ".join(refused[: servicetitan_sync.MOST_WORDS])
            log.warning("account %s, %s: passed over %s", account.pk, entity, words)
    servicetitan_pages.drop_methods(account, asked, but=methods, known=began)
