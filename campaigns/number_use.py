"""What the account's sending numbers are doing: who sends from them, how much today, how well it arrives."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from campaigns import pools
from campaigns.models import Campaign
from common import sql
from conversations.models import Message
from integrations import number_days
from integrations.models import SendingNumber

LATEST = 2_000  # texts of an account that say how its numbers fare now
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
    """One number: segments it handed over on the carrier's present day, and how many of its latest texts of
    today arrived."""

    number: SendingNumber
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
    """The use of these numbers today, in their order, however much the account sends. Arrived are counted
    among the account's latest `LATEST` texts since midnight in company time."""
    midnight = now.astimezone(account.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    numbers = list(numbers)
    ids = [number.pk for number in numbers]
    handed_over, news, live = number_days.segments(ids, now), _news(account, midnight), live_campaigns(ids)
    return [
        Use(
            number, handed_over.get(number.pk, 0), *news.get(number.pk, (0, 0)),
            campaigns=tuple(live.get(number.pk, ())),
        )
        for number in numbers
    ]  # fmt: skip


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


def _news(account: Account, since: datetime) -> dict[int, tuple[int, int]]:
    """Number → (delivered, failed) of the latest that was accepted since then."""
    found = sql.rows(
        """
        SELECT number_id, count(*) FILTER (WHERE state = 'delivered'),
            count(*) FILTER (WHERE state IN ('failed', 'rejected', 'expired', 'bounced', 'blocked'))
        FROM (
            SELECT number_id, state FROM conversations_message
            WHERE account_id = %s AND accepted_at >= %s AND number_id IS NOT NULL
            ORDER BY accepted_at DESC LIMIT %s) latest
        GROUP BY number_id
        """,
        [account.pk, since, LATEST],
    )
    return {number_id: (delivered, failed) for number_id, delivered, failed in found}
