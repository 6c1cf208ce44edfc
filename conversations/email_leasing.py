"""The lease of emails, beside that of texts (`conversations/leasing.py`): what a mailbox may send now.

Apart, because neither waits for the other: texts share numbers and their carriers' days, emails a mailbox.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from audiences.freshness import asked_since
from common import sql
from common.transactions import atomic_with_retry
from common.turns import Turns
from conversations.leasing import BURST_SECONDS, LEASE_SECONDS, RECHECKED, allowance
from conversations.listening import DEAF
from conversations.safety import IN_FORCE

_MOVED_AT_ONCE = 5_000


@atomic_with_retry
def lease(
    room: int, *, now: datetime, turns: Turns | None = None, without: Collection[int] = ()
) -> list[int]:
    """Set aside at most `room` due emails; returns their ids.

    Mailboxes share the room, and lanes the rate of their mailbox, by `turns`. Advances the mailboxes' pace by
    what was taken, so that all sender processes together keep to it. Paused lanes are passed over, what a
    pause of everything holds, and accounts that may have missed an opt-out: one by text may mean emails, too.
    Where an account's mirror is old, the source must have been asked about whoever is written to. Emails of a
    mailbox that was switched off leave from the account's own. `without` are connections to leave alone.
    """
    turns = turns or Turns()
    waiting: dict[int, list[int]] = defaultdict(list)
    since: dict[int, datetime | None] = {}
    for lane_id, mailbox_id, instead_id, asked in _due(now, without):
        if instead_id is not None:
            _leave_from(lane_id, mailbox_id, instead_id)
            mailbox_id = instead_id
        if lane_id not in waiting[mailbox_id]:
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


def _due(now: datetime, without: Collection[int]) -> list[tuple[int, int, int | None, datetime | None]]:
    """(lane, mailbox, the one instead, since when the source must have been asked) where an email is due.

    Of a mailbox that is switched off the account's own takes the place; where that is off, too, emails wait.
    """
    found = sql.rows(
        f"""
        SELECT l.id, x.id, CASE WHEN NOT x.active THEN d.id END,
            CASE WHEN l.kind = 'campaign' THEN {asked_since("l.account_id")} END
        FROM conversations_lane l
        JOIN integrations_sendingmailbox x ON x.account_id = l.account_id
        LEFT JOIN integrations_sendingmailbox d
            ON d.account_id = l.account_id AND d.business_unit_id IS NULL AND d.active
        WHERE NOT l.paused AND (x.active OR d.id IS NOT NULL)
          AND NOT coalesce(CASE WHEN NOT x.active THEN d.connection_id END, x.connection_id)
            = ANY(%(without)s::bigint[])
          AND NOT EXISTS (
            SELECT 1 FROM conversations_sendingpause p
            WHERE p.account_id = l.account_id AND p.lifted_at IS NULL)
          AND NOT EXISTS (
            SELECT 1 FROM conversations_listening h WHERE h.account_id = l.account_id AND {DEAF})
          AND NOT EXISTS (
            SELECT 1 FROM conversations_safetypause r WHERE r.account_id = l.account_id
            AND (r.lane_id = l.id
                OR r.mailbox_id = coalesce(CASE WHEN NOT x.active THEN d.id END, x.id))
            AND {IN_FORCE.format("r")})
          AND EXISTS (
            SELECT 1 FROM conversations_message m WHERE m.lane_id = l.id AND m.state = 'queued'
            AND m.mailbox_id = x.id AND m.due_at <= %(now)s
            AND (m.leased_until IS NULL OR m.leased_until < clock_timestamp()))
        """,
        {"now": now, "without": sql.array(without)},
    )
    return [(lane_id, mailbox_id, instead_id, asked) for lane_id, mailbox_id, instead_id, asked in found]


def _leave_from(lane_id: int, mailbox_id: int, instead_id: int) -> None:
    """Emails of a lane that wait for a mailbox that was switched off leave from another, some at a time."""
    sql.run(
        """
        WITH waiting AS MATERIALIZED (
            SELECT id FROM conversations_message
            WHERE lane_id = %s AND mailbox_id = %s AND state = 'queued' AND due_at IS NOT NULL
              AND (leased_until IS NULL OR leased_until < clock_timestamp())
            ORDER BY id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE conversations_message m SET mailbox_id = %s FROM waiting w WHERE m.id = w.id
        """,
        [lane_id, mailbox_id, _MOVED_AT_ONCE, instead_id],
    )


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
            ORDER BY due_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE conversations_message m SET leased_until = clock_timestamp() + %s * interval '1 second'
        FROM due WHERE m.id = due.id RETURNING m.id
        """,
        [lane_id, now, mailbox_id, since, since, limit, LEASE_SECONDS],
    )


def slow_down(mailbox_id: int, seconds: float) -> None:
    """Hold a mailbox back for `seconds`, and all others over its connection: the provider, who counts by key,
    said that we send too fast."""
    sql.run(
        """
        WITH held AS MATERIALIZED (
            SELECT x.id FROM integrations_sendingmailbox x
            WHERE x.connection_id = (SELECT connection_id FROM integrations_sendingmailbox WHERE id = %s)
            ORDER BY x.id FOR NO KEY UPDATE)
        UPDATE integrations_sendingmailbox x
        SET tat = greatest(x.tat, clock_timestamp() + %s * interval '1 second') FROM held h WHERE x.id = h.id
        """,
        [mailbox_id, seconds],
    )
