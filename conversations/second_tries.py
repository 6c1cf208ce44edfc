"""One more try of messages whose delivery failed for a passing reason.

Until it begins the message keeps the status that its failure gave it. The failed try's attempt counts as
refused from then on, so that late news of it is no news of the message any more. What leaves again passes the
same gate as everything: opt-outs, hours, caps, holds.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations.locks import lock_messages

BATCH = 500
AGENT_OR_CAMPAIGN = ("campaign", "agent")
"""Kinds that are tried again: an automatic answer is one only at its time."""
_FAILED = "m.state IN ('failed', 'rejected', 'expired')"
_STILL_WANTED = f"""
    {_FAILED} AND m.code = s.code AND (m.send_by IS NULL OR m.send_by > %(now)s)
    AND a.unreachable_since IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM audiences_optout o WHERE o.address_id = m.address_id AND o.lifted_at IS NULL)
"""


def plan(waits: Mapping[int, timedelta], *, now: datetime, without_media: Collection[int] = ()) -> int:
    """Plan a second try of these failed messages, each after its wait; how many were planned.

    One per message for ever, and none that would come after its send-by time. In the caller's transaction.
    """
    if not waits:
        return 0
    ids, seconds, bare = sql.columns(
        [(pk, wait.total_seconds(), pk in without_media) for pk, wait in sorted(waits.items())]
    )
    return sql.run(
        f"""
        INSERT INTO conversations_secondtry (message_id, code, without_media, planned_at, due_at, begun)
        SELECT m.id, m.code, n.bare, %(now)s, n.due, false
        FROM (SELECT id, bare, %(now)s + seconds * interval '1 second' AS due
              FROM unnest(%(ids)s::bigint[], %(seconds)s::float[], %(bare)s::bool[])
                AS u(id, seconds, bare)) n
        JOIN conversations_message m ON m.id = n.id
        WHERE {_FAILED} AND m.mailbox_id IS NULL AND m.kind = ANY(%(kinds)s)
          AND (m.send_by IS NULL OR m.send_by > n.due)
        ORDER BY m.id ON CONFLICT (message_id) DO NOTHING
        """,
        {"ids": ids, "seconds": seconds, "bare": bare, "now": now, "kinds": list(AGENT_OR_CAMPAIGN)},
    )


def begin_due(*, now: datetime) -> int:
    """Queue again what is due, and give up what nobody wants any more; how many left the list."""
    from conversations.tasks import send  # tasks import the sender, and with it most of this package

    total, begun = 0, 0
    while True:
        done, queued = _begin_batch(now)
        total, begun = total + done, begun + queued
        if done < BATCH:
            break
    if begun:
        ring(send)
    return total


@atomic_with_retry
def _begin_batch(now: datetime) -> tuple[int, int]:
    """(taken off the list, queued again). Messages before attempts, as everywhere; what a paused campaign
    would send stays on the list."""
    due = sql.column(
        """
        SELECT s.message_id FROM conversations_secondtry s
        JOIN conversations_message m ON m.id = s.message_id JOIN conversations_lane l ON l.id = m.lane_id
        WHERE s.done_at IS NULL AND s.due_at <= %s AND (NOT l.paused OR m.send_by <= %s)
        ORDER BY s.message_id LIMIT %s
        """,
        [now, now, BATCH],
    )
    if not due:
        return 0, 0
    lock_messages(due)
    values = {"ids": sql.array(due), "now": now}
    wanted = sql.column(
        f"""
        SELECT m.id FROM conversations_secondtry s JOIN conversations_message m ON m.id = s.message_id
        JOIN audiences_address a ON a.id = m.address_id
        WHERE m.id = ANY(%(ids)s) AND s.done_at IS NULL AND {_STILL_WANTED} ORDER BY m.id
        """,
        values,
    )
    sql.run(
        "UPDATE conversations_attempt SET state = 'refused'"
        " WHERE message_id = ANY(%s) AND state <> 'refused'",
        [sql.array(wanted)],
    )
    sql.run(
        """
        UPDATE conversations_message m SET state = 'queued', state_at = %(now)s, due_at = %(now)s,
            leased_until = NULL, claimed_at = NULL, valid_until = NULL, provider_id = NULL, code = '',
            reason = '', unknown_polls = 0
        WHERE m.id = ANY(%(wanted)s)
        """,
        {"now": now, "wanted": sql.array(wanted)},
    )
    sql.run(
        "UPDATE conversations_secondtry SET done_at = %(now)s, begun = message_id = ANY(%(wanted)s)"
        " WHERE message_id = ANY(%(ids)s) AND done_at IS NULL",
        values | {"wanted": sql.array(wanted)},
    )
    return len(due), len(wanted)
