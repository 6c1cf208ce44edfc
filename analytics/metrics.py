"""Every number of the product, defined once: its words, its columns, its figures.

Screens, files and the API read here. `analytics.rows` opens the rows behind each number. Columns are what
the triggers in `sql/` append; a metric is one or several of them, or a rate of two.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Account
from analytics import counters, retention, rows
from campaigns.models import Campaign, Node, Step
from common import clock
from common.htmx import release

TEXT_KINDS: tuple[str, ...] = (Node.Kind.SEND_SMS,)
CALL_KINDS: tuple[str, ...] = ()  # no node kind places calls yet
EMAIL_KINDS: tuple[str, ...] = (Node.Kind.SEND_EMAIL,)
TOUCH_KINDS = TEXT_KINDS + EMAIL_KINDS + CALL_KINDS  # what can win a job
STATES: tuple[str, ...] = tuple(Step.State.values)


@dataclass(frozen=True)
class Metric:
    """One number: its name, its words for people, the columns it sums, and for a rate those it divides by."""

    name: str
    label: str
    unit: str
    meaning: str
    columns: tuple[str, ...]
    over: tuple[str, ...] = ()


def _metric(
    name: str, label: str, unit: str, meaning: str, *columns: str, over: tuple[str, ...] = ()
) -> dict[str, Metric]:
    return {name: Metric(name, label, unit, meaning, columns or (name,), over)}


# Columns are the metric's own name unless others are named.
NODE_METRICS: dict[str, Metric] = (
    _metric("entered", "Entered", "steps", "Everybody who came here; the six states add up to it.")
    | _metric(
        "scheduled", "Scheduled", "steps", "Not yet taken up: a later time, closed hours, a cap, a pause."
    )
    | _metric("queued", "Queued", "steps", "Taken up, not yet accepted by the provider.")
    | _metric(
        "waiting", "Waiting", "steps", "Begun, and held by a timer, a reply, a booking or an unknown send."
    )
    | _metric("completed", "Completed", "steps", "Ended normally, “no reply in time” included.")
    | _metric("failed", "Failed", "steps", "Ended without doing its work; each row says why.")
    | _metric("skipped", "Skipped", "steps", "Deliberately not done; each row says why.")
    | _metric(
        "booked", "Booked", "jobs", "Jobs credited to this node; beside the states, never added to them."
    )
    | _metric("accepted", "Accepted", "messages", "Texts and emails the provider accepted. Never falls.")
    | _metric(
        "delivered",
        "Delivered",
        "messages",
        "Confirmed by a handset, a carrier or a mail server.",
        "text_delivered",
    )
    | _metric("undelivered", "Undelivered", "messages", "Accepted, and then given up by the provider.")
    | _metric("replies", "Replies", "messages", "Texts answered within 7 days; opt-outs are no replies.")
    | _metric(
        "reply_rate", "Reply rate", "share", "Texts answered ÷ accepted.", "replies", over=("accepted",)
    )
    | _metric("optouts", "Opt-outs", "messages", "Texts that were answered with an opt-out.")
    | _metric("linked", "With a link", "messages", "Accepted with a link of ours in them: none are yet.")
    | _metric("clicks", "Clicks", "messages", "Those with a link that a person clicked.")
    | _metric(
        "click_rate", "Click rate", "share", "Clicked ÷ accepted with a link.", "clicks", over=("linked",)
    )
)
CAMPAIGN_METRICS: dict[str, Metric] = (
    _metric("audience", "Audience count", "contacts", "Distinct contacts admitted.")
    | _metric("entries", "Entries", "enrollments", "Enrollments begun; entries less exits are active.")
    | _metric("active", "Active", "enrollments", "Enrollments not ended.")
    | _metric("exits", "Exits", "enrollments", "Enrollments ended, whatever the reason.")
    | _metric(
        "excluded", "Excluded", "contacts", "Matched and not admitted, by the first reason that applied."
    )
)
TILE_METRICS: dict[str, Metric] = (
    _metric("waiting_calls", "Waiting calls", "steps", "Queued + waiting, call nodes.", "queued", "waiting")
    | _metric("waiting_texts", "Waiting texts", "steps", "Queued + waiting, text nodes.", "queued", "waiting")
    | _metric("scheduled", "Scheduled", "steps", "Scheduled at all nodes.")
    | _metric("completed_today", "Completed today", "steps", "Calls and texts since midnight.", "completed")
    | _metric("audience_count", "Audience count", "contacts", "Admitted, summed over campaigns.", "audience")
    | _metric("jobs_booked", "Jobs booked", "jobs", "Credited to campaigns; cancelled ones stay.", "booked")
    | _metric(
        "booking_rate", "Booking rate", "share", "Contacts with a credited job ÷ audience count.",
        "contacts_booked", over=("audience",),
    )
    | _metric("total_calls", "Total calls", "calls", "Campaign calls the carrier accepted.", "accepted")
    | _metric("total_texts", "Total texts", "texts", "Texts the carrier accepted, not segments.", "accepted")
)  # fmt: skip
# Parts of tiles, and what today's curve counts; each opens its rows as a tile does.
PART_METRICS: dict[str, Metric] = _metric(
    "jobs_cancelled", "Cancelled jobs", "jobs", "Jobs credited to campaigns and cancelled since."
) | _metric("jobs_pending", "Pending bookings", "bookings", "Requests that have no job number yet.")
TODAY_METRICS: dict[str, Metric] = (
    _metric("texts_today", "Texts", "texts", "Texts the carrier accepted today.", "accepted")
    | _metric("replies_today", "Replies", "texts", "Texts whose first reply came today.", "replies")
    | _metric("booked_today", "Jobs booked", "jobs", "Jobs credited to campaigns today.", "booked")
)
OPENED_METRICS: dict[str, Metric] = TILE_METRICS | PART_METRICS | TODAY_METRICS


@dataclass(frozen=True)
class Rate:
    """A share, shown with the fraction it comes from. Nothing over nothing has no value."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """Between 0 and 1, or None where there is nothing to divide by."""
        return self.part / self.whole if self.whole else None

    @property
    def exact(self) -> str:
        """For machines: the share with four decimals (`0.1250`), or nothing."""
        return "" if self.value is None else f"{self.value:.4f}"

    @property
    def percent(self) -> str:
        """For people: `12.5%`, or a dash."""
        return "–" if self.value is None else f"{100 * self.value:.1f}%"


@dataclass(frozen=True)
class NodeRow:
    """One row of the node table: `entered` is the sum of the six states, at every instant."""

    key: str
    kind: str
    name: str
    present: bool  # in the campaign's present version
    entered: int
    scheduled: int
    queued: int
    waiting: int
    completed: int
    failed: int
    skipped: int
    booked: int
    accepted: int
    delivered: int
    undelivered: int
    replies: int
    optouts: int
    linked: int
    clicks: int

    @property
    def reply_rate(self) -> Rate:
        """Distinct texts replied to ÷ texts accepted."""
        return Rate(self.replies, self.accepted)

    @property
    def click_rate(self) -> Rate:
        """Distinct texts clicked ÷ accepted texts that carried a link."""
        return Rate(self.clicks, self.linked)


@dataclass(frozen=True)
class Tiles:
    """The figures of the dashboard, all of one snapshot; `day` is the account's own date."""

    day: str
    waiting_calls: int
    waiting_texts: int
    scheduled: int
    completed_today: int
    audience_count: int
    jobs_booked: int
    jobs_cancelled: int
    jobs_pending: int
    booking_rate: Rate
    total_calls: int
    total_texts: int


