"""The rows behind every number: each query has exactly as many rows as its number says."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Case, Exists, OuterRef, Q, QuerySet, When
from django.db.models.functions import Cast, Substr

from accounts.models import Account
from analytics import edge_counts, funnel_groups
from analytics.models import JobCredit, JobStanding
from campaigns.models import Booking, Campaign, Enrollment, Exclusion, Step
from conversations.models import Message

UNDELIVERED = ("failed", "rejected", "expired", "bounced", "blocked")

MESSAGES: dict[str, Q] = {
    "accepted": Q(accepted_at__isnull=False),
    "delivered": Q(accepted_at__isnull=False, state="delivered"),
    "undelivered": Q(accepted_at__isnull=False, state__in=UNDELIVERED),
    "replies": Q(replied_at__isnull=False),
    "optouts": Q(opted_out_at__isnull=False),
    "linked": Q(pk__in=[]),  # no text carries a link of ours yet
    "clicks": Q(pk__in=[]),
}
CREDITS: dict[str, Q] = {
    "booked": Q(),
    "job_completed": Q(completed=True),
    "job_invoiced": Q(invoiced=True),
    "job_cancelled": Q(cancelled=True),
    "revenue": Q(cancelled=False),  # what they brought adds up to it
}
ENROLLMENTS: dict[str, Q] = {
    "entries": Q(),
    "audience": Q(returning=False),
    "active": Q(state="active"),
    "exits": Q(state="ended"),
    "exits_first": Q(state="ended", returning=False),
}
# What today's curve counts, and the instant at which a column counts a row.
TODAY = {"texts_today": "accepted", "replies_today": "replies", "booked_today": "booked"}
HAPPENED = {
    "accepted": "accepted_at",
    "replies": "replied_at",
    "optouts": "opted_out_at",
    "booked": "at",
    "audience": "entered_at",
}


COUNTED_AT = {"accepted": "accepted_at", "replies": "replied_at", "booked": "at"}  # what opens by its time


class UnknownColumn(ValueError):
    """No number has this name."""


@dataclass(frozen=True)
class _Which:
    """Some campaigns: as rows name them, and as they are themselves."""

    rows: Q
    themselves: Q


def _of(campaign: Campaign) -> _Which:
    return _Which(Q(campaign=campaign), Q(pk=campaign.pk))


def behind(campaign: Campaign, node_key: str | None, column: str) -> QuerySet[Any]:
    """The steps, messages, enrollments, exclusions or credits that one number of a campaign counts.

    `node_key` is a node's key, or None for all nodes; columns of the campaign as a whole ignore it.
    Newest first. Raises UnknownColumn.
    """
    nodes = Q() if node_key is None else Q(node__key=node_key)
    if column.startswith(edge_counts.EDGE) or column == edge_counts.NOWHERE:
        left = edge_counts.steps_by(campaign, node_key or "", column)
        if left is None:
            raise UnknownColumn(column)
        return _steps(_of(campaign), nodes).filter(left)
    if (group := funnel_groups.rows(campaign, column)) is not None:
        return group
    return _behind(_of(campaign), nodes, column)


def in_time(
    found: QuerySet[Any], column: str, since: datetime | None, until: datetime | None
) -> QuerySet[Any]:
    """Of the rows behind a number, those that counted in [since, until). Raises UnknownColumn for others."""
    if since is None or until is None:
        return found
    if column not in COUNTED_AT:
        raise UnknownColumn(f"{column} at a time")
    at = COUNTED_AT[column]
    return found.filter(**{f"{at}__gte": since, f"{at}__lt": until})


def behind_tile(
    account: Account,
    tile: str,
    *,
    text_kinds: tuple[str, ...],
    call_kinds: tuple[str, ...],
    since: datetime,
    until: datetime | None = None,
    only: Collection[int] | None = None,
) -> QuerySet[Any]:
    """The rows that one tile of the dashboard counts; what counts today does so in [since, until).

    `only` narrows to these campaigns.
    """
    if tile in TODAY:
        kinds = text_kinds if TODAY[tile] == "accepted" else None
        return behind_range(account, TODAY[tile], since=since, until=until, kinds=kinds, only=only)
    ours = _ours(account, only)
    texts, calls = Q(node__kind__in=text_kinds), Q(node__kind__in=call_kinds)
    match tile:
        case "waiting_texts" | "waiting_calls":
            nodes = texts if tile == "waiting_texts" else calls
            return _steps(ours, nodes).filter(state__in=["queued", "waiting"])
        case "scheduled":
            return _behind(ours, Q(), "scheduled")
        case "completed_today":
            return _behind(ours, texts | calls, "completed").filter(state_at__gte=since)
        case "audience_count":
            return _behind(ours, Q(), "audience")
        case "jobs_booked":
            return _behind(ours, Q(), "booked")
        case "jobs_completed" | "jobs_invoiced" | "jobs_cancelled":
            return _behind(ours, Q(), tile.replace("jobs_", "job_"))
        case "jobs_influenced":
            return _behind(ours, Q(), "influenced")
        case "revenue":
            return _behind(ours, Q(), "revenue")
        case "jobs_pending":
            pending = Booking.objects.filter(account=account, servicetitan_job_id=None)
            if only is not None:
                pending = pending.filter(enrollment__campaign__in=only)
            return pending.filter(state__in=["requested", "sent", "accepted"]).order_by("-pk")
        case "unknown_sends":
            lost = Message.objects.filter(account=account, claimed_at__isnull=False, state="unknown")
            return lost.order_by("-pk")
        case "booking_rate":
            booked = Enrollment.objects.filter(ours.rows, job_credits__isnull=False)
            return booked.order_by("campaign", "contact", "pk").distinct("campaign", "contact")
        case "total_texts" | "total_calls":
            return _behind(ours, texts if tile == "total_texts" else calls, "accepted")
    raise UnknownColumn(tile)


def behind_range(
    account: Account,
    column: str,
    *,
    since: datetime,
    until: datetime | None = None,
    kinds: tuple[str, ...] | None = None,
    only: Collection[int] | None = None,
) -> QuerySet[Any]:
    """The rows that a column of the account's campaigns, or `only` these, counts in [since, until).

    `kinds` narrows to nodes of these kinds. Raises UnknownColumn.
    """
    if column not in HAPPENED:
        raise UnknownColumn(column)
    at = HAPPENED[column]
    nodes = Q() if kinds is None else Q(node__kind__in=kinds)
    behind = _behind(_ours(account, only), nodes, column).filter(**{f"{at}__gte": since})
    return behind if until is None else behind.filter(**{f"{at}__lt": until})


def _ours(account: Account, only: Collection[int] | None) -> _Which:
    if only is None:
        return _Which(Q(campaign__account=account), Q(account=account))
    ids = list(only)
    return _Which(Q(campaign__account=account, campaign__in=ids), Q(account=account, pk__in=ids))


def _behind(which: _Which, nodes: Q, column: str) -> QuerySet[Any]:
    name, _, reason = column.partition(":")
    if column == "entered":
        return _steps(which, nodes)
    if column in ("failed", "skipped"):
        return _ended_badly(which, nodes).filter(state=column)
    if column in Step.State.values:
        return _steps(which, nodes).filter(state=column)
    if column in MESSAGES:
        return _messages(which, nodes, column)
    if column in CREDITS:
        return JobCredit.objects.filter(which.rows, nodes, CREDITS[column]).order_by("-pk")
    if column in ("influenced", "influenced_revenue"):
        near = JobStanding.objects.filter(which.rows, nodes, verdict=JobStanding.Verdict.INFLUENCED)
        return near.order_by("-at", "-pk")
    if column == "contacts_booked":
        credits = JobCredit.objects.filter(which.rows, nodes)
        booked = Enrollment.objects.filter(job_credits__in=credits)
        return booked.order_by("contact", "pk").distinct("contact")
    if name in ENROLLMENTS and (not reason or name == "exits"):
        enrollments = Enrollment.objects.filter(which.rows, ENROLLMENTS[name]).order_by("-pk")
        return enrollments.filter(ended_reason=reason) if reason else enrollments
    if name == "excluded":
        exclusions = Exclusion.objects.filter(which.rows).order_by("-pk")
        return exclusions.filter(reason=reason) if reason else exclusions
    raise UnknownColumn(column)


def _steps(which: _Which, nodes: Q) -> QuerySet[Step]:
    # Through the enrollment, which has an index by campaign; the step needs none for the engine. In the order
    # of that index, so that a page of many needs not all of them.
    through = Enrollment.objects.filter(which.rows).order_by()
    return Step.objects.filter(nodes, enrollment__in=through).order_by("-enrollment", "-pk")


def _ended_badly(which: _Which, nodes: Q) -> QuerySet[Step]:
    """Failed and skipped steps: they alone have a reason, and few as they are, an index of their own."""
    return Step.objects.filter(which.rows, nodes).exclude(reason="").order_by("-pk")


def _messages(which: _Which, nodes: Q, column: str) -> QuerySet[Message]:
    """Messages of these campaigns' lanes whose step is at one of the nodes, along the index of each time."""
    at = {"replies": "replied_at", "optouts": "opted_out_at"}.get(column, "accepted_at")
    lanes = Campaign.objects.filter(which.themselves).order_by().values("lane")
    step = Case(
        When(origin__startswith="step:", then=Cast(Substr("origin", 6), BigIntegerField())),
        output_field=BigIntegerField(),
    )
    found = Message.objects.filter(MESSAGES[column], lane__in=lanes).alias(step_id=step)
    at_nodes = Step.objects.filter(which.rows, nodes, pk=OuterRef("step_id"))
    return found.filter(Exists(at_nodes)).order_by(f"-{at}", "-pk")
