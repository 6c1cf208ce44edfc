"""Who has a planned call open: one agent at a time, under a lease on the database's clock; and what agents do
with it beside calling."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts import audit
from accounts.models import User
from common import sql
from common.transactions import atomic_with_retry
from conversations import call_outcomes
from conversations.locks import lock_planned_calls
from conversations.models import Call, PlannedCall
from conversations.planned_calls import (
    HAS_LIVE_CALL,
    TAKEN_SECONDS,
    CallDeferral,
    Refusal,
    defer,
    refuse,
)

State = PlannedCall.State
ANOTHER_TIME = "another_time"
SKIPPED = "skipped"
_UNTIL = "clock_timestamp() + %s * interval '1 second'"


class NotPossible(Exception):
    """Nothing was changed; the words say why and what to do."""


@atomic_with_retry
def take(
    planned_ids: Sequence[int], *, by: User, now: datetime, seconds: float = TAKEN_SECONDS
) -> PlannedCall | None:
    """Give an agent the first of these that is in the queue and due; None where there is none.

    In the order given; whichever another agent is taking at this moment is passed over, so that two never get
    the same. The gate is asked when it is placed.
    """
    found = sql.column(
        f"""
        UPDATE conversations_plannedcall SET state = 'taken', state_at = %s, taken_by_id = %s,
            taken_until = {_UNTIL}
        WHERE id = (
            SELECT p.id FROM unnest(%s::bigint[]) WITH ORDINALITY AS n(id, place)
            JOIN conversations_plannedcall p ON p.id = n.id
            WHERE p.state = 'queued' AND p.mode = 'person' AND p.due_at <= %s
              AND (p.send_by IS NULL OR p.send_by > %s) AND NOT {HAS_LIVE_CALL}
            ORDER BY n.place LIMIT 1 FOR NO KEY UPDATE OF p SKIP LOCKED)
        RETURNING id
        """,
        [now, by.pk, seconds, sql.array(planned_ids), now, now],
    )
    return PlannedCall.objects.get(pk=found[0]) if found else None


def keep(planned_id: int, *, by: User, seconds: float = TAKEN_SECONDS) -> bool:
    """Prolong an agent's lease, as long as the page with it is open; False where it is not theirs any more.

    One that is being called has none and needs none: it is the caller's until the call has ended.
    """
    prolonged = sql.run(
        f"UPDATE conversations_plannedcall SET taken_until = {_UNTIL}"
        " WHERE id = %s AND taken_by_id = %s AND state IN ('taken', 'calling', 'unknown')",
        [seconds, planned_id, by.pk],
    )
    return bool(prolonged)


@atomic_with_retry
def give_back(planned_id: int, *, by: User, now: datetime) -> bool:
    """Put what an agent has open back into the queue, as it was; False where it is not theirs any more."""
    lock_planned_calls([planned_id])
    return bool(
        sql.run(
            "UPDATE conversations_plannedcall SET state = 'queued', state_at = %s, taken_by_id = NULL,"
            " taken_until = NULL WHERE id = %s AND state = 'taken' AND taken_by_id = %s",
            [now, planned_id, by.pk],
        )
    )


@atomic_with_retry
def skip(planned_id: int, *, by: User, reason: str, now: datetime) -> None:
    """An agent decides not to call, and says why. Raises NotPossible."""
    reason = " ".join(reason.replace("\0", " ").split())
    if not reason:
        raise NotPossible("Say why this person is not called. Nothing was changed.")
    kept = _in_hand(planned_id, by)
    if call_outcomes.unsaid(planned_id):
        raise NotPossible("This person has been called: say what came of it instead. Nothing was changed.")
    refuse([Refusal(planned_id, State.CANCELLED, SKIPPED, reason)], now=now)
    audit.record(
        account=kept.account, by=by, verb="skipped_call", summary=f"Did not call {kept.contact}: {reason}",
        on=kept.contact,
    )  # fmt: skip


@atomic_with_retry
def put_off(
    planned_id: int,
    *,
    until: datetime,
    by: User,
    now: datetime,
    code: str = ANOTHER_TIME,
    note: str = "",
) -> None:
    """An agent plans the next try for an instant; a *send by* before that moves to a day after it.

    `code` stays on the row, and so says that the customer was promised it. Whether hours and caps allow it
    then is asked when it is placed. A call just made is over with this, `note` with it, so that nobody is
    asked for its outcome when the promised one is due. Raises NotPossible.
    """
    if until <= now:
        raise NotPossible("That time is over. Nothing was changed.")
    kept = _in_hand(planned_id, by)
    call_outcomes.end_unsaid(planned_id, note=note, now=now)
    send_by = kept.send_by
    if send_by is not None and send_by <= until:
        send_by = until + timedelta(days=1)
    PlannedCall.objects.filter(pk=planned_id).update(send_by=send_by, code=code)
    defer([CallDeferral(planned_id, kept.origin, until, code)], now=now)


def why_not_rung(call: Call, planned: PlannedCall, *, now: datetime) -> str:
    """Why an agent who has answered late rings nobody, in words; empty where the customer is theirs still.

    An agent's call that was given up may ring after all, when somebody else has the customer or has called
    them, or when its own agent has put them off or talked with them. The caller holds both locks.
    """
    nobody = "Nobody was called."
    if planned.state not in PlannedCall.OPEN:
        return f"This call is over already. {nobody}"
    if planned.taken_by_id not in (None, call.by_id):
        return f"A colleague has this person now. {nobody}"
    if Call.objects.filter(planned=planned, state__in=Call.LIVE).exclude(pk=call.pk).exists():
        return f"They are being called at this moment. {nobody}"
    if planned.state == State.QUEUED and planned.due_at is not None and planned.due_at > now:
        return f"This call was put off until later. {nobody}"
    if planned.code.startswith(call_outcomes.SAID):
        return f"You have said what came of this call. {nobody}"
    return ""


def _in_hand(planned_id: int, by: User) -> PlannedCall:
    """The planned call, locked, where nobody else has it and it is not being called. Raises NotPossible."""
    lock_planned_calls([planned_id])
    kept = PlannedCall.objects.get(pk=planned_id)
    if kept.state == State.CALLING and kept.taken_by_id == by.pk:
        raise NotPossible("You are still in this call. Hang up, then press this again.")
    if kept.state not in (State.QUEUED, State.TAKEN):
        being = "being called at this moment" if kept.state in PlannedCall.OPEN else "over already"
        raise NotPossible(f"This call is {being}. Nothing was changed.")
    if kept.taken_by_id not in (None, by.pk):
        raise NotPossible("A colleague has this call open. Nothing was changed.")
    return kept
