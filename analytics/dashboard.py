"""What the dashboard and the campaign page show, each read in one snapshot so that its numbers agree."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from analytics import counters, metrics
from campaigns.models import Campaign, Enrollment, Intake, Step
from conversations.models import Thread

FRESH_SECONDS = 1.0
MOST_CAMPAIGNS = 20
MOST_THREADS = 8
MOST_ENROLLMENTS = 20
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


@dataclass(frozen=True)
class Passage:
    """An enrollment as the campaign page lists it."""

    contact: str
    entered_at: datetime
    state: str
    reason: str
    node: str
    step_state: str


@dataclass(frozen=True)
class Reason:
    """A reason with how many it explains; `column` opens them."""

    words: str
    column: str
    n: int


@dataclass(frozen=True)
class Taking:
    """How far the audience has been evaluated: admitted + excluded = matched once it is finished."""

    occurrence: int
    matched: int
    admitted: int
    finished_at: datetime | None


@dataclass(frozen=True)
class CampaignPage:
    """Everything live on a campaign's page, of one instant."""

    status: str
    stopped: bool
    progress: Progress
    excluded: int
    intakes: list[Taking]
    nodes: list[metrics.NodeRow]
    exclusions: list[Reason]
    exits: list[Reason]
    recent: list[Passage]


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
        campaigns=[_progress(campaign, found) for campaign in shown],
        running=running.count(),
        threads=[Waiting(t.pk, t.contact.name, t.last_inbound_at, t.escalated_reason) for t in threads],
        needing_reply=waiting.count(),
    )


def _progress(campaign: Campaign, found: Counter[counters.Cell]) -> Progress:
    whole = {column: found[campaign.pk, "", column] for column in ("audience", "entries", "active", "exits")}
    nodes = {
        column: sum(n for (pk, _, name), n in found.items() if pk == campaign.pk and name == column)
        for column in ("booked", "replies")
    }
    return Progress(pk=campaign.pk, name=campaign.name, status=campaign.status, **whole, **nodes)


def of_campaign(campaign: Campaign) -> CampaignPage:
    """The live part of a campaign's page now, its status read again in the same snapshot."""
    with counters.snapshot():
        campaign.refresh_from_db(fields=["status", "stopped_at", "version"])
        found = counters.totals([campaign.pk])
        intakes = Intake.objects.filter(campaign=campaign).order_by("occurrence")
        return CampaignPage(
            status=campaign.status,
            stopped=campaign.stopped_at is not None,
            progress=_progress(campaign, found),
            excluded=found[campaign.pk, "", "excluded"],
            intakes=[Taking(i.occurrence, i.matched, i.admitted, i.finished_at) for i in intakes],
            nodes=metrics.node_rows(campaign, found),
            exclusions=_reasons(found, "excluded:"),
            exits=_reasons(found, "exits:"),
            recent=_recent(campaign),
        )


def _reasons(found: Counter[counters.Cell], prefix: str) -> list[Reason]:
    cells = {column: n for (_, _, column), n in found.items() if column.startswith(prefix)}
    largest_first = sorted(cells.items(), key=lambda cell: (-cell[1], cell[0]))
    return [Reason(column.removeprefix(prefix).replace("_", " "), column, n) for column, n in largest_first]


def _recent(campaign: Campaign) -> list[Passage]:
    newest = Enrollment.objects.filter(campaign=campaign).select_related("contact").order_by("-pk")
    enrollments = list(newest[:MOST_ENROLLMENTS])
    last = Step.objects.filter(enrollment__in=enrollments).select_related("node")
    steps = {step.enrollment_id: step for step in last.order_by("enrollment", "-pk").distinct("enrollment")}
    return [_passage(enrollment, steps.get(enrollment.pk)) for enrollment in enrollments]


def _passage(enrollment: Enrollment, step: Step | None) -> Passage:
    return Passage(
        contact=enrollment.contact.name,
        entered_at=enrollment.entered_at,
        state=enrollment.state,
        reason=enrollment.ended_reason.replace("_", " "),
        node=step.node.name if step else "",
        step_state=step.state if step else "",
    )
