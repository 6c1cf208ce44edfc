"""The claim of calls: under household, address and planned-call locks the gate is asked, a Call is written
and the planned call becomes `calling`; then, and only then, the provider may be asked.

One claim for both modes. A script's calls are claimed by the sending process at their account's pace
(`conversations/call_sender.py`), a person's by whoever presses Call (`conversations/call_placing.py`).
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from accounts.models import User
from audiences import suppression
from audiences.freshness import asked_since
from common import sql
from common.transactions import atomic_with_retry
from conversations import call_candidates, call_outcomes, call_words, pausing
from conversations.call_candidates import CallCandidate, CallClaim
from conversations.call_scripts import Plan
from conversations.claiming import HOLD_LOOK
from conversations.locks import lock_planned_calls
from conversations.models import CallSettings, PlannedCall
from conversations.planned_calls import NO_CONSENT, CallDeferral, Refusal, defer, refuse

State, Mode = PlannedCall.State, PlannedCall.Mode
VALID_FOR = timedelta(minutes=15)
"""How long an unknown call is looked for: what the provider took stands in its list at once."""
AGENTS_VALID_FOR = timedelta(minutes=3)
"""As `VALID_FOR`, of a call that rings an agent first: nobody may call meanwhile, and should it turn up later
it rings that agent, who has to press a key before any customer is rung."""
AGENT_RING_SECONDS = 20  # before the agent's own voicemail takes it
_PACE_LOCK_CLASS = 7107  # advisory locks: one claim of scripted calls at a time per account
_DEFAULTS = CallSettings()


@dataclass(slots=True)
class Decided:
    """What a claim made of planned calls. Of those it left alone it says why."""

    claims: list[CallClaim] = field(default_factory=list)
    deferred: list[CallDeferral] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    held: dict[int, str] = field(default_factory=dict)  # planned call → what of `HELD_WORDS`
    to_person: list[int] = field(default_factory=list)  # without consent to recorded voice
    verdicts: dict[int, suppression.Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agent:
    """Who presses Call, and the phone that is rung first."""

    user: User
    phone: str  # E.164


def verdicts(planned_ids: Sequence[int], *, now: datetime) -> dict[int, suppression.Verdict]:
    """What the gate would say of these planned calls now, without locks or effects; absent where a call is
    going on, or it is over. For offering: the claim asks again."""
    found = call_candidates.read(planned_ids, now, states=[State.QUEUED, State.TAKEN])
    return call_candidates.verdicts(found, now)


@atomic_with_retry
def claim_scripts(account_id: int, lane_ids: Sequence[int], *, now: datetime, most: int) -> Decided:
    """Claim scripted calls that are due in these lanes, in turn in this order, at most what the account's
    pace and number of lines leave free.

    All processes together keep to both: one claims at a time, counting what was claimed in the second before
    and what is going on. Where another is claiming, nothing is.
    """
    if not sql.value("SELECT pg_try_advisory_xact_lock(%s, %s)", [_PACE_LOCK_CLASS, account_id]):
        return Decided()
    room = min(most, _room(account_id))
    if room <= 0:
        return Decided()
    ids = _next(lane_ids, now, room)
    return _decide(ids, now=now, states=[State.QUEUED], agent=None) if ids else Decided()


def _next(lane_ids: Sequence[int], now: datetime, room: int) -> list[int]:
    """Scripted calls that are due in these lanes, in turn, at most `room`."""
    return sql.column(
        f"""
        SELECT q.id FROM (
            SELECT p.id, n.place, row_number() OVER (PARTITION BY p.lane_id ORDER BY p.due_at, p.id) AS turn
            FROM unnest(%(lanes)s::bigint[]) WITH ORDINALITY AS n(lane_id, place)
            JOIN conversations_lane l ON l.id = n.lane_id
            CROSS JOIN LATERAL (SELECT {asked_since("l.account_id")} AS at) since
            CROSS JOIN LATERAL (
                SELECT id, lane_id, due_at FROM conversations_plannedcall
                WHERE lane_id = n.lane_id AND mode = 'script' AND state = 'queued' AND due_at <= %(now)s
                  AND (since.at IS NULL OR rechecked_at >= since.at)
                ORDER BY due_at, id LIMIT %(room)s) p) q
        ORDER BY q.turn, q.place LIMIT %(room)s
        """,
        {"lanes": sql.array(lane_ids), "now": now, "room": room},
    )


@atomic_with_retry
def park_next(lane_ids: Sequence[int], *, now: datetime) -> None:
    """Fail the planned call that breaks its claim, so that it holds up no other."""
    words = "Not called: something in it cannot be handled"
    refuse([Refusal(pk, State.FAILED, "broken", words) for pk in _next(lane_ids, now, 1)], now=now)


@atomic_with_retry
def claim_script(planned_id: int, *, now: datetime) -> Decided:
    """Claim one scripted call by itself, whatever the account's pace leaves free: for who places none."""
    return _decide([planned_id], now=now, states=[State.QUEUED], agent=None)


