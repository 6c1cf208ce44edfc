"""How the campaigns under way are doing: progress, failures, opt-outs, replies, bookings; worst first.

A constant number of queries, whatever their number. A share says something only once enough people stand
behind it; below that it is shown and not judged.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Account
from analytics import metrics
from campaigns import audience_looks, pools
from campaigns.audience_looks import Broken
from campaigns.models import Campaign
from campaigns.scheduling import LIVE_VERSIONS
from common import sql
from integrations.models import SendingNumber

RUNNING = (Campaign.Status.SCHEDULED, Campaign.Status.ACTIVE, Campaign.Status.PAUSED)
PER_PAGE = 20
ENOUGH = 20  # messages before a share is judged
MANY_FAILED, MANY_UNDELIVERED, MANY_OPT_OUTS = 0.05, 0.10, 0.05
SOME_FAILED, SOME_OPT_OUTS = 0.02, 0.03
STUCK_AFTER = timedelta(minutes=15)  # due for so long, while nothing of the campaign moved for as long
MOST_COUNTED = 1_000  # stuck steps of one campaign
BAD, WARN = 2, 1

_COLUMNS = (
    "audience", "entries", "active", "exits", "booked", "replies", "accepted", "failed", "undelivered",
    "optouts", "call:accepted", "call:reached", "call:sent", "call:optouts", *metrics.SPOKEN,
)  # fmt: skip
_READ = """
select campaign_id, "column", sum(n)::bigint
from (
    select campaign_id, "column", n from analytics_countertotal
    where campaign_id = any(%(campaigns)s) and "column" = any(%(columns)s)
    union all
    select campaign_id, "column", n from analytics_counterdelta
    where campaign_id = any(%(campaigns)s) and "column" = any(%(columns)s)
) counted
group by 1, 2
union all
select credit.campaign_id, 'contacts_booked', count(distinct enrollment.contact_id)
from analytics_jobcredit credit join campaigns_enrollment enrollment on enrollment.id = credit.enrollment_id
where credit.campaign_id = any(%(campaigns)s)
group by 1
"""
# One index probe for each node of each campaign, as the engine itself looks; a campaign that moved anything
# lately only waits for its number's turn, and who is to be called behind others only for an agent's. What is
# folded is in minute cells, what is not in deltas.
_WAITS_FOR_AGENTS = """(node.kind = 'call' and exists (
    select from conversations_plannedcall ahead
    where ahead.lane_id = c.lane_id and ahead.mode = 'person' and ahead.due_at is not null))"""
_STUCK = f"""
select c.id, first.due_at, (
    select count(*) from (
        select from ({LIVE_VERSIONS}) live join campaigns_node node on node.version_id = live.id
        join campaigns_step step on step.campaign_id = c.id and step.node_id = node.id
        where step.due_at < %(before)s and not {_WAITS_FOR_AGENTS} limit %(most)s) late)
from campaigns_campaign c
cross join lateral (
    select min(oldest.due_at) as due_at
    from ({LIVE_VERSIONS}) live join campaigns_node node on node.version_id = live.id
    cross join lateral (
        select min(due_at) as due_at from campaigns_step step
        where step.campaign_id = c.id and step.node_id = node.id and step.due_at is not null) oldest
    where not {_WAITS_FOR_AGENTS}) first
where c.id = any(%(campaigns)s) and c.status = 'active' and first.due_at < %(before)s
  and not exists (select from conversations_sendingpause pause
      where pause.account_id = c.account_id and pause.lifted_at is null)
  and not exists (select from analytics_counterminute cell
      where cell.campaign_id = c.id and cell.minute >= %(before)s)
  and not exists (select from analytics_counterdelta delta
      where delta.campaign_id = c.id and delta.minute >= %(before)s)
