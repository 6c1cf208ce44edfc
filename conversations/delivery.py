"""What becomes of outgoing messages: results of calls, status callbacks, and calls nobody recorded.

A state changes by one conditional update and only upward in rank, whatever order news comes in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from common import sql
from conversations.locks import lock_messages
from conversations.models import Message
from conversations.signals import message_status_changed
from integrations import number_days
from integrations.messaging import IN_PARTS, DeliveryState, ProviderError, Receipt

State = Message.State
RANK: dict[str, int] = {
    State.QUEUED: 0,
    State.CALLING: 1,
    State.UNKNOWN: 1,
    State.ACCEPTED: 2,
    State.SENT: 3,
    State.DELIVERED: 4,
    State.FAILED: 4,
    State.REJECTED: 4,
    State.EXPIRED: 4,
    State.CANCELLED: 4,
    State.BLOCKED: 5,
    State.BOUNCED: 6,
}
_SPAM_RANK = 7
# News of emails comes in any order and may contradict itself; what becomes of one must not depend on that.
# The word of a mail server outranks a refusal of the provider's own, a complaint everything: the email was
# read.
_EMAIL_RANK = {State.FAILED: 3.4, State.REJECTED: 3.5}
# Failed for want of news; a later callback proves otherwise and may raise it.
DELIVERY_UNKNOWN = "delivery_unknown"
_ABANDONED = "abandoned"
# Refusals for being too fast, and texts not even tried because their number was: no fault of theirs.
HELD_BACK = "held_back"
THROTTLED = {"20429", "429", HELD_BACK}
_NO_FAULT = THROTTLED | {IN_PARTS}  # another try need not wait twice as long
_SHORTEST_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 300.0
_REASON_LENGTH, _CODE_LENGTH = 300, 40  # of the columns


def _rank_sql(row: str) -> str:
    """The rank of the state in `row`, of a message `m`."""
    ranks = " ".join(f"WHEN '{state}' THEN {rank}" for state, rank in RANK.items())
    of_email = " ".join(f"WHEN '{state}' THEN {rank}" for state, rank in _EMAIL_RANK.items())
    return f"""CASE WHEN {row}.spam_reported_at IS NOT NULL THEN {_SPAM_RANK}
        WHEN m.mailbox_id IS NOT NULL AND {row}.state IN ('failed', 'rejected')
            THEN CASE {row}.state {of_email} END
        ELSE CASE {row}.state {ranks} ELSE 9 END END"""


_RISES_SQL = f"{_rank_sql('m')} < {_rank_sql('n')}"


class Change(NamedTuple):
    """One message's move, for receivers. `first_acceptance` is true once in a message's life."""

    message_id: int
    origin: str | None
    state: str
    code: str
    reason: str
    first_acceptance: bool


@dataclass(frozen=True, slots=True)
class Deferral:
    """One queued message put off until `until` (an instant), and why."""

    message_id: int
    origin: str | None
    until: datetime
    reason: str


class CallResult(NamedTuple):
    """How one call to the provider ended: a receipt, or the error."""

    message_id: int
    attempt_id: UUID
    result: Receipt | ProviderError


class Move(NamedTuple):
    """A state a message shall reach, with what is known of it."""

    message_id: int
    state: str
    provider_id: str | None
    code: str
    reason: str
    segments: int
    spam_reported_at: datetime | None = None  # of an email that arrived and was called spam


def record(results: Sequence[CallResult], *, now: datetime, leased: bool = True) -> None:
    """Store how calls ended, inside the caller's transaction; the layers above hear of all of them at once.

    Receipts and final refusals settle their messages, passing refusals put theirs back into the queue, and
    calls whose answer was lost are unknown: reconciled, never repeated. Recording the same ends again changes
    nothing: whoever lost the answer to its commit may, while the message is called by another attempt.
    `leased`: whether a lease counted them into their numbers' day, from which refusals are taken back.
    """
    # Before their attempts: the drain takes messages first, and two orders would deadlock.
    lock_messages(result.message_id for result in results)
    accepted = [(r, r.result) for r in results if isinstance(r.result, Receipt)]
    errors = [(r, r.result) for r in results if isinstance(r.result, ProviderError)]
    if accepted:
        sql.run(_ACCEPT_ATTEMPTS, [now, sql.array([r.attempt_id for r, _ in accepted])], often=True)
    refused = _ended_now([(r, error) for r, error in errors if error.accepted == "no"], "refused", now)
    unknown = _ended_now([(r, error) for r, error in errors if error.accepted == "unknown"], "unknown", now)
    changes = _accept(accepted, now)
    told = {change.message_id for change in changes}
    moves = [
        Move(r.message_id, receipt.state.value, receipt.provider_id, "", "", receipt.segments)
        for r, receipt in accepted
        if r.message_id not in told
    ]
    moves += [
        Move(r.message_id, (error.state or DeliveryState.FAILED).value, None, error.code, error.message, 0)
        for r, error in refused
        if error.permanent
    ]
    changes += _move(moves, now)
    _put_back([(r.message_id, error.retry_after) for r, error in refused if not error.permanent], now)
    changes += _mark_unknown([(r.message_id, error.code) for r, error in unknown], now)
    _tell(changes, now)
    # Last: whoever leases waits for these rows, and the layers above may wait for enrollments.
    if leased:
        _take_back([r.message_id for r, _ in refused], now)


def advance(moves: Sequence[Move], *, now: datetime) -> int:
    """Move messages upward in rank and tell the layers above; returns how many moved.

    Locks the message rows in id order first (architecture: locks). A message that has another
    provider id keeps its own, and none gets one that another message has: the report is not for it.
    """
    if not moves:
        return 0
    lock_messages(move.message_id for move in moves)
    changes = _move(moves, now)
    _tell(changes, now)
    return len(changes)


def _accept(accepted: Sequence[tuple[CallResult, Receipt]], now: datetime) -> list[Change]:
    """Move locked messages that are being called and of which nothing else is known to what their receipts
    say, nearly always all of them; tells nobody. The others are left to `_move`, which weighs every case.

    Any receipt ranks above a call.
    """
    news = {receipt.provider_id: (r.message_id, receipt) for r, receipt in accepted}
    if not news or len(news) < len(accepted) or len({i for i, _ in news.values()}) < len(news):
        return []  # two of one name, or of one message
    found = sql.rows(
        """
        UPDATE conversations_message m SET
            state = n.state, state_at = %s, due_at = NULL, leased_until = NULL, claimed_at = NULL,
            variables = NULL, provider_id = n.provider_id, accepted_at = %s,
            segments = CASE WHEN n.segments > 0 THEN n.segments ELSE m.segments END, code = '', reason = ''
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[]) AS n(id, state, provider_id, segments)
        WHERE m.id = n.id AND m.state = 'calling' AND m.provider_id IS NULL AND m.accepted_at IS NULL
          AND NOT EXISTS (
            SELECT 1 FROM conversations_message other
            WHERE other.provider = m.provider AND other.provider_id = n.provider_id)
        RETURNING m.id, m.origin, m.state
        """,
        [
            now, now,
            *sql.arrays(
                [(i, receipt.state.value, name, receipt.segments) for name, (i, receipt) in news.items()]
            ),
        ],
        often=True,
    )  # fmt: skip
    return [Change(message_id, origin, state, "", "", True) for message_id, origin, state in found]


def _move(moves: Sequence[Move], now: datetime) -> list[Change]:
    """As `advance`, of locked messages; tells nobody."""
    if not moves:
        return []
    ordered = sorted(moves, key=lambda move: move.message_id)
    arrays = sql.arrays(
        [
            (
                m.message_id, m.state, m.provider_id, m.code[:_CODE_LENGTH], m.reason[:_REASON_LENGTH],
                m.segments, m.spam_reported_at,
            )
            for m in ordered
        ]
    )  # fmt: skip
    found = sql.rows(
        f"""
        WITH news AS (
            SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[],
                %s::timestamptz[]) AS n(id, state, provider_id, code, reason, segments, spam_reported_at)),
        named AS (
            SELECT m.id, m.accepted_at IS NULL AS unaccepted, n.provider_id IS NULL OR 1 = row_number()
                OVER (PARTITION BY n.provider_id ORDER BY m.provider_id NULLS LAST, m.id) AS first_so_named
            FROM conversations_message m JOIN news n USING (id)
            WHERE ({_RISES_SQL} OR m.state = 'failed' AND m.code = '{DELIVERY_UNKNOWN}')
              AND (m.provider_id IS NULL OR n.provider_id IS NULL OR m.provider_id = n.provider_id)
              AND (m.provider_id = n.provider_id OR NOT EXISTS (
                SELECT 1 FROM conversations_message other WHERE other.provider = m.provider
                    AND other.provider_id = n.provider_id AND other.id <> m.id))),
        held AS MATERIALIZED (SELECT id, unaccepted FROM named WHERE first_so_named)
        UPDATE conversations_message m SET
            state = n.state, state_at = %s, due_at = NULL, leased_until = NULL, claimed_at = NULL,
            variables = NULL,
            provider_id = COALESCE(m.provider_id, n.provider_id),
            accepted_at = COALESCE(m.accepted_at, CASE WHEN n.provider_id IS NOT NULL THEN %s END),
            segments = CASE WHEN n.segments > 0 THEN n.segments ELSE m.segments END,
            spam_reported_at = COALESCE(m.spam_reported_at, n.spam_reported_at),
            code = n.code, reason = n.reason
        FROM news n JOIN held h USING (id) WHERE m.id = n.id
        RETURNING m.id, m.origin, m.state, m.code, m.reason, h.unaccepted AND m.accepted_at IS NOT NULL
        """,
        [*arrays, now, now],
        often=True,
    )
    return [Change(*row) for row in found]


def _put_back(refused: Sequence[tuple[int, float | None]], now: datetime) -> None:
    """Queue messages again that the provider would not take just now: (message id, seconds to wait).

    Each further try of a message waits twice as long as the one before; those that were refused only for
    being too fast, or for somebody else's sake, do not count.
    """
    if not refused:
        return
    ids, seconds = sql.columns([(i, max(wait or 0.0, _SHORTEST_RETRY_SECONDS)) for i, wait in refused])
    sql.run(
        """
        UPDATE conversations_message m
        SET state = 'queued', state_at = %s, due_at = %s, claimed_at = NULL, leased_until =
            clock_timestamp() + interval '1 second' * greatest(n.seconds, least(%s, power(2, least(20,
                (SELECT count(*) FROM conversations_attempt a
                 WHERE a.message_id = m.id AND NOT a.code = ANY(%s)))) / 2))
        FROM unnest(%s::bigint[], %s::float[]) AS n(id, seconds)
        WHERE m.id = n.id AND m.state = 'calling'
        """,
        [now, now, _LONGEST_RETRY_SECONDS, sorted(_NO_FAULT), ids, seconds],
    )


def _take_back(refused: Sequence[int], now: datetime) -> None:
    """The carriers' day does not count what the provider did not take."""
    if not refused:
        return
    sizes = sql.rows(
        "SELECT number_id, sum(segments) FROM conversations_message"
        " WHERE id = ANY(%s) AND number_id IS NOT NULL GROUP BY number_id",
        [list(refused)],
    )
    number_days.count({number_id: -int(segments) for number_id, segments in sizes}, now)


