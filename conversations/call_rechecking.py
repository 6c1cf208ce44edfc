"""The recheck at the source of whoever is called next, as `conversations/rechecking.py` does for texts.

Scripted calls are asked after in batches before they are claimed; what a person calls, when they press Call:
the queue may be long, and what was asked hours before would be asked again for nothing.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError

from audiences import freshness
from common import sql
from common.transactions import atomic_with_retry
from conversations import planned_calls, rechecking
from conversations.locks import lock_planned_calls
from conversations.models import PlannedCall
from conversations.planned_calls import CallDeferral
from conversations.rechecking import BATCH, PUT_OFF, SOURCE_UNREACHABLE, Waiting

log = logging.getLogger(__name__)


def waiting(account_id: int, since: datetime, now: datetime) -> list[Waiting]:
    """Due scripted calls of the account's campaigns that were not rechecked since, oldest first."""
    found = sql.rows(
        """
        SELECT p.id, c.servicetitan_customer_id FROM conversations_lane l
        JOIN conversations_plannedcall p ON p.lane_id = l.id AND p.mode = 'script' AND p.state = 'queued'
            AND p.due_at <= %(now)s AND (p.rechecked_at IS NULL OR p.rechecked_at < %(since)s)
        JOIN audiences_contact c ON c.id = p.contact_id
        WHERE l.account_id = %(account)s AND l.kind = 'campaign' AND NOT l.paused
        ORDER BY p.due_at, p.id LIMIT %(most)s
        """,
        {"account": account_id, "since": since, "now": now, "most": BATCH},
    )
    return [Waiting(*row) for row in found]


def ask_now(planned: PlannedCall, *, now: datetime) -> bool:
    """Ask the source about one customer before a person calls, where the mirror is old. False where it could
    not be asked: the call is put off. Not inside a transaction."""
    since = sql.value(
        f"SELECT {freshness.asked_since('%(account)s')}", {"account": planned.account_id, "now": now}
    )
    if since is None or (planned.rechecked_at is not None and planned.rechecked_at >= since):
        return True
    customer_id = planned.contact.servicetitan_customer_id
    if customer_id > 0:
        try:
            rechecking.ask(planned.account_id, [customer_id], {})
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.warning("account %s: the source was not reached: %s", planned.account_id, error)
            put_off(planned.account_id, [planned.pk], now=now)
            return False
    mark([planned.pk], asked_at=now)
    return True


@atomic_with_retry
def mark(planned_ids: Sequence[int], *, asked_at: datetime) -> int:
    """These may be placed: the source was asked at that instant. How many are still in the queue."""
    lock_planned_calls(planned_ids)
    return sql.run(
        "UPDATE conversations_plannedcall SET rechecked_at = %s, recheck_failed_at = NULL"
        " WHERE id = ANY(%s::bigint[]) AND state IN ('queued', 'taken')",
        [asked_at, sql.array(planned_ids)],
    )


@atomic_with_retry
def put_off(account_id: int, planned_ids: Sequence[int], *, now: datetime) -> int:
    """Nobody answered: these wait for two hours; those that have, and the source was not reached meanwhile,
    are skipped. How many of both. As `rechecking.put_off`."""
    lock_planned_calls(planned_ids)
    found = sql.rows(
        """
        SELECT p.id, p.origin, coalesce(p.recheck_failed_at > (
            SELECT coalesce(max(k.complete_at), '-infinity') FROM audiences_synccursor k
            WHERE k.account_id = %s), false), p.recheck_failed_at
        FROM conversations_plannedcall p
        WHERE p.id = ANY(%s::bigint[]) AND p.state IN ('queued', 'taken')
        """,
        [account_id, sql.array(planned_ids)],
    )
    gone = [pk for pk, _, again, failed_at in found if again and failed_at <= now - PUT_OFF]
    first = {pk: failed_at if again else now for pk, _, again, failed_at in found if pk not in gone}
    planned_calls.cancel(gone, reason=SOURCE_UNREACHABLE, now=now)
    if first:
        sql.run(
            "UPDATE conversations_plannedcall p SET recheck_failed_at = f.at"
            " FROM unnest(%s::bigint[], %s::timestamptz[]) AS f(id, at) WHERE p.id = f.id",
            sql.arrays(list(first.items())),
        )
        until = now + PUT_OFF
        planned_calls.defer(
            [CallDeferral(pk, origin, until, SOURCE_UNREACHABLE) for pk, origin, *_ in found if pk in first],
            now=now,
        )
    return len(found)
