"""Moving a running campaign to another published version of its workflow, in slices that survive a kill.

A move is a row (`VersionMove`). As it begins, the campaign is paused and pinned to the new version, so that
whoever enters from then on enters that one. Slices of people follow by id, each one transaction that moves
the row's cursor; a killed worker loses at most the slice it was in. In the end the campaign runs again, if it
did before. Who stays on an old version runs on there: the engine looks at every version that a move names.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from campaigns import enrolling, graph, lifecycle, move_plans, repointing
from campaigns.models import Campaign, Enrollment, Retry, Step, VersionMove, WorkflowVersion
from campaigns.words import number_of
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry

SLICE = 1_000
MOVABLE = frozenset({Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED, Campaign.Status.PAUSED})
State = VersionMove.State


class MoveRefused(Exception):
    """Nobody was moved and nothing was changed; the words say why."""


@transaction.atomic
def begin(
    campaign: Campaign,
    version: WorkflowVersion,
    choices: Mapping[str, Mapping[str, Any]],
    *,
    by: User | None,
    now: datetime,
    why: str = "",
) -> VersionMove:
    """Pause the campaign, pin it to `version`, and have its people moved in the background.

    `choices` are by the id of a node in the version somebody is on; see `move_plans.default` for the others.
    Raises MoveRefused. Waits for a slice of the audience that is being taken in.
    """
    from campaigns.tasks import move_versions  # tasks import this module

    enrolling.alone(campaign)
    held = Campaign.objects.select_for_update(no_key=True, of=("self",)).select_related("version", "account")
    campaign = held.get(pk=campaign.pk)
    _check(campaign, version, choices)
    goes_on = campaign.status != Campaign.Status.PAUSED
    move = VersionMove.objects.create(
        campaign=campaign, before=campaign.version, version=version, choices=dict(choices), goes_on=goes_on,
        people=elsewhere(campaign, version), why=why, by=by, started_at=now,
    )  # fmt: skip
    if goes_on:
        lifecycle.pause(campaign, by=by, now=now)
    Campaign.objects.filter(pk=campaign.pk).update(version=version)
    before, after = move.before.number, version.number
    _record(
        move, "began_move",
        f"Began to move {campaign.name} from version {before} to {after}: {number_of(move.people, 'person')}",
        {"choices": _in_words(choices, campaign, version), "why": why},
    )  # fmt: skip
    ring(move_versions)
    return move


def _check(campaign: Campaign, version: WorkflowVersion, choices: Mapping[str, Mapping[str, Any]]) -> None:
    if campaign.status not in MOVABLE:
        status = campaign.get_status_display().lower()
        raise MoveRefused(f"{campaign.name} is {status}: nobody in it can be moved.")
    tried = Step.objects.filter(campaign=campaign, state__in=Step.OPEN, pk__in=Retry.objects.values("step"))
    if tried.exists():
        raise MoveRefused("Failed messages are being tried again. Wait until they have left, then move.")
    if version.workflow_id != campaign.version.workflow_id:
        raise MoveRefused("That version is of another workflow. Choose one of this campaign’s.")
    if version.published_at is None:
        raise MoveRefused(f"Version {version.number} is a draft. Publish it first.")
    if VersionMove.objects.filter(campaign=campaign, ended_at=None).exists():
        raise MoveRefused("People are being moved already. Wait until that is over, or stop it.")
    try:
        move_plans.plan(sources(campaign, version), graph.load(version.pk), choices)
    except move_plans.NotAChoice as wrong:
        raise MoveRefused(str(wrong)) from wrong


def sources(campaign: Campaign, version: WorkflowVersion | None = None) -> list[graph.Graph]:
    """The graphs that people of a campaign may be on, the newest first, without that of `version`."""
    former = VersionMove.objects.filter(campaign=campaign).values("before")
    found = WorkflowVersion.objects.filter(pk__in=former) | WorkflowVersion.objects.filter(
        pk=campaign.version_id
    )
    ids = found.order_by("-number").values_list("pk", flat=True)
    return [graph.load(pk) for pk in ids if version is None or pk != version.pk]


def elsewhere(campaign: Campaign, version: WorkflowVersion) -> int:
    """How many live passages are not on this version."""
    live = Enrollment.objects.filter(campaign=campaign, state=Enrollment.State.ACTIVE)
    return live.exclude(version=version).count()


def under_way() -> list[VersionMove]:
    """Moves that are not over, the oldest first."""
    return list(VersionMove.objects.filter(ended_at=None).order_by("started_at", "pk"))


def go_on(move_id: int, *, now: datetime, size: int = SLICE) -> bool:
    """Move the next slice of people; whether there may be another."""
    return bool(_slice(move_id, now, size))


@atomic_with_retry
def _slice(move_id: int, now: datetime, size: int) -> bool:
    move = _held(move_id)
    if move is None:
        return False
    if move.campaign.status == Campaign.Status.COMPLETED:
        _end(move, State.STOPPED, now)
        return False
    ids = sql.column(
        """
        SELECT id FROM campaigns_enrollment WHERE campaign_id = %s AND state = 'active' AND version_id <> %s
        AND id > %s ORDER BY id LIMIT %s
        """,
        [move.campaign_id, move.version_id, move.cursor, size],
    )
    if ids:
        target = graph.load(move.version_id)
        plan = move_plans.plan(sources(move.campaign, move.version), target, move.choices)
        counts = repointing.move(move.campaign_id, target, plan, ids, now=now)
        move.cursor, move.seen = ids[-1], move.seen + len(ids)
        move.counts = {name: move.counts.get(name, 0) + counts[name] for name in {*move.counts, *counts}}
    move.trouble = ""
    if len(ids) == size:
        move.save()
        return True
    _end(move, State.DONE, now)
    return False


def _held(move_id: int) -> VersionMove | None:
    """A move that is not over, locked before anything that it moves."""
    held = VersionMove.objects.select_for_update(no_key=True, of=("self",)).filter(pk=move_id, ended_at=None)
    return held.select_related("campaign__account", "before", "version", "by").first()


def _end(move: VersionMove, state: str, now: datetime) -> None:
    """Say what became of everybody, and let the campaign run again if it did before."""
    move.state, move.ended_at = state, now
    move.save()
    _record(move, "ended_move", _told(move), {"counts": move.counts})
    if move.goes_on and state != State.STOPPED:
        try:
            lifecycle.resume(move.campaign, by=move.by, now=now)
        except lifecycle.NotPossible as refusal:
            move.trouble = f"The campaign stays paused. {refusal}"[:300]
            move.save(update_fields=["trouble"])


def _told(move: VersionMove) -> str:
    how = {
        State.DONE: "Moved", State.CANCELLED: "Broke off moving", State.STOPPED: "Stopped while moving"
    }[State(move.state)]  # fmt: skip
    moved = sum(move.counts.get(name, 0) for name in MOVED)
    return (
        f"{how} {move.campaign.name} from version {move.before.number} to {move.version.number}: "
        f"{number_of(moved, 'person')} of {move.people:,} moved"
    )


MOVED = (move_plans.Do.SAME, move_plans.Do.CONTINUE, move_plans.Do.RESTART)
"""The counts of those who are on the new version."""


@atomic_with_retry
def cancel(move: VersionMove, *, by: User, now: datetime) -> bool:
    """Move nobody else: who was moved stays moved, the others stay as they are; whether it was not over yet.

    Whoever enters from now on enters the new version. Moving back is a move like any other.
    """
    held = _held(move.pk)
    if held is None:
        return False
    held.by = by
    _end(held, State.CANCELLED, now)
    return True


def note_trouble(move_id: int, words: str) -> None:
    """Say on the campaign's page why a move does not go on; it is tried again all the same."""
    VersionMove.objects.filter(pk=move_id, ended_at=None).update(trouble=words[:300])


def latest(campaign_ids: Collection[int]) -> dict[int, VersionMove]:
    """The latest move of each of these campaigns that was ever moved. One query."""
    found = VersionMove.objects.filter(campaign__in=campaign_ids).select_related("before", "version", "by")
    return {one.campaign_id: one for one in found.order_by("campaign", "-pk").distinct("campaign")}


def _record(move: VersionMove, verb: str, summary: str, detail: dict[str, Any]) -> None:
    account = move.campaign.account
    audit.record(account=account, by=move.by, verb=verb, summary=summary, on=move.campaign, detail=detail)


def _in_words(
    choices: Mapping[str, Mapping[str, Any]], campaign: Campaign, version: WorkflowVersion
) -> dict[str, str]:
    """What was chosen, by the node's name: for the audit log."""
    names = {node.id: node.name for drawn in sources(campaign, version) for node in drawn.nodes.values()}
    return {
        names[int(node)]: f"{choice.get('do')} {choice.get('to', '')}".strip()
        for node, choice in choices.items()
        if node.isdecimal() and int(node) in names
    }
