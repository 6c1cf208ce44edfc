"""What campaigns do when a planned call moves: in the teller's transaction, without vendors."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns import graph, passages
from campaigns.locks import lock_open_steps
from campaigns.models import Step
from campaigns.nodes.base import ORIGIN, Outcome, Row, State
from campaigns.terms import BOOKED
from common import sql
from conversations import call_outcomes
from conversations.models import PlannedCall
from conversations.planned_calls import CallChange, CallDeferral

# Found out only at the claim: it ends the passage, as it does everywhere.
_ENDING = {"opted_out": "opted_out", "booked": BOOKED}
_REASON_LENGTH = 60  # of the column

PASSAGE_OVER = "passage_over"


@dataclass(frozen=True, slots=True)
class _Move:
    """What a planned call's news means for its step."""

    state: State
    label: str = ""
    reason: str = ""


def on_changed(*, changes: list[CallChange], now: datetime, **_: Any) -> None:
    """A call's outcome completes its step, by the way that is called so; what was never placed fails or skips
    it. While it is going on the step waits."""
    wanted: dict[int, tuple[_Move, str]] = {}
    for change in changes:
        step_id = step_of(change.origin)
        if step_id is not None and (move := _move_of(change)):
            wanted[step_id] = move, change.code
    groups: dict[tuple[_Move, str, int, int, int], list[Row]] = defaultdict(list)
    for step in lock_open_steps(wanted):
        move, code = wanted[step.step_id]
        key = (move, code, step.campaign_id, step.version_id, step.node_id)
        groups[key].append(Row(step.step_id, step.enrollment_id))
    for (move, code, campaign_id, version_id, node_id), rows in groups.items():
        if move.state == State.WAITING:
            _wait(rows, now)
        elif move.state == State.SKIPPED and code in _ENDING:
            passages.end([row.enrollment_id for row in rows], reason=_ENDING[code], now=now)
        else:
            drawn = graph.load(version_id)
            outcome = Outcome(rows, move.state, label=move.label, reason=move.reason)
            passages.settle(campaign_id, drawn, drawn.nodes[node_id], [outcome], now=now)


def _move_of(change: CallChange) -> _Move | None:
    match change.state:
        case PlannedCall.State.CALLED:
            return _Move(State.COMPLETED, label=change.outcome)
        case PlannedCall.State.UNKNOWN:
            return _Move(State.WAITING)
        case PlannedCall.State.FAILED | PlannedCall.State.REJECTED:
            reason = f"{change.state}:{change.code}" if change.code else f"call_{change.state}"
            return _Move(State.FAILED, reason=reason[:_REASON_LENGTH])
        case PlannedCall.State.EXPIRED | PlannedCall.State.CANCELLED:
            return _Move(State.SKIPPED, reason=(change.code or change.state)[:_REASON_LENGTH])
    return _Move(State.WAITING) if change.first_acceptance else None


def _wait(rows: list[Row], now: datetime) -> None:
    Step.objects.filter(pk__in=[row.step_id for row in rows]).exclude(state=State.WAITING).update(
        state=State.WAITING, state_at=now, due_at=None
    )


def on_deferred(*, deferrals: list[CallDeferral], now: datetime, **_: Any) -> None:
    """Put off by hours, a cap or a hold, or until its next try: the step is scheduled for then. Whose passage
    ended while a try was going on is not tried again."""
    until = {step: d.until for d in deferrals if (step := step_of(d.origin)) is not None}
    steps = lock_open_steps(until)
    still = {step.step_id for step in steps}
    over = [d.planned_id for d in deferrals if step_of(d.origin) in until.keys() - still]
    call_outcomes.end_forsaken(over, reason=PASSAGE_OVER, now=now)
    sql.run(
        """
        UPDATE campaigns_step s SET state = 'scheduled', due_at = n.until,
            state_at = CASE WHEN s.state = 'scheduled' THEN s.state_at ELSE %s END
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS n(id, until) WHERE s.id = n.id
        """,
        [now, [step.step_id for step in steps], [until[step.step_id] for step in steps]],
    )


def step_of(origin: str | None) -> int | None:
    """The step whose message or call has this origin."""
    return int(origin.removeprefix(ORIGIN)) if origin and origin.startswith(ORIGIN) else None
