"""What the dashboard shows, read in one snapshot so that its numbers agree."""

import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.text import Truncator

from accounts.models import Account
from analytics import attention, counters, day_curve, health, metrics
from analytics.attention_item import Item
from analytics.scope import Scope
from campaigns.models import Campaign
from common import clock
from conversations import calls_told, pausing, reading
from conversations.models import Call, Message, Thread

FRESH_SECONDS = 1.0
MOST_KEPT = 300  # dashboards of a process, by account and what they look at
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
    range: list[metrics.Ranged]
    day: day_curve.Day
    campaigns: health.Overview
    attention: list[Item]
    launched: bool  # whether there ever was a campaign
    threads: list[Waiting]
    needing_reply: int
    held: bool  # by a pause of everything


@dataclass(frozen=True)
class Kept:
    """A dashboard, when it was begun (monotonic), and a token of all that it shows."""

    began: float
    dashboard: Dashboard
    token: str


_Key = tuple[int, Scope, int]
_kept: OrderedDict[_Key, Kept] = OrderedDict()
_reading: dict[int, threading.Lock] = {}  # by account, so that no account waits for another's figures


def of_account(account: Account, scope: Scope, *, page: int = 1, polled: bool = False) -> Kept:
    """The dashboard now. For polls it is computed at most once a second per process, whoever asks."""
    key = (account.pk, scope, page)
    if not polled:
        return _remember(account, key)
    found = _fresh(key)
    if found is not None:
        return found
    with _reading.setdefault(account.pk, threading.Lock()):
        return _fresh(key) or _remember(account, key)


def _fresh(key: _Key) -> Kept | None:
    known = _kept.get(key)
    return known if known is not None and time.monotonic() - known.began < FRESH_SECONDS else None


def _remember(account: Account, key: _Key) -> Kept:
    began = time.monotonic()
    _, scope, page = key
    with counters.snapshot():
        fresh = _dashboard(account, scope, page)
    kept = Kept(began, fresh, metrics.version_token(fresh, scope))
    _kept[key] = kept
    while len(_kept) > MOST_KEPT:
        with suppress(KeyError):  # other threads make room, too
            _kept.popitem(last=False)
    return kept


def _dashboard(account: Account, scope: Scope, page: int) -> Dashboard:
    now, only = clock.now(), scope.campaigns
    waiting = Thread.objects.filter(account=account, needs_reply=True)
    campaigns = health.of(account, now, only=only, page=page)
    launched = Campaign.objects.filter(account=account).exclude(status=Campaign.Status.CREATED)
    return Dashboard(
        tiles=metrics.tiles(account, now, only),
        range=metrics.ranged(account, scope.start, scope.end, only),
        day=day_curve.of_account(account, now, only),
        campaigns=campaigns,
        attention=attention.of(account, now, campaigns),
        launched=bool(campaigns.total) or launched.exists(),
        threads=_waiting(waiting, now),
        needing_reply=waiting.count(),
        held=pausing.in_force(account) is not None,
    )


def _waiting(threads: QuerySet[Thread], now: datetime) -> list[Waiting]:
    """Those who have waited longest, each with what was written last."""
    inbound = Message.objects.filter(
        kind=Message.Kind.INBOUND, contact=OuterRef("contact"), address=OuterRef("address")
    ).order_by("-created_at", "-pk")
    longest = list(
        threads.select_related("contact", "assigned_to")
        .annotate(
            words=Subquery(inbound.values("body")[:1]), label=Subquery(inbound.values("reading__label")[:1]),
            said_at=Subquery(inbound.values("created_at")[:1]),
        )
        .order_by("last_inbound_at", "pk")[:MOST_THREADS]
    )  # fmt: skip
    calls = calls_told.missed_of(longest)
    return [_one_waiting(thread, calls.get(thread.pk), now) for thread in longest]


def _one_waiting(thread: Any, call: Call | None, now: datetime) -> Waiting:
    """A thread and the call that its customer made in vain, if that came after their last words."""
    if call is not None and thread.said_at is not None and call.created_at <= thread.said_at:
        call = None
    words = calls_told.missed_words(call) if call else thread.words or ""
    return Waiting(
        pk=thread.pk,
        name=thread.contact.name,
        words=Truncator(" ".join(words.split())).chars(LONGEST_WORDS),
        since=thread.last_inbound_at,
        waited=waited(thread.last_inbound_at, now),
        why=thread.escalated_reason or ("" if call else WHY.get(thread.label or "", "")),
        escalated=bool(thread.escalated_reason),
        assigned_to=str(thread.assigned_to or ""),
    )


def waited(since: datetime | None, now: datetime) -> str:
    """How long ago in one unit, as lists show it: “4 min”, “3 h”, “2 days”."""
    if since is None:
        return ""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min" if minutes else "just now"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
