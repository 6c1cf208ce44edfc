"""The lease: due texts are set aside for one sender, at most what each number may send now.

The first of two commits before any byte leaves; the second is the claim (`conversations/claiming.py`).
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from audiences.freshness import asked_since
from common import sql
from common.transactions import atomic_with_retry
from common.turns import Turns
from conversations import listening, safety
from integrations import number_days

LEASE_SECONDS = 15
BURST_SECONDS = 0.5
_AGENTS_PRIORITY = 0
_NO_CAP = 2**31 - 1
# So much below the hour's number that with the burst, too, no hour sees more of them.
_TEXTS_A_SECOND = f"l.texts_per_hour * {1 - BURST_SECONDS / 3600} / 3600"
RECHECKED = "(%s::timestamptz IS NULL OR rechecked_at >= %s)"
"""SQL: whether the source was asked about a contact since the lane's `asked_since`, which it takes twice."""


_RESTING = f"""(
    SELECT min(r.rule) FROM conversations_safetypause r
    WHERE r.number_id = n.id AND {safety.IN_FORCE.format("r")})"""


@dataclass(slots=True)
class _Budget:
    """What the numbers of one account may hand over in this lease."""

    by_rate: dict[int, int] = field(default_factory=dict)  # number → segments
    brand_of: dict[int, str] = field(default_factory=dict)  # only numbers whose brand has a daily cap
    by_cap: dict[str, int] = field(default_factory=dict)  # brand → segments left of its day
    resting: set[int] = field(default_factory=set)  # numbers: only what people write by hand may leave

    def today(self, number_id: int) -> int:
        """Segments that the carrier's day leaves to a number."""
        return self.by_cap.get(self.brand_of.get(number_id, ""), _NO_CAP)

    def spend(self, number_id: int, segments: int) -> None:
        """Take off what was leased."""
        self.by_rate[number_id] -= segments
        if brand := self.brand_of.get(number_id):
            self.by_cap[brand] -= segments


class _Lane(NamedTuple):
    """A lane with something due. Of a held one only what somebody wrote by hand may leave."""

    id: int
    account_id: int
    priority: int
    held: bool
    asked_since: datetime | None  # only to people whom the source was asked about since


@atomic_with_retry
def lease(
    room: int,
    *,
    now: datetime,
    turns: Turns | None = None,
    by_connection: Mapping[int, int] | None = None,
) -> list[int]:
    """Set aside at most `room` due texts, agents' lanes first; returns their ids.

    Accounts share the room, lanes of an account share it and the rates of its numbers, by `turns`: a long
    queue takes no more than a short one. Advances each number's pace (`NumberPace`), its counter of the
    carrier's day (`NumberDay`) and the pace of lanes that have one by what was taken, so that all sender
    processes together keep to them. Paused lanes are passed over, what a pause of everything holds, and
    campaigns of an account that may have missed a STOP (`listening`). Where an account's mirror is old, only
    texts to people whom the source was asked about leave (`rechecking`).
    `by_connection` are the connections whose providers hang, with what may be leased from each of their
    numbers.
    """
    lanes = _due_lanes(now)
    if not lanes:
        return []
    turns = turns or Turns()
    budgets = _budgets([lane.account_id for lane in lanes], by_connection or {}, now)
    allowed = _texts_allowed([lane.id for lane in lanes])
    taken: list[int] = []
    for priority in sorted({lane.priority for lane in lanes}):
        waiting: dict[Hashable, list[_Lane]] = defaultdict(list)
        for lane in lanes:
            if lane.priority == priority:
                waiting["account", lane.account_id].append(lane)
        accounts = turns.order(waiting)
        for index, account in enumerate(accounts):
            share = _part(room - len(taken), len(accounts) - index, priority)
            got = _lease_account(turns.order(waiting[account]), share, budgets, allowed, now, turns)
            if got:
                turns.took(account)
            taken += got
    return taken


