from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import Field

from audiences import suppression
from audiences.merge_fields import FIELDS
from campaigns import links, pools
from campaigns.graph import GraphNode
from campaigns.models import Campaign
from campaigns.nodes.base import Batch, Outcome, Row, Settings, State
from campaigns.nodes.sending import Sending, campaign_of, closed_until, fields_of, source
from common.segments import count_segments
from conversations import footers, media, outbound, rendering
from conversations.models.footer import LONGEST
from conversations.threads import MAX_BODY

PACE_SECONDS = 60
WITH_FOOTER = MAX_BODY - LONGEST - 1  # the line below it takes a line break, too


_TOO_LONG = (
    f"Longer than {WITH_FOOTER:,} characters: as somebody’s first text it would leave no room for the line "
    "on how to opt out."
)


class SpanishText(Settings):
    """The words for those who are written to in Spanish."""

    body: str = Field(min_length=1, max_length=MAX_BODY)


class SendSmsSettings(Settings):
    """The words, with merge fields, and the files that go with them; without Spanish words everybody gets the
    English."""

    body: str = Field(min_length=1, max_length=MAX_BODY)
    spanish: SpanishText | None = None
    media: list[int] = Field(default_factory=list, max_length=media.MOST)  # ids of the account's files
    as_sms: bool = True  # to whoever cannot receive pictures the words go alone
    utm: bool = Field(default=True, description="Add to its links what web analytics reads")

    def content(self) -> dict[str, Any]:
        """What the words have beside the English (`MessageTemplate.content`)."""
        files = list(dict.fromkeys(self.media))
        content: dict[str, Any] = {"media": files, "as_sms": self.as_sms} if files else {}
        return content | ({"es": {"body": self.spanish.body}} if self.spanish else {})

    def words(self) -> list[tuple[str, str]]:
        """Everything that merge fields may stand in: what it is called, and the words."""
        return [("", self.body), *([("Spanish", self.spanish.body)] if self.spanish else [])]


class SendSms(Sending):
    """Texts the contact. Texts keep hours: closed ones wait for their next opening."""

    kind = "send_sms"
    settings_model = SendSmsSettings

    def problems(self, node: GraphNode) -> list[str]:
        """The texts must be readable, name merge fields that exist, and leave room for the opt-out line."""
        problems = super().problems(node)
        if problems:
            return problems
        for named, body in self.settings(node).words():
            found = [_TOO_LONG] if len(body) > WITH_FOOTER and not footers.tells_opt_out(body) else []
            found += rendering.problems(body, FIELDS) + links.problems([body])
            problems += [f"{named}: {problem}" if named else problem for problem in found]
        return problems

    def limit(self, batch_limit: int, *, campaign_id: int, node: GraphNode, now: datetime) -> int:
        """At most what its numbers and the campaign may send in 60 s, less what is queued there already."""
        campaign = campaign_of(campaign_id)
        room = pools.of(campaign, now=now).segments_per_second * PACE_SECONDS
        texts, segments = outbound.waiting(campaign.lane_id or 0, room, now=now)
        most = (room - segments) // self._segments(node)
        if campaign.lane and (hourly := campaign.lane.texts_per_hour):
            most = min(most, -(-hourly * PACE_SECONDS // 3600) - texts)
        return max(0, min(batch_limit, most))

    def _segments(self, node: GraphNode) -> int:
        """What one text counts for until it is written, in its longer language; one with files is one,
        however long."""
        settings = self.settings(node)
        return 1 if settings.media else _longest(words for _, words in settings.words())

    def _closed_until(self, batch: Batch, campaign: Campaign, zone_sets: set[int]) -> dict[int, datetime]:
        return closed_until(batch, campaign, zone_sets, suppression.TEXT)

    def _leave(self, batch: Batch, campaign: Campaign, rows: list[Row]) -> list[Outcome]:
        """One text for every row."""
        settings = self.settings(batch.node)
        linked = links.in_words(
            campaign, batch.node.key, now=batch.now, body=settings.body, content=settings.content(),
            utm=settings.utm,
        )  # fmt: skip
        texts = outbound.queueing(
            source(campaign, rows, fields_of(linked), linked=linked),
            account_id=batch.account_id,
            lane_id=campaign.lane_id or 0,
            pool=pools.of(campaign, now=batch.now),
            template_id=outbound.template(campaign.account, linked.body, content=linked.content).pk,
            segments=1 if settings.media else _longest(links.sample(s, linked) for _, s in settings.words()),
            now=batch.now,
            carries_link=bool(linked.links),
        )
        return [Outcome(rows, State.QUEUED, texts=texts)]


def _longest(texts: Iterable[str]) -> int:
    """Segments of the longest of these."""
    return max(count_segments(text).count for text in texts)
