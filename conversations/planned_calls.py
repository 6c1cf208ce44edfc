"""Planning calls, letting them leave, and taking them back. Outcomes: `conversations/call_outcomes.py`.

A planned call's state changes by conditional updates under its row lock, which comes after those of
household, address and messages and before that of an enrollment. Its calls are touched under it alone. The
layers above hear of what concerns a step: the carrier took the first try, nobody knows whether it did, it is
over, it is put off.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from audiences.models import Address, Contact
from common import sql
from conversations.agents_lane import agents_lane
from conversations.locks import lock_planned_calls
from conversations.models import Call, Lane, PlannedCall
from conversations.number_choice import Pool
from conversations.signals import planned_calls_changed, planned_calls_deferred
from integrations.models import SendingNumber

TAKEN_SECONDS = 300
"""How long an agent has a planned call open before others may have it; `call_taking.keep` prolongs it."""
CALL_BACK_WITHIN = timedelta(hours=72)
TOO_LATE = "too_late"
NO_CONSENT = "no_consent"  # to recorded voice: nothing may be played
HUNG_UP = "hung_up"  # a script’s call that one of ours ended before its customer had answered
_REASON_LENGTH, _CODE_LENGTH = 300, 40  # of the columns
# Whether a call that is not over yet belongs to the planned call `p`.
HAS_LIVE_CALL = """EXISTS (
    SELECT 1 FROM conversations_call k WHERE k.planned_id = p.id
    AND k.state IN ('calling', 'unknown', 'accepted', 'ringing', 'in_progress'))"""

_QUEUE_SQL = """
    INSERT INTO conversations_plannedcall
        (account_id, lane_id, contact_id, address_id, number_id, kind, mode, origin, script_id, variables,
         state, state_at, created_at, due_at, send_by, unless_booked_since)
    SELECT %(account_id)s, %(lane_id)s, q.contact_id, q.address_id, {number},
        'campaign', %(mode)s, q.origin, %(script_id)s, q.variables,
        'queued', %(now)s, %(now)s, %(now)s, q.send_by, q.unless_booked_since
    FROM ({source}) q {threads}
    RETURNING id, origin
"""
_OF_WHOM = ("q.contact_id", "q.address_id")


@dataclass(frozen=True, slots=True)
class CallChange:
    """One planned call's move, for receivers. `first_acceptance` is true once in its life: the carrier took
    its first try."""

    planned_id: int
    origin: str | None
    state: str
    outcome: str
    code: str
    reason: str
    first_acceptance: bool


@dataclass(frozen=True, slots=True)
class CallDeferral:
    """One planned call put off until `until` (an instant), and why."""

    planned_id: int
    origin: str | None
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A planned call that ends without a further try: its state, a code for programs and words for people."""

    planned_id: int
    state: str
    code: str
    reason: str = ""


def queueing(
    source: sql.Query,
    *,
    account_id: int,
    lane_id: int,
    pool: Pool,
    script_id: int,
    mode: str,
    now: datetime,
) -> sql.Query:
    """The statement that plans one call per row of `source`, giving (id, origin) of each.

    For a WITH of the caller, who notes in that same statement which planned call is whose. `source` gives
    origin, contact_id, address_id, variables, send_by and unless_booked_since, of origins that have none yet:
    one planned call per origin for ever. Which number of the `pool` it shows `number_choice` says. `mode` is
    the script's: whose consent to recorded voice is missing is found at the claim and left to a person there.
    """
    params = {
        **source.params, **pool.params, "account_id": account_id, "lane_id": lane_id,
        "script_id": script_id, "mode": mode, "now": now,
    }  # fmt: skip
    statement = _QUEUE_SQL.format(
        source=source.text, number=pool.chosen(*_OF_WHOM), threads=pool.joins(*_OF_WHOM)
    )
    return sql.Query(statement, params)


def plan_call_back(call: Call, *, now: datetime) -> PlannedCall:
    """A customer asked for a call back on this call: a person calls. Once per call, however often asked.

    In the agents' lane, which no campaign's pause holds; the words are those of the campaign's plan.
    """
    asked = call.planned
    if call.contact_id is None:
        raise ValueError("nobody knows who asked for this call back")
    return PlannedCall.objects.get_or_create(
        origin=f"callback:{call.pk}",
        defaults={
            "account_id": call.account_id, "lane": agents_lane(call.account), "contact_id": call.contact_id,
            "address_id": call.address_id, "number_id": call.number_id, "kind": PlannedCall.Kind.CALL_BACK,
            "mode": PlannedCall.Mode.PERSON, "script": asked.script if asked else None,
            "variables": asked.variables if asked else None, "state": PlannedCall.State.QUEUED,
            "state_at": now, "created_at": now, "due_at": now, "send_by": now + CALL_BACK_WITHIN,
        },
    )[0]  # fmt: skip


def plan_agent_call(
    contact: Contact,
    address: Address,
    number: SendingNumber,
    *,
    by: User,
    now: datetime,
    token: str = "",
) -> PlannedCall:
    """An agent's own call, from a thread or a contact's page: the agent has it open at once.

    `token` makes a form that is sent twice one planned call. Nothing is asked of the gate
    here: `call_claiming.place` does, and says why it refuses.
    """
    return PlannedCall.objects.get_or_create(
        origin=f"agent:{token or uuid.uuid4()}",
        defaults={
            "account": number.account, "lane": agents_lane(number.account), "contact": contact,
            "address": address,
            "number": number, "kind": PlannedCall.Kind.AGENT, "mode": PlannedCall.Mode.PERSON,
            "state": PlannedCall.State.TAKEN, "state_at": now, "created_at": now, "due_at": now,
            "send_by": now + timedelta(hours=24), "taken_by": by,
            "taken_until": sql.value(
                "SELECT clock_timestamp() + %s * interval '1 second'", [TAKEN_SECONDS]
            ),
        },
    )[0]  # fmt: skip


