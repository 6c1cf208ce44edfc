"""How far moves of a campaign have come, and what became of its people, in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet

from campaigns import repointing
from campaigns.models import Campaign, Enrollment, VersionMove, WorkflowVersion
from campaigns.move_plans import Do

WORDS = {
    Do.SAME: "go on at the same step",
    Do.CONTINUE: "went on at another step",
    Do.RESTART: "began again",
    Do.LEAVE: "stayed on their version, as chosen",
    repointing.IN_FLIGHT: "stayed on their version: a text or call was on its way",
    repointing.ANSWERED: "stayed on their version: they had just answered",
    Do.EXIT: "left the campaign",
}
"""What became of people, by the names of a move's counts, in the order they are told."""


@dataclass(frozen=True)
class Progress:
    """One move. `rate` is people a second; `ends` when it will be over at that rate."""

    move: VersionMove
    rate: float
    ends: datetime | None

    @property
    def moving(self) -> bool:
        """Whether it is not over."""
        return self.move.ended_at is None

    @property
    def told(self) -> list[tuple[int, str]]:
        """How many, and what became of them."""
        return [(n, said) for name, said in WORDS.items() if (n := self.move.counts.get(name, 0))]

    @property
    def queued_again(self) -> int:
        """Texts taken back and queued again with new words."""
        return int(self.move.counts.get(repointing.QUEUED_AGAIN, 0))

    @property
    def gone(self) -> int:
        """Who ended by themselves before their turn came."""
        return max(0, self.move.people - self.move.seen) if self.move.state == VersionMove.State.DONE else 0

    @property
    def token(self) -> tuple[object, ...]:
        """All that is shown of it."""
        move = self.move
        return move.pk, move.state, move.seen, sorted(move.counts.items()), move.trouble


def of(campaign: Campaign, *, now: datetime) -> list[Progress]:
    """Every move of a campaign, the latest first."""
    found = VersionMove.objects.filter(campaign=campaign).select_related("before", "version", "by")
    return [_progress(move, now) for move in found.order_by("-pk")]


def _progress(move: VersionMove, now: datetime) -> Progress:
    seconds = ((move.ended_at or now) - move.started_at).total_seconds()
    rate = move.seen / seconds if seconds > 0 else 0.0
    left = max(0, move.people - move.seen)
    ends = now + timedelta(seconds=left / rate) if rate and move.ended_at is None else None
    return Progress(move, rate, ends)


def others(campaign: Campaign) -> QuerySet[WorkflowVersion]:
    """The published versions of a campaign's workflow, the newest first."""
    versions = WorkflowVersion.objects.filter(workflow=campaign.version.workflow_id)
    return versions.filter(published_at__isnull=False).order_by("-number")


@dataclass(frozen=True)
class Standing:
    """Versions of a running campaign: `newest` was published since, `moving` says how far a move has come,
    `people` who is on which, where they are on several."""

    newest: int | None = None
    moving: tuple[int, int, int] | None = None  # looked at, of how many, to which version
    people: tuple[tuple[int, int], ...] = ()


def standing(campaign: Campaign) -> Standing:
    """What the campaign's page says of versions; one query where it was never moved."""
    if campaign.status in (Campaign.Status.COMPLETED, Campaign.Status.CREATED):
        return Standing()
    versions = list(others(campaign).values_list("pk", "number"))
    newest = versions[0][1] if versions and versions[0][0] != campaign.version_id else None
    if len(versions) < 2:
        return Standing(newest)
    latest = VersionMove.objects.filter(campaign=campaign).order_by("-pk").select_related("version").first()
    if latest is None:
        return Standing(newest)
    if latest.ended_at is None:
        return Standing(newest, (latest.seen, latest.people, latest.version.number))
    live = Enrollment.objects.filter(campaign=campaign, state=Enrollment.State.ACTIVE)
    found = live.values_list("version__number").annotate(n=Count("pk")).order_by("-version__number")
    return Standing(newest, None, tuple(found) if len(found) > 1 else ())