def sweep_abandoned(*, older_than_seconds: float, now: datetime) -> int:
    """Mark calls that nobody recorded as unknown: their sender is dead. Returns how many.

    Inside the caller's transaction.
    """
    ids = sql.column(
        """
        SELECT m.id FROM conversations_message m
        WHERE m.state = 'calling' AND m.claimed_at < clock_timestamp() - %s * interval '1 second'
        ORDER BY m.id FOR NO KEY UPDATE
        """,
        [older_than_seconds],
    )
    if ids:
        sql.run(
            "UPDATE conversations_attempt SET state = 'unknown', ended_at = %s, code = %s"
            " WHERE message_id = ANY(%s) AND state = 'calling'",
            [now, _ABANDONED, ids],
        )
    _tell(_mark_unknown([(i, _ABANDONED) for i in ids], now), now)
    return len(ids)


def _mark_unknown(lost: Sequence[tuple[int, str]], now: datetime) -> list[Change]:
    """Messages whose call was lost: (message id, code)."""
    if not lost:
        return []
    found = sql.rows(
        """
        UPDATE conversations_message m
        SET state = 'unknown', state_at = %s, code = n.code, leased_until = NULL
        FROM unnest(%s::bigint[], %s::text[]) AS n(id, code)
        WHERE m.id = n.id AND m.state = 'calling'
        RETURNING m.id, m.origin, m.state, m.code, m.reason, false
        """,
        [now, *sql.columns([(message_id, code[:_CODE_LENGTH]) for message_id, code in lost])],
    )
    return [Change(*row) for row in found]