@atomic_with_retry
def claim_for_agent(planned_id: int, *, agent: Agent, now: datetime) -> Decided:
    """Claim one planned call for an agent who has it open, or takes it by this."""
    return _decide([planned_id], now=now, states=[State.QUEUED, State.TAKEN], agent=agent)


def _room(account_id: int) -> int:
    """Scripted calls that the account may place at this moment."""
    chosen = CallSettings.objects.filter(account=account_id).first() or _DEFAULTS
    ((lately, live),) = sql.rows(
        """
        SELECT count(*) FILTER (WHERE k.claimed_at > clock_timestamp() - interval '1 second'),
            count(*) FILTER (WHERE k.state IN ('calling', 'unknown', 'accepted', 'ringing', 'in_progress'))
        FROM conversations_call k
        WHERE k.account_id = %s AND k.claimed_at IS NOT NULL AND k.agent_phone = '' AND k.direction = 'out'
        """,
        [account_id],
    )
    return int(min(chosen.per_second - lately, chosen.most_at_once - live))


def _decide(
    planned_ids: Sequence[int], *, now: datetime, states: Sequence[str], agent: Agent | None
) -> Decided:
    """Lock, ask, write. What is no candidate any more is left alone."""
    _lock(planned_ids)
    done = Decided()
    ready: list[CallCandidate] = []
    late: list[tuple[int, bool]] = []
    for c in call_candidates.read(planned_ids, now, states=states):
        if agent is not None and c.taken_by not in (None, agent.user.pk):
            continue
        if c.held:
            done.held[c.id] = c.held
        elif c.send_by is not None and c.send_by <= now:
            late.append((c.id, c.tried))
        else:
            ready.append(c)
    done.verdicts = call_candidates.verdicts(ready, now, recorded=agent is None)
    for c in ready:
        _judge(c, done, now, agent)
    done.refused += [Refusal(pk, State.EXPIRED, "too_late") for pk, _ in late]
    call_outcomes.end_late(late, now=now)
    refuse([each for each in done.refused if each.code != "too_late"], now=now)
    defer(done.deferred, now=now)
    if done.to_person:
        sql.run(
            "UPDATE conversations_plannedcall SET mode = 'person' WHERE id = ANY(%s::bigint[])",
            [sql.array(done.to_person)],
        )
    _call(done.claims, {c.id: c for c in ready}, agent, now)
    return done


def _lock(planned_ids: Sequence[int]) -> None:
    """Households, then addresses, then the planned calls; then pauses of everything are held off."""
    found = sql.rows(
        "SELECT p.address_id, c.household_id, p.account_id FROM conversations_plannedcall p"
        " JOIN audiences_contact c ON c.id = p.contact_id WHERE p.id = ANY(%s::bigint[])",
        [sql.array(planned_ids)],
    )
    suppression.lock_households({household for _, household, _ in found if household is not None})
    suppression.lock_addresses({address for address, *_ in found})
    lock_planned_calls(planned_ids)
    pausing.share(account for *_, account in found)


