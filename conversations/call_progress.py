"""What becomes of placed calls: the provider's news in any order, and what a call's end means for the planned
call. How asking for one ended: `conversations/placing_results.py`.

A call's state rises by rank, and only so; all is written under the planned call's lock. A call that an agent
makes is the customer's only once the agent is there and the customer is rung (`customer_rung`): until then no
try was used, and nobody was touched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from common import sql
from conversations import call_outcomes, planned_calls
from conversations.call_outcomes import SAID, TryEnd
from conversations.call_scripts import Plan
from conversations.delivery import DELIVERY_UNKNOWN
from conversations.locks import lock_planned_calls
from conversations.models import Call, PlannedCall
from conversations.planned_calls import CallChange, Refusal
from integrations.messaging import CallReport, CallState

State = Call.State
SAY_WITHIN_SECONDS = 90
"""How long an agent has for saying what came of a call that is over."""
_UNHEARD = (planned_calls.NO_CONSENT, planned_calls.HUNG_UP)  # however the line ended: nothing was said
REASON_LENGTH, CODE_LENGTH, ANSWERED_BY_LENGTH = 300, 40, 20  # of the columns
_RANKS = {
    State.CALLING: 0, State.UNKNOWN: 0, State.ACCEPTED: 1, State.RINGING: 2, State.IN_PROGRESS: 3,
    State.COMPLETED: 4, State.BUSY: 4, State.NO_ANSWER: 4, State.FAILED: 4, State.REJECTED: 4,
    State.CANCELLED: 4, State.REFUSED: 9,
}  # fmt: skip
FINAL = 4


def _rank(row: str) -> str:
    ranks = " ".join(f"WHEN '{state}' THEN {rank}" for state, rank in _RANKS.items())
    return f"CASE {row}.state {ranks} ELSE 9 END"


# A script's call that one of ours has ended: whatever is heard of it, that stays the reason for its end.
_ENDED_BY_US = "k.hang_up_at IS NOT NULL AND k.agent_phone = ''"
_STAYS_ENDED = f"k.code = '{planned_calls.HUNG_UP}' AND n.code <> '{DELIVERY_UNKNOWN}'"
# What failed for want of news may still turn out to have been placed.
_RISES = f"""({_rank("k")} < {_rank("n")} OR k.state = 'failed' AND k.code = '{DELIVERY_UNKNOWN}'
    AND n.code <> '{DELIVERY_UNKNOWN}')"""


@dataclass(frozen=True, slots=True)
class News:
    """What is known of one call now."""

    call_id: int
    report: CallReport


class _Moved(NamedTuple):
    """A call that has risen."""

    id: int
    planned_id: int | None
    state: str
    by_agent: bool
    code: str
    reason: str
    outcome: str
    answered_by: str
    first_accepted: bool


def advance(news: Sequence[News], *, now: datetime) -> int:
    """Let calls rise to what is known of them, in the caller's transaction, and their planned calls with
    them; how many rose. Of several news on one call the furthest counts."""
    furthest: dict[int, CallReport] = {}
    for each in sorted(news, key=lambda one: (one.report.rank, one.report.sequence)):
        if each.report.state is not None:
            furthest[each.call_id] = each.report
    if not furthest:
        return 0
    _lock_planned_of(furthest)
    moved = _move(furthest, now)
    _follow(moved, now)
    return len(moved)


def _lock_planned_of(call_ids: Iterable[int]) -> None:
    planned = sql.column(
        "SELECT DISTINCT planned_id FROM conversations_call WHERE id = ANY(%s::bigint[])"
        " AND planned_id IS NOT NULL",
        [sql.array(call_ids)],
    )
    lock_planned_calls(planned)


def _move(furthest: dict[int, CallReport], now: datetime) -> list[_Moved]:
    rows = [
        (
            call_id, r.state.value if r.state else "", r.provider_id or None, r.sequence,
            r.answered_by[:ANSWERED_BY_LENGTH], r.seconds, r.code[:CODE_LENGTH], r.meaning[:REASON_LENGTH],
        )
        for call_id, r in sorted(furthest.items())
    ]  # fmt: skip
    names = ("ids", "states", "sids", "sequences", "answered", "seconds", "codes", "reasons")
    found = sql.rows(
        f"""
        WITH news AS (
            SELECT * FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(sids)s::text[],
                %(sequences)s::int[], %(answered)s::text[], %(seconds)s::int[], %(codes)s::text[],
                %(reasons)s::text[])
                AS n(id, state, provider_id, sequence, answered_by, seconds, code, reason)),
        held AS MATERIALIZED (
            SELECT k.id, k.accepted_at IS NULL AS unaccepted FROM conversations_call k JOIN news n USING (id)
            WHERE {_RISES}
              AND (k.state <> 'failed' OR n.state NOT IN ('accepted', 'ringing', 'in_progress')
                OR NOT EXISTS (SELECT 1 FROM conversations_call later WHERE later.planned_id = k.planned_id
                AND later.state IN ('calling', 'unknown', 'accepted', 'ringing', 'in_progress')))
              AND (k.provider_id IS NULL OR n.provider_id IS NULL OR k.provider_id = n.provider_id)
              AND (n.provider_id IS NULL OR NOT EXISTS (
                SELECT 1 FROM conversations_call other WHERE other.provider = k.provider
                    AND other.provider_id = n.provider_id AND other.id <> k.id)))
        UPDATE conversations_call k SET
            state = n.state, state_at = %(now)s, provider_id = coalesce(k.provider_id, n.provider_id),
            sequence = greatest(k.sequence, n.sequence),
            answered_by = coalesce(nullif(n.answered_by, ''), k.answered_by),
            accepted_at = coalesce(k.accepted_at, CASE
                WHEN coalesce(k.provider_id, n.provider_id) IS NULL THEN NULL
                WHEN k.agent_phone = '' THEN %(now)s END),
            answered_at = coalesce(k.answered_at, CASE
                WHEN k.agent_phone = '' AND n.state IN ('in_progress', 'completed') THEN %(now)s END),
            ended_at = CASE WHEN n.state IN ('accepted', 'ringing', 'in_progress') THEN NULL
                ELSE coalesce(k.ended_at, %(now)s) END,
            claimed_at = CASE WHEN n.state IN ('accepted', 'ringing', 'in_progress')
                THEN coalesce(k.claimed_at, clock_timestamp()) END,
            seconds = CASE WHEN k.agent_phone = '' THEN coalesce(n.seconds, k.seconds) ELSE k.seconds END,
            code = CASE WHEN {_STAYS_ENDED} THEN k.code WHEN n.code <> '' THEN n.code
                WHEN k.code <> '{DELIVERY_UNKNOWN}' THEN k.code
                WHEN {_ENDED_BY_US} THEN '{planned_calls.HUNG_UP}' ELSE '' END,
            reason = CASE WHEN {_STAYS_ENDED} THEN k.reason
                WHEN n.code IN ('', '{DELIVERY_UNKNOWN}') AND {_ENDED_BY_US} THEN k.reason
                WHEN n.code <> '' OR k.code = '{DELIVERY_UNKNOWN}' THEN n.reason ELSE k.reason END
        FROM news n JOIN held h USING (id) WHERE k.id = n.id
        RETURNING k.id, k.planned_id, k.state, k.agent_phone <> '', k.code, k.reason, k.outcome,
            k.answered_by, h.unaccepted AND k.accepted_at IS NOT NULL
        """,
        dict(zip(names, sql.arrays(rows), strict=True)) | {"now": now},
    )
    return [_Moved(*row) for row in found]


def _follow(moved: Sequence[_Moved], now: datetime) -> None:
    """What the calls' rise means for their planned calls."""
    planned = [each for each in moved if each.planned_id is not None]
    _accepted([each.planned_id for each in planned if each.planned_id and each.first_accepted], now)
    live = [each.planned_id for each in planned if each.planned_id and _RANKS[State(each.state)] < FINAL]
    sql.run(
        "UPDATE conversations_plannedcall SET state = 'calling', state_at = %s, code = '', reason = ''"
        " WHERE id = ANY(%s::bigint[])"
        f" AND (state = 'unknown' OR state = 'failed' AND code = '{DELIVERY_UNKNOWN}')",
        [now, sql.array(live)],
    )
    _take_again([each.id for each in planned if each.by_agent and _RANKS[State(each.state)] < FINAL], now)
    over = [each for each in planned if _RANKS[State(each.state)] == FINAL]
    give_to_agents([each.planned_id for each in over if each.planned_id and each.by_agent], now=now)
    _end_scripted([each for each in over if not each.by_agent], now)


