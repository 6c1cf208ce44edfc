"""The pool of a campaign: the numbers that it texts and calls from, its own and those beside it.

Which of them a contact gets is said by `conversations.number_choice`. A pool of one is a campaign without any
more numbers.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.models import Account
from campaigns.models import Campaign, CampaignNumber
from conversations import number_choice
from conversations.number_choice import Pool
from integrations import registration
from integrations.models import SendingNumber


def more(campaign_ids: Collection[int]) -> dict[int, list[int]]:
    """Campaign → ids of its numbers beside its own; absent where it has none. One query."""
    rows = CampaignNumber.objects.filter(campaign__in=campaign_ids, left_at=None).order_by("number")
    found: dict[int, list[int]] = {}
    for campaign, number in rows.values_list("campaign", "number"):
        found.setdefault(campaign, []).append(number)
    return found


def beside(campaign_ids: Collection[int]) -> dict[int, list[SendingNumber]]:
    """As `more`, the numbers themselves. One query."""
    rows = CampaignNumber.objects.filter(campaign__in=campaign_ids, left_at=None).select_related("number")
    found: dict[int, list[SendingNumber]] = {}
    for row in rows.order_by("number"):
        found.setdefault(row.campaign_id, []).append(row.number)
    return found


def ids_of(campaign: Campaign) -> list[int]:
    """Ids of a campaign's numbers, its own first."""
    return [campaign.number_id, *more([campaign.pk]).get(campaign.pk, [])]


def numbers_of(campaign: Campaign) -> list[SendingNumber]:
    """A campaign's numbers, its own first. One query."""
    rows = CampaignNumber.objects.filter(campaign=campaign, left_at=None).order_by("number")
    beside = [row.number for row in rows.select_related("number__connection")]
    return list(dict.fromkeys([campaign.number, *beside]))


def of(campaign: Campaign, *, now: datetime) -> Pool:
    """The numbers a campaign's next texts and calls are shared among. Two queries, three with daily caps."""
    return number_choice.pool_of(campaign.account_id, ids_of(campaign), now=now)


def using(number_ids: Collection[int]) -> QuerySet[Campaign]:
    """Campaigns that have one of these numbers in their pool."""
    beside = CampaignNumber.objects.filter(number__in=number_ids, left_at=None)
    return Campaign.objects.filter(Q(number__in=number_ids) | Q(pk__in=beside.values("campaign")))


def keep(campaign: Campaign, others: Sequence[SendingNumber], *, now: datetime) -> None:
    """Give a new campaign the numbers beside its own; in the transaction that makes it."""
    CampaignNumber.objects.bulk_create(
        CampaignNumber(campaign=campaign, number=number, joined_at=now)
        for number in dict.fromkeys(others)
        if number.pk != campaign.number_id
    )


def launchable(account: Account) -> list[SendingNumber]:
    """The account's numbers that can be launched from, by name."""
    rows = SendingNumber.objects.active().filter(account=account).select_related("connection")
    return [one for one in rows.order_by("label", "e164") if not registration.problem(one)]


def unfit(number: SendingNumber) -> str:
    """Why nothing can be launched from a number; empty where it can."""
    if not number.active:
        return f"{number} is switched off. Choose another, or switch it on in Settings."
    return registration.problem(number)


def in_words(numbers: Sequence[SendingNumber]) -> str:
    """“Main line”, “Main line and Second line”, “Main line, Second line and 2 more”."""
    names = [str(one) for one in numbers]
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def why_not(number: SendingNumber, able: Mapping[int, tuple[int, bool]]) -> str:
    """Why a number cannot send, by `number_choice.able_numbers`; empty where it can."""
    if number.pk in able and able[number.pk][1]:
        return ""
    return "switched off" if not number.active else "rests"
