"""What an account's first launch must wait for, and how small it is: a mistake shall reach few people."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import F, QuerySet

from accounts.models import Account
from audiences import consent, segments
from campaigns import enrolling
from campaigns.models import Campaign
from common import sql

if TYPE_CHECKING:
    from campaigns.launching import Draft

MOST = 25
_LOCK_CLASS = 7102  # advisory locks of this module, beside the account's id


def launched_before(account: Account, *, now: datetime) -> bool:
    """Whether the account has launched a campaign that has begun.

    One that still waits for its time, or was stopped before it, has shown nobody a mistake; nor has one to
    invented customers, once real ones are texted.
    """
    return _begun(account, now).exists()


def _begun(account: Account, now: datetime) -> QuerySet[Campaign]:
    begun = Campaign.objects.filter(account=account, launched_at__isnull=False, starts_at__lte=now)
    begun = begun.exclude(stopped_at__lt=F("starts_at"))
    if consent.simulated(account):
        return begun
    since = consent.declared_since(account)
    return begun.filter(launched_at__gte=since) if since else begun.none()


def problems(account: Account, draft: "Draft", *, now: datetime) -> dict[str, list[str]]:
    """What keeps this draft from being launched as things stand with the account, by field."""
    first = not launched_before(account, now=now)
    if first:  # of two at the same instant, one is the first
        sql.run("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, account.pk])
        first = not launched_before(account, now=now)
    if undeclared := consent.missing(account, first_launch=first):
        return {"": undeclared}
    if not first or consent.simulated(account):
        return {}
    try:
        query, params = segments.compile_ids(account, draft.audience.rules, draft.targeting, now=now)
    except segments.InvalidRules:
        return {}  # said where the audience is checked
    admitted = enrolling.preview(query, params, now=now).get("", 0)
    return {"audience": [too_many(admitted)]} if admitted > MOST else {}


def limit(campaign: Campaign) -> int | None:
    """How many a launched campaign may admit in all; None where no earlier one was missing.

    Launching has counted them; whoever the sync brings between that and the intake is not let in.
    """
    if consent.simulated(campaign.account) or campaign.launched_at is None:
        return None
    earlier = _begun(campaign.account, campaign.launched_at).filter(pk__lt=campaign.pk)
    return None if earlier.exists() else MOST


def too_many(admitted: int) -> str:
    """Why a first launch to so many is refused, and the way to fewer."""
    return (
        f"Your first launch reaches at most {MOST} people, and this one would reach {admitted:,}. Narrow it "
        "with a tag, a business unit or the date of the last job, or choose a smaller audience. After it "
        "there is no such limit."
    )
