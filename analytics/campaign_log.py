"""What happened to a campaign as a whole, newest first: what people did, its intakes, its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import AuditEntry
from analytics.campaign_page import Taking
from campaigns.models import Campaign
from conversations.models import SendingPause

LATEST = 200
ICONS = {
    "launched": "rocket",
    "paused": "pause",
    "resumed": "play",
    "stopped": "octagon-x",
    "changed_pace": "clock",
    "asked_approval": "shield-check",
    "approved_launch": "shield-check",
    "refused_launch": "octagon-x",
    "undid_launch": "rotate-ccw",
    "rescheduled": "calendar-clock",
    "missed_occurrences": "triangle-alert",
    "changed_joining": "users",
    "retried_failed": "refresh-cw",
    "cleared_passages": "archive",
    "moved_version": "workflow",
}
TONES = {"paused": "warn", "stopped": "warn", "refused_launch": "warn", "missed_occurrences": "warn"}


@dataclass(frozen=True)
class Happening:
    """One thing that happened; `by` is empty where the product itself did it."""

    at: datetime
    icon: str
    words: str
    by: str
    tone: str = ""  # `warn` and `bad` for what went wrong


def read(campaign: Campaign, intakes: Sequence[Taking]) -> list[Happening]:
    """At most 200 entries of the audit log, and what the campaign's own rows tell."""
    entries = AuditEntry.objects.about(campaign).newest()[:LATEST]
    found = [_of_entry(entry) for entry in entries]
    found += _pauses_of_everything(campaign)
    found += [happening for intake in intakes for happening in _of_intake(intake)]
    if campaign.completed_at and not campaign.stopped_at:
        found.append(
            Happening(campaign.completed_at, "circle-check", "Completed: everybody came to an end", "")
        )
    return sorted(found, key=lambda happening: happening.at)[::-1]  # of one instant: the later above


def _pauses_of_everything(campaign: Campaign) -> list[Happening]:
    """What held every campaign of the account while this one ran."""
    if campaign.launched_at is None:
        return []
    during = SendingPause.objects.filter(account=campaign.account_id)
    during = during.exclude(lifted_at__lt=campaign.launched_at)
    if campaign.completed_at:
        during = during.filter(at__lt=campaign.completed_at)
    found = []
    for pause in during.select_related("by", "lifted_by").order_by("-at")[:LATEST]:
        why = f": {pause.reason}" if pause.reason else ""
        by = pause.by.name if pause.by else ""
        found.append(Happening(pause.at, "pause", f"All sending of the account was paused{why}", by, "warn"))
        if pause.lifted_at:
            by = pause.lifted_by.name if pause.lifted_by else ""
            found.append(Happening(pause.lifted_at, "play", "All sending was resumed", by))
    return found


def _of_entry(entry: AuditEntry) -> Happening:
    by = entry.by.name if entry.by else ""
    # The product itself stops a campaign only where something is wrong.
    tone = "bad" if entry.verb == "stopped" and not by else TONES.get(entry.verb, "")
    return Happening(entry.at, ICONS.get(entry.verb, "circle-dot"), entry.summary, by, tone)


def _of_intake(intake: Taking) -> list[Happening]:
    number = f"Occurrence {intake.occurrence}: " if intake.occurrence > 1 else ""
    began = Happening(intake.started_at, "users", f"{number}Began to take in the audience", "")
    if intake.finished_at is None:
        return [began]
    words = f"{number}Audience taken in: {intake.admitted:,} admitted of {intake.matched:,} matched"
    return [began, Happening(intake.finished_at, "user-check", words, "")]
