"""What the account's sending numbers are doing: who sends from them, how much today, how well it arrives."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from campaigns import pools
from campaigns.models import Campaign
from common import sql
from conversations.models import Message
from integrations.models import SendingNumber

LIVE = (Campaign.Status.SCHEDULED, Campaign.Status.ACTIVE, Campaign.Status.PAUSED)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, for `{% rate %}`."""

    part: int
    whole: int

    @property
    def percent(self) -> str:
        """One decimal."""
        return f"{100 * self.part / self.whole:.1f}%" if self.whole else "—"


@dataclass(frozen=True, slots=True)
class Use:
    """One number today: texts the carrier took and their segments, and how many of them arrived."""

    number: SendingNumber
    texts: int = 0
    segments: int = 0
    delivered: int = 0
    failed: int = 0
    campaigns: tuple[Campaign, ...] = ()

    @property
    def arrived(self) -> Share:
        """Delivered, of what the carrier has said something final about."""
        return Share(self.delivered, self.delivered + self.failed)

    @property
    def ailing(self) -> bool:
        """Whether so much fails that somebody should look."""
        return self.arrived.whole >= 50 and self.failed * 10 > self.arrived.whole


def today(account: Account, numbers: Iterable[SendingNumber], *, now: datetime) -> list[Use]:
    """The use of these numbers since midnight in company time, in their order."""
    midnight = now.astimezone(account.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    numbers = list(numbers)
    counts = {row[0]: row[1:] for row in _counts(account, midnight)}
    live = live_campaigns([n.pk for n in numbers])
    return [
        Use(number, *counts.get(number.pk, (0, 0, 0, 0)), campaigns=tuple(live.get(number.pk, ())))
        for number in numbers
    ]


def live_campaigns(number_ids: Iterable[int]) -> dict[int, list[Campaign]]:
    """Number → its campaigns that may still send."""
    found: dict[int, list[Campaign]] = {}
    wanted = set(number_ids)
    campaigns = list(pools.using(wanted).filter(status__in=LIVE).order_by("name", "pk"))
    beside = pools.more([campaign.pk for campaign in campaigns])
    for campaign in campaigns:
        for number in wanted.intersection([campaign.number_id, *beside.get(campaign.pk, [])]):
            found.setdefault(number, []).append(campaign)
    return found


def queued(number: SendingNumber) -> int:
    """Texts that wait to leave from this number."""
    waiting = Message.objects.filter(number=number, state=Message.State.QUEUED)
    return waiting.filter(due_at__isnull=False).count()  # as the queue's index has them


def _counts(account: Account, since: datetime) -> list[tuple[int, int, int, int, int]]:
    """(number, texts, segments, delivered, failed) of what was accepted since then."""
    return sql.rows(
        """
        SELECT number_id, count(*), coalesce(sum(segments), 0), count(*) FILTER (WHERE state = 'delivered'),
            count(*) FILTER (WHERE state IN ('failed', 'rejected', 'expired', 'bounced', 'blocked'))
        FROM conversations_message
        WHERE account_id = %s AND accepted_at >= %s AND number_id IS NOT NULL GROUP BY number_id
        """,
        [account.pk, since],
    )
