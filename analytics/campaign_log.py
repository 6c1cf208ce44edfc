"""What happened to a campaign as a whole, newest first: what people did, its intakes, its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import AuditEntry
from analytics.campaign_page import Taking
from campaigns.models import Campaign

LATEST = 200
ICONS = {
    "launched": "rocket",
    "paused": "pause",
    "resumed": "play",
    "stopped": "octagon-x",
    "changed_pace": "clock",
}


@dataclass(frozen=True)
class Happening:
    """One thing that happened; `by` is empty where the product itself did it."""

    at: datetime
    icon: str
    words: str
    by: str


def read(campaign: Campaign, intakes: Sequence[Taking]) -> list[Happening]:
    """At most 200 entries of the audit log, and what the campaign's own rows tell."""
    entries = AuditEntry.objects.about(campaign).newest()[:LATEST]
    found = [_of_entry(entry) for entry in entries]
    found += [happening for intake in intakes for happening in _of_intake(intake)]
    if campaign.completed_at and not campaign.stopped_at:
        found.append(
            Happening(campaign.completed_at, "circle-check", "Completed: everybody came to an end", "")
        )
    return sorted(found, key=lambda happening: happening.at)[::-1]  # of one instant: the later above


def _of_entry(entry: AuditEntry) -> Happening:
    by = entry.by.name if entry.by else ""
    return Happening(entry.at, ICONS.get(entry.verb, "circle-dot"), entry.summary, by)


def _of_intake(intake: Taking) -> list[Happening]:
    began = Happening(intake.started_at, "users", "Began to take in the audience", "")
    if intake.finished_at is None:
        return [began]
    words = f"Audience taken in: {intake.admitted:,} admitted of {intake.matched:,} matched"
    return [began, Happening(intake.finished_at, "user-check", words, "")]
