"""What the page of one campaign shows, read in one snapshot so that its numbers agree."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from analytics import counters, metrics
from analytics.dashboard import Progress, progress
from campaigns.models import Campaign, Enrollment, Intake, Step

MOST_ENROLLMENTS = 20


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


def of_campaign(campaign: Campaign) -> CampaignPage:
    """The live part of a campaign's page now, its status read again in the same snapshot."""
    with counters.snapshot():
        campaign.refresh_from_db(fields=["status", "stopped_at", "version"])
        found = counters.totals([campaign.pk])
        intakes = Intake.objects.filter(campaign=campaign).order_by("occurrence")
        return CampaignPage(
            status=campaign.status,
            stopped=campaign.stopped_at is not None,
            progress=progress(campaign, found),
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
