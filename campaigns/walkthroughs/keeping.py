"""Walkthroughs as rows: begun, gone on with, taken back, begun anew, and found again.

What a walkthrough shows is kept with it, so that looking costs nothing; each act plays all of them once more.
Whoever has not seen a colleague's act is refused (`Stale`), and nothing of either is lost.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Account, User
from audiences.models import Contact
from campaigns import drawing, graph_errors, workflow_drafts
from campaigns.drawing import Drawing
from campaigns.graph_errors import Problem
from campaigns.models import Node, Walkthrough, Workflow, WorkflowVersion
from campaigns.nodes import KINDS
from campaigns.walkthroughs import acts, playing, scene
from campaigns.walkthroughs.acts import Act
from campaigns.walkthroughs.stage import NotNow
from common.spoken import LANGUAGES

KEPT = 40  # of a workflow: the oldest make room
FOR = timedelta(days=90)  # after the last act in it
_AT_ONCE = 500  # deleted in one statement
_MOST_CAMPAIGNS = 400  # about so many are tried for one that sends the contact down another arm


class Unfit(Exception):
    """The workflow cannot run as it is drawn; `problems` say what is to be mended."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("there is something to finish first")
        self.problems = list(problems)


class Stale(Exception):
    """A colleague has gone on with it since, or another tab has."""


def problems(drawn: Drawing) -> list[Problem]:
    """What keeps a drawing from being walked: the same that keeps it from being published."""
    return graph_errors.found(drawn.graph())


def begin(
    workflow: Workflow,
    *,
    version: WorkflowVersion | None,
    contact: Contact | None,
    sample: str = "",
    by: User,
    now: datetime,
    starts_at: datetime | None = None,
) -> Walkthrough:
    """Begin a walkthrough of the draft as it is now, or of a version; as a contact, or as an invented person
    who speaks `sample`. Raises Unfit, and what playing raises."""
    drawn, drawn_as = _as_drawn(workflow, version)
    if found := problems(drawn):
        raise Unfit(found)
    walk = Walkthrough(
        account=workflow.account, workflow=workflow, graph=drawn.stored(), drawn_as=drawn_as, contact=contact,
        sample="" if contact else sample if sample in LANGUAGES else "en",
        starts_at=max(starts_at or now, now), created_by=by, created_at=now, changed_by=by, changed_at=now,
        places=scene.places(drawn),
    )  # fmt: skip
    walk.save()
    try:
        walk.shown = playing.play(walk, [], by=by).shown
    except Exception:
        walk.delete()
        raise
    walk.save(update_fields=["shown"])
    _make_room(workflow)
    return walk


def _as_drawn(workflow: Workflow, version: WorkflowVersion | None) -> tuple[Drawing, str]:
    if version is not None:
        return workflow_drafts.drawn(version), f"Version {version.number}"
    draft = workflow_drafts.of(workflow)
    if draft.differs or draft.version is None:
        return draft.drawn, draft.called
    return draft.drawn, f"Version {draft.version.number}"


def is_behind(walk: Walkthrough) -> bool:
    """Whether the draft says something else by now than what is walked. Of a walkthrough of the draft."""
    return walk.drawn_as.startswith("Draft") and workflow_drafts.of(walk.workflow).drawn != drawing.read(
        walk.graph
    )


def go_on(walk: Walkthrough, act: Act, *, revision: int, by: User, now: datetime) -> str:
    """Do one more act; what to say of it beside, where something no longer fitted. Raises Stale, NotNow, and
    what playing raises."""
    if walk.revision != revision:
        raise Stale
    if len(walk.acts) >= acts.MOST:
        raise NotNow(f"A walkthrough has at most {acts.MOST} acts. Start over, or take some back.")
    done = [*walk.acts, act]
    played = playing.play(walk, done, by=by)
    said = ""
    if played.stopped is not None:  # the world has changed since: what follows from there is gone
        done = done[: played.stopped]
        said = (
            f"Something has changed since this walkthrough began, so it stands where it still fits, and what "
            f"you pressed was not done. {played.why}"
        )
    _keep(walk, done, played.shown, by=by, now=now)
    return said


def undo(walk: Walkthrough, *, revision: int, by: User, now: datetime) -> None:
    """Take the last act back. Raises Stale, and what playing raises."""
    if walk.revision != revision:
        raise Stale
    done = walk.acts[:-1]
    played = playing.play(walk, done, by=by)
    _keep(walk, done[: played.stopped], played.shown, by=by, now=now)


