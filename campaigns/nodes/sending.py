"""What nodes that send have in common: one message per step, put into the campaign's lane in batches."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from audiences import hours
from campaigns import links
from campaigns.booking_requests import HAS_ASKED_SQL
from campaigns.graph import NEXT, OTHERWISE, GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import ORIGIN, Batch, NodeKind, Outcome, Row, State
from campaigns.snapshots import values_sql
from common import sql
from conversations import outbound, rendering
from conversations.delivery import DELIVERY_UNKNOWN
from conversations.locks import lock_idle_messages
from conversations.models import Message

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
    messages: list[int | None]  # of an earlier round, step by step: put off, and queued again now


class Sending(NodeKind, ABC):
    """Sends one message per step. Completed when the provider accepts (`campaigns/receivers.py`)."""

    reaches = True

    def ways(self, node: GraphNode) -> list[str]:
        """On, and another way for those who were not reached."""
        return [NEXT, OTHERWISE]

    def execute(self, batch: Batch) -> list[Outcome]:
        """Queue one message per step that may leave now; put the others off, or skip them as too late."""
        campaign = campaign_of(batch.campaign_id)
        outcomes, fresh, again = self._sorted(batch, campaign)
        if fresh:
            outcomes += self._leave(batch, campaign, fresh)
        return outcomes + _queued_again(again, batch.now) if again else outcomes

    def _sorted(
        self, batch: Batch, campaign: Campaign
    ) -> tuple[list[Outcome], list[Row], list[tuple[Row, int]]]:
        """Outcomes of those who must wait or whose time is over; who may be reached now, without and with a
        message of an earlier round."""
        groups, rows = _alike(batch), {row.step_id: row for row in batch.rows}
        closed = self._closed_until(batch, campaign, {group.zone_set_id for group in groups})
        outcomes, fresh, again = list[Outcome](), list[Row](), list[tuple[Row, int]]()
        for group in groups:
            members = [rows[step_id] for step_id in group.steps]
            if group.late:
                outcomes.append(Outcome(members, State.SKIPPED, reason=TOO_LATE))
            elif opens := closed.get(group.zone_set_id):
                outcomes.append(Outcome(members, State.SCHEDULED, due_at=opens))
            else:
                known = list(zip(members, group.messages, strict=True))
                fresh += [row for row, message in known if message is None]
                again += [(row, message) for row, message in known if message is not None]
        return outcomes, fresh, again

    def _closed_until(self, batch: Batch, campaign: Campaign, zone_sets: set[int]) -> dict[int, datetime]:
        """Zone sets whose hours are closed at this moment, each with its next opening."""
        return {}

    @abstractmethod
    def _leave(self, batch: Batch, campaign: Campaign, rows: list[Row]) -> list[Outcome]:
        """Outcomes of rows that may leave now and have no message yet."""


def closed_until(batch: Batch, campaign: Campaign, zone_sets: set[int], medium: str) -> dict[int, datetime]:
    """Zone sets whose hours for texts or calls are closed at this moment, each with its next opening."""
    window_id = campaign.window_id or hours.windows_of([batch.account_id])[batch.account_id]
    pairs = {(zone_set, window_id) for zone_set in zone_sets}
    openings = hours.current_or_next(pairs, medium, batch.now)
    found = {zone_set: openings.get((zone_set, window_id)) for zone_set in zone_sets}
    opens = {z: span[0] if span else batch.now + hours.HORIZON for z, span in found.items()}
    return {zone_set: at for zone_set, at in opens.items() if at > batch.now}


def source(
    campaign: Campaign,
    rows: list[Row],
    fields: Iterable[str],
    *,
    address: str = "e.address_id",
    joins: str = "",
    linked: links.Linked = links.NONE,
) -> sql.Query:
    """The query for `outbound` of these steps, with the merge fields their words use.

    `address` is where each goes, in SQL over s (the step), e (its enrollment), c (its contact) and what
    `joins` adds. Where words are `linked`, every step is given its short addresses here.
    """
    # What its own workflow asked for is no reason to leave somebody out.
    booked = f"CASE WHEN NOT {HAS_ASKED_SQL} THEN e.entered_at END" if campaign.leaves_booked else "NULL"
    codes = _codes(campaign, rows, linked, address, joins)
    values, known = values_sql(fields)
    pairs = ", ".join([*values, *codes.pairs])
    text = f"""
        SELECT '{ORIGIN}' || s.id AS origin, e.contact_id, {address} AS address_id, s.send_by,
            jsonb_strip_nulls(jsonb_build_object({pairs})) AS variables,
            {booked}::timestamptz AS unless_booked_since
        FROM campaigns_step s
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id {known} {joins} {codes.joins}
        WHERE s.id = ANY(%(steps)s::bigint[]) ORDER BY s.id
    """
    return sql.Query(text, {"steps": sql.array(row.step_id for row in rows), **codes.params})


def _codes(
    campaign: Campaign, rows: list[Row], linked: links.Linked, address: str, joins: str
) -> links.Codes:
    """Short addresses for every step, and where their destinations hold merge fields, those filled."""
    if not linked.links:
        return links.NO_CODES
    known: dict[int, dict[str, Any]] = {}
    if fields := links.fields_of(linked):
        asked = source(campaign, rows, fields, address=address, joins=joins)
        found = sql.rows(f"SELECT q.origin, q.variables::text FROM ({asked.text}) q", asked.params)
        known = {int(origin.removeprefix(ORIGIN)): json.loads(values) for origin, values in found}
    return links.give(linked, [row.step_id for row in rows], known)


def fields_of(linked: links.Linked) -> list[str]:
    """The merge fields that these words use, in whatever language and part."""
    said = [linked.subject, linked.body, *_strings(linked.content)]
    return sorted({field for words in said for field in rendering.fields(words)} - set(linked.links))


def _strings(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    return (
        [said for part in content.values() for said in _strings(part)] if isinstance(content, Mapping) else []
    )


def campaign_of(campaign_id: int) -> Campaign:
    """The campaign with its lane and account."""
    return Campaign.objects.select_related("lane", "account").get(pk=campaign_id)


def _alike(batch: Batch) -> list[_Alike]:
    found = sql.rows(
        """
        SELECT c.zone_set_id, coalesce(s.send_by <= %s, false), array_agg(s.id), array_agg(s.message_id)
        FROM campaigns_step s
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        JOIN audiences_contact c ON c.id = e.contact_id
        WHERE s.id = ANY(%s::bigint[]) GROUP BY 1, 2
        """,
        [batch.now, sql.array(row.step_id for row in batch.rows)],
    )
    return [_Alike(*row) for row in found]


def _queued_again(again: list[tuple[Row, int]], now: datetime) -> list[Outcome]:
    """Release messages that were put off. One that a sender is deciding at this moment is left: its step
    stays due for the next round, because messages are locked before steps, and we hold the steps. One called
    before this moment moves its step by its own news.
    """
    idle = lock_idle_messages([message for _, message in again])
    queued = outbound.release(sorted(idle), now=now)
    leaving = [row for row, message in again if message in queued]
    gone = [row for row, message in again if message in idle and message not in queued]
    return [Outcome(leaving, State.QUEUED), Outcome(gone, State.WAITING)]


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
