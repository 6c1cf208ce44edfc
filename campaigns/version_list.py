"""Which versions a workflow has, who published each, and which campaigns run it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.db.models import Count

from accounts.models import AuditEntry, User
from campaigns import figures
from campaigns.models import Campaign, Enrollment, Workflow, WorkflowVersion

LIVE = (Campaign.Status.SCHEDULED, Campaign.Status.ACTIVE, Campaign.Status.PAUSED)


@dataclass
class Run:
    """A campaign with a version: `enters` where newcomers enter it, `people` who are on it now."""

    campaign: Campaign
    enters: bool
    people: int


@dataclass
class Listed:
    """One version; `by` published it, or made it where it is a draft."""

    version: WorkflowVersion
    steps: int
    by: User | None
    runs: list[Run] = field(default_factory=list)
    over: int = 0  # campaigns that ran it and have ended
    moved_away: int = 0  # those that were moved to another version since

    @property
    def people(self) -> int:
        """On it now, over all campaigns."""
        return sum(run.people for run in self.runs)


def of(workflow: Workflow) -> list[Listed]:
    """Every version of a workflow, newest first. A handful of queries, however many campaigns run."""
    found = workflow.versions.order_by("-number").select_related("created_by").prefetch_related("nodes")
    published = _published_by(workflow)
    listed = {v.pk: Listed(v, len(v.nodes.all()), published.get(v.pk) or v.created_by) for v in found}
    campaigns = Campaign.objects.filter(version__workflow=workflow).order_by("-created_at", "-pk")
    moved = dict[int, set[int]]()
    for pk, before in Campaign.objects.filter(
        version__workflow=workflow, version_moves__isnull=False
    ).values_list("pk", "version_moves__before"):
        moved.setdefault(pk, set()).add(before)
    counted = _people(campaigns, moved)
    for campaign in campaigns:
        if campaign.status not in LIVE:
            listed[campaign.version_id].over += 1
            continue
        for version in {campaign.version_id, *moved.get(campaign.pk, ())}:
            people = counted.get((campaign.pk, version), 0)
            enters = version == campaign.version_id
            if enters or people:
                listed[version].runs.append(Run(campaign, enters, people))
            else:
                listed[version].moved_away += 1
    return list(listed.values())


def _people(campaigns: Iterable[Campaign], moved: Collection[int]) -> dict[tuple[int, int], int]:
    """How many are on a version in a running campaign, by both.

    A campaign that was never moved has all of them on its own, and counters know how many they are. Passages
    are read only of the `moved`, whose people may be on several.
    """
    running = {campaign.pk: campaign.version_id for campaign in campaigns if campaign.status in LIVE}
    kept = figures.of([pk for pk in running if pk not in moved])
    people = {(pk, running[pk]): counted.active for pk, counted in kept.items()}
    live = Enrollment.objects.filter(
        campaign__in=[pk for pk in running if pk in moved], state=Enrollment.State.ACTIVE
    )
    found = live.order_by().values_list("campaign", "version").annotate(n=Count("pk"))
    return people | {(campaign, version): n for campaign, version, n in found}


def _published_by(workflow: Workflow) -> dict[int, User | None]:
    """Who published each version, as the audit log says."""
    ids = [str(pk) for pk in workflow.versions.values_list("pk", flat=True)]
    entries = AuditEntry.objects.filter(
        account=workflow.account_id, verb="published", object_kind="campaigns.workflowversion",
        object_id__in=ids,
    )  # fmt: skip
    return {int(entry.object_id): entry.by for entry in entries.select_related("by")}
