"""The call queue: who waits for a person's call, and in which order agents are offered them.

Call backs and calls that were promised for a time come first, then campaigns in turn, each with whoever has
been due longest. Nobody is offered whom the gate would not let us call now: what is found so on the way is
put off or ended, as a text's claim does. Who has somebody is decided by `call_taking`, under the row's lock.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Account, User
from audiences import suppression
from common import sql
from common.transactions import atomic_with_retry
from common.turns import Turns
from conversations import call_claiming, call_taking, planned_calls, safety
from conversations.call_outcomes import SAID
from conversations.call_taking import ANOTHER_TIME
from conversations.locks import lock_planned_calls
from conversations.models import Call, PlannedCall
from conversations.planned_calls import CallDeferral, Refusal

LOOKED_AT = 25  # of a lane that the gate is asked about at once
MOST_PASSED = 500  # who may not be called now, put off by one look for the next
LEASE_SECONDS = 90  # renewed while the page is open
LEAVING_SECONDS = 15  # whoever closed the page may come back so long: a reload leaves it, too
NOT_MADE = "The agent did not call"
COUNTED_TO = 1_000
LISTED = 50
State = PlannedCall.State

_turns, _turns_lock = Turns(), threading.Lock()

PROMISED = f"(p.kind = 'call_back' OR p.code = '{ANOTHER_TIME}')"
"""SQL: whether the planned call `p` was promised to the customer."""
_WAITS = "p.mode = 'person' AND p.state = 'queued' AND p.due_at <= %(now)s"
_LANE_OPEN = f"""
    NOT l.paused
    AND NOT EXISTS (SELECT 1 FROM conversations_sendingpause m
        WHERE m.account_id = l.account_id AND m.lifted_at IS NULL AND (m.agents_too OR l.kind = 'campaign'))
    AND NOT EXISTS (SELECT 1 FROM conversations_safetypause r
        WHERE r.lane_id = l.id AND {safety.IN_FORCE.format("r")})
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom somebody looks at: one lane, those of one business unit, or everybody."""

    lane: int | None = None
    lanes: tuple[int, ...] | None = None

    def params(self) -> dict[str, Any]:
        """As the statements below take it."""
        chosen = self.lanes if self.lane is None else (self.lane,)
        return {"all": chosen is None, "lanes": sql.array(chosen or ())}


EVERYBODY = Wanted()
_WANTED = "(%(all)s OR l.id = ANY(%(lanes)s::bigint[]))"


@dataclass(frozen=True, slots=True)
class LaneWaiting:
    """One campaign (or the call backs of the account) in the queue: how many are due, and what is to come."""

    id: int
    name: str
    campaign: bool
    due: int  # counted up to `COUNTED_TO` and one more
    promised: int
    oldest: datetime | None
    next_at: datetime | None  # of those not due yet
    open: bool  # not paused


@dataclass(frozen=True, slots=True)
class Waiting:
    """The queue as a whole."""

    lanes: list[LaneWaiting] = field(default_factory=list)

    @property
    def due(self) -> int:
        """How many wait in lanes that are not paused."""
        return sum(lane.due for lane in self.lanes if lane.open)

    @property
    def promised(self) -> int:
        """How many of them were promised a call."""
        return sum(lane.promised for lane in self.lanes if lane.open)

    @property
    def held(self) -> int:
        """How many wait behind a pause."""
        return sum(lane.due for lane in self.lanes if not lane.open)

    @property
    def next_at(self) -> datetime | None:
        """When the next falls due."""
        return min((lane.next_at for lane in self.lanes if lane.next_at and lane.open), default=None)


def waiting(account: Account, now: datetime, wanted: Wanted = EVERYBODY) -> Waiting:
    """Who waits, campaign by campaign; lanes with nobody are absent. One query."""
    found = sql.rows(
        f"""
        SELECT l.id, l.name, l.kind = 'campaign', due.n, due.promised, due.oldest, ahead.at, {_LANE_OPEN}
        FROM conversations_lane l
        CROSS JOIN LATERAL (
            SELECT count(*) AS n, count(*) FILTER (WHERE w.promised) AS promised, min(w.due_at) AS oldest
            FROM (SELECT p.due_at, {PROMISED} AS promised FROM conversations_plannedcall p
                  WHERE p.lane_id = l.id AND {_WAITS} LIMIT {COUNTED_TO + 1}) w) due
        CROSS JOIN LATERAL (
            SELECT min(p.due_at) AS at FROM conversations_plannedcall p
            WHERE p.lane_id = l.id AND p.mode = 'person' AND p.due_at > %(now)s AND p.state = 'queued') ahead
        WHERE l.account_id = %(account)s AND {_WANTED} AND (due.n > 0 OR ahead.at IS NOT NULL)
        ORDER BY l.kind <> 'campaign' DESC, due.oldest NULLS LAST, l.id
        """,
        {"account": account.pk, "now": now, **wanted.params()},
    )
    return Waiting([LaneWaiting(*row) for row in found])


DUE_COUNT = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM conversations_lane l JOIN conversations_plannedcall p ON p.lane_id = l.id
        WHERE l.account_id = %(account)s AND {_LANE_OPEN} AND {_WAITS} LIMIT %(most)s) q
"""
"""SQL: how many wait for a person's call, counted up to `most`; paused lanes apart. Also takes `account`
and `now`."""


