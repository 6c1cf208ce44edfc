from datetime import datetime
from typing import Any

from django.db import connection
from pydantic import Field

from audiences import hours
from campaigns.snapshots import MERGE_FIELDS
from campaigns.graph import GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import Batch, NodeKind, Outcome, Row, Settings, State
from common.segments import count_segments
from conversations import outbound, rendering

PACE_SECONDS = 60
FAILED_STATES = ("failed", "rejected", "expired", "bounced", "blocked")


class SendSmsSettings(Settings):
    body: str = Field(min_length=1, max_length=1600)


class SendSms(NodeKind):
    """Texts the contact. Completed when the provider accepts (`campaigns/receivers.py`)."""

    kind = "send_sms"
    settings_model = SendSmsSettings

    def problems(self, node: GraphNode) -> list[str]:
        """The text must be readable and name only merge fields that exist."""
        problems = super().problems(node)
        return problems or rendering.problems(self.settings(node).body, MERGE_FIELDS)

    def limit(self, batch_limit: int, *, campaign_id: int, node: GraphNode) -> int:
        """At most what lane and number can send in 60 s, less what is queued there already."""
        campaign = _campaign(campaign_id)
        rate = campaign.number.segments_per_second
        if campaign.lane and campaign.lane.segments_per_second:
            rate = min(rate, campaign.lane.segments_per_second)
        room = rate * PACE_SECONDS
        room -= outbound.waiting_segments(campaign.lane_id or 0, room)
        return max(0, min(batch_limit, room // count_segments(self.settings(node).body).count))

    def execute(self, batch: Batch) -> list[Outcome]:
        """Queue one text per step whose hours are open; put the others off to their next opening."""
        outcomes, open_rows = self._by_opening(batch)
        if not open_rows:
            return outcomes
        campaign = _campaign(batch.campaign_id)
        body = self.settings(batch.node).body
        queued = outbound.queue(
            """
            SELECT 'step:' || s.id AS origin, e.contact_id, e.address_id, s.send_by,
                (SELECT jsonb_object_agg(f.key, f.value) FROM jsonb_each(d.data) f WHERE f.key = ANY(%(fields)s))
                    AS variables
            FROM campaigns_step s
            JOIN campaigns_enrollment e ON e.id = s.enrollment_id
            JOIN campaigns_enrollmentsnapshot d ON d.enrollment_id = e.id
            WHERE s.id = ANY(%(steps)s) ORDER BY s.id
            """,
            {"steps": [row.step_id for row in open_rows], "fields": rendering.fields(body)},
            account_id=batch.account_id,
            lane_id=campaign.lane_id or 0,
            number_id=campaign.number_id,
            template_id=outbound.template(campaign.account, body).pk,
            segments=count_segments(body).count,
            now=batch.now,
        )
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE campaigns_step s SET message_id = q.message_id"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS q(step_id, message_id)"
                " WHERE s.id = q.step_id AND s.message_id IS NULL",
                [[int(origin.removeprefix("step:")) for origin, _ in queued], [m for _, m in queued]],
            )
        done = {int(origin.removeprefix("step:")) for origin, _ in queued}
        # A row without a queued message was called before this moment: its own news moves the step.
        outcomes.append(Outcome([row for row in open_rows if row.step_id in done], State.QUEUED))
        gone = [row for row in open_rows if row.step_id not in done]
        return [*outcomes, Outcome(gone, State.WAITING)] if gone else outcomes

    @staticmethod
    def _by_opening(batch: Batch) -> tuple[list[Outcome], list[Row]]:
        """Rows that may be texted now, and outcomes for those whose hours are closed or over."""
        campaign = _campaign(batch.campaign_id)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT s.id, c.zone_set_id, s.send_by FROM campaigns_step s"
                " JOIN campaigns_enrollment e ON e.id = s.enrollment_id JOIN audiences_contact c ON c.id = e.contact_id"
                " WHERE s.id = ANY(%s)",
                [[row.step_id for row in batch.rows]],
            )
            facts: dict[int, tuple[int, datetime | None]] = {
                row[0]: (row[1], row[2]) for row in cursor.fetchall()
            }
        openings = hours.current_or_next(
            {(zone_set, campaign.window_id) for zone_set, _ in facts.values()}, "text", batch.now
        )
        open_rows: list[Row] = []
        late: list[Row] = []
        later: dict[datetime, list[Row]] = {}
        for row in batch.rows:
            zone_set, send_by = facts[row.step_id]
            opening = openings.get((zone_set, campaign.window_id))
            if send_by is not None and send_by <= batch.now:
                late.append(row)
            elif opening is None:
                later.setdefault(batch.now + hours.HORIZON, []).append(row)
            elif opening[0] > batch.now:
                later.setdefault(opening[0], []).append(row)
            else:
                open_rows.append(row)
        outcomes = [Outcome(rows, State.SCHEDULED, due_at=due) for due, rows in later.items()]
        if late:
            outcomes.append(Outcome(late, State.SKIPPED, reason="too_late"))
        return outcomes, open_rows


def _campaign(campaign_id: int) -> Campaign:
    return Campaign.objects.select_related("lane", "number", "account").get(pk=campaign_id)


def ends_as(message_state: str, code: str) -> tuple[State, dict[str, Any]] | None:
    """What a message's end means for its step: (state, changes), or None while it is open.

    Refused for good before any call is `skipped`, refused by the provider is `failed`, too late `skipped`.
    """
    if message_state in ("accepted", "sent", "delivered"):
        return State.COMPLETED, {}
    if message_state == "cancelled" or code == "too_late":
        return State.SKIPPED, {"reason": code or "cancelled"}
    if message_state in FAILED_STATES:
        return State.FAILED, {
            "reason": (code if code == "delivery_unknown" else f"{message_state}:{code}")[:60]
        }
    return None
