"""What a try leads to: an outcome that ends the planned call, or its next try.

Who was not reached is tried again as often as the plan says for that outcome, never beyond its *send by*;
what was tried once keeps the outcome of its last try when its time is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from common import sql
from common.transactions import atomic_with_retry
from conversations.call_scripts import Plan, Tries
from conversations.locks import lock_planned_calls
from conversations.models import Call, PlannedCall
from conversations.planned_calls import (
    HAS_LIVE_CALL,
    TOO_LATE,
    CallChange,
    CallDeferral,
    Refusal,
    cancel,
    defer,
    refuse,
    tell_changed,
)

Outcome, State = PlannedCall.Outcome, PlannedCall.State
REACHED = (Outcome.ANSWERED, Outcome.BOOKED, Outcome.CALL_BACK)
"""Somebody spoke with us: no further try, whatever the plan says."""
NEXT_TRY = "next_try"
NOT_CALLED = "not_called"
SAID = "said:"
"""So begins the code of what an agent has open and said the outcome of, until that may no longer be undone:
the outcome follows."""
# The call `k` rang the customer and nobody has said what came of it. A call that an agent makes rings the
# agent first: it rang the customer only where the agent was there, and then it counts as accepted.
_UNSAID = """k.direction = 'out' AND k.outcome = '' AND (
    k.state = 'completed' AND k.accepted_at IS NOT NULL
    OR k.by_id IS NULL AND k.state IN ('busy', 'no_answer'))"""


@dataclass(frozen=True, slots=True)
class Finished:
    """What an outcome made of a planned call: its state, and where a further try follows, when."""

    planned_id: int
    state: str
    outcome: str
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TryEnd:
    """One try's outcome, to be applied to its planned call."""

    planned_id: int
    outcome: str
    call_id: int | None = None
    by_id: int | None = None


@atomic_with_retry
def outcome(
    planned_id: int, given: str, *, now: datetime, by: User | None = None, call_id: int | None = None
) -> Finished | None:
    """Say what came of a planned call's try: it is over, or tried again as its plan has it; None where it was
    over already.

    `call_id` is the try, by default the latest. Without any call the outcome is final: a try that was not
    made is not repeated. Who may say so is the caller's to know.
    """
    lock_planned_calls([planned_id])
    if call_id is None:
        tries = Call.objects.filter(planned=planned_id).exclude(state=Call.State.REFUSED)
        call_id = tries.order_by("-try_number").values_list("pk", flat=True).first()
    done = apply([TryEnd(planned_id, given, call_id, by.pk if by else None)], now=now)
    return done[0] if done else None


def apply(ends: Sequence[TryEnd], *, now: datetime, final: bool = False) -> list[Finished]:
    """Apply outcomes to planned calls that are not over yet, in the caller's transaction; what became of
    each. `final`: no further try is planned, whatever the plan says.

    Locks the planned calls in id order, and tells the layers above.
    """
    if not ends:
        return []
    lock_planned_calls(end.planned_id for end in ends)
    _note_on_calls(ends, now)
    by_planned = {end.planned_id: end for end in ends}
    finals: list[tuple[TryEnd, PlannedCall]] = []
    again: list[CallDeferral] = []
    done: list[Finished] = []
    before = _times_before(ends)
    found = PlannedCall.objects.filter(pk__in=by_planned, state__in=PlannedCall.OPEN).select_related("script")
    for planned in found.order_by("pk"):
        end = by_planned[planned.pk]
        at = None if final else _next_try(planned, end, before.get(planned.pk, 0), now)
        if at is None:
            finals.append((end, planned))
            done.append(Finished(planned.pk, State.CALLED, end.outcome))
        else:
            again.append(CallDeferral(planned.pk, planned.origin, at, NEXT_TRY))
            done.append(Finished(planned.pk, State.QUEUED, end.outcome, at))
    _call_over(finals, now)
    defer(again, now=now)
    return done


def _note_on_calls(ends: Sequence[TryEnd], now: datetime) -> None:
    """A try keeps the first outcome it was given, but a booking, which comes on top of an answer."""
    named = [(end.call_id, end.outcome) for end in ends if end.call_id is not None]
    if named:
        sql.run(
            """
            UPDATE conversations_call k SET outcome = n.outcome,
                booked_at = CASE WHEN n.outcome = 'booked' THEN coalesce(k.booked_at, %s) ELSE k.booked_at END
            FROM unnest(%s::bigint[], %s::text[]) AS n(id, outcome)
            WHERE k.id = n.id AND (k.outcome = '' OR n.outcome = 'booked')
            """,
            [now, *sql.arrays(named)],
        )


