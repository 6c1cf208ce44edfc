"""What the dashboard shows, read in one snapshot so that its numbers agree."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.text import Truncator

from accounts.models import Account
from analytics import counters, day_curve, metrics
from campaigns.models import Campaign
from common import clock
from conversations import pausing, reading
from conversations.models import Message, Thread

FRESH_SECONDS = 1.0
MOST_CAMPAIGNS = 20
MOST_THREADS = 8
LONGEST_WORDS = 140
WHY = {
    reading.BOOKING_YES: "Wants to book",
    reading.RESCHEDULE: "Wants another time",
    reading.QUESTION: "Asks a question",
    reading.COMPLAINT: "Complains",
    reading.WRONG_NUMBER: "Says wrong number",
    reading.OTHER: "Unclear",
}
RUNNING = (Campaign.Status.SCHEDULED, Campaign.Status.ACTIVE, Campaign.Status.PAUSED)


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


@dataclass(frozen=True)
class Waiting:
    """A thread whose customer waits for a person: their last words, for how long, and what they are about."""

    pk: int
    name: str
    words: str
    since: datetime | None
    waited: str
    why: str
    escalated: bool
    assigned_to: str


@dataclass(frozen=True)
class Dashboard:
    """Everything on the dashboard, of one instant."""

    tiles: metrics.Tiles
    day: day_curve.Day
    campaigns: list[Progress]
    running: int
    launched: bool  # whether there ever was a campaign
    threads: list[Waiting]
    needing_reply: int
    held: bool  # by a pause of everything


_read: dict[int, tuple[float, Dashboard]] = {}  # by account: when it was begun, and what was found
_reading: dict[int, threading.Lock] = {}  # by account, so that no account waits for another's figures


def of_account(account: Account, *, polled: bool = False) -> Dashboard:
    """The dashboard now. For polls it is computed at most once a second per process, whoever asks."""
    if not polled:
        return _remember(account)
    with _reading.setdefault(account.pk, threading.Lock()):
        at, known = _read.get(account.pk, (-FRESH_SECONDS, None))
        if known is not None and time.monotonic() - at < FRESH_SECONDS:
            return known
        return _remember(account)


def _remember(account: Account) -> Dashboard:
    began = time.monotonic()
    with counters.snapshot():
        fresh = _dashboard(account)
    _read[account.pk] = (began, fresh)
    return fresh


def _dashboard(account: Account) -> Dashboard:
    now = clock.now()
    ours = Campaign.objects.filter(account=account)
    running = ours.filter(status__in=RUNNING)
    shown = list(running.order_by("-launched_at", "-pk")[:MOST_CAMPAIGNS])
    found = counters.totals([campaign.pk for campaign in shown])
    waiting = Thread.objects.filter(account=account, needs_reply=True)
    return Dashboard(
        tiles=metrics.tiles(account, now),
        day=day_curve.of_account(account, now),
        campaigns=[progress(campaign, found) for campaign in shown],
        running=running.count(),
        launched=bool(shown) or ours.exclude(status=Campaign.Status.CREATED).exists(),
        threads=_waiting(waiting, now),
        needing_reply=waiting.count(),
        held=pausing.in_force(account) is not None,
    )


def _waiting(threads: QuerySet[Thread], now: datetime) -> list[Waiting]:
    """Those who have waited longest, each with what was written last."""
    inbound = Message.objects.filter(
        kind=Message.Kind.INBOUND, contact=OuterRef("contact"), address=OuterRef("address")
    ).order_by("-created_at", "-pk")
    longest = threads.select_related("contact", "assigned_to").annotate(
        words=Subquery(inbound.values("body")[:1]), label=Subquery(inbound.values("reading__label")[:1])
    )
    return [
        Waiting(
            pk=thread.pk,
            name=thread.contact.name,
            words=Truncator(" ".join((thread.words or "").split())).chars(LONGEST_WORDS),
            since=thread.last_inbound_at,
            waited=waited(thread.last_inbound_at, now),
            why=thread.escalated_reason or WHY.get(thread.label or "", ""),
            escalated=bool(thread.escalated_reason),
            assigned_to=str(thread.assigned_to or ""),
        )
        for thread in longest.order_by("last_inbound_at", "pk")[:MOST_THREADS]
    ]


def waited(since: datetime | None, now: datetime) -> str:
    """How long ago in one unit, as lists show it: “4 min”, “3 h”, “2 days”."""
    if since is None:
        return ""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min" if minutes else "just now"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


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
