"""Launches to more people than an account lets one person launch to: asked for, then approved or refused.

Until then the campaign is only created: it has no lane, and nobody is in it.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from audiences import segments
from audiences.models import Audience
from campaigns import enrolling, pools, starts, terms
from campaigns.models import Campaign, Intake, LaunchApproval, LaunchRules
from campaigns.words import number_of
from common.doorbell import ring

if TYPE_CHECKING:
    from campaigns.launching import Draft

MOST_WORDS = 300


class NotPossible(Exception):
    """Nothing was decided; the words say why."""


def rules_of(account: Account) -> LaunchRules:
    """What the account asks of launches; unsaved where it asks nothing."""
    return LaunchRules.objects.filter(account=account).first() or LaunchRules(account=account)


def ask(campaign: Campaign, *, by: User | None, now: datetime) -> bool:
    """Ask for a second person where the launch is above the limit; whether it is. In the launch's own
    transaction."""
    above = rules_of(campaign.account).approval_above
    if above is None:
        return False
    people = admissible(campaign, now=now)
    if people <= above:
        return False
    LaunchApproval.objects.create(campaign=campaign, asked_by=by, asked_at=now, people=people, above=above)
    audit.record(
        account=campaign.account, by=by, verb="asked_approval", on=campaign,
        summary=f"Asked for approval of {campaign.name} to {number_of(people, 'customer')}",
        detail={"people": people, "limit": above},
    )  # fmt: skip
    return True


def most(campaign: Campaign, intake: Intake) -> int | None:
    """How many may enter in one occurrence without another word of a second person; None without a limit.

    What a second person approved may have grown as little as a review may: beyond that, they are asked again.
    """
    above = rules_of(campaign.account).approval_above
    if above is None:
        return None
    approval = LaunchApproval.objects.filter(campaign=campaign, approved=True).first()
    agreed = (approval.approved_people or approval.people) if approval is not None else 0
    return max(above, agreed + _leeway(agreed), intake.let_in or 0)


def _leeway(people: int) -> int:
    from campaigns.drafts import CLOSE_CONTACTS, CLOSE_SHARE

    return max(CLOSE_CONTACTS, int(CLOSE_SHARE * people)) if people else 0


@transaction.atomic
def let_in(campaign: Campaign, *, by: User, now: datetime, people: int) -> int:
    """Let those enter who came to match beyond the limit, as a second person; how many wait. `people` is what
    the person saw. Raises NotPossible."""
    from campaigns.drafts import changed_much
    from campaigns.tasks import take_in  # tasks import this module

    enrolling.alone(campaign)
    locked = Campaign.objects.select_for_update(no_key=True, of=("self",)).get(pk=campaign.pk)
    intake = Intake.objects.select_for_update(no_key=True).filter(campaign=locked, held__gt=0)
    held = intake.order_by("-occurrence").first()
    if held is None or locked.status in (Campaign.Status.COMPLETED, Campaign.Status.CREATED):
        raise NotPossible("Nobody waits for a second person any more.")
    if locked.launched_by_id == by.pk:
        raise NotPossible("You launched it yourself. Somebody else has to look at it.")
    waiting = held.held
    if changed_much(people, waiting):
        raise NotPossible("More or fewer wait by now. Look again, then decide.")
    held.let_in, held.let_in_by, held.let_in_at = held.admitted + waiting, by, now
    if held.finished_at is not None:  # it goes through the audience once more; who is in stays in
        held.cursor, held.finished_at = 0, None
    held.held = 0
    held.save()
    audit.record(
        account=locked.account, by=by, verb="let_more_in", on=locked,
        summary=f"Let {number_of(waiting, 'customer')} more into {locked.name}",
        detail={"people": waiting, "of_occurrence": held.occurrence},
    )  # fmt: skip
    ring(take_in)
    return waiting


def admissible(campaign: Campaign, *, now: datetime) -> int:
    """Who would enter a created campaign at this moment. Raises InvalidRules."""
    query, params = segments.compile_ids(
        campaign.account, campaign.audience_rules, campaign.targeting, now=now
    )
    return enrolling.preview(query, params, now=now).get("", 0)


def waiting(account: Account) -> list[LaunchApproval]:
    """What waits for a second person, the oldest first."""
    rows = LaunchApproval.objects.filter(campaign__account=account, decided_at=None)
    return list(rows.select_related("campaign", "asked_by").order_by("asked_at", "pk"))


def refused(account: Account) -> list[LaunchApproval]:
    """What a second person refused and nobody has made a draft again or deleted since, the oldest first."""
    rows = LaunchApproval.objects.filter(
        campaign__account=account, campaign__status=Campaign.Status.CREATED, approved=False
    )
    return list(rows.select_related("campaign", "decided_by").order_by("decided_at", "pk"))


def draft_of(campaign: Campaign) -> "Draft":
    """What was chosen for a created campaign, its audience as it was frozen."""
    from campaigns.launching import Draft

    known = campaign.audience
    audience = Audience(account=known.account, name=known.name, rules=campaign.audience_rules)
    return Draft(
        name=campaign.name, version=campaign.version, audience=audience, number=campaign.number,
        targeting=campaign.targeting, playbook=campaign.playbook, terms=chosen(campaign),
        schedule=starts.of(campaign), typed=campaign.typed, token=campaign.launch_token,
        others=tuple(pools.numbers_of(campaign)[1:]),
    )  # fmt: skip


def chosen(campaign: Campaign) -> terms.Terms:
    """The terms of a created campaign; its pace stands only in what was typed."""
    typed = str(campaign.typed.get("texts_per_hour", ""))
    return terms.of(campaign, pace=int(typed) if typed.isdecimal() else None)


@transaction.atomic
def approve(campaign: Campaign, *, by: User, now: datetime, people: int) -> Campaign:
    """Launch what was asked for, now or at its time; it can be undone for a minute. `people` is what the
    person saw. Raises NotPossible, and LaunchRefused where it can no longer be launched."""
    from campaigns import launching
    from campaigns.drafts import changed_much

    approval = _open(campaign, by)
    kept = Campaign.objects.select_related("account", "version__workflow", "audience", "number", "playbook")
    locked = kept.get(pk=campaign.pk)
    try:
        there = admissible(locked, now=now)
    except segments.InvalidRules as invalid:  # what they name is gone since it was asked for
        raise NotPossible(f"It can no longer be launched. {invalid}") from invalid
    if changed_much(people, there):
        raise NotPossible("The audience has changed since you looked at it. Look again, then decide.")
    draft = draft_of(locked)
    schedule = draft.schedule
    passed = locked.starts_at is not None and locked.starts_at <= now
    if passed and schedule is not None and schedule.repeats:
        raise NotPossible("Its first occurrence should have begun already. Refuse it, and it can be changed.")
    at = None if passed else locked.starts_at
    if errors := launching.problems(locked.account, draft, now=now, at=at):
        raise launching.LaunchRefused(errors)
    approval.decided_by, approval.decided_at, approval.approved = by, now, True
    approval.approved_people = there
    approval.save()
    audit.record(
        account=locked.account, by=by, verb="approved_launch", on=locked,
        summary=f"Approved {locked.name} to {number_of(people, 'customer')}",
        detail={"asked_by": str(approval.asked_by or "")},
    )  # fmt: skip
    launching.begin(
        locked, by=approval.asked_by, now=now, hold=launching.UNDO, texts_per_hour=draft.terms.texts_per_hour
    )
    return locked


@transaction.atomic
def refuse(campaign: Campaign, *, by: User, now: datetime, reason: str) -> None:
    """Say no: the campaign stays created, and whoever asked can make a draft of it. Raises NotPossible."""
    reason = " ".join(reason.replace("\0", " ").split())[:MOST_WORDS]
    if not reason:
        raise NotPossible("Say why, so that it can be changed. Nothing was decided.")
    approval = _open(campaign, by)
    approval.decided_by, approval.decided_at, approval.approved = by, now, False
    approval.reason = reason
    approval.save()
    audit.record(
        account=campaign.account, by=by, verb="refused_launch", on=campaign,
        summary=f"Refused {campaign.name}: {reason}",
        detail={"reason": reason, "asked_by": str(approval.asked_by or "")},
    )  # fmt: skip


def _open(campaign: Campaign, by: User) -> LaunchApproval:
    """The approval, locked, if this person may still decide it."""
    # The campaign first: who takes the draft back deletes both.
    Campaign.objects.select_for_update(no_key=True).filter(pk=campaign.pk).first()
    rows = LaunchApproval.objects.select_for_update(of=("self",)).select_related("asked_by", "decided_by")
    approval = rows.filter(campaign=campaign.pk).first()
    if approval is None:
        raise NotPossible("It does not wait for approval any more.")
    if approval.decided_at is not None:
        did = "approved" if approval.approved else "refused"
        raise NotPossible(f"{approval.decided_by or 'Somebody'} {did} it already.")
    if approval.asked_by_id == by.pk:
        raise NotPossible("You asked for it yourself. Somebody else has to look at it.")
    return approval