def _times_before(ends: Sequence[TryEnd]) -> dict[int, int]:
    """Planned call → how many of its tries ended so, this one included; those without a call are absent."""
    found = sql.rows(
        """
        SELECT n.id, count(*) FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS n(id, outcome, call_id)
        JOIN conversations_call k ON k.planned_id = n.id AND k.outcome = n.outcome
        WHERE n.call_id IS NOT NULL GROUP BY n.id
        """,
        sql.arrays([(end.planned_id, end.outcome, end.call_id) for end in ends]),
    )
    return dict(found)


def _next_try(planned: PlannedCall, end: TryEnd, times: int, now: datetime) -> datetime | None:
    """When the next try is; None where somebody was reached, or the plan's tries are used up."""
    if end.outcome in REACHED or end.call_id is None or planned.opted_out_at is not None:
        return None
    if planned.kind == PlannedCall.Kind.AGENT:
        return None  # an agent who wants to call again says so
    tries = Plan.model_validate(planned.script.content).tries if planned.script else Tries()
    most, minutes = {
        Outcome.NO_ANSWER: (tries.no_answer, tries.no_answer_minutes),
        Outcome.BUSY: (tries.busy, tries.busy_minutes),
        Outcome.VOICEMAIL: (tries.voicemail, tries.voicemail_minutes),
    }[Outcome(end.outcome)]
    at = now + timedelta(minutes=minutes)
    too_late = planned.send_by is not None and at >= planned.send_by
    return None if times > most or too_late else at


def _call_over(finals: Sequence[tuple[TryEnd, PlannedCall]], now: datetime) -> None:
    if not finals:
        return
    found = sql.rows(
        """
        UPDATE conversations_plannedcall p SET state = 'called', state_at = %s, outcome = n.outcome,
            outcome_by_id = n.by_id, due_at = NULL, taken_by_id = NULL, taken_until = NULL,
            code = '', reason = ''
        FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) AS n(id, outcome, by_id) WHERE p.id = n.id
        RETURNING p.id, p.origin, p.state, p.outcome, p.code, p.reason, false
        """,
        [now, *sql.arrays([(end.planned_id, end.outcome, end.by_id) for end, _ in finals])],
    )
    tell_changed([CallChange(*row) for row in found], now)


def unsaid(planned_id: int) -> tuple[int, str] | None:
    """The try of a planned call that awaits its outcome, and what the line knows of it; None without one."""
    call_id, of_line = _latest_tries([planned_id]).get(planned_id, (0, ""))
    return (call_id, of_line) if of_line else None


def end_unsaid(planned_id: int, *, note: str, now: datetime) -> None:
    """Give the try that awaits its outcome one, because an agent chose when the next call is: a call back
    was wanted where somebody answered, else what the line knows. The caller holds the planned call's lock."""
    found = unsaid(planned_id)
    if found is None:
        return
    call_id, of_line = found
    given = Outcome.CALL_BACK if of_line == Outcome.ANSWERED else of_line
    _note_on_calls([TryEnd(planned_id, given, call_id)], now)
    if note:
        Call.objects.filter(pk=call_id).update(note=note)


@atomic_with_retry
def sweep_taken(*, now: datetime) -> int:
    """End what agents left open too long; how many.

    What an agent said counts from here; a try of which nobody said anything has the outcome that the line
    knows; an agent's own call that was never made is forgotten; all else is the next agent's.
    """
    found = sql.rows(
        f"""
        SELECT p.id, p.code, p.taken_by_id, p.kind FROM conversations_plannedcall p
        WHERE p.state = 'taken' AND p.taken_by_id IS NOT NULL AND p.taken_until < clock_timestamp()
          AND NOT {HAS_LIVE_CALL} ORDER BY p.id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
        """
    )
    latest = _latest_tries([pk for pk, *_ in found])
    ends, forgotten, back = list[TryEnd](), list[int](), list[int]()
    for pk, code, agent, kind in found:
        call_id, of_line = latest.get(pk, (None, ""))
        given = code.removeprefix(SAID) if code.startswith(SAID) else of_line
        if given:
            ends.append(TryEnd(pk, given, call_id, agent))
        else:
            (forgotten if kind == PlannedCall.Kind.AGENT else back).append(pk)
    apply(ends, now=now)
    cancel(forgotten, reason=NOT_CALLED, now=now)
    sql.run(
        "UPDATE conversations_plannedcall SET state = 'queued', state_at = %s, taken_by_id = NULL,"
        " taken_until = NULL WHERE id = ANY(%s::bigint[])",
        [now, sql.array(back)],
    )
    return len(found)


