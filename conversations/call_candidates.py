"""What a claim of calls decides: planned calls, read with all that deciding and placing them needs."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from audiences import suppression
from common import sql
from conversations import listening, safety, touches
from conversations.models import PlannedCall
from conversations.planned_calls import HAS_LIVE_CALL

PAUSED, ALL_PAUSED, RESTS, NOT_LISTENING = "paused", "all_paused", "rests", "not_listening"
HELD_WORDS = {
    PAUSED: "Its campaign is paused.",
    ALL_PAUSED: "Everything is paused: see Settings, Sending.",
    RESTS: "Its campaign or number has paused itself: see Settings, Sending.",
    NOT_LISTENING: "Texts that customers may have sent are being read first. Try again in a minute.",
}
"""Why a planned call is left where it is, in words."""
_RESTS = safety.IN_FORCE.format("r")


@dataclass(frozen=True, slots=True)
class CallClaim:
    """One call in state `calling`, ready to be placed."""

    call_id: int
    planned_id: int
    account_id: int
    attempt_id: uuid.UUID
    connection_id: int
    to: str  # the customer, or the agent who is rung first
    from_: str
    ring_seconds: int
    listens_for_machines: bool


@dataclass(frozen=True, slots=True)
class CallCandidate:
    """A planned call with all that deciding it needs. `held` names what keeps it where it is, if anything."""

    id: int
    account_id: int
    kind: str
    mode: str
    origin: str | None
    state: str
    lane_id: int
    contact_id: int
    address_id: int
    household_id: int
    zone_set_id: int
    window_id: int | None
    number_id: int
    connection_id: int
    to: str
    from_: str
    plan: str | None  # JSON
    variables: str | None  # JSON
    language: str
    send_by: datetime | None
    unless_booked_since: datetime | None
    tried: bool
    try_number: int
    refusals: int  # times the provider was too busy for it
    taken_by: int | None
    held: str

    @property
    def automated(self) -> bool:
        """Whether nobody has asked for it: what a campaign planned, whoever calls. An agent's own call and a
        call back that a customer asked for are as an agent's reply."""
        return self.kind == PlannedCall.Kind.CAMPAIGN

    @property
    def is_script(self) -> bool:
        """Whether a recorded or synthetic voice speaks."""
        return self.mode == PlannedCall.Mode.SCRIPT


def read(planned_ids: Sequence[int], now: datetime, *, states: Sequence[str]) -> list[CallCandidate]:
    """The planned calls in these states of which no call is going on."""
    found = sql.rows(
        f"""
        SELECT p.id, p.account_id, p.kind, p.mode, p.origin, p.state, p.lane_id, p.contact_id, p.address_id,
            c.household_id, c.zone_set_id, l.window_id, p.number_id, n.connection_id, a.value, n.e164,
            s.content::text, p.variables::text, c.language, p.send_by, p.unless_booked_since,
            p.first_accepted_at IS NOT NULL, tried.times + 1, tried.refusals, p.taken_by_id,
            CASE WHEN p.kind <> 'campaign' THEN
                    CASE WHEN pause.agents_too THEN '{ALL_PAUSED}' ELSE '' END
                WHEN pause.id IS NOT NULL THEN '{ALL_PAUSED}'
                WHEN l.paused THEN '{PAUSED}'
                WHEN EXISTS (
                    SELECT 1 FROM conversations_safetypause r WHERE r.account_id = p.account_id AND {_RESTS}
                    AND (r.lane_id = p.lane_id OR r.number_id = p.number_id)) THEN '{RESTS}'
                WHEN EXISTS (
                    SELECT 1 FROM conversations_listening h
                    WHERE h.account_id = p.account_id AND {listening.DEAF}) THEN '{NOT_LISTENING}'
                ELSE '' END
        FROM conversations_plannedcall p
        JOIN conversations_lane l ON l.id = p.lane_id
        JOIN audiences_contact c ON c.id = p.contact_id
        JOIN audiences_address a ON a.id = p.address_id
        JOIN integrations_sendingnumber n ON n.id = p.number_id
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE k.state <> 'refused') AS times,
                count(*) FILTER (WHERE k.state = 'refused') AS refusals
            FROM conversations_call k WHERE k.planned_id = p.id) tried
        LEFT JOIN conversations_callscript s ON s.id = p.script_id
        LEFT JOIN conversations_sendingpause pause
            ON pause.account_id = p.account_id AND pause.lifted_at IS NULL
        WHERE p.id = ANY(%(ids)s::bigint[]) AND p.state = ANY(%(states)s) AND NOT {HAS_LIVE_CALL}
        ORDER BY c.household_id, p.due_at, p.id
        """,
        {"ids": sql.array(planned_ids), "states": list(states), "now": now},
    )
    return [CallCandidate(*row) for row in found]


def verdicts(
    candidates: Sequence[CallCandidate], now: datetime, *, recorded: bool = True
) -> dict[int, suppression.Verdict]:
    """The gate's answer for each, by its id; `recorded` false: as if a person spoke."""
    addresses = touches.count_by_address({c.address_id for c in candidates}, now)
    homes = touches.count_by_household({c.household_id for c in candidates}, now)
    limits = suppression.household_limits({c.account_id for c in candidates})
    holds = touches.holds([(c.contact_id, c.lane_id) for c in candidates], now)
    reaches = []
    for c in candidates:
        address = addresses.get(c.address_id, touches.NONE)
        home = homes.get(c.household_id, touches.NONE)
        reaches.append(
            suppression.Reach(
                key=c.id,
                account_id=c.account_id,
                contact_id=c.contact_id,
                address_id=c.address_id,
                household_id=c.household_id,
                zone_set_id=c.zone_set_id,
                window_id=c.window_id,
                medium=suppression.CALL,
                automated=c.automated,
                recorded_voice=c.is_script and recorded,
                address_touches_24h=address.of_day,
                address_frees_at=touches.address_frees(address),
                household_touches_24h=home.of_day,
                household_touches_7d=home.of_week,
                household_frees_at=touches.household_frees(home, weekly=limits[c.account_id][1]),
                held_until=holds.get((c.contact_id, c.lane_id)),
                unless_booked_since=c.unless_booked_since,
            )
        )
    return suppression.may_reach(reaches, now=now)