def _judge(c: CallCandidate, done: Decided, now: datetime, agent: Agent | None) -> None:
    """Sort one candidate by the gate's answer."""
    verdict = done.verdicts[c.id]
    if verdict.allowed:
        plan = Plan.model_validate_json(c.plan) if c.plan else None
        lacking = ""
        if agent is None and plan is not None:
            lacking = call_words.lacking(plan, json.loads(c.variables or "null"), c.language)
        if lacking:
            done.refused.append(Refusal(c.id, State.CANCELLED, "merge_field_missing", lacking))
        else:
            done.claims.append(_claim(c, plan, agent))
    elif verdict.until is not None:
        done.deferred.append(CallDeferral(c.id, c.origin, _ask_again(verdict, now), verdict.reason))
    elif verdict.reason == NO_CONSENT and c.is_script:
        done.to_person.append(c.id)
    else:
        words = "Not called: " + verdict.reason.replace("_", " ")
        done.refused.append(Refusal(c.id, State.CANCELLED, verdict.reason, words))


def _ask_again(verdict: suppression.Verdict, now: datetime) -> datetime:
    """As for texts: a hold may be resolved at any time, so it is asked after often."""
    until = verdict.until or now
    return min(until, now + HOLD_LOOK) if verdict.reason == "hold" else until


def _claim(c: CallCandidate, plan: Plan | None, agent: Agent | None) -> CallClaim:
    rings = AGENT_RING_SECONDS if agent else plan.ring_seconds if plan else AGENT_RING_SECONDS
    return CallClaim(
        call_id=0,
        planned_id=c.id,
        account_id=c.account_id,
        attempt_id=uuid.uuid4(),
        connection_id=c.connection_id,
        to=agent.phone if agent else c.to,
        from_=c.from_,
        ring_seconds=rings,
        listens_for_machines=agent is None,
    )


def _call(claims: list[CallClaim], of: dict[int, CallCandidate], agent: Agent | None, now: datetime) -> None:
    """Write the calls: from this commit on they are being placed. The claims get their ids."""
    if not claims:
        return
    rows = [(c.planned_id, c.attempt_id, of[c.planned_id].try_number) for c in claims]
    ids = dict(
        sql.rows(
            """
            INSERT INTO conversations_call (account_id, planned_id, try_number, attempt, direction,
                contact_id, address_id, number_id, by_id, agent_phone, state, state_at, created_at,
                claimed_at, valid_until, provider)
            SELECT p.account_id, p.id, n.try_number, n.attempt, 'out', p.contact_id, p.address_id,
                p.number_id, %(by)s, %(phone)s, 'calling', %(now)s, %(now)s, clock_timestamp(), %(valid)s,
                'twilio'
            FROM unnest(%(ids)s::bigint[], %(attempts)s::uuid[], %(tries)s::int[])
                AS n(id, attempt, try_number)
            JOIN conversations_plannedcall p ON p.id = n.id ORDER BY p.id RETURNING planned_id, id
            """,
            dict(zip(("ids", "attempts", "tries"), sql.arrays(rows), strict=True))
            | {
                "by": agent.user.pk if agent else None,
                "phone": agent.phone if agent else "",
                "now": now,
                "valid": now + (AGENTS_VALID_FOR if agent else VALID_FOR),
            },
        )
    )
    sql.run(
        """
        UPDATE conversations_plannedcall SET state = 'calling', state_at = %s, due_at = NULL,
            taken_until = NULL, taken_by_id = coalesce(%s::bigint, taken_by_id), code = '',
            mode = CASE WHEN %s THEN 'person' ELSE mode END
        WHERE id = ANY(%s::bigint[])
        """,
        [now, agent.user.pk if agent else None, agent is not None, sql.array(c.planned_id for c in claims)],
    )
    claims[:] = [replace(claim, call_id=ids[claim.planned_id]) for claim in claims]