def end_known(planned_ids: Sequence[int], *, now: datetime) -> None:
    """End what an agent has open and has called, before it is taken away: what they said counts, else what
    the line knows, and no further try follows. In the caller's transaction; locks the planned calls."""
    lock_planned_calls(planned_ids)
    rows = PlannedCall.objects.filter(pk__in=planned_ids, state=State.TAKEN, taken_by__isnull=False)
    found = list(rows.order_by("pk").values_list("pk", "code", "taken_by"))
    latest = _latest_tries([pk for pk, *_ in found])
    ends = []
    for pk, code, agent in found:
        call_id, of_line = latest.get(pk, (None, ""))
        if given := code.removeprefix(SAID) if code.startswith(SAID) else of_line:
            ends.append(TryEnd(pk, given, call_id, agent))
    apply(ends, now=now, final=True)


def _latest_tries(planned_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Planned call → its latest try, and the outcome that the line knows where nobody has said one."""
    found = sql.rows(
        f"""
        SELECT DISTINCT ON (k.planned_id) k.planned_id, k.id, k.state, k.code, k.answered_at IS NOT NULL,
            {_UNSAID}
        FROM conversations_call k WHERE k.planned_id = ANY(%s::bigint[]) AND k.state <> 'refused'
        ORDER BY k.planned_id, k.try_number DESC
        """,
        [sql.array(planned_ids)],
    )
    return {
        planned_id: (call_id, _of_line(state, code, answered) if unsaid else "")
        for planned_id, call_id, state, code, answered, unsaid in found
    }


def _of_line(state: str, code: str, answered: bool) -> str:
    """The outcome of an ended try as the line knows it; `code` names what a person's Dial came to."""
    if state == Call.State.BUSY or code == "dialed:busy":
        return Outcome.BUSY
    return Outcome.ANSWERED if answered else Outcome.NO_ANSWER


@atomic_with_retry
def sweep_late(*, now: datetime) -> int:
    """End what is still queued when its *send by* has come; how many.

    What was never tried is expired; what was tried keeps the outcome of its last try.
    """
    found = sql.rows(
        """
        SELECT p.id, p.first_accepted_at IS NOT NULL FROM conversations_plannedcall p
        WHERE p.state = 'queued' AND p.due_at IS NOT NULL AND p.send_by <= %s
        ORDER BY p.id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
        """,
        [now],
    )
    end_late([(pk, tried) for pk, tried in found], now=now)
    return len(found)


def end_late(late: Sequence[tuple[int, bool]], *, now: datetime) -> None:
    """End planned calls whose time is over, locked by the caller: (id, whether a try was accepted)."""
    words = "Its time to be called was over"
    refuse([Refusal(pk, State.EXPIRED, TOO_LATE, words) for pk, tried in late if not tried], now=now)
    _end_tried([pk for pk, tried in late if tried], now)


def end_forsaken(planned_ids: Sequence[int], *, reason: str, now: datetime) -> None:
    """End queued planned calls, locked by the caller, that nobody waits for any more: what they belong to
    ended while a try was going on, and no further one follows. `reason` is the code of what was never tried.
    """
    found = PlannedCall.objects.filter(pk__in=planned_ids, state=State.QUEUED)
    rows = list(found.values_list("pk", "first_accepted_at"))
    _end_tried([pk for pk, accepted in rows if accepted is not None], now)
    cancel([pk for pk, accepted in rows if accepted is None], reason=reason, now=now)


def _end_tried(tried_ids: Sequence[int], now: datetime) -> None:
    """They keep the outcome of their last try."""
    if not tried_ids:
        return
    last = dict(
        sql.rows(
            "SELECT DISTINCT ON (planned_id) planned_id, outcome FROM conversations_call"
            " WHERE planned_id = ANY(%s::bigint[]) AND outcome <> '' ORDER BY planned_id, try_number DESC",
            [sql.array(tried_ids)],
        )
    )
    # Without a call the outcome is final: no further try is planned for what has no time left.
    apply([TryEnd(pk, last.get(pk, Outcome.NO_ANSWER)) for pk in tried_ids], now=now)
