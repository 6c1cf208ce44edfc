"""The lease of emails, beside that of texts (`conversations/leasing.py`): what a mailbox may send now.

Apart, because neither waits for the other: texts share numbers and their carriers' days, emails a mailbox.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from audiences.freshness import asked_since
from common import sql
from common.transactions import atomic_with_retry
from common.turns import Turns
from conversations.leasing import BURST_SECONDS, LEASE_SECONDS, RECHECKED, allowance
from conversations.listening import DEAF


@atomic_with_retry
def lease(room: int, *, now: datetime, turns: Turns | None = None) -> list[int]:
    """Set aside at most `room` due emails; returns their ids.

    Mailboxes share the room, and lanes the rate of their mailbox, by `turns`. Advances the mailboxes' pace by
    what was taken, so that all sender processes together keep to it. Paused lanes are passed over, what a
    pause of everything holds, and accounts that may have missed an opt-out: one by text may mean emails, too.
    Where an account's mirror is old, the source must have been asked about whoever is written to.
    """
    turns = turns or Turns()
    waiting: dict[int, list[int]] = defaultdict(list)
    since: dict[int, datetime | None] = {}
    for lane_id, mailbox_id, asked in _due(now):
        waiting[mailbox_id].append(lane_id)
        since[lane_id] = asked
    able = _allowed(list(waiting))
    taken: list[int] = []
    for index, mailbox in enumerate(turns.order(("mailbox", mailbox_id) for mailbox_id in able)):
        share = _part(room - len(taken), len(able) - index)
        lanes = turns.order(("lane", lane_id) for lane_id in waiting[mailbox[1]])
        got = _lease_mailbox(mailbox[1], lanes, min(share, able[mailbox[1]]), since, now, turns)
        if got:
            turns.took(mailbox)
        taken += got
    return taken


def _due(now: datetime) -> list[tuple[int, int, datetime | None]]:
    """(lane, mailbox, since when the source must have been asked) of lanes with an email due. A lane's emails
    leave from its account's mailbox."""
    found = sql.rows(
        f"""
        SELECT l.id, x.id, CASE WHEN l.kind = 'campaign' THEN {asked_since("l.account_id")} END
        FROM conversations_lane l
        JOIN integrations_sendingmailbox x ON x.account_id = l.account_id AND x.active
        WHERE NOT l.paused AND NOT EXISTS (
            SELECT 1 FROM conversations_sendingpause p
            WHERE p.account_id = l.account_id AND p.lifted_at IS NULL)
          AND NOT EXISTS (
            SELECT 1 FROM conversations_listening h WHERE h.account_id = l.account_id AND {DEAF})
          AND EXISTS (
            SELECT 1 FROM conversations_message m WHERE m.lane_id = l.id AND m.state = 'queued'
            AND m.mailbox_id IS NOT NULL AND m.due_at <= %(now)s
            AND (m.leased_until IS NULL OR m.leased_until < clock_timestamp()))
        """,
        {"now": now},
    )
    return [(lane_id, mailbox_id, asked) for lane_id, mailbox_id, asked in found]


def _part(whole: int, among: int) -> int:
    """One's part of what so many still share, rounded up."""
    return -(-whole // among)


def _allowed(mailbox_ids: list[int]) -> dict[int, int]:
    """Emails that these mailboxes may hand over now; locks their pace until the lease commits."""
    if not mailbox_ids:
        return {}
    found = sql.rows(
        f"""
        SELECT x.id, {allowance("coalesce(x.tat, clock_timestamp())", "x.emails_per_second")}
        FROM integrations_sendingmailbox x WHERE x.id = ANY(%(ids)s) ORDER BY x.id FOR NO KEY UPDATE
        """,
        {"ids": mailbox_ids, "burst": BURST_SECONDS},
    )
    return {mailbox_id: max(emails, 0) for mailbox_id, emails in found}


def _lease_mailbox(
    mailbox_id: int,
    lanes: list[tuple[str, int]],
    room: int,
    since: Mapping[int, datetime | None],
    now: datetime,
    turns: Turns,
) -> list[int]:
    """Set aside at most `room` due emails from one mailbox, lane by lane; moves its pace on."""
    taken: list[int] = []
    for index, lane in enumerate(lanes):
        share = _part(room - len(taken), len(lanes) - index)
        got = _lease_lane(lane[1], mailbox_id, share, since[lane[1]], now) if share > 0 else []
        if got:
            turns.took(lane)
        taken += got
    if taken:
        sql.run(
            "UPDATE integrations_sendingmailbox SET tat = greatest(coalesce(tat, clock_timestamp()),"
            " clock_timestamp()) + %s * (interval '1 second' / emails_per_second) WHERE id = %s",
            [len(taken), mailbox_id],
        )
    return taken


def _lease_lane(
    lane_id: int, mailbox_id: int, limit: int, since: datetime | None, now: datetime
) -> list[int]:
    return sql.column(
        f"""
        WITH due AS MATERIALIZED (
            SELECT id FROM conversations_message
            WHERE lane_id = %s AND state = 'queued' AND mailbox_id IS NOT NULL AND due_at <= %s
              AND mailbox_id = %s AND (leased_until IS NULL OR leased_until < clock_timestamp())
              AND {RECHECKED}
            ORDER BY due_at, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE conversations_message m SET leased_until = clock_timestamp() + %s * interval '1 second'
        FROM due WHERE m.id = due.id RETURNING m.id
        """,
        [lane_id, now, mailbox_id, since, since, limit, LEASE_SECONDS],
    )


def slow_down(mailbox_id: int, seconds: float) -> None:
    """Hold a mailbox back for `seconds`: its provider said that we send too fast."""
    sql.run(
        "UPDATE integrations_sendingmailbox"
        " SET tat = greatest(tat, clock_timestamp() + %s * interval '1 second') WHERE id = %s",
        [seconds, mailbox_id],
    )
