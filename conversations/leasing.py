"""The lease: due messages are set aside for one sender, at most what each number may send now.

The first of two commits before any byte leaves; the second is the claim (`conversations/claiming.py`).
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from common import sql
from common.transactions import atomic_with_retry
from integrations import number_days

LEASE_SECONDS = 15
BURST_SECONDS = 0.5
_AGENTS_PRIORITY = 0
_NO_CAP = 2**31 - 1


@dataclass(slots=True)
class _Budget:
    """What the numbers of one account may hand over in this lease."""

    by_rate: dict[int, int] = field(default_factory=dict)  # number → segments
    brand_of: dict[int, str] = field(default_factory=dict)  # only numbers whose brand has a daily cap
    by_cap: dict[str, int] = field(default_factory=dict)  # brand → segments left of its day

    def today(self, number_id: int) -> int:
        """Segments that the carrier's day leaves to a number."""
        return self.by_cap.get(self.brand_of.get(number_id, ""), _NO_CAP)

    def spend(self, number_id: int, segments: int) -> None:
        """Take off what was leased."""
        self.by_rate[number_id] -= segments
        if brand := self.brand_of.get(number_id):
            self.by_cap[brand] -= segments


@atomic_with_retry
def lease(room: int, *, now: datetime) -> list[int]:
    """Set aside at most `room` due messages, agents' lanes first, then round-robin; returns their ids.

    Advances each number's pace (`NumberPace`) and its counter of the carrier's day (`NumberDay`) by what was
    taken, so that all sender processes together keep to its rate and to the daily cap of its brand. Paused
    lanes are passed over, and what a pause of everything holds.
    """
    lanes = sql.rows(
        """
        SELECT l.id, l.account_id, l.priority, p.id IS NOT NULL FROM conversations_lane l
        LEFT JOIN conversations_sendingpause p ON p.account_id = l.account_id AND p.lifted_at IS NULL
        WHERE NOT l.paused AND (p.id IS NULL OR l.kind IN ('agents', 'tests') AND NOT p.agents_too)
          AND EXISTS (
            SELECT 1 FROM conversations_message m WHERE m.lane_id = l.id AND m.state = 'queued'
            AND m.due_at <= %s AND (m.leased_until IS NULL OR m.leased_until < clock_timestamp())
            AND (p.id IS NULL OR m.kind = 'agent'))
        ORDER BY l.priority, random()
        """,
        [now],
    )
    if not lanes:
        return []
    budget = _budgets([account_id for _, account_id, _, _ in lanes], now)
    lane_budget = _lane_budgets([lane_id for lane_id, _, _, _ in lanes])
    taken: list[int] = []
    for index, (lane_id, account_id, priority, held) in enumerate(lanes):
        left = room - len(taken)
        if left <= 0:
            break
        share = left if priority == _AGENTS_PRIORITY else max(1, left // (len(lanes) - index))
        share = min(share, lane_budget.get(lane_id, share))
        taken += _lease_lane(lane_id, share, budget[account_id], now, by_hand_only=held)
    return taken


def _lane_budgets(lane_ids: list[int]) -> dict[int, int]:
    """Segments that lanes with a rate of their own may hand over now; the others are absent."""
    found = sql.rows(
        f"""
        SELECT l.id, {_allowance("l")} FROM conversations_lane l
        WHERE l.id = ANY(%(ids)s) AND l.segments_per_second IS NOT NULL ORDER BY l.id FOR NO KEY UPDATE
        """,
        {"ids": lane_ids, "burst": BURST_SECONDS},
    )
    return {lane: max(segments, 0) for lane, segments in found}


def _allowance(row: str, pace: str = "") -> str:
    """SQL: segments allowed now by the pace `tat` at `row`'s rate; at least one in a burst."""
    tat = f"coalesce({pace or row}.tat, clock_timestamp())"
    return (
        f"floor((extract(epoch FROM clock_timestamp() - greatest({tat}, clock_timestamp()))"
        f" + greatest(%(burst)s, 1.0 / {row}.segments_per_second)) * {row}.segments_per_second)::int"
    )


def _budgets(account_ids: list[int], now: datetime) -> dict[int, _Budget]:
    """What the active numbers of each account may hand over now; locks their pace until the lease commits."""
    sql.run(
        """
        INSERT INTO integrations_numberpace (number_id, tat)
        SELECT n.id, clock_timestamp() FROM integrations_sendingnumber n
        WHERE NOT EXISTS (SELECT 1 FROM integrations_numberpace p WHERE p.number_id = n.id)
        ON CONFLICT DO NOTHING
        """
    )
    found = sql.rows(
        f"""
        SELECT n.account_id, p.number_id, {_allowance("n", "p")}, EXISTS (
            SELECT 1 FROM integrations_sendingnumber c
            WHERE c.account_id = n.account_id AND c.daily_cap IS NOT NULL)
        FROM integrations_numberpace p JOIN integrations_sendingnumber n ON n.id = p.number_id
        WHERE n.active AND n.account_id = ANY(%(accounts)s) ORDER BY p.number_id FOR NO KEY UPDATE OF p
        """,
        {"accounts": account_ids, "burst": BURST_SECONDS},
    )
    budgets: dict[int, _Budget] = defaultdict(_Budget)
    for account_id, number_id, segments, _ in found:
        budgets[account_id].by_rate[number_id] = max(segments, 0)
    capped = {account_id for account_id, _, _, has_cap in found if has_cap}
    left = number_days.left(capped, now) if capped else {}  # read under the locks of the pace
    for account_id, number_id, *_ in found:
        if number_id in left:
            brand, segments = left[number_id]
            budgets[account_id].brand_of[number_id] = brand
            budgets[account_id].by_cap[brand] = segments
    return budgets


def _lease_lane(lane_id: int, share: int, budget: _Budget, now: datetime, *, by_hand_only: bool) -> list[int]:
    """Set aside at most `share` due messages of one lane, number by number; spends their budgets."""
    taken: list[int] = []
    spent: dict[int, int] = {}
    for number_id, segments in budget.by_rate.items():
        limit, today = min(share - len(taken), segments), budget.today(number_id)
        if limit > 0 and today > 0:
            leased = _lease_number(lane_id, number_id, limit, today, now, by_hand_only=by_hand_only)
            taken += [message_id for message_id, _ in leased]
            spent[number_id] = sum(size for _, size in leased)
            budget.spend(number_id, spent[number_id])
    if spent:
        _spend(lane_id, spent, now)
    return taken


def _lease_number(
    lane_id: int, number_id: int, limit: int, today: int, now: datetime, *, by_hand_only: bool
) -> list[tuple[int, int]]:
    """Set aside at most `limit` due messages of one lane from one number, of at most `today` segments.

    Returns (message, segments) of each. Those that no longer fit into the day wait for the next.
    """
    found = sql.rows(
        """
        WITH due AS MATERIALIZED (
            SELECT id, due_at, segments FROM conversations_message
            WHERE lane_id = %s AND state = 'queued' AND due_at <= %s AND number_id = %s
              AND (leased_until IS NULL OR leased_until < clock_timestamp())
              AND (kind = 'agent' OR NOT %s)
            ORDER BY due_at, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED),
        fitting AS (
            SELECT id, sum(segments) OVER (ORDER BY due_at, id) AS size FROM due)
        UPDATE conversations_message m SET leased_until = clock_timestamp() + %s * interval '1 second'
        FROM fitting f WHERE m.id = f.id AND f.size <= %s RETURNING m.id, m.segments
        """,
        [lane_id, now, number_id, by_hand_only, limit, LEASE_SECONDS, today],
    )
    return [(message_id, segments) for message_id, segments in found]


def _spend(lane_id: int, spent: dict[int, int], now: datetime) -> None:
    """Move the pace of numbers and lane on by the segments leased from them, and count them for the day."""
    sql.run(
        """
        UPDATE conversations_lane SET tat = greatest(coalesce(tat, clock_timestamp()), clock_timestamp())
            + %s * (interval '1 second' / segments_per_second)
        WHERE id = %s AND segments_per_second IS NOT NULL
        """,
        [sum(spent.values()), lane_id],
    )
    _move_pace(spent)
    number_days.count(spent, now)


def _move_pace(segments: Mapping[int, int]) -> None:
    """Move the pace of these numbers on, their rows locked in order of their ids."""
    sql.run(
        """
        WITH held AS MATERIALIZED (
            SELECT p.number_id, p.tat FROM integrations_numberpace p WHERE p.number_id = ANY(%(ids)s)
            ORDER BY p.number_id FOR NO KEY UPDATE)
        UPDATE integrations_numberpace p SET tat = greatest(held.tat, clock_timestamp())
            + s.segments * (interval '1 second' / n.segments_per_second)
        FROM held JOIN unnest(%(ids)s::bigint[], %(segments)s::int[]) AS s(number_id, segments)
            ON s.number_id = held.number_id
        JOIN integrations_sendingnumber n ON n.id = s.number_id WHERE p.number_id = held.number_id
        """,
        {"ids": list(segments), "segments": list(segments.values())},
    )


def settle(differences: Mapping[int, int], now: datetime) -> None:
    """Correct what a lease took of each number: texts that turned out longer, shorter, or are not called.

    In the claim's transaction, as its last act: whoever leases waits for these rows.
    """
    changed = {number_id: size for number_id, size in sorted(differences.items()) if size}
    if changed:
        _move_pace({number_id: size for number_id, size in changed.items() if size > 0})
        number_days.count(changed, now)


def slow_down(number_id: int, seconds: float) -> None:
    """Hold a number back for `seconds`: its provider said that we send too fast."""
    sql.run(
        "UPDATE integrations_numberpace SET tat = greatest(tat, clock_timestamp() + %s * interval '1 second')"
        " WHERE number_id = %s",
        [seconds, number_id],
    )