def start_over(walk: Walkthrough, *, revision: int, by: User, now: datetime) -> None:
    """Forget all acts and begin again now, with the draft as it is by now where a draft is walked. Raises
    Stale, Unfit, and what playing raises."""
    if walk.revision != revision:
        raise Stale
    if walk.drawn_as.startswith("Draft"):
        drawn, drawn_as = _as_drawn(walk.workflow, None)
        if found := problems(drawn):
            raise Unfit(found)
        if drawn.stored() != walk.graph:
            walk.graph, walk.drawn_as, walk.places = drawn.stored(), drawn_as, scene.places(drawn)
    walk.starts_at = max(walk.starts_at, now)
    played = playing.play(walk, [], by=by)
    _keep(walk, [], played.shown, by=by, now=now)


def other_side(walk: Walkthrough, key: str, label: str, *, revision: int, by: User, now: datetime) -> None:
    """Let the contact go down another arm of a split: in a campaign that would send them there. What was done
    after it is forgotten. Raises Stale, NotNow, and what playing raises."""
    if walk.revision != revision:
        raise Stale
    sides = walk.shown.get("sides", {})
    if key not in sides:
        raise NotNow("The walkthrough has not come to that split.")
    if label not in KINDS[Node.Kind.SPLIT].labels(drawing.read(walk.graph).by_key[key].node):
        raise NotNow("That split has no such side.")
    wanted = {**walk.places.get("arms", {}), key: label}
    campaign = _campaign_for(walk, wanted)
    if campaign is None:
        raise NotNow("No way was found to send this contact there: that arm’s share is very small.")
    walk.places = {**walk.places, "campaign": campaign, "arms": wanted}
    done = walk.acts[: sides[key] + 1]
    played = playing.play(walk, done, by=by)
    _keep(walk, done[: played.stopped], played.shown, by=by, now=now)


def _campaign_for(walk: Walkthrough, wanted: dict[str, str]) -> int | None:
    """The id of a campaign that sends the contact down these arms."""
    contact = walk.contact_id or walk.places["contact"]
    nodes = {node.key: node.node for node in drawing.read(walk.graph).nodes if node.key in wanted}
    split = KINDS[Node.Kind.SPLIT]
    tried, some = 0, 4
    while tried < _MOST_CAMPAIGNS:  # a few at a time: ids of campaigns are not to be wasted by the hundred
        for campaign in scene.further_campaigns(some):
            arms = ((scene.arm_of(split, campaign, nodes[key], contact), arm) for key, arm in wanted.items())
            if all(found == arm for found, arm in arms):
                return campaign
        tried, some = tried + some, some * 2
    return None


def _keep(walk: Walkthrough, done: list[Act], shown: dict[str, Any], *, by: User, now: datetime) -> None:
    """Write what was played, unless somebody else was faster. Raises Stale."""
    kept = Walkthrough.objects.filter(pk=walk.pk, revision=walk.revision).update(
        acts=done, shown=shown, revision=walk.revision + 1, changed_by=by, changed_at=now,
        graph=walk.graph, drawn_as=walk.drawn_as, places=walk.places, starts_at=walk.starts_at,
    )  # fmt: skip
    if not kept:
        raise Stale
    walk.refresh_from_db()


def latest(account: Account, workflow: Workflow) -> list[Walkthrough]:
    """The walkthroughs of a workflow, the latest first."""
    found = Walkthrough.objects.filter(account=account, workflow=workflow).defer("shown", "graph", "places")
    return list(found.select_related("contact", "changed_by").order_by("-changed_at", "-pk")[:KEPT])


def _make_room(workflow: Workflow) -> None:
    """Only the latest of a workflow stay."""
    mine = Walkthrough.objects.filter(workflow=workflow)
    newest = list(mine.order_by("-changed_at", "-pk").values_list("pk", flat=True)[:KEPT])
    mine.exclude(pk__in=newest).delete()


def tidy(*, now: datetime) -> int:
    """Delete what nobody has gone on with for `FOR`, for it holds customers' words; how many, at most
    `_AT_ONCE`. One that somebody goes on with meanwhile stays."""
    old = Walkthrough.objects.filter(changed_at__lt=now - FOR)
    some = list(old.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE])
    return old.filter(pk__in=some).delete()[0]
