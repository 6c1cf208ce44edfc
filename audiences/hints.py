"""Following hints that something changed at the source: few fetches, however many hints.

Hints lie in the raw inbox. Every other second those of an account are taken together, each row once, fifty a
request; where they are too many, or do not say what changed, its lists are read on instead, at most once a
minute. Nothing hangs on a hint: what one fails to bring, the next sync does.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from audiences import servicetitan_sync, sync_stops
from audiences.models import SyncCursor
from common import sql
from common.transactions import atomic_with_retry
from integrations import inbox
from integrations.messaging import ProviderError
from integrations.models import Connection, ProviderEvent
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.client import ServiceTitanClient, shared
from integrations.servicetitan.entities import LISTED

log = logging.getLogger(__name__)
BATCH = 2_000  # events of one account and round
MOST_ROWS = 500  # of one account and round; beyond, its lists are read on
READ_ON_AFTER = timedelta(minutes=1)
FETCHED, READ_ON, STOPPED, NO_SOURCE = "fetched", "read on", "the sync is stopped", "no source"


def follow(*, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """One round over the hints that wait; how many were followed or given up. One account's trouble is no
    other's, nor is its flood."""
    done = 0
    for account_id in _waiting().order_by("account_id").values_list("account_id", flat=True).distinct():
        if not go_on():
            break
        ids = list(_waiting().filter(account_id=account_id).order_by("id").values_list("id", flat=True))
        events = list(ProviderEvent.objects.filter(pk__in=ids[:BATCH]))
        if not events:  # closed meanwhile
            continue
        try:
            outcome = _follow(account_id, events, now, go_on)
        except ProviderError as error:
            log.warning("account %s: %s hints could not be followed: %s", account_id, len(ids), error)
            outcome = f"not fetched: {error}"
        if outcome:
            followed = ids[:BATCH] if outcome == FETCHED else ids  # the lists had it all
            done += _close(account_id, followed, outcome, max(event.received_at for event in events))
    return done


def _waiting() -> QuerySet[ProviderEvent]:
    return ProviderEvent.objects.filter(kind=ProviderEvent.Kind.SOURCE_CHANGED, applied_at__isnull=True)


def _follow(
    account_id: int | None, events: Sequence[ProviderEvent], now: datetime, go_on: Callable[[], bool]
) -> str:
    """What became of them; empty where they wait for their turn. Raises ProviderError."""
    if account_id is None:
        return NO_SOURCE
    stored = Connection.objects.of(account_id, Connection.Provider.SERVICETITAN)
    connection = stored.select_related("account").first()
    if connection is None:
        return NO_SOURCE
    if sync_stops.stopped(connection.account):
        return STOPPED
    wanted, vague = _wanted(events)
    client = shared(ServiceTitanAccess.of(connection))
    if vague or sum(len(ids) for ids in wanted.values()) > MOST_ROWS:
        if SyncCursor.objects.filter(
            account=connection.account, entity="jobs", synced_at__gt=now - READ_ON_AFTER
        ).exists():
            return ""
        servicetitan_sync.sync(connection.account, client=client, now=now, go_on=go_on)
        return READ_ON
    for entity in servicetitan_sync.EXPORTS:
        if entity in wanted:
            _fetch(connection.account, client, entity, sorted(wanted[entity]))
    return FETCHED


def _wanted(events: Sequence[ProviderEvent]) -> tuple[dict[str, set[int]], bool]:
    """Ids by entity, and whether something else may have changed, too."""
    wanted: dict[str, set[int]] = defaultdict(set)
    vague = False
    for event in events:
        for hint in event.payload.get("hints", []):
            if hint.get("entity") in LISTED and hint.get("id"):
                wanted[hint["entity"]].add(hint["id"])
            else:
                vague = True
    return wanted, vague


def _fetch(account: Any, client: ServiceTitanClient, entity: str, ids: list[int]) -> None:
    records = client.by_ids(entity, ids)

    @atomic_with_retry
    def write() -> None:
        servicetitan_sync.apply_records(account, records, servicetitan_sync.EXPORTS[entity])

    write()


@atomic_with_retry
def _close(account_id: int | None, ids: Sequence[int], outcome: str, last_at: datetime) -> int:
    """Close what was followed, and count it for people who ask whether hints arrive."""
    slices = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    closed = sum(inbox.mark_applied(some, outcome=outcome) for some in slices)
    if account_id is not None:
        sql.run(
            """
            INSERT INTO audiences_hinttally AS t (account_id, hints, last_at) VALUES (%s, %s, %s)
            ON CONFLICT (account_id) DO UPDATE
            SET hints = t.hints + EXCLUDED.hints, last_at = greatest(t.last_at, EXCLUDED.last_at)
            """,
            [account_id, closed, last_at],
        )
    return closed