def due_count(account_id: int, now: datetime, *, most: int) -> int:
    """How many wait for a person's call, counted up to `most` and one more; paused lanes apart. One query."""
    return int(sql.value(DUE_COUNT, {"account": account_id, "now": now, "most": most + 1}))


def listed(account: Account, now: datetime, wanted: Wanted = EVERYBODY, *, after: int = 0) -> list[int]:
    """Ids of those who wait, promised ones first, then by how long they have been due; paused lanes, too."""
    return sql.column(
        f"""
        SELECT p.id FROM conversations_lane l JOIN conversations_plannedcall p ON p.lane_id = l.id
        WHERE l.account_id = %(account)s AND {_WANTED} AND {_WAITS}
        ORDER BY {PROMISED} DESC, p.due_at, p.id OFFSET %(after)s LIMIT %(most)s
        """,
        {"account": account.pk, "now": now, "after": after, "most": LISTED + 1, **wanted.params()},
    )


def rows(account: Account, now: datetime, wanted: Wanted = EVERYBODY) -> QuerySet[PlannedCall]:
    """Everybody of `listed`, as rows; the longest due first."""
    found = PlannedCall.objects.filter(
        lane__account=account, mode=PlannedCall.Mode.PERSON, state=State.QUEUED, due_at__lte=now
    )
    chosen = wanted.lanes if wanted.lane is None else (wanted.lane,)
    found = found if chosen is None else found.filter(lane__in=chosen)
    return found.order_by("due_at", "pk")


def take_next(
    account: Account, *, by: User, now: datetime, wanted: Wanted = EVERYBODY, but: Collection[int] = ()
) -> PlannedCall | None:
    """Give an agent whoever is next and may be called now, none of `but`; None where there is nobody.

    What the agent had open without having called goes back first. Not inside a transaction.
    """
    let_go(account, by=by, now=now)
    passed = 0
    for lane, ids in _in_order(account, now, wanted, but):
        verdicts = call_claiming.verdicts(ids, now=now)
        allowed = [pk for pk in ids if pk in verdicts and verdicts[pk].allowed]
        passed += _pass_over(ids, verdicts, now)
        taken = call_taking.take(allowed, by=by, now=now, seconds=LEASE_SECONDS) if allowed else None
        if taken is not None:
            with _turns_lock:
                _turns.took((account.pk, lane))
            return taken
        if passed >= MOST_PASSED:
            break
    return None


def _in_order(
    account: Account, now: datetime, wanted: Wanted, but: Collection[int]
) -> Iterator[tuple[int, list[int]]]:
    """Who may come next, some at a time, each with the lane whose turn that is (0 for promised ones).

    A lane comes again where all of its first ones turned out not to be called now.
    """
    seen = set(but)
    while promised := _some(account, now, wanted, PROMISED, seen):
        seen.update(pk for pk, _ in promised)
        yield 0, [pk for pk, _ in promised]
    lanes = [lane.id for lane in waiting(account, now, wanted).lanes if lane.open and lane.due]
    with _turns_lock:
        order = [lane for _, lane in _turns.order((account.pk, lane) for lane in lanes)]
    while order:
        for lane in list(order):
            some = _some(account, now, Wanted(lane=lane), f"NOT {PROMISED}", seen)
            seen.update(pk for pk, _ in some)
            if some:
                yield lane, [pk for pk, _ in some]
            else:
                order.remove(lane)