def _ended_now(
    errors: Sequence[tuple[CallResult, ProviderError]], state: str, now: datetime
) -> list[tuple[CallResult, ProviderError]]:
    """Note that these calls failed; those of them whose attempt was open until now."""
    if not errors:
        return []
    attempts = _ended([(r.attempt_id, error.code) for r, error in errors])
    ended = set(sql.column(f"{_END_ATTEMPTS} RETURNING a.id", [state, now, *attempts]))
    return [(r, error) for r, error in errors if r.attempt_id in ended]


_END_ATTEMPTS = """
    UPDATE conversations_attempt a SET state = %s, ended_at = %s, code = n.code
    FROM unnest(%s::uuid[], %s::text[]) AS n (id, code)
    WHERE a.id = n.id AND a.state IN ('calling', 'unknown')
"""
"""Note how attempts ended that were open until now."""
_ACCEPT_ATTEMPTS = """
    UPDATE conversations_attempt SET state = 'accepted', ended_at = %s, code = ''
    WHERE id = ANY(%s::uuid[]) AND state IN ('calling', 'unknown')
"""


def _ended(attempts: Sequence[tuple[UUID, str]]) -> list[str]:
    """Ids and codes of attempts, as `_END_ATTEMPTS` takes them."""
    return sql.arrays([(attempt_id, code[:_CODE_LENGTH]) for attempt_id, code in attempts])


def _tell(changes: list[Change], now: datetime) -> None:
    if changes:
        message_status_changed.send(Message, changes=changes, now=now)