"""


@dataclass(frozen=True)
class Stuck:
    """Steps of a campaign that are long due and were not moved; `n` stops at `MOST_COUNTED`."""

    since: datetime
    n: int

    @property
    def words(self) -> str:
        """“12 steps”, “more than 1,000 steps”."""
        if self.n >= MOST_COUNTED:
            return f"more than {MOST_COUNTED:,} steps"
        return "1 step" if self.n == 1 else f"{self.n:,} steps"


@dataclass(frozen=True)
class Health:
    """One campaign under way: how far it is, what came of it, and what is wrong, in words."""

    pk: int
    name: str
    status: str
    starts_at: datetime | None
    audience: int
    entries: int
    exits: int
    booked: int
    done: metrics.Rate
    failed: metrics.Rate
    undelivered: metrics.Rate
    opted_out: metrics.Rate  # of messages; by phone, of people called
    opted_out_by_phone: metrics.Rate
    replied: metrics.Rate  # messages; of people called those who talked to us
    spoken_to: metrics.Rate
    bookings: metrics.Rate
    wrong: tuple[str, ...] = ()
    grade: int = 0  # 0 well, `WARN`, `BAD`
    stopped_at: None = None  # those under way are never stopped; the badge asks


@dataclass(frozen=True)
class Overview:
    """The campaigns under way: one page of them, worst first, and what their whole number is."""

    shown: list[Health]
    total: int
    page: int
    pages: int
    stuck: Mapping[int, Stuck]
    broken: Mapping[int, Broken]
    names: Mapping[int, str]
    ailing: int  # of all pages: campaigns with something wrong


def of(account: Account, now: datetime, *, only: Collection[int] | None = None, page: int = 1) -> Overview:
    """The account's campaigns under way, or `only` these; a page beyond the last is the last."""
    running = Campaign.objects.filter(account=account, status__in=RUNNING)
    if only is not None:
        running = running.filter(pk__in=list(only))
    campaigns = list(
        running.select_related("number").only("name", "status", "starts_at", "launched_at", "number__active",
            "number__label", "number__e164", "number__registration")
    )  # fmt: skip
    ids = [campaign.pk for campaign in campaigns]
    counted = _counted(ids)
    found_stuck = stuck(ids, now)
    broken = audience_looks.broken(ids, now=now)
    beside = pools.beside(ids)
    judged = [
        _judge(
            campaign, [campaign.number, *beside.get(campaign.pk, [])], counted.get(campaign.pk, {}),
            found_stuck.get(campaign.pk), broken.get(campaign.pk),
        )
        for campaign in campaigns
    ]  # fmt: skip
    latest = {campaign.pk: campaign.launched_at for campaign in campaigns}
    judged.sort(key=lambda one: (latest[one.pk] is None, latest[one.pk] or now, one.pk), reverse=True)
    judged.sort(key=lambda one: -one.grade)
    pages = max(1, -(-len(judged) // PER_PAGE))
    page = min(max(page, 1), pages)
    return Overview(
        shown=judged[(page - 1) * PER_PAGE : page * PER_PAGE],
        total=len(judged),
        page=page,
        pages=pages,
        stuck=found_stuck,
        broken=broken,
        names={campaign.pk: campaign.name for campaign in campaigns},
        ailing=sum(one.grade > 0 for one in judged),
    )


def stuck(campaign_ids: Collection[int], now: datetime) -> dict[int, Stuck]:
    """Which of these active campaigns have steps long due while nothing of theirs moved."""
    asked = {"campaigns": list(campaign_ids), "before": now - STUCK_AFTER, "most": MOST_COUNTED}
    return {pk: Stuck(since, n) for pk, since, n in sql.rows(_STUCK, asked)} if campaign_ids else {}


def _counted(ids: list[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    if ids:
        for pk, column, n in sql.rows(_READ, {"campaigns": ids, "columns": list(_COLUMNS)}):
            found.setdefault(pk, {})[column] = n
    return found


def _judge(
    campaign: Campaign,
    numbers: Sequence[SendingNumber],
    counted: dict[str, int],
    late: Stuck | None,
    broken: Broken | None,
) -> Health:
    n = {column: counted.get(column, 0) for column in (*_COLUMNS, "contacts_booked")}
    # Of calls those that are over: one that failed had mostly been accepted before, and would count twice.
    failed = metrics.Rate(n["failed"], n["failed"] + n["accepted"] + n["call:sent"])
    undelivered = metrics.Rate(n["undelivered"], n["accepted"])
    opted_out = metrics.Rate(n["optouts"] + n["call:optouts"], n["accepted"] + n["call:reached"])
    touches = "messages and calls" if n["call:reached"] else "messages"
    found = _of_numbers(numbers)
    if late is not None:
        verb = "is" if late.n == 1 else "are"
        found.append((BAD, f"{late.words[0].upper()}{late.words[1:]} {verb} due and not moved"))
    if broken is not None:
        found.append((BAD, f"Its audience has no meaning any more: {broken.why}"))
    found += _too_many(failed, "of its steps failed", MANY_FAILED, SOME_FAILED)
    found += _too_many(undelivered, "of its messages were not delivered", MANY_UNDELIVERED, None)
    found += _too_many(
        opted_out,
        f"of its {touches} led to an opt-out",
        MANY_OPT_OUTS,
        SOME_OPT_OUTS,
    )
    return Health(
        pk=campaign.pk,
        name=campaign.name,
        status=campaign.status,
        starts_at=campaign.starts_at,
        audience=n["audience"],
        entries=n["entries"],
        exits=n["exits"],
        booked=n["booked"],
        done=metrics.Rate(n["exits"], n["entries"]),
        failed=failed,
        undelivered=undelivered,
        opted_out=metrics.Rate(n["optouts"], n["accepted"]),
        opted_out_by_phone=metrics.Rate(n["call:optouts"], n["call:reached"]),
        replied=metrics.Rate(n["replies"], n["accepted"]),
        spoken_to=metrics.Rate(sum(n[column] for column in metrics.SPOKEN), n["call:reached"]),
        bookings=metrics.Rate(n["contacts_booked"], n["audience"]),
        wrong=tuple(words for _, words in sorted(found, key=lambda one: -one[0])),
        grade=max((grade for grade, _ in found), default=0),
    )


def _of_numbers(numbers: Sequence[SendingNumber]) -> list[tuple[int, str]]:
    """What is wrong with the numbers of a campaign: of several, the others go on."""
    off = [number for number in numbers if not number.active]
    found = [
        (BAD, f"Carriers rejected the registration of {number}")
        for number in numbers
        if number.active and number.registration == "rejected"
    ]
    if len(off) == len(numbers):
        which = f"Its number {off[0]} is" if len(off) == 1 else "All its numbers are"
        found.append((BAD, f"{which} switched off, so no text leaves"))
    elif off:
        found.append((WARN, f"{pools.in_words(off)} of its {len(numbers)} numbers: switched off"))
    return found


def _too_many(rate: metrics.Rate, words: str, bad: float, warn: float | None) -> list[tuple[int, str]]:
    if rate.whole < ENOUGH or rate.value is None or rate.value < (bad if warn is None else warn):
        return []
    return [(BAD if rate.value >= bad else WARN, f"{rate.percent} {words} ({rate.part:,} of {rate.whole:,})")]
