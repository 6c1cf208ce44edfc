"""What each number of a campaign's pool has sent and still has waiting, and the texts behind those figures.

Columns are `sent_from:<number>`, which the triggers in `sql/` keep, and `waiting_for:<number>`, which is
counted when it is looked at: nothing live shows it, and what waits is what is due now.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from analytics import counters, fills
from analytics.metrics.rate import Rate
from campaigns import pools
from campaigns.models import Campaign
from common import sql
from conversations import number_choice
from conversations.models import Message
from integrations.models import SendingNumber

NAME = "senders"
SENT, WAITING = "sent_from", "waiting_for"
TITLES = {
    SENT: ("Sent from {}", "Texts of this campaign that the carrier accepted from this number."),
    WAITING: ("Waiting for {}", "Texts of this campaign that are to leave from this number."),
}
_WHICH = {
    SENT: Q(accepted_at__isnull=False),
    WAITING: Q(state=Message.State.QUEUED, due_at__isnull=False),
}
# Rows less counters, in one snapshot: what changes from then on counts itself.
_FILL = """
insert into analytics_counterdelta (campaign_id, node_key, "column", minute, n)
select %(campaign)s, node_key, "column", minute, sum(n)
from (
    select node.key as node_key, 'sent_from:' || message.number_id as "column",
           date_bin('1 minute', message.accepted_at, timestamptz 'epoch') as minute, count(*) as n
    from campaigns_enrollment enrollment
    join campaigns_step step on step.enrollment_id = enrollment.id
    join conversations_message message on message.origin = 'step:' || step.id
    join campaigns_node node on node.id = step.node_id
    where enrollment.campaign_id = %(campaign)s and message.accepted_at is not null
      and message.number_id is not null
    group by 1, 2, 3
    union all
    select node_key, "column", minute, n from analytics_counterbaseline
    where campaign_id = %(campaign)s and "column" like 'sent\\_from:%%'
    union all
    select node_key, "column", minute, -n from analytics_counterminute
    where campaign_id = %(campaign)s and "column" like 'sent\\_from:%%'
    union all
    select node_key, "column", minute, -n from analytics_counterdelta
    where campaign_id = %(campaign)s and "column" like 'sent\\_from:%%'
) differing
group by node_key, "column", minute
having sum(n) <> 0
"""


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
    with counters.snapshot():
        sent, waiting = _sent(campaign), _counted(campaign, WAITING)
    pool = pools.ids_of(campaign)
    ids = [*pool, *sorted(sent.keys() | waiting.keys() - set(pool))]
    ids = list(dict.fromkeys(ids))
    known = SendingNumber.objects.in_bulk(ids)
    able = number_choice.able_numbers(campaign.account_id, now=now)
    whole = sum(sent.values())
    return [
        NumberLine(
            known[pk], pk in pool, pools.why_not(known[pk], able),
            Rate(sent.get(pk, 0), whole), waiting.get(pk, 0),
        )
        for pk in ids
    ]  # fmt: skip


def _sent(campaign: Campaign) -> dict[int, int]:
    """By number; from the rows while the past is still being counted."""
    if fills.pending(NAME):
        return _counted(campaign, SENT)
    found: Counter[int] = Counter()
    for (_, _, column), n in counters.totals([campaign.pk]).items():
        which, _, number = column.partition(":")
        if which == SENT:
            found[int(number)] += n
    return found


def fill_next() -> bool:
    """Count what the next campaign sent before its numbers were counted; whether there may be another."""
    return fills.fill_next(NAME, _count_past)


def _count_past(campaign: int) -> None:
    sql.run(_FILL, {"campaign": campaign})


def _counted(campaign: Campaign, which: str) -> dict[int, int]:
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
    at = "-accepted_at" if asked[0] == SENT else "due_at"
    return _texts(campaign).filter(_WHICH[asked[0]], number=asked[1]).order_by(at, "-pk")
