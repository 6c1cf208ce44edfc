"""How far one campaign is, from its counters."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from analytics import counters, metrics
from campaigns.models import Campaign


@dataclass(frozen=True)
class Progress:
    """How far a campaign is: `done` is enrollments ended ÷ begun."""

    pk: int
    name: str
    status: str
    audience: int
    entries: int
    active: int
    exits: int
    booked: int
    replies: int
    starts_at: datetime | None = None

    @property
    def done(self) -> metrics.Rate:
        """Enrollments ended ÷ enrollments begun."""
        return metrics.Rate(self.exits, self.entries)


def progress(campaign: Campaign, found: Counter[counters.Cell]) -> Progress:
    """How far a campaign is, from its cells as `counters.totals` read them."""
    whole = {column: found[campaign.pk, "", column] for column in ("audience", "entries", "active", "exits")}
    nodes = {
        column: sum(n for (pk, _, name), n in found.items() if pk == campaign.pk and name == column)
        for column in ("booked", "replies")
    }
    return Progress(
        pk=campaign.pk,
        name=campaign.name,
        status=campaign.status,
        starts_at=campaign.starts_at,
        **whole,
        **nodes,
    )
