"""What each number of a campaign's pool has sent and still has waiting, and the texts behind those figures.

Columns are `sent_from:<number>` and `waiting_for:<number>`. They are counted when they are looked at: no
counter keeps them, because nothing live shows them.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from analytics.metrics.rate import Rate
from campaigns import pools
from campaigns.models import Campaign
from conversations import number_choice
from conversations.models import Message
from integrations.models import SendingNumber

TITLES = {
    "sent_from": ("Sent from {}", "Texts of this campaign that the carrier accepted from this number."),
    "waiting_for": ("Waiting for {}", "Texts of this campaign that are to leave from this number."),
}
_WHICH = {
    "sent_from": Q(accepted_at__isnull=False),
    "waiting_for": Q(state=Message.State.QUEUED, due_at__isnull=False),
}


@dataclass(frozen=True, slots=True)
class NumberLine:
    """One number's part of a campaign. `why` it sends nothing now, if so; not `in_pool` where only customers
    who had a conversation on it are texted from it, or it was taken out."""

    number: SendingNumber
    in_pool: bool
    why: str
    sent: Rate  # of all that were sent
    waiting: int


def of_campaign(campaign: Campaign, *, now: datetime) -> list[NumberLine]:
    """The pool of a campaign, then the numbers of earlier conversations that it also texted from."""
    found = {which: _counts(campaign, which) for which in _WHICH}
    pool = pools.ids_of(campaign)
    ids = [*pool, *sorted(found["sent_from"].keys() | found["waiting_for"].keys() - set(pool))]
    ids = list(dict.fromkeys(ids))
    known = SendingNumber.objects.in_bulk(ids)
    able = number_choice.able_numbers(campaign.account_id, now=now)
    whole = sum(found["sent_from"].values())
    return [
        NumberLine(
            known[pk], pk in pool, pools.why_not(known[pk], able),
            Rate(found["sent_from"].get(pk, 0), whole), found["waiting_for"].get(pk, 0),
        )
        for pk in ids
    ]  # fmt: skip


def _counts(campaign: Campaign, which: str) -> dict[int, int]:
    of_number = _texts(campaign).filter(_WHICH[which]).order_by().values("number")
    return {row["number"]: row["n"] for row in of_number.annotate(n=Count("pk"))}


def _texts(campaign: Campaign) -> QuerySet[Message]:
    return Message.objects.filter(
        lane=campaign.lane_id, lane__isnull=False, kind=Message.Kind.CAMPAIGN, number__isnull=False
    )


def number_of(campaign: Campaign, column: str) -> tuple[str, SendingNumber] | None:
    """Which figure of which of the account's numbers a column is; None for other columns."""
    which, _, key = column.partition(":")
    if which not in _WHICH or not key.isdecimal() or len(key) > 18:
        return None
    number = SendingNumber.objects.filter(account=campaign.account_id, pk=int(key)).first()
    return (which, number) if number else None


def texts(campaign: Campaign, column: str) -> QuerySet[Message] | None:
    """The texts that such a figure counts, newest first; None for other columns."""
    asked = number_of(campaign, column)
    if asked is None:
        return None
    at = "-accepted_at" if asked[0] == "sent_from" else "due_at"
    return _texts(campaign).filter(_WHICH[asked[0]], number=asked[1]).order_by(at, "-pk")
