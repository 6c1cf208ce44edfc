from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import Field, ValidationError

from audiences import suppression
from audiences.merge_fields import FIELDS
from campaigns import pools
from campaigns.graph import NEXT, OTHERWISE, GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import ORIGIN, Batch, Outcome, Row, Settings, State
from campaigns.nodes.sending import Sending, campaign_of, closed_until, source
from common import sql
from conversations import call_routing, call_scripts, planned_calls, rendering
from conversations.call_scripts import LONGEST_WORDS, Plan
from conversations.locks import lock_idle_planned_calls
from conversations.models import PlannedCall

PACE_SECONDS = 60
QUEUE_AHEAD = 200
"""People of one campaign who stand in the call queue at a time: more than agents call within the hour. Those
behind wait in the schedule, where hours and opt-outs move them."""
LABELS = frozenset(outcome.value for outcome in PlannedCall.Outcome)
_NO_WORDS = {
    "person": "Write what the agent is to say: the words are empty.",
    "script": "Write what is said on the call: the words are empty.",
}
_NAMES = {
    "words": "Words", "voicemail": "Voicemail words", "ring_seconds": "Seconds to ring", "tries": "Tries",
    "mode": "Who speaks", "no_answer": "after no answer", "busy": "after a busy line",
    "no_answer_minutes": "minutes after no answer", "busy_minutes": "minutes after a busy line",
    "voicemail_minutes": "minutes after a voicemail", "en": "in English", "es": "in Spanish",
}  # fmt: skip


class CallSettings(Settings):
    """Who speaks, which words, how often it is tried (`conversations.call_scripts.Plan`). The plan is kept
    with every call it makes."""

    plan: Plan = Field(title="What the call is")

    def words(self) -> list[tuple[str, str]]:
        """Everything that merge fields may stand in: what it is called, and the words."""
        plan, found = self.plan, list[tuple[str, str]]()
        for name, spoken in (("", plan.words), ("Voicemail words", plan.voicemail)):
            if spoken is not None:
                found.append((name, spoken.en))
                found += [(f"{name or 'Words'} in Spanish", spoken.es)] if spoken.es else []
        return found


class Call(Sending):
    """Calls the contact: a person out of the call queue, or a script. Calls keep hours, as texts do.

    The step is open until the call has an outcome, and leaves by it (`campaigns/call_receivers.py`); a way
    that is not drawn is `next`. Its planned call is found by the step's id: one per step for ever.
    """

    kind = "call"
    settings_model = CallSettings

    def labels(self, node: GraphNode) -> set[str]:
        """Every outcome a call can have."""
        return set(LABELS)

    def ways(self, node: GraphNode) -> list[str]:
        """The outcomes, one way for those that are not drawn, and one for whom nobody could call."""
        return [*(outcome.value for outcome in PlannedCall.Outcome), NEXT, OTHERWISE]

    def problems(self, node: GraphNode) -> list[str]:
        """What is wrong, in words; empty where it may be published."""
        try:
            settings: CallSettings = self.settings(node)
        except ValidationError as error:
            mode = str(_plan_of(node).get("mode") or "person")
            return list(dict.fromkeys(_in_words(each, mode) for each in error.errors()))
        plan, found = settings.plan, list[str]()
        if not plan.words.en.strip():
            return [_NO_WORDS[plan.mode]]
        if plan.mode == "person" and plan.plays:
            found.append("A person calls, so no sound file can be played. Take it out, or choose a script.")
        if plan.voicemail is not None and not plan.voicemail.en.strip():
            found.append("The voicemail words are empty. Write them, or leave no voicemail.")
        if plan.mode == "script" and plan.voicemail is None and plan.tries.voicemail:
            found.append(
                "Further tries after a voicemail are set, and no voicemail is left: write its words, or set "
                "these tries to 0."
            )
        for name, words in settings.words():
            wrong = rendering.problems(words, FIELDS) if words.strip() else []
            found += [f"{name}: {problem}" if name else problem for problem in wrong]
        return found

    def limit(self, batch_limit: int, *, campaign_id: int, node: GraphNode, now: datetime) -> int:
        """As many as may stand in the campaign's queue, less those who do: of a script, a minute's calls."""
        campaign, mode = campaign_of(campaign_id), str(_plan_of(node).get("mode") or "person")
        most = QUEUE_AHEAD
        if mode == PlannedCall.Mode.SCRIPT:
            most = call_routing.settings_of(campaign.account_id).per_second * PACE_SECONDS
        waiting = planned_calls.waiting(campaign.lane_id or 0, mode, most, now=now)
        return max(0, min(batch_limit, most - waiting))

    def execute(self, batch: Batch) -> list[Outcome]:
        """Plan one call per step that may be called now; put the others off, or skip them as too late. One
        that is planned already is let go on: its time, too, is known there."""
        planned = _planned(batch.rows)
        campaign = campaign_of(batch.campaign_id)
        outcomes = list[Outcome]()
        if fresh := [row for row in batch.rows if row.step_id not in planned]:
            outcomes, able, _ = self._sorted(replace(batch, rows=fresh), campaign)
            outcomes += self._leave(batch, campaign, able) if able else []
        again = [row for row in batch.rows if row.step_id in planned]
        return outcomes + (_queued_again(again, planned, batch.now) if again else [])

    def _closed_until(self, batch: Batch, campaign: Campaign, zone_sets: set[int]) -> dict[int, datetime]:
        return closed_until(batch, campaign, zone_sets, suppression.CALL)

    def _leave(self, batch: Batch, campaign: Campaign, rows: list[Row]) -> list[Outcome]:
        """One planned call for every row."""
        settings: CallSettings = self.settings(batch.node)
        used = sorted({field for _, words in settings.words() for field in rendering.fields(words)})
        calls = planned_calls.queueing(
            source(campaign, rows, used),
            account_id=batch.account_id, lane_id=campaign.lane_id or 0,
            pool=pools.of(campaign, now=batch.now),
            script_id=call_scripts.stored(campaign.account, settings.plan).pk, mode=settings.plan.mode,
            now=batch.now,
        )  # fmt: skip
        return [Outcome(rows, State.QUEUED, calls=calls)]