def _due_lanes(now: datetime) -> list[_Lane]:
    found = sql.rows(
        f"""
        SELECT l.id, l.account_id, l.priority, p.id IS NOT NULL,
            CASE WHEN l.kind = 'campaign' THEN {asked_since("l.account_id")} END
        FROM conversations_lane l
        LEFT JOIN conversations_sendingpause p ON p.account_id = l.account_id AND p.lifted_at IS NULL
        LEFT JOIN conversations_listening h ON h.account_id = l.account_id
        WHERE NOT l.paused AND (p.id IS NULL OR l.kind IN ('agents', 'tests') AND NOT p.agents_too)
          AND (h.id IS NULL OR l.kind <> 'campaign' OR NOT {listening.DEAF})
          AND NOT EXISTS (
            SELECT 1 FROM conversations_safetypause r
            WHERE r.lane_id = l.id AND {safety.IN_FORCE.format("r")})
          AND EXISTS (
            SELECT 1 FROM conversations_message m WHERE m.lane_id = l.id AND m.state = 'queued'
            AND m.mailbox_id IS NULL AND m.due_at <= %(now)s
            AND (m.leased_until IS NULL OR m.leased_until < clock_timestamp())
            AND (p.id IS NULL OR m.kind = 'agent'))
        """,
        {"now": now},
    )
    return [_Lane(*row) for row in found]


