"""The recheck at the source: where an account's mirror is old, ServiceTitan is asked about exactly those who
are about to be written to, before anything to them is leased.

Outside any transaction and outside the sender, in batches: what the source says is applied as a sync would
apply it, so that whoever has booked leaves their campaigns and new flags are there for the gate; then the
messages are marked as rechecked and the lease takes them. Where nobody answers, they are put off once, and
skipped where the source was not reached by then either. Dying at any point leaves them queued and unmarked.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import InterfaceError, OperationalError

from audiences import freshness
from common import clock, loops, sql
from common.transactions import atomic_with_retry
from conversations import outbound
from conversations.delivery import Deferral
from conversations.locks import lock_messages
from conversations.models import Message
from conversations.signals import message_deferred
from integrations.messaging import ProviderError
from integrations.models import Connection
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.client import shared

log = logging.getLogger(__name__)
BATCH = 200  # messages: four requests of fifty customers each
LOOP_SECONDS = 10.0  # bookings wait for their turn meanwhile
PUT_OFF = timedelta(hours=2)
SOURCE_UNREACHABLE = "source_unreachable"
AGAIN_SECONDS = 60.0  # what did not answer is not asked again for every new message
_TOO_FAST = "429"  # it does answer: nobody is put off for that
_silent_until: dict[int, float] = {}  # account → monotonic, in this process


class Waiting(NamedTuple):
    """A due message, or planned call, whose contact must be asked after."""

    id: int
    customer_id: int


def work(seconds: float = LOOP_SECONDS) -> int:
    """Recheck what is due for at most so long; how many messages were asked for, put off or skipped."""
    looks: dict[int, freshness.Look] = {}
    done = 0
    for _ in loops.loop_until(seconds):
        found = sum(
            _recheck(account_id, since, looks, each) for account_id, since in _stale() for each in _kinds()
        )
        done += found
        if not found:
            break
    return done


def _stale() -> list[tuple[int, datetime]]:
    """Accounts whose mirror is old and that may send, with since when the source must have been asked."""
    found = sql.rows(
        f"""
        SELECT * FROM (
            SELECT c.account_id, {freshness.asked_since("c.account_id")} AS since
            FROM integrations_connection c WHERE c.provider = %(provider)s AND NOT EXISTS (
                SELECT 1 FROM conversations_sendingpause p
                WHERE p.account_id = c.account_id AND p.lifted_at IS NULL)) q
        WHERE since IS NOT NULL ORDER BY account_id
        """,
        {"now": clock.now(), "provider": Connection.Provider.SERVICETITAN},
    )
    return [(account_id, since) for account_id, since in found]


def _waiting(account_id: int, since: datetime, now: datetime) -> list[Waiting]:
    """Due messages of the account's campaigns that were not rechecked since, lanes alike, oldest first."""
    found = sql.rows(
        """
        SELECT m.id, c.servicetitan_customer_id FROM conversations_lane l
        CROSS JOIN LATERAL (
            SELECT id, contact_id, due_at FROM conversations_message
            WHERE lane_id = l.id AND state = 'queued' AND due_at <= %(now)s
              AND (rechecked_at IS NULL OR rechecked_at < %(since)s) ORDER BY due_at LIMIT %(most)s) m
        JOIN audiences_contact c ON c.id = m.contact_id
        WHERE l.account_id = %(account)s AND l.kind = 'campaign' AND NOT l.paused
        ORDER BY m.due_at, m.id LIMIT %(most)s
        """,
        {"account": account_id, "since": since, "now": now, "most": BATCH},
    )
    return [Waiting(*row) for row in found]


class _Silent(Exception):
    """The source did not answer a moment ago."""


class _Kind(NamedTuple):
    """What is asked after: messages or planned calls, and what becomes of either."""

    waiting: Callable[[int, datetime, datetime], list[Waiting]]
    mark: Callable[..., int]
    put_off: Callable[..., int]


def _kinds() -> list[_Kind]:
    from conversations import call_rechecking  # which takes what is below

    return [
        _Kind(_waiting, mark, put_off),
        _Kind(call_rechecking.waiting, call_rechecking.mark, call_rechecking.put_off),
    ]


