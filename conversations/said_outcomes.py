"""What an agent says came of a call, kept back for half a minute so that it can be taken back.

Until then it stands on the planned call, which stays the agent's: nothing has moved the campaign on. Then
`call_outcomes.sweep_taken` makes it the outcome, also where the agent's browser is long gone.
"""

from datetime import datetime, timedelta

from accounts.models import User
from audiences import suppression
from common import sql
from common.transactions import atomic_with_retry
from conversations.call_outcomes import SAID
from conversations.call_taking import NotPossible
from conversations.locks import lock_planned_calls
from conversations.models import Call, PlannedCall

UNDO = timedelta(seconds=30)
LONGEST_NOTE = 2_000
State = PlannedCall.State


def outcome_of(planned: PlannedCall) -> str:
    """The outcome that was said and can be taken back; "" where there is none."""
    return planned.code.removeprefix(SAID) if planned.code.startswith(SAID) else ""


def latest_call(planned: PlannedCall) -> Call | None:
    """The latest try that the carrier did not turn away."""
    return planned.calls.exclude(state=Call.State.REFUSED).order_by("-try_number", "-pk").first()


@atomic_with_retry
def say(planned: PlannedCall, outcome: str, *, by: User, note: str = "", now: datetime) -> None:
    """Keep what came of a call that this agent made. Saying it again replaces it. Raises NotPossible."""
    kept = _in_hand(planned, by)
    call = latest_call(kept)
    if call is None or call.by_id != by.pk or call.outcome or call.accepted_at is None:
        raise NotPossible("Nobody was called yet, so there is no outcome. Call, or skip this person.")
    if note.strip():
        Call.objects.filter(pk=call.pk).update(note=note.strip()[:LONGEST_NOTE])
    sql.run(
        "UPDATE conversations_plannedcall SET code = %s, taken_until = clock_timestamp() + %s WHERE id = %s",
        [f"{SAID}{PlannedCall.Outcome(outcome)}", UNDO, kept.pk],
    )


@atomic_with_retry
def take_back(planned: PlannedCall, *, by: User) -> None:
    """The outcome was a slip: the agent has the person again, to say another. Raises NotPossible."""
    lock_planned_calls([planned.pk])
    kept = PlannedCall.objects.get(pk=planned.pk)
    said = kept.state in (State.TAKEN, State.CALLING) and kept.taken_by_id == by.pk and outcome_of(kept)
    if not said:
        raise NotPossible(_too_late(kept))
    sql.run(
        "UPDATE conversations_plannedcall SET code = '',"
        " taken_until = clock_timestamp() + interval '5 minutes' WHERE id = %s",
        [kept.pk],
    )


def _too_late(kept: PlannedCall) -> str:
    """Why an outcome stands."""
    if kept.state == State.CALLED and suppression.in_force([kept.address_id]):
        return (
            f"The outcome “{kept.get_outcome_display()}” stands: they have opted out meanwhile, so that they "
            "are not called again. Write what is right as a note in the conversation."
        )
    if kept.state == State.CALLED:
        return (
            f"The outcome “{kept.get_outcome_display()}” stands: the half minute is over and the campaign has"
            " gone on with it. Write what is right as a note in the conversation."
        )
    if kept.state == State.QUEUED:
        return "This person already waits for the next try, as the workflow has it. Nothing was changed."
    return "This call has no outcome that could be taken back. Nothing was changed."


def _in_hand(planned: PlannedCall, by: User) -> PlannedCall:
    lock_planned_calls([planned.pk])
    kept = PlannedCall.objects.get(pk=planned.pk)
    if kept.state not in (State.TAKEN, State.CALLING) or kept.taken_by_id != by.pk:
        raise NotPossible("You do not have this person open any more. Nothing was kept.")
    return kept