def _some(
    account: Account, now: datetime, wanted: Wanted, which: str, seen: Collection[int]
) -> list[tuple[int, int]]:
    return [
        (pk, lane)
        for pk, lane in sql.rows(
            f"""
            SELECT p.id, l.id FROM conversations_lane l JOIN conversations_plannedcall p ON p.lane_id = l.id
            WHERE l.account_id = %(account)s AND {_WANTED} AND {_LANE_OPEN} AND {_WAITS} AND {which}
              AND NOT p.id = ANY(%(seen)s::bigint[])
            ORDER BY p.due_at, p.id LIMIT {LOOKED_AT}
            """,
            {"account": account.pk, "now": now, "seen": sql.array(seen), **wanted.params()},
        )
    ]


@atomic_with_retry
def _pass_over(ids: Sequence[int], verdicts: Mapping[int, suppression.Verdict], now: datetime) -> int:
    """Put off or end those who may not be called now, so that they stand in nobody's way; how many."""
    refused = [pk for pk in ids if pk in verdicts and not verdicts[pk].allowed]
    if not refused:
        return 0
    lock_planned_calls(refused)
    rows = PlannedCall.objects.filter(pk__in=refused, state=State.QUEUED).order_by("pk")
    still = dict(rows.values_list("pk", "origin"))
    later, never = [], []
    for pk, origin in still.items():
        verdict = verdicts[pk]
        if verdict.until is not None:
            later.append(CallDeferral(pk, origin, verdict.until, verdict.reason))
        else:
            words = "Not called: " + verdict.reason.replace("_", " ")
            never.append(Refusal(pk, State.CANCELLED, verdict.reason, words))
    planned_calls.defer(later, now=now)
    planned_calls.refuse(never, now=now)
    return len(still)


def take(planned: PlannedCall, *, by: User, now: datetime) -> PlannedCall | None:
    """Give an agent this very one; None where it is not waiting any more. What they had open goes back."""
    let_go(planned.account, by=by, now=now, but=planned.pk)
    if planned.state == State.TAKEN and planned.taken_by_id == by.pk:
        return planned
    return call_taking.take([planned.pk], by=by, now=now, seconds=LEASE_SECONDS)


def let_go(account: Account, *, by: User, now: datetime, but: int | None = None) -> int:
    """Put back what an agent has open in an account and has not called; how many. Whoever has just been
    called stays, to be asked for the outcome."""
    gone = 0
    for one in open_to(account, by):
        if one.pk == but or one.state != State.TAKEN or called_now(one):
            continue
        if one.kind == PlannedCall.Kind.AGENT:  # nobody else's to make
            call_taking.skip(one.pk, by=by, reason=NOT_MADE, now=now)
            gone += 1
        else:
            gone += call_taking.give_back(one.pk, by=by, now=now)
    return gone


def open_to(account: Account, user: User) -> list[PlannedCall]:
    """What an agent has open: taken, being called, or called without an outcome; the latest first."""
    mine = PlannedCall.objects.filter(account=account, taken_by=user, state__in=PlannedCall.OPEN)
    return list(mine.exclude(code__startswith=SAID).order_by("-state_at", "-pk"))


def called_now(planned: PlannedCall) -> bool:
    """Whether whoever has it open has called already: an outcome is awaited."""
    # Else the agent's own phone was not answered.
    reached = Q(state__in=Call.LIVE) | Q(state=Call.State.COMPLETED, accepted_at__isnull=False)
    return planned.calls.filter(reached, outcome="", by=planned.taken_by_id).exists()


def leave(planned: PlannedCall, *, by: User) -> None:
    """The page with it was closed: somebody else may have it in a moment, unless the page comes back."""
    sql.run(
        "UPDATE conversations_plannedcall SET taken_until = least(taken_until,"
        " clock_timestamp() + %s * interval '1 second')"
        " WHERE id = %s AND state = 'taken' AND taken_by_id = %s",
        [LEAVING_SECONDS, planned.pk, by.pk],
    )