def _recheck(account_id: int, since: datetime, looks: dict[int, freshness.Look], kind: _Kind) -> int:
    """One batch of one account. Raises the database's errors; anything else is the source's silence."""
    now = clock.now()
    waiting = kind.waiting(account_id, since, now)
    known = [each for each in waiting if each.customer_id > 0]  # the others are people of lists alone
    if strangers := [each.id for each in waiting if each.customer_id <= 0]:
        kind.mark(strangers, asked_at=now)
    if not known:
        return len(waiting)
    try:
        ask(account_id, [each.customer_id for each in known], looks)
    except (OperationalError, InterfaceError):
        raise
    except _Silent:
        kind.put_off(account_id, [each.id for each in known], now=now)
    except Exception as error:
        if isinstance(error, ProviderError) and error.code == _TOO_FAST:
            log.warning("account %s: the source asks us to wait", account_id)
            return len(strangers)
        log.warning("account %s: the source was not reached: %s", account_id, error, exc_info=True)
        _silent_until[account_id] = time.monotonic() + AGAIN_SECONDS
        kind.put_off(account_id, [each.id for each in known], now=now)
    else:
        kind.mark([each.id for each in known], asked_at=now)
    return len(waiting)


def ask(account_id: int, customer_ids: Sequence[int], looks: dict[int, freshness.Look]) -> None:
    """Bring these customers up to date. Raises ProviderError, and whatever else says that the source cannot
    be asked."""
    if time.monotonic() < _silent_until.get(account_id, 0.0):
        raise _Silent
    if account_id not in looks:
        stored = Connection.objects.select_related("account").get(
            account_id=account_id, provider=Connection.Provider.SERVICETITAN
        )
        looks[account_id] = freshness.Look(stored.account, shared(ServiceTitanAccess.of(stored)))
    looks[account_id].at(customer_ids)


@atomic_with_retry
def mark(message_ids: Sequence[int], *, asked_at: datetime) -> int:
    """These messages may leave: the source was asked at that instant, and what it said is written. How many
    are still queued."""
    lock_messages(message_ids)
    return sql.run(
        "UPDATE conversations_message SET rechecked_at = %s, recheck_failed_at = NULL"
        " WHERE id = ANY(%s::bigint[]) AND state = 'queued'",
        [asked_at, sql.array(message_ids)],
    )


@atomic_with_retry
def put_off(account_id: int, message_ids: Sequence[int], *, now: datetime) -> int:
    """Nobody answered: these wait for two hours; those that have, and the source was not reached meanwhile,
    are skipped. How many of both.

    Who is asked after sooner, because hours or holds were changed, waits again from then, and is skipped no
    sooner than two hours after the first try.
    """
    lock_messages(message_ids)
    found = sql.rows(
        """
        SELECT m.id, m.origin, coalesce(m.recheck_failed_at > (
            SELECT coalesce(max(k.complete_at), '-infinity') FROM audiences_synccursor k
            WHERE k.account_id = %s), false), m.recheck_failed_at
        FROM conversations_message m WHERE m.id = ANY(%s::bigint[]) AND m.state = 'queued'
        """,
        [account_id, sql.array(message_ids)],
    )
    until, gone, first = now + PUT_OFF, [], {}
    for pk, _, again, failed_at in found:
        if again and failed_at <= now - PUT_OFF:
            gone.append(pk)
        else:
            first[pk] = failed_at if again else now
    outbound.cancel(gone, reason=SOURCE_UNREACHABLE, now=now)
    deferrals = [Deferral(pk, origin, until, SOURCE_UNREACHABLE) for pk, origin, *_ in found if pk in first]
    if deferrals:
        sql.run(
            """
            UPDATE conversations_message m SET due_at = %s, leased_until = NULL, recheck_failed_at = f.at
            FROM unnest(%s::bigint[], %s::timestamptz[]) AS f(id, at) WHERE m.id = f.id
            """,
            [until, *sql.arrays(list(first.items()))],
        )
        message_deferred.send(Message, deferrals=deferrals, now=now)
    return len(found)
