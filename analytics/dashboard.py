"""What the dashboard shows, read in one snapshot so that its numbers agree."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from analytics import counters, metrics
from campaigns.models import Campaign
from conversations.models import Thread

FRESH_SECONDS = 1.0
MOST_CAMPAIGNS = 20
MOST_THREADS = 8
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

    @property
    def done(self) -> metrics.Rate:
        """Enrollments ended ÷ enrollments begun."""
        return metrics.Rate(self.exits, self.entries)


@dataclass(frozen=True)
class Waiting:
    """A thread whose customer waits for a person."""

    pk: int
    name: str
    since: datetime | None
    why: str


@dataclass(frozen=True)
class Dashboard:
    """Everything on the dashboard, of one instant."""

    tiles: metrics.Tiles
    campaigns: list[Progress]
    running: int
    threads: list[Waiting]
    needing_reply: int


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
    running = Campaign.objects.filter(account=account, status__in=RUNNING)
    shown = list(running.order_by("-launched_at", "-pk")[:MOST_CAMPAIGNS])
    found = counters.totals([campaign.pk for campaign in shown])
    waiting = Thread.objects.filter(account=account, needs_reply=True)
    threads = waiting.select_related("contact").order_by("last_inbound_at", "pk")[:MOST_THREADS]
    return Dashboard(
        tiles=metrics.tiles(account),
        campaigns=[progress(campaign, found) for campaign in shown],
        running=running.count(),
        threads=[Waiting(t.pk, t.contact.name, t.last_inbound_at, t.escalated_reason) for t in threads],
        needing_reply=waiting.count(),
    )


def progress(campaign: Campaign, found: Counter[counters.Cell]) -> Progress:
    """How far a campaign is, from its cells as `counters.totals` read them."""
    whole = {column: found[campaign.pk, "", column] for column in ("audience", "entries", "active", "exits")}
    nodes = {
        column: sum(n for (pk, _, name), n in found.items() if pk == campaign.pk and name == column)
        for column in ("booked", "replies")
    }
    return Progress(pk=campaign.pk, name=campaign.name, status=campaign.status, **whole, **nodes)