def _plan_of(node: GraphNode) -> dict[str, Any]:
    plan = node.settings.get("plan")
    return plan if isinstance(plan, dict) else {}


def _planned(rows: list[Row]) -> dict[int, int]:
    """Step → its planned call, of those that have one."""
    found = sql.rows(
        f"""
        SELECT substr(origin, {len(ORIGIN) + 1})::bigint, id FROM conversations_plannedcall
        WHERE origin = ANY(%s::text[])
        """,
        [[f"{ORIGIN}{row.step_id}" for row in rows]],
    )
    return dict(found)


def _queued_again(again: list[Row], planned: dict[int, int], now: datetime) -> list[Outcome]:
    """Release planned calls that were put off. As texts are: one that somebody is deciding at this moment is
    left due for the next round, one that is being called moves its step by its own news."""
    idle = lock_idle_planned_calls(planned[row.step_id] for row in again)
    queued = planned_calls.release(sorted(idle), now=now)
    leaving = [row for row in again if planned[row.step_id] in queued]
    gone = [row for row in again if planned[row.step_id] in idle - queued]
    return [Outcome(leaving, State.QUEUED), Outcome(gone, State.WAITING)]


def _in_words(error: Any, mode: str) -> str:
    """One mistake in the settings as people read it."""
    path = [str(part) for part in error["loc"] if str(part) != "plan"]
    named = ", ".join(_NAMES.get(part, part.replace("_", " ")) for part in path)
    match error["type"]:
        case "missing" | "string_too_short" if path[:1] in ([], ["words"]):
            return _NO_WORDS.get(mode, _NO_WORDS["person"])
        case "missing" | "string_too_short":
            return f"{named}: this is empty."
        case "string_too_long":
            return f"{named}: at most {LONGEST_WORDS:,} characters, over a minute of speech."
        case "greater_than_equal":
            return f"{named}: at least {error['ctx']['ge']}."
        case "less_than_equal":
            return f"{named}: at most {error['ctx']['le']:,}."
        case "literal_error":
            return f"{named}: choose a person or a script."
        case "extra_forbidden":
            return f"{named}: there is no such setting."
    return f"{named or 'settings'}: {error['msg']}"
