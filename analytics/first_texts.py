"""When the first texts of a running campaign are all sent at its numbers' rate, where that is known."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Protocol

from analytics.metrics import TEXT_KINDS, NodeRow
from campaigns.capacity import pace, sending_span
from campaigns.models import Campaign, Enrollment
from campaigns.samples import SAMPLES, longest_first_text
from common import clock
from integrations.models import SendingNumber

ROUNDED_TO = timedelta(minutes=5)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Taken(Protocol):
    """An intake, as far as it matters here."""

    @property
    def finished_at(self) -> object: ...


def done_at(
    campaign: Campaign,
    nodes: Sequence[NodeRow],
    intakes: Sequence[Taken],
    numbers: Sequence[SendingNumber] = (),
) -> datetime | None:
    """When first texts not yet accepted are sent, up to five minutes; None where that is not known.

    Unknown while the audience is being taken in, and of no meaning unless the campaign is active. Every text
    is reckoned as long as the longest of the first samples, in company hours. Caps, customers elsewhere and
    other campaigns on its `numbers` (its own, where none are given) come on top.
    """
    first = next((row for row in nodes if row.kind in TEXT_KINDS and row.present), None)
    finished = bool(intakes) and all(intake.finished_at for intake in intakes)
    if first is None or not finished or campaign.status != Campaign.Status.ACTIVE:
        return None
    left = first.scheduled + first.queued
    segments = _segments(campaign.pk) if left else 0
    if not segments:
        return None
    numbers = numbers or [campaign.number]
    rate = pace(numbers, campaign.lane.texts_per_hour if campaign.lane else None, segments_each=segments)
    _, last = sending_span(campaign.account, numbers, left * segments, start=clock.now(), rate=rate)
    return last and last + (EPOCH - last) % ROUNDED_TO


@cache
def _segments(campaign_id: int) -> int:
    """Segments of the longest sample of a campaign's first text; 0 where none can be made. Never changes."""
    campaign = Campaign.objects.select_related("version__workflow__account").get(pk=campaign_id)
    some = Enrollment.objects.filter(campaign=campaign).order_by("pk").values_list("contact", flat=True)
    return longest_first_text(campaign.version, list(some[:SAMPLES]), now=clock.now())
