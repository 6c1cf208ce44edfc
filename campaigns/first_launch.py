"""What an account's first launch must wait for, and how small it is: a mistake shall reach few people."""

from datetime import datetime
from typing import TYPE_CHECKING

from accounts.models import Account
from audiences import consent, segments
from campaigns import enrolling
from campaigns.models import Campaign

if TYPE_CHECKING:
    from campaigns.launching import Draft

MOST = 25


def launched_before(account: Account) -> bool:
    """Whether the account has ever launched a campaign."""
    return Campaign.objects.filter(account=account, launched_at__isnull=False).exists()


def problems(account: Account, draft: "Draft", *, now: datetime) -> dict[str, list[str]]:
    """What keeps this draft from being launched as things stand with the account, by field."""
    first = not launched_before(account)
    if undeclared := consent.missing(account, first_launch=first):
        return {"": undeclared}
    if not first or consent.simulated(account):
        return {}
    try:
        query, params = segments.compile_ids(account, draft.audience.rules, draft.targeting, now=now)
    except segments.InvalidRules:
        return {}  # said where the audience is checked
    admitted = enrolling.preview(query, params).get("", 0)
    return {"audience": [too_many(admitted)]} if admitted > MOST else {}


def too_many(admitted: int) -> str:
    """Why a first launch to so many is refused, and the way to fewer."""
    return (
        f"Your first launch reaches at most {MOST} people, and this one would reach {admitted:,}. Narrow it "
        "with a tag, a business unit or the date of the last job, or choose a smaller audience. After it "
        "there is no such limit."
    )
