"""Taking a launch back before anybody entered: within a minute, or while it waits for a second person.

What was typed becomes a draft again. Whoever takes an audience in holds the same lock and looks again, so
that either the launch is undone or somebody has entered, never both.
"""

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from campaigns import cloning, drafts, enrolling
from campaigns.models import Campaign, Intake, LaunchDraft
from conversations.models import Lane


class NotPossible(Exception):
    """Nothing was undone; the words say why."""


def undoable(campaign: Campaign, *, now: datetime) -> bool:
    """Whether the launch can still be undone, as far as its row says."""
    running = campaign.status in (Campaign.Status.SCHEDULED, Campaign.Status.PAUSED)
    return running and campaign.held_until is not None and campaign.held_until > now


@transaction.atomic
def undo(campaign: Campaign, *, by: User, now: datetime) -> LaunchDraft | None:
    """Take a launch back: nobody was in it and nothing was sent. Raises NotPossible.

    The draft is given to who does it. Where that person has begun another one, None: the campaign then stays,
    created and not launched, until somebody makes a draft of it or deletes it.
    """
    locked = _locked(campaign)
    begun = Intake.objects.filter(campaign=locked).exists()
    if begun or not undoable(locked, now=now):
        raise NotPossible("It is too late to undo this: customers are being taken in. You can stop it.")
    audit.record(
        account=locked.account, by=by, verb="undid_launch", on=locked,
        summary=f"Undid the launch of {locked.name}: nobody was in it, nothing was sent",
    )  # fmt: skip
    lane, locked.lane = locked.lane_id, None
    locked.status, locked.held_until, locked.launched_at = Campaign.Status.CREATED, None, None
    locked.save()
    Lane.objects.filter(pk=lane or 0).delete()
    return _as_draft(locked, by=by)


@transaction.atomic
def take_back(campaign: Campaign, *, by: User, replace: bool = False) -> LaunchDraft | None:
    """Make a created campaign a draft again, and delete it; None where the person has begun another draft,
    unless that is to be replaced. Raises NotPossible where it was launched."""
    locked = _locked(campaign)
    if locked.status != Campaign.Status.CREATED:
        raise NotPossible("This campaign was launched meanwhile.")
    if drafts.open_for(locked.account, by).begun and not replace:
        return None
    audit.record(
        account=locked.account, by=by, verb="took_back_launch", on=locked,
        summary=f"Took {locked.name} back as a draft: it was never launched",
    )  # fmt: skip
    return _as_draft(locked, by=by, replace=replace)


@transaction.atomic
def delete(campaign: Campaign, *, by: User) -> None:
    """Delete a campaign that was never launched. Raises NotPossible."""
    locked = _locked(campaign)
    if locked.status != Campaign.Status.CREATED:
        raise NotPossible("This campaign was launched meanwhile.")
    audit.record(
        account=locked.account, by=by, verb="deleted_campaign", on=locked,
        summary=f"Deleted {locked.name}, which was never launched",
    )  # fmt: skip
    locked.delete()


def _locked(campaign: Campaign) -> Campaign:
    enrolling.alone(campaign)
    rows = Campaign.objects.select_for_update(of=("self",)).select_related(
        "account", "version__workflow", "audience", "number"
    )
    locked = rows.filter(pk=campaign.pk).first()
    if locked is None:
        raise NotPossible("Somebody has made a draft of it or deleted it already.")
    return locked


def _as_draft(campaign: Campaign, *, by: User, replace: bool = False) -> LaunchDraft | None:
    draft = drafts.open_for(campaign.account, by)
    if draft.begun and not replace:
        return None
    drafts.fill(draft, campaign.typed or cloning.of(campaign).fields)
    campaign.delete()
    return draft