def node_rows(campaign: Campaign, found: Counter[counters.Cell]) -> list[NodeRow]:
    """The nodes of a campaign in workflow order, with their figures as read by `counters.totals`.

    Nodes that only an older version had, and that still count something, follow.
    """
    present = list(Node.objects.filter(version=campaign.version_id).order_by("position"))
    keys = {node.key for node in present}
    gone = {key for _, key, _ in found if key} - keys
    former = Node.objects.filter(version__workflow__versions=campaign.version_id, key__in=gone)
    latest = former.order_by("key", "-version__number").distinct("key") if gone else Node.objects.none()
    return [_row(campaign.pk, node, node.key in keys, found) for node in (*present, *latest)]


def _row(campaign_id: int, node: Node, present: bool, found: Counter[counters.Cell]) -> NodeRow:
    figures = {
        name: sum(found[campaign_id, node.key, column] for column in metric.columns)
        for name, metric in NODE_METRICS.items()
        if not metric.over
    }
    return NodeRow(key=node.key, kind=node.kind, name=node.name, present=present, **figures)


def rows_behind(campaign: Campaign, node_key: str | None, column: str) -> QuerySet[Any]:
    """The rows that a number counts, exactly as many: see `analytics.rows.behind`."""
    return rows.behind(campaign, node_key, column)


def rows_behind_tile(
    account: Account, tile: str, now: datetime | None = None, hour: int | None = None
) -> QuerySet[Any]:
    """The rows that a tile of the dashboard counts, exactly as many; raises `rows.UnknownColumn`.

    `hour` narrows what today's curve counts to one hour: the so many hours after midnight, as time passed.
    """
    since, until = midnight(account, now).astimezone(UTC), None
    if hour is not None:
        if tile not in TODAY_METRICS or not 0 <= hour < 48:
            raise rows.UnknownColumn(f"{tile} in hour {hour}")
        since += timedelta(hours=hour)
        until = since + timedelta(hours=1)
    return rows.behind_tile(
        account, tile, text_kinds=TEXT_KINDS, call_kinds=CALL_KINDS, since=since, until=until
    )


