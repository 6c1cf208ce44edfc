from datetime import datetime
from typing import NamedTuple

from pydantic import Field

from audiences import hours, suppression
from campaigns.graph import GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import ORIGIN, Batch, NodeKind, Outcome, Row, Settings, State
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


class _Alike(NamedTuple):
    """Steps of a batch that one answer fits: where their contacts live, and whether their time is over."""

    zone_set_id: int
    late: bool
    steps: list[int]
    texts: list[int | None]  # of an earlier round, step by step: put off, and queued again now


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
        """At most what number and campaign may send in 60 s, less what is queued there already."""
        campaign = _campaign(campaign_id)
        room = campaign.number.segments_per_second * PACE_SECONDS
        texts, segments = outbound.waiting(campaign.lane_id or 0, room, now=now)
        most = (room - segments) // count_segments(self.settings(node).body).count
        if campaign.lane and (hourly := campaign.lane.texts_per_hour):
            most = min(most, -(-hourly * PACE_SECONDS // 3600) - texts)
        return max(0, min(batch_limit, most))

    def execute(self, batch: Batch) -> list[Outcome]:
        """Queue one text per step whose hours are open; put the others off to their next opening."""
        campaign = _campaign(batch.campaign_id)
        window_id = campaign.window_id or hours.windows_of([batch.account_id])[batch.account_id]
        outcomes, fresh, again = _by_opening(batch, window_id)
        if fresh:
            outcomes.append(Outcome(fresh, State.QUEUED, texts=self._texts(batch, campaign, fresh)))
        return outcomes + _queued_again(again, batch.now) if again else outcomes

    def _texts(self, batch: Batch, campaign: Campaign, rows: list[Row]) -> sql.Query:
        """The statement that queues the texts of these steps."""
        body = self.settings(batch.node).body
        return outbound.queueing(
            _source(rows, rendering.fields(body)),
            account_id=batch.account_id,
            lane_id=campaign.lane_id or 0,
            number_id=campaign.number_id,
            template_id=outbound.template(campaign.account, body).pk,
            segments=count_segments(body).count,
            now=batch.now,
        )


def _source(rows: list[Row], fields: list[str]) -> sql.Query:
    """The query for `outbound.queueing` of these steps, with the merge fields their text uses."""
    names = {f"field_{index}": field for index, field in enumerate(fields)}
    pairs = ", ".join(f"%({name})s::text, d.data->%({name})s::text" for name in names)
    source = f"""
        SELECT '{ORIGIN}' || s.id AS origin, e.contact_id, e.address_id, s.send_by,
            jsonb_strip_nulls(jsonb_build_object({pairs})) AS variables
        FROM campaigns_step s
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        JOIN campaigns_enrollmentsnapshot d ON d.enrollment_id = e.id
        WHERE s.id = ANY(%(steps)s::bigint[]) ORDER BY s.id
    """
    return sql.Query(source, {"steps": sql.ids(row.step_id for row in rows), **names})


def _alike(batch: Batch) -> list[_Alike]:
    found = sql.rows(
        """
        SELECT c.zone_set_id, coalesce(s.send_by <= %s, false), array_agg(s.id), array_agg(s.message_id)
        FROM campaigns_step s
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        JOIN audiences_contact c ON c.id = e.contact_id
        WHERE s.id = ANY(%s::bigint[]) GROUP BY 1, 2
        """,
        [batch.now, sql.ids(row.step_id for row in batch.rows)],
    )
    return [_Alike(*row) for row in found]


def _by_opening(batch: Batch, window_id: int) -> tuple[list[Outcome], list[Row], list[tuple[Row, int]]]:
    """Outcomes of those whose hours are closed or whose time is over; who may be texted now, without and
    with a text of an earlier round."""
    groups, rows = _alike(batch), {row.step_id: row for row in batch.rows}
    pairs = {(group.zone_set_id, window_id) for group in groups}
    openings = hours.current_or_next(pairs, suppression.TEXT, batch.now)
    outcomes, fresh, again = list[Outcome](), list[Row](), list[tuple[Row, int]]()
    for group in groups:
        members = [rows[step_id] for step_id in group.steps]
        opening = openings.get((group.zone_set_id, window_id))
        if group.late:
            outcomes.append(Outcome(members, State.SKIPPED, reason=TOO_LATE))
        elif opening is None:
            outcomes.append(Outcome(members, State.SCHEDULED, due_at=batch.now + hours.HORIZON))
        elif opening[0] > batch.now:
            outcomes.append(Outcome(members, State.SCHEDULED, due_at=opening[0]))
        else:
            fresh += [row for row, text in zip(members, group.texts, strict=True) if text is None]
            again += [(row, text) for row, text in zip(members, group.texts, strict=True) if text is not None]
    return outcomes, fresh, again


def _queued_again(again: list[tuple[Row, int]], now: datetime) -> list[Outcome]:
    """Release texts that were put off. A text that a sender is deciding at this moment is left: its step
    stays due for the next round, because messages are locked before steps, and we hold the steps. A text
    called before this moment moves its step by its own news.
    """
    idle = lock_idle_messages([text for _, text in again])
    queued = outbound.release(sorted(idle), now=now)
    leaving = [row for row, text in again if text in queued]
    gone = [row for row, text in again if text in idle and text not in queued]
    return [Outcome(leaving, State.QUEUED), Outcome(gone, State.WAITING)]


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