def _part(whole: int, among: int, priority: int) -> int:
    """One's part of what so many still share, rounded up; agents share with nobody."""
    return whole if priority == _AGENTS_PRIORITY else -(-whole // among)


def _lease_account(
    lanes: list[_Lane],
    room: int,
    budgets: Mapping[int, _Budget],
    allowed: Mapping[int, int],
    now: datetime,
    turns: Turns,
) -> list[int]:
    """Set aside at most `room` due messages of lanes of one account and one priority, in this order."""
    taken: list[int] = []
    for index, lane in enumerate(lanes):
        share = min(_part(room - len(taken), len(lanes) - index, lane.priority), allowed.get(lane.id, room))
        got = _lease_lane(lane, share, budgets[lane.account_id], len(lanes) - index, now)
        if got:
            turns.took(lane)
        taken += got
    return taken


def _texts_allowed(lane_ids: list[int]) -> dict[int, int]:
    """Texts that lanes with a pace of their own may hand over now; the others are absent."""
    found = sql.rows(
        f"""
        SELECT l.id, {allowance("l.tat", _TEXTS_A_SECOND)} FROM conversations_lane l
        WHERE l.id = ANY(%(ids)s) AND l.texts_per_hour IS NOT NULL ORDER BY l.id FOR NO KEY UPDATE
        """,
        {"ids": lane_ids, "burst": BURST_SECONDS},
    )
    return {lane: max(texts, 0) for lane, texts in found}


def allowance(tat: str, rate: str) -> str:
    """SQL: how many are allowed now by the pace `tat` at `rate` a second; at least one in a burst."""
    ahead = f"extract(epoch FROM greatest({tat}, clock_timestamp()) - clock_timestamp())"
    return f"floor(greatest(%(burst)s * ({rate}), 1.0) - {ahead} * ({rate}))::int"


def _budgets(account_ids: list[int], by_connection: Mapping[int, int], now: datetime) -> dict[int, _Budget]:
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
        SELECT n.account_id, p.number_id, {allowance("p.tat", "n.segments_per_second")}, n.connection_id,
            EXISTS (
            SELECT 1 FROM integrations_sendingnumber c
            WHERE c.account_id = n.account_id AND c.daily_cap IS NOT NULL), {_RESTING}
        FROM integrations_numberpace p JOIN integrations_sendingnumber n ON n.id = p.number_id
        WHERE n.active AND n.account_id = ANY(%(accounts)s) ORDER BY p.number_id FOR NO KEY UPDATE OF p
        """,
        {"accounts": account_ids, "burst": BURST_SECONDS, "now": now},
    )
    budgets: dict[int, _Budget] = defaultdict(_Budget)
    found = [row for row in found if row[-1] != safety.Rule.CODE]  # the carrier would refuse anything
    for account_id, number_id, segments, connection_id, _, rests in found:
        at_most = by_connection.get(connection_id, segments)
        budgets[account_id].by_rate[number_id] = max(min(segments, at_most), 0)
        if rests:
            budgets[account_id].resting.add(number_id)
    capped = {account_id for account_id, *_, has_cap, _ in found if has_cap}
    left = number_days.left(capped, now) if capped else {}  # read under the locks of the pace
    for account_id, number_id, *_ in found:
        if number_id in left:
            brand, segments = left[number_id]
            budgets[account_id].brand_of[number_id] = brand
            budgets[account_id].by_cap[brand] = segments
    return budgets


def _lease_lane(lane: _Lane, share: int, budget: _Budget, among: int, now: datetime) -> list[int]:
    """Set aside at most `share` due messages of one lane, number by number; spends their budgets, of which
    so many lanes (`among`) still have their part to get."""
    taken: list[int] = []
    spent: dict[int, int] = {}
    for number_id, segments in budget.by_rate.items():
        limit = min(share - len(taken), _part(segments, among, lane.priority))
        today = budget.today(number_id)
        if limit > 0 and today > 0:
            held = lane.held or number_id in budget.resting
            leased = _lease_number(lane, number_id, limit, today, held, now)
            taken += [message_id for message_id, _ in leased]
            spent[number_id] = sum(size for _, size in leased)
            budget.spend(number_id, spent[number_id])
    if taken:
        _spend(lane.id, len(taken), spent, now)
    return taken


def _lease_number(
    lane: _Lane, number_id: int, limit: int, today: int, held: bool, now: datetime
) -> list[tuple[int, int]]:
    """Set aside at most `limit` due messages of one lane from one number, of at most `today` segments.

    Of a `held` one only what people wrote by hand. Returns (message, segments) of each. Those that no
    longer fit into the day wait for the next.
    """
    found = sql.rows(
        f"""
        WITH due AS MATERIALIZED (
            SELECT id, due_at, segments FROM conversations_message
            WHERE lane_id = %s AND state = 'queued' AND due_at <= %s AND number_id = %s
              AND (leased_until IS NULL OR leased_until < clock_timestamp())
              AND (kind = 'agent' OR NOT %s) AND {RECHECKED}
            ORDER BY due_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED),
        fitting AS (
            SELECT id, sum(segments) OVER (ORDER BY due_at, id) AS size FROM due)
        UPDATE conversations_message m SET leased_until = clock_timestamp() + %s * interval '1 second'
        FROM fitting f WHERE m.id = f.id AND f.size <= %s RETURNING m.id, m.segments
        """,
        [lane.id, now, number_id, held, *[lane.asked_since] * 2, limit, LEASE_SECONDS, today],
    )
    return [(message_id, segments) for message_id, segments in found]


def _spend(lane_id: int, texts: int, segments: Mapping[int, int], now: datetime) -> None:
    """Move the pace of lane and numbers on by what was leased, and count the segments for the day."""
    sql.run(
        f"""
        UPDATE conversations_lane l SET tat = greatest(coalesce(l.tat, clock_timestamp()), clock_timestamp())
            + %s * (interval '1 second' / ({_TEXTS_A_SECOND}))
        WHERE l.id = %s AND l.texts_per_hour IS NOT NULL
        """,
        [texts, lane_id],
    )
    _move_pace(segments)
    number_days.count(segments, now)


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


def settle(differences: Mapping[int, int], not_called: Mapping[int, int], now: datetime) -> None:
    """Correct what a lease took: of each number, segments of texts that turned out longer, shorter, or are
    not called; of each lane, the texts that are not called.

    In the claim's transaction, as its last act: whoever leases waits for these rows.
    """
    changed = {number_id: size for number_id, size in sorted(differences.items()) if size}
    if changed:
        _move_pace({number_id: size for number_id, size in changed.items() if size > 0})
    if not_called:
        _give_back(not_called)
    if changed:
        number_days.count(changed, now)


def _give_back(texts: Mapping[int, int]) -> None:
    """Let as many texts of these lanes go in the place of those that did not; rows locked in order of ids."""
    sql.run(
        f"""
        WITH held AS MATERIALIZED (
            SELECT l.id, l.tat - n.texts * (interval '1 second' / ({_TEXTS_A_SECOND})) AS tat
            FROM conversations_lane l JOIN unnest(%s::bigint[], %s::int[]) AS n(id, texts) ON n.id = l.id
            WHERE l.texts_per_hour IS NOT NULL AND n.texts > 0 ORDER BY l.id FOR NO KEY UPDATE OF l)
        UPDATE conversations_lane l SET tat = held.tat FROM held WHERE l.id = held.id
        """,
        [list(texts), list(texts.values())],
    )


def set_pace(lane_id: int, texts_per_hour: int | None) -> None:
    """Let at most so many texts of a lane leave in any hour; None for as fast as its number.

    Nothing waits longer than the new pace asks for because the former was slower.
    """
    sql.run(
        """
        UPDATE conversations_lane l SET texts_per_hour = n.pace,
            tat = least(l.tat, clock_timestamp() + interval '1 second' * 3600 / n.pace)
        FROM (SELECT %s::int AS pace) n WHERE l.id = %s
        """,
        [texts_per_hour, lane_id],
    )


def slow_down(number_id: int, seconds: float) -> None:
    """Hold a number back for `seconds`: its provider said that we send too fast."""
    sql.run(
        "UPDATE integrations_numberpace SET tat = greatest(tat, clock_timestamp() + %s * interval '1 second')"
        " WHERE number_id = %s",
        [seconds, number_id],
    )
