"""Changing the pool of a running campaign, and moving what waits for a number that left it or cannot send.

A number that is taken out stays as a row that left, until nothing waits for it any more.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from accounts import audit
from accounts.models import User
from campaigns import pools
from campaigns.lifecycle import NotPossible
from campaigns.models import Campaign, CampaignNumber
from campaigns.words import number_of
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations import number_choice
from conversations.models import SafetyPause
from conversations.number_choice import Pool
from integrations.models import SendingNumber

SLICE = 2_000
LIVE = (Campaign.Status.SCHEDULED, Campaign.Status.ACTIVE, Campaign.Status.PAUSED)
# What waits in a campaign's lane, text or call, and how each says that nobody is deciding it now.
_QUEUES = {
    "conversations_message": "w.state = 'queued' AND w.due_at IS NOT NULL AND w.kind = 'campaign'"
    " AND (w.leased_until IS NULL OR w.leased_until < clock_timestamp())",
    "conversations_plannedcall": "w.state = 'queued' AND w.kind = 'campaign' AND NOT EXISTS ("
    "SELECT 1 FROM conversations_call k WHERE k.planned_id = w.id"
    " AND k.state IN ('calling', 'unknown', 'accepted', 'ringing', 'in_progress'))",
}


@atomic_with_retry
def change(campaign: Campaign, numbers: Sequence[SendingNumber], *, by: User, now: datetime) -> None:
    """Send from these numbers from now on. Raises NotPossible. The same again changes nothing.

    Who has a thread keeps its number; what else waits for a number that leaves, leaves from the others.
    """
    from campaigns.tasks import move_numbers  # tasks import this module

    locked = Campaign.objects.select_for_update(no_key=True, of=("self",)).select_related("account").get(
        pk=campaign.pk
    )  # fmt: skip
    if locked.status not in LIVE:
        raise NotPossible(f"This campaign is {locked.get_status_display().lower()}; it sends nothing more.")
    before, wanted = pools.numbers_of(locked), list(dict.fromkeys(numbers))
    _check(locked, before, wanted)
    if {one.pk for one in before} == {one.pk for one in wanted}:
        return
    left = [one for one in before if one not in wanted]
    if locked.number not in wanted:
        CampaignNumber.objects.update_or_create(
            campaign=locked, number_id=locked.number_id, defaults={"joined_at": now, "left_at": now}
        )
        locked.number = next((one for one in before if one in wanted), wanted[0])
        locked.save(update_fields=["number"])
    rows = CampaignNumber.objects.filter(campaign=locked)
    rows.filter(number=locked.number_id).delete()
    rows.filter(number__in=left, left_at=None).update(left_at=now)
    rows.filter(number__in=wanted).update(left_at=None)
    known = set(rows.values_list("number", flat=True))
    pools.keep(locked, [one for one in wanted if one.pk not in known], now=now)
    audit.record(
        account=locked.account, by=by, verb="changed_pool", on=locked,
        summary=f"{locked.name} sends from {pools.in_words(wanted)}",
        detail={"before": pools.in_words(before), "after": pools.in_words(wanted)},
    )  # fmt: skip
    ring(move_numbers)


def _check(campaign: Campaign, before: Sequence[SendingNumber], wanted: Sequence[SendingNumber]) -> None:
    if not wanted:
        raise NotPossible("A campaign sends from one number at least. Choose one.")
    for one in wanted:
        if one.account_id != campaign.account_id:
            raise NotPossible("This number does not belong to your account.")
        if one not in before and (why := pools.unfit(one)):
            raise NotPossible(why)


def move_waiting(*, now: datetime) -> int:
    """Let what waits for a number that cannot send, or has left its campaign's pool, leave from the others;
    how many texts and calls. Safe to run twice."""
    left = CampaignNumber.objects.filter(left_at__isnull=False, campaign__status__in=LIVE)
    pairs = dict.fromkeys(left.order_by("pk").values_list("campaign", "number"))
    pairs |= dict.fromkeys(_stuck(now))
    moved = sum(_move(campaign, number, now) for campaign, number in pairs)
    _forget_left()
    return moved


def _stuck(now: datetime) -> list[tuple[int, int]]:
    """(campaign, number) of what waits for a number that cannot send while another of its account can."""
    resting = SafetyPause.objects.in_force(now).filter(number__isnull=False).values("number")
    doubtful = Q(active=False) | Q(daily_cap__isnull=False) | Q(pk__in=resting)
    live = Campaign.objects.filter(status__in=LIVE, lane__isnull=False).order_by()
    live = live.filter(account__in=SendingNumber.objects.filter(doubtful).values("account"))
    found: list[tuple[int, int]] = []
    for account in live.values_list("account", flat=True).distinct():
        able = number_choice.able_numbers(account, now=now)
        unable = [number for number, (_, fit) in able.items() if not fit]
        if not unable or len(unable) == len(able):
            continue
        for table, free in _QUEUES.items():
            found += sql.rows(
                f"""
                SELECT c.id, n.id FROM campaigns_campaign c CROSS JOIN unnest(%s::bigint[]) AS n(id)
                WHERE c.account_id = %s AND c.status = ANY(%s) AND EXISTS (
                    SELECT 1 FROM {table} w WHERE w.lane_id = c.lane_id AND w.number_id = n.id AND {free})
                ORDER BY 1, 2
                """,
                [unable, account, [str(status) for status in LIVE]],
            )
    return found


def _move(campaign_id: int, number_id: int, now: datetime) -> int:
    """Move what waits in a campaign for a number to the others, slice by slice; how many texts and calls."""
    campaign = Campaign.objects.select_related("account").get(pk=campaign_id)
    pool, total = pools.of(campaign, now=now), 0
    if number_id in pool.ids:  # it sends again, or nothing else can
        return 0
    for table in _QUEUES:
        after = 0
        while after >= 0:
            after, moved = _move_slice(table, campaign, number_id, pool, after)
            total += moved
    if total:
        number = SendingNumber.objects.get(pk=number_id)
        why = pools.why_not(number, number_choice.able_numbers(campaign.account_id, now=now))
        audit.record(
            account=campaign.account, by=None, verb="moved_waiting", on=campaign,
            summary=f"Moved {number_of(total, 'waiting message')} of {campaign.name} from {number}, which "
            f"{_LEFT.get(why, why)}, to its other numbers",
            detail={"messages": total},
        )  # fmt: skip
    return total


_LEFT = {"": "left its pool", "switched off": "is switched off"}


@atomic_with_retry
def _move_slice(table: str, campaign: Campaign, number_id: int, pool: Pool, after: int) -> tuple[int, int]:
    """The id to go on behind, or -1 at the end, and how many moved. Passes over what is being decided."""
    whom = ("w.contact_id", "w.address_id")
    found = sql.rows(
        f"""
        WITH found AS MATERIALIZED (
            SELECT w.id, {pool.chosen(*whom)} AS number_id FROM {table} w {pool.joins(*whom)}
            WHERE w.lane_id = %(lane)s AND w.number_id = %(number)s AND w.id > %(after)s
              AND {_QUEUES[table]}
            ORDER BY w.id LIMIT %(slice)s FOR NO KEY UPDATE OF w SKIP LOCKED),
        moved AS (
            UPDATE {table} w SET number_id = found.number_id FROM found
            WHERE w.id = found.id AND w.number_id <> found.number_id RETURNING w.id)
        SELECT count(*), max(id), (SELECT count(*) FROM moved) FROM found
        """,
        {
            **pool.params, "lane": campaign.lane_id or 0, "number": number_id, "after": after, "slice": SLICE,
        },
    )  # fmt: skip
    seen, last, moved = found[0]
    return (last if seen == SLICE else -1), moved


def _forget_left() -> None:
    """Forget numbers that left a pool once nothing waits for them but their own threads’ customers."""
    waits = " OR ".join(
        f"""EXISTS (SELECT 1 FROM {table} w WHERE w.lane_id = c.lane_id AND w.number_id = l.number_id
            AND w.state = 'queued' AND w.due_at IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM conversations_thread t WHERE t.contact_id = w.contact_id
                AND t.address_id = w.address_id AND t.number_id = w.number_id))"""
        for table in _QUEUES
    )
    sql.run(
        f"""
        DELETE FROM campaigns_campaignnumber l USING campaigns_campaign c
        WHERE c.id = l.campaign_id AND l.left_at IS NOT NULL AND (c.status = 'completed' OR NOT ({waits}))
        """
    )