def _take_again(call_ids: Sequence[int], now: datetime) -> None:
    """Agents' calls that were given up ring after all: what was put back is being called again, unless
    somebody else has it by now, or its agent has put it off or said what came of a later try. That stands:
    `call_taking.why_not_rung` tells whoever picks up."""
    sql.run(
        f"""
        UPDATE conversations_plannedcall p SET state = 'calling', state_at = %s, due_at = NULL,
            taken_by_id = k.by_id, taken_until = NULL, code = '', reason = ''
        FROM conversations_call k
        WHERE k.id = ANY(%s::bigint[]) AND p.id = k.planned_id AND k.by_id IS NOT NULL
          AND (p.state = 'queued' AND p.due_at <= %s OR p.state = 'taken' AND p.taken_by_id = k.by_id
            AND NOT starts_with(p.code, '{SAID}'))
        """,
        [now, sql.array(call_ids), now],
    )


def unproven(call: Call) -> bool:
    """Whether nobody knows yet that the provider has this call, or knew when it was given up."""
    given_up = call.state == State.FAILED and call.code == DELIVERY_UNKNOWN
    return given_up or call.state in (State.CALLING, State.UNKNOWN)


def found(call: Call, provider_id: str, *, now: datetime) -> None:
    """An unproven call is answered: the provider asks what to do. In the caller's transaction."""
    report = CallReport(provider_id, "in-progress", CallState.IN_PROGRESS, _RANKS[State.IN_PROGRESS])
    advance([News(call.pk, report)], now=now)


