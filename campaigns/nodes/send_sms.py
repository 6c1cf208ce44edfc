from datetime import datetime

from pydantic import Field

from audiences import hours, suppression
from campaigns.graph import GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import Batch, Outcome, Row, Settings, State
from campaigns.nodes.sending import Sending, campaign_of, source
from campaigns.snapshots import MERGE_FIELDS
from common.segments import count_segments
from conversations import footers, outbound, rendering
from conversations.models.footer import LONGEST
from conversations.threads import MAX_BODY

PACE_SECONDS = 60
WITH_FOOTER = MAX_BODY - LONGEST - 1  # the line below it takes a line break, too


class SendSmsSettings(Settings):
    """The words, with merge fields."""

    body: str = Field(min_length=1, max_length=MAX_BODY)


class SendSms(Sending):
    """Texts the contact. Texts keep hours: closed ones wait for their next opening."""

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
        campaign = campaign_of(campaign_id)
        room = campaign.number.segments_per_second * PACE_SECONDS
        texts, segments = outbound.waiting(campaign.lane_id or 0, room, now=now)
        most = (room - segments) // count_segments(self.settings(node).body).count
        if campaign.lane and (hourly := campaign.lane.texts_per_hour):
            most = min(most, -(-hourly * PACE_SECONDS // 3600) - texts)
        return max(0, min(batch_limit, most))

    def _closed_until(self, batch: Batch, campaign: Campaign, zone_sets: set[int]) -> dict[int, datetime]:
        window_id = campaign.window_id or hours.windows_of([batch.account_id])[batch.account_id]
        pairs = {(zone_set, window_id) for zone_set in zone_sets}
        openings = hours.current_or_next(pairs, suppression.TEXT, batch.now)
        found = {zone_set: openings.get((zone_set, window_id)) for zone_set in zone_sets}
        opens = {z: span[0] if span else batch.now + hours.HORIZON for z, span in found.items()}
        return {zone_set: at for zone_set, at in opens.items() if at > batch.now}

    def _leave(self, batch: Batch, campaign: Campaign, rows: list[Row]) -> list[Outcome]:
        """One text for every row."""
        body = self.settings(batch.node).body
        texts = outbound.queueing(
            source(campaign, rows, rendering.fields(body)),
            account_id=batch.account_id,
            lane_id=campaign.lane_id or 0,
            number_id=campaign.number_id,
            template_id=outbound.template(campaign.account, body).pk,
            segments=count_segments(body).count,
            now=batch.now,
        )
        return [Outcome(rows, State.QUEUED, texts=texts)]