def booking_rate(campaign: Campaign, node_key: str) -> Rate:
    """Distinct contacts with a job credited here ÷ distinct contacts reached here; counted when opened."""
    booked = rows.behind(campaign, node_key, "booked").values("enrollment__contact").distinct().count()
    reached = rows.behind(campaign, node_key, "accepted").values("contact").distinct().count()
    return Rate(booked, reached + retention.reached_before(campaign, node_key))


_TILES = """
with campaign as materialized (
    select campaign.id, version.workflow_id
    from campaigns_campaign campaign
    join campaigns_workflowversion version on version.id = campaign.version_id
    where campaign.account_id = %(account)s
),
kind as materialized (
    select distinct on (version.workflow_id, node.key) version.workflow_id, node.key, node.kind
    from campaigns_workflowversion version
    join campaigns_node node on node.version_id = version.id
    where version.workflow_id in (select workflow_id from campaign)
    order by version.workflow_id, node.key, version.number desc
),
cell as (
    select campaign_id, node_key, "column", n as ever, 0 as today
    from analytics_countertotal
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
    union all
    select campaign_id, node_key, "column", n,
           case when "column" = 'completed' and minute >= %(start)s then n else 0 end
    from analytics_counterdelta
    where campaign_id in (select id from campaign) and "column" = any(%(columns)s)
    union all
    select campaign_id, node_key, "column", 0, n from analytics_counterhour
    where campaign_id in (select id from campaign) and "column" = 'completed' and hour >= %(first_hour)s
    union all
    select campaign_id, node_key, "column", 0, n from analytics_counterminute
    where campaign_id in (select id from campaign) and "column" = 'completed'
      and minute >= %(start)s and minute < %(first_hour)s
)
select coalesce(kind.kind, ''), cell."column", sum(cell.ever)::bigint, sum(cell.today)::bigint
from cell
join campaign on campaign.id = cell.campaign_id
left join kind on kind.workflow_id = campaign.workflow_id and kind.key = cell.node_key
group by 1, 2
union all
select '', 'cancelled', count(*), 0 from analytics_jobcredit credit
join audiences_job job on job.id = credit.job_id
where credit.account_id = %(account)s and job.status = %(cancelled)s
union all
select '', 'contacts_booked', count(distinct (credit.campaign_id, enrollment.contact_id)), 0
from analytics_jobcredit credit
join campaigns_enrollment enrollment on enrollment.id = credit.enrollment_id
where credit.account_id = %(account)s
union all
select '', 'pending', count(*), 0 from campaigns_booking
where account_id = %(account)s and state = any(array['requested', 'sent', 'accepted'])
  and servicetitan_job_id is null
"""


def tiles(account: Account, now: datetime | None = None) -> Tiles:
    """The account's figures in one statement: each equals the sum of the columns it names at that instant."""
    start = midnight(account, now)
    asked: dict[str, Any] = {
        "account": account.pk,
        "columns": _TILE_COLUMNS,
        "cancelled": rows.CANCELLED_JOB,
        "start": start,
        "first_hour": counters.next_hour(start),
    }
    ever: dict[tuple[str, str], int] = {}
    today: dict[str, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(_TILES, asked)
        for kind, column, so_far, since_midnight in cursor.fetchall():
            ever[kind, column] = so_far
            today[kind] = today.get(kind, 0) + since_midnight

    def total(columns: Iterable[str], kinds: Iterable[str] | None = None) -> int:
        named = ((kind, n) for (kind, column), n in ever.items() if column in columns)
        return sum(n for kind, n in named if kinds is None or kind in kinds)

    audience = total(["audience"])
    return Tiles(
        day=f"{start:%Y-%m-%d}",
        waiting_calls=total(["queued", "waiting"], CALL_KINDS),
        waiting_texts=total(["queued", "waiting"], TEXT_KINDS),
        scheduled=total(["scheduled"]),
        completed_today=sum(today.get(kind, 0) for kind in TEXT_KINDS + CALL_KINDS),
        audience_count=audience,
        jobs_booked=total(["booked"]),
        jobs_cancelled=total(["cancelled"]),
        jobs_pending=total(["pending"]),
        booking_rate=Rate(total(["contacts_booked"]), audience),
        total_calls=total(["accepted"], CALL_KINDS),
        total_texts=total(["accepted"], TEXT_KINDS),
    )


_TILE_COLUMNS = ["queued", "waiting", "scheduled", "completed", "audience", "booked", "accepted"]


def midnight(account: Account, now: datetime | None = None) -> datetime:
    """The instant at which the account's present day began, in company time."""
    local = (now or clock.now()).astimezone(account.zone)
    return datetime.combine(local.date(), time.min, tzinfo=account.zone)


def version_token(*shown: Any) -> str:
    """A short hash of everything a live region shows, and of the templates that show it.

    Equal tokens mean an equal page: dataclasses, dates and plain values are taken as they are.
    """
    told = json.dumps(shown, default=_plain, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b((release() + told).encode(), digest_size=12).hexdigest()


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