def release(planned_ids: Sequence[int], *, now: datetime) -> set[int]:
    """Let planned calls that were put off be placed now; those of them that are still in the queue."""
    return set(
        sql.column(
            "UPDATE conversations_plannedcall SET due_at = %s WHERE id = ANY(%s::bigint[])"
            " AND state IN ('queued', 'taken') RETURNING id",
            [now, sql.array(planned_ids)],
        )
    )


def waiting(lane_id: int, mode: str, at_most: int, *, now: datetime) -> int:
    """Planned calls of a lane that could be placed now, counted up to `at_most`."""
    return int(
        sql.value(
            """
            SELECT count(*) FROM (
                SELECT 1 FROM conversations_plannedcall
                WHERE lane_id = %s AND mode = %s AND due_at <= %s AND state IN ('queued', 'taken') LIMIT %s) q
            """,
            [lane_id, mode, now, at_most],
        )
    )


def defer(deferrals: Sequence[CallDeferral], *, now: datetime) -> None:
    """Leave planned calls queued for later, in nobody's hands, and tell the layers above.

    The caller holds their locks and saw them open and not being called.
    """
    if not deferrals:
        return
    sql.run(
        """
        UPDATE conversations_plannedcall p SET due_at = n.until, state = 'queued', taken_by_id = NULL,
            taken_until = NULL, state_at = CASE WHEN p.state = 'queued' THEN p.state_at ELSE %s END
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS n(id, until) WHERE p.id = n.id
        """,
        [now, *sql.arrays([(d.planned_id, d.until) for d in deferrals])],
    )
    tell_deferred(list(deferrals), now)


def refuse(refused: Sequence[Refusal], *, now: datetime, tell: bool = True) -> list[CallChange]:
    """End open planned calls without a further try: cancelled, expired, failed or rejected; which were.

    Locks the rows in id order. `tell=False` is for callers that close the steps themselves.
    """
    if not refused:
        return []
    lock_planned_calls(each.planned_id for each in refused)
    found = sql.rows(
        """
        UPDATE conversations_plannedcall p SET state = n.state, state_at = %s, due_at = NULL,
            taken_by_id = NULL, taken_until = NULL, code = n.code, reason = n.reason
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS n(id, state, code, reason)
        WHERE p.id = n.id AND p.state IN ('queued', 'taken', 'calling', 'unknown')
        RETURNING p.id, p.origin, p.state, p.outcome, p.code, p.reason, false
        """,
        [
            now,
            *sql.arrays(
                [(r.planned_id, r.state, r.code[:_CODE_LENGTH], r.reason[:_REASON_LENGTH]) for r in refused]
            ),
        ],
    )
    changes = [CallChange(*row) for row in found]
    if tell:
        tell_changed(changes, now)
    return changes


def cancel(planned_ids: Sequence[int], *, reason: str, now: datetime, tell: bool = True) -> list[CallChange]:
    """Take planned calls out of the queue, also from whoever has one open; those being called are left.

    As `outbound.cancel`: `reason` becomes the code. Returns what was taken.
    """
    if not planned_ids:
        return []
    lock_planned_calls(planned_ids)
    found = sql.rows(
        """
        UPDATE conversations_plannedcall SET state = 'cancelled', state_at = %s, due_at = NULL,
            taken_by_id = NULL, taken_until = NULL, code = %s
        WHERE id = ANY(%s::bigint[]) AND state IN ('queued', 'taken')
        RETURNING id, origin, state, outcome, code, reason, false
        """,
        [now, reason[:_CODE_LENGTH], sql.array(planned_ids)],
    )
    changes = [CallChange(*row) for row in found]
    if tell:
        tell_changed(changes, now)
    return changes


def queued_to(address_ids: Sequence[int]) -> list[int]:
    """Ids of planned calls to these addresses that are not being called: agents' and call backs, too."""
    return sql.column(
        "SELECT id FROM conversations_plannedcall WHERE address_id = ANY(%s::bigint[])"
        " AND state IN ('queued', 'taken') ORDER BY id",
        [sql.array(address_ids)],
    )


def of_origins(origins: Iterable[str]) -> list[int]:
    """Ids of the planned calls with these origins that are not being called."""
    return sql.column(
        "SELECT id FROM conversations_plannedcall WHERE origin = ANY(%s::text[])"
        " AND state IN ('queued', 'taken') ORDER BY id",
        [sql.array(origins)],
    )


def of_lane(lane: Lane) -> list[int]:
    """Ids of a lane's planned calls that are not being called."""
    return sql.column(
        "SELECT id FROM conversations_plannedcall WHERE lane_id = %s AND state IN ('queued', 'taken')"
        " AND due_at IS NOT NULL ORDER BY id",
        [lane.pk],
    )


def tell_changed(changes: list[CallChange], now: datetime) -> None:
    """Tell the layers above what became of planned calls; in the transaction of the change."""
    if changes:
        planned_calls_changed.send(PlannedCall, changes=changes, now=now)


def tell_deferred(deferrals: list[CallDeferral], now: datetime) -> None:
    """Tell the layers above until when planned calls are put off."""
    if deferrals:
        planned_calls_deferred.send(PlannedCall, deferrals=deferrals, now=now)