def customer_rung(call: Call, *, now: datetime) -> None:
    """The agent is on the line and their customer is dialled: from here on it is a try, and a touch. Under
    the planned call's lock, in the caller's transaction; told twice it changes nothing more."""
    if Call.objects.filter(pk=call.pk, accepted_at=None).update(accepted_at=now) and call.planned_id:
        call.accepted_at = now
        _accepted([call.planned_id], now)


def _accepted(planned_ids: Sequence[int], now: datetime) -> None:
    """The carrier took a try to the customer."""
    if not planned_ids:
        return
    found = sql.rows(
        """
        WITH held AS MATERIALIZED (
            SELECT id, first_accepted_at IS NULL AS first FROM conversations_plannedcall
            WHERE id = ANY(%s::bigint[]))
        UPDATE conversations_plannedcall p SET tries = p.tries + 1,
            first_accepted_at = coalesce(p.first_accepted_at, %s)
        FROM held h WHERE p.id = h.id RETURNING p.id, p.origin, p.state, p.outcome, p.code, p.reason, h.first
        """,
        [sql.array(planned_ids), now],
    )
    changes = [CallChange(*row) for row in found]
    planned_calls.tell_changed([each for each in changes if each.first_acceptance], now)


def give_to_agents(planned_ids: Sequence[int], *, now: datetime) -> None:
    """An agent's call is over: the agent says what came of it, or calls again where nobody was rung. Whoever
    has left us meanwhile leaves it to the others. News of a call before the one that goes on changes nothing.
    """
    sql.run(
        f"""
        UPDATE conversations_plannedcall p SET state_at = %(now)s, due_at = %(now)s,
            state = CASE WHEN taken_by_id IS NULL THEN 'queued' ELSE 'taken' END,
            taken_until = CASE WHEN taken_by_id IS NOT NULL
                THEN clock_timestamp() + %(seconds)s * interval '1 second' END
        WHERE id = ANY(%(ids)s::bigint[]) AND state IN ('calling', 'unknown')
          AND NOT {planned_calls.HAS_LIVE_CALL}
        """,
        {"now": now, "seconds": SAY_WITHIN_SECONDS, "ids": sql.array(planned_ids)},
    )


def _end_scripted(over: Sequence[_Moved], now: datetime) -> None:
    """A script's call is over: an outcome, or what kept it from having one."""
    if not over:
        return
    ids = [each.planned_id for each in over if each.planned_id is not None]
    found = PlannedCall.objects.filter(pk__in=ids).select_related("script")
    planned = {each.pk: each for each in found}
    # Failed for want of news, and now there is some: it is open again, so that it can end as it did.
    revived = [pk for pk, each in planned.items() if each.state == "failed" and each.code == DELIVERY_UNKNOWN]
    if revived:
        PlannedCall.objects.filter(pk__in=revived).update(state="calling", code="", reason="")
    ends, refused = list[TryEnd](), list[Refusal]()
    gone = _opted_out(ids)
    for each in over:
        if each.planned_id is None:
            continue
        failed = each.state in (State.FAILED, State.REJECTED) and each.code != planned_calls.HUNG_UP
        if failed and not each.outcome:
            refused.append(Refusal(each.planned_id, each.state, each.code or each.state, each.reason))
        elif not each.outcome and (each.state == State.CANCELLED or each.code in _UNHEARD):
            why = "opted_out" if each.planned_id in gone else each.code or "cancelled"
            refused.append(Refusal(each.planned_id, PlannedCall.State.CANCELLED, why, each.reason))
        else:
            given = each.outcome or _outcome_of(each, planned[each.planned_id])
            ends.append(TryEnd(each.planned_id, given, each.id))
    call_outcomes.apply(ends, now=now)
    planned_calls.refuse(refused, now=now)


def _opted_out(planned_ids: Sequence[int]) -> set[int]:
    return set(
        sql.column(
            "SELECT p.id FROM conversations_plannedcall p JOIN audiences_optout o"
            " ON o.address_id = p.address_id AND o.lifted_at IS NULL WHERE p.id = ANY(%s::bigint[])",
            [sql.array(planned_ids)],
        )
    )


def _outcome_of(call: _Moved, planned: PlannedCall) -> str:
    """What the line alone says. A machine that was left no message is as if nobody had answered; who is not
    known for a machine is taken for a person."""
    if call.state == State.BUSY:
        return PlannedCall.Outcome.BUSY
    if call.state != State.COMPLETED:
        return PlannedCall.Outcome.NO_ANSWER
    if call.answered_by.startswith("machine"):
        plan = Plan.model_validate(planned.script.content) if planned.script else None
        left = plan is not None and plan.voicemail is not None
        return PlannedCall.Outcome.VOICEMAIL if left else PlannedCall.Outcome.NO_ANSWER
    if call.answered_by == "fax":
        return PlannedCall.Outcome.NO_ANSWER
    return PlannedCall.Outcome.ANSWERED
