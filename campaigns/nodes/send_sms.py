from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import Field

from audiences import hours, suppression
from campaigns.graph import GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import Batch, NodeKind, Outcome, Row, Settings, State
from campaigns.snapshots import MERGE_FIELDS
from common import sql
from common.segments import count_segments
from conversations import footers, outbound, rendering
from conversations.delivery import DELIVERY_UNKNOWN
from conversations.locks import lock_idle_messages
from conversations.models import Message
from conversations.models.footer import LONGEST
from conversations.threads import MAX_BODY

PACE_SECONDS = 60
WITH_FOOTER = MAX_BODY - LONGEST - 1  # the line below it takes a line break, too
ORIGIN = "step:"  # and its id: what a campaign's text names as its origin
TOO_LATE = "too_late"
_REASON_LENGTH = 60  # of the column
ACCEPTED_STATES = {Message.State.ACCEPTED, Message.State.SENT, Message.State.DELIVERED}
FAILED_STATES = {
    Message.State.FAILED,
    Message.State.REJECTED,
    Message.State.EXPIRED,
    Message.State.BOUNCED,
    Message.State.BLOCKED,
}


class _Facts(NamedTuple):
    """What decides when a step's text may leave."""

    zone_set_id: int
    send_by: datetime | None
    message_id: int | None  # of an earlier round: put off, and queued again now


class SendSmsSettings(Settings):
    """The words, with merge fields."""

    body: str = Field(min_length=1, max_length=MAX_BODY)


class SendSms(NodeKind):
    """Texts the contact. Completed when the provider accepts (`campaigns/receivers.py`)."""

    kind = "send_sms"
    settings_model = SendSmsSettings

    def problems(self, node: GraphNode) -> list[str]:
        """The text must be readable, name merge fields that exist, and leave room for the opt-out line."""
        problems = super().problems(node)
        if problems:
            return problems
        body = self.settings(node).body
        if len(body) > WITH_FOOTER and not footers.tells_opt_out(body):
            problems.append(
                f"Longer than {WITH_FOOTER:,} characters: as somebody’s first text it would leave no room "
                "for the line on how to opt out."
            )
        return problems + rendering.problems(body, MERGE_FIELDS)

    def limit(self, batch_limit: int, *, campaign_id: int, node: GraphNode, now: datetime) -> int:
        """At most what lane and number can send in 60 s, less what is queued there already."""
        campaign = _campaign(campaign_id)
        rate = campaign.number.segments_per_second
        if campaign.lane and campaign.lane.segments_per_second:
            rate = min(rate, campaign.lane.segments_per_second)
        room = rate * PACE_SECONDS
        room -= outbound.waiting_segments(campaign.lane_id or 0, room, now=now)
        return max(0, min(batch_limit, room // count_segments(self.settings(node).body).count))

    def execute(self, batch: Batch) -> list[Outcome]:
        """Queue one text per step whose hours are open; put the others off to their next opening."""
        campaign = _campaign(batch.campaign_id)
        facts = _facts([row.step_id for row in batch.rows])
        window_id = campaign.window_id or hours.windows_of([batch.account_id])[batch.account_id]
        outcomes, open_rows = _by_opening(batch, facts, window_id)
        ready = _not_being_called(open_rows, facts)
        if not ready:
            return outcomes
        queued = self._queue(batch, campaign, [row.step_id for row in ready])
        leaving = [row for row in ready if row.step_id in queued]
        texts = [queued[row.step_id] for row in leaving]
        outcomes.append(Outcome(leaving, State.QUEUED, message_ids=texts))
        # A row without a queued message was called before this moment: its own news moves the step.
        gone = [row for row in ready if row.step_id not in queued]
        return [*outcomes, Outcome(gone, State.WAITING)] if gone else outcomes

    def _queue(self, batch: Batch, campaign: Campaign, step_ids: list[int]) -> dict[int, int]:
        """Queue the texts of these steps: step → its message, of those whose text is queued now."""
        body = self.settings(batch.node).body
        source, params = _texts(step_ids, rendering.fields(body))
        queued = outbound.queue(
            source,
            params,
            account_id=batch.account_id,
            lane_id=campaign.lane_id or 0,
            number_id=campaign.number_id,
            template_id=outbound.template(campaign.account, body).pk,
            segments=count_segments(body).count,
            now=batch.now,
        )
        return {int(origin.removeprefix(ORIGIN)): message_id for origin, message_id in queued}


def _texts(step_ids: list[int], fields: list[str]) -> tuple[str, dict[str, Any]]:
    """The query for `outbound.queue` of these texts, with the merge fields they use, and its parameters."""
    names = {f"field_{index}": field for index, field in enumerate(fields)}
    pairs = ", ".join(f"%({name})s::text, d.data->%({name})s::text" for name in names)
    source = f"""
        SELECT '{ORIGIN}' || s.id AS origin, e.contact_id, e.address_id, s.send_by,
            jsonb_strip_nulls(jsonb_build_object({pairs})) AS variables
        FROM campaigns_step s
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        JOIN campaigns_enrollmentsnapshot d ON d.enrollment_id = e.id
        WHERE s.id = ANY(%(steps)s) ORDER BY s.id
    """
    return source, {"steps": step_ids, **names}


def _facts(step_ids: list[int]) -> dict[int, _Facts]:
    found = sql.rows(
        """
        SELECT s.id, c.zone_set_id, s.send_by, s.message_id FROM campaigns_step s
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        JOIN audiences_contact c ON c.id = e.contact_id WHERE s.id = ANY(%s)
        """,
        [step_ids],
    )
    return {step_id: _Facts(*facts) for step_id, *facts in found}


def _by_opening(batch: Batch, facts: dict[int, _Facts], window_id: int) -> tuple[list[Outcome], list[Row]]:
    """Outcomes for rows whose hours are closed or whose time is over, and the rows that may be texted now."""
    pairs = {(fact.zone_set_id, window_id) for fact in facts.values()}
    openings = hours.current_or_next(pairs, suppression.TEXT, batch.now)
    open_rows: list[Row] = []
    late: list[Row] = []
    later: dict[datetime, list[Row]] = defaultdict(list)
    for row in batch.rows:
        fact = facts[row.step_id]
        opening = openings.get((fact.zone_set_id, window_id))
        if fact.send_by is not None and fact.send_by <= batch.now:
            late.append(row)
        elif opening is None:
            later[batch.now + hours.HORIZON].append(row)
        elif opening[0] > batch.now:
            later[opening[0]].append(row)
        else:
            open_rows.append(row)
    outcomes = [Outcome(rows, State.SCHEDULED, due_at=due) for due, rows in later.items()]
    if late:
        outcomes.append(Outcome(late, State.SKIPPED, reason=TOO_LATE))
    return outcomes, open_rows


def _not_being_called(rows: list[Row], facts: dict[int, _Facts]) -> list[Row]:
    """Without the rows whose text a sender is deciding at this moment: they stay due for the next round.

    Messages are locked before steps; we hold the steps, so we may not wait for one.
    """
    known = {row.step_id: facts[row.step_id].message_id for row in rows}
    idle = lock_idle_messages([message_id for message_id in known.values() if message_id is not None])
    return [row for row in rows if known[row.step_id] is None or known[row.step_id] in idle]


def _campaign(campaign_id: int) -> Campaign:
    return Campaign.objects.select_related("lane", "number", "account").get(pk=campaign_id)


def ends_as(message_state: str, code: str) -> tuple[State, str] | None:
    """What a message's end means for its step: (state, reason), or None while it is open.

    Refused for good before any call is `skipped`, refused by the provider is `failed`, too late `skipped`.
    """
    if message_state in ACCEPTED_STATES:
        return State.COMPLETED, ""
    if message_state == Message.State.CANCELLED or code == TOO_LATE:
        return State.SKIPPED, code or "cancelled"
    if message_state in FAILED_STATES:
        reason = code if code == DELIVERY_UNKNOWN else f"{message_state}:{code}"
        return State.FAILED, reason[:_REASON_LENGTH]
    return None
