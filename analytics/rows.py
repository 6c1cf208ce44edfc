"""The rows behind every number: each query has exactly as many rows as its number says."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from accounts.models import Account
from analytics import edge_counts, funnel_groups
from analytics.models import JobCredit
from campaigns.models import Booking, Campaign, Enrollment, Exclusion, Step
from conversations.models import Message

CANCELLED_JOB = "Canceled"  # ServiceTitan's spelling
UNDELIVERED = ("failed", "rejected", "expired", "bounced", "blocked")

MESSAGES: dict[str, Q] = {
    "accepted": Q(accepted_at__isnull=False),
    "delivered": Q(state="delivered"),
    "undelivered": Q(accepted_at__isnull=False, state__in=UNDELIVERED),
    "replies": Q(replied_at__isnull=False),
    "optouts": Q(opted_out_at__isnull=False),
    "linked": Q(pk__in=[]),  # no text carries a link of ours yet
    "clicks": Q(pk__in=[]),
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
        return _steps(Q(campaign=campaign), nodes).filter(left)
    if (group := funnel_groups.rows(campaign, column)) is not None:
        return group
    return _behind(Q(campaign=campaign), nodes, column)


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
        case "jobs_cancelled":
            return _behind(ours, Q(), "booked").filter(job__status=CANCELLED_JOB)
        case "jobs_pending":
            pending = Booking.objects.filter(account=account, servicetitan_job_id=None)
            if only is not None:
                pending = pending.filter(enrollment__campaign__in=only)
            return pending.filter(state__in=["requested", "sent", "accepted"]).order_by("-pk")
        case "unknown_sends":
            lost = Message.objects.filter(account=account, claimed_at__isnull=False, state="unknown")
            return lost.order_by("-pk")
        case "booking_rate":
            booked = Enrollment.objects.filter(ours, job_credits__isnull=False)
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


def _ours(account: Account, only: Collection[int] | None) -> Q:
    ours = Q(campaign__account=account)
    return ours if only is None else ours & Q(campaign__in=list(only))


def _behind(campaigns: Q, nodes: Q, column: str) -> QuerySet[Any]:
    name, _, reason = column.partition(":")
    if column == "entered":
        return _steps(campaigns, nodes)
    if column in Step.State.values:
        return _steps(campaigns, nodes).filter(state=column)
    if column in MESSAGES:
        origins = _steps(campaigns, nodes).order_by()
        named = origins.annotate(origin=Concat(Value("step:"), Cast("pk", CharField())))
        return Message.objects.filter(MESSAGES[column], origin__in=named.values("origin")).order_by("-pk")
    if column == "booked":
        return JobCredit.objects.filter(campaigns, nodes).order_by("-pk")
    if column == "revenue":
        return _behind(campaigns, nodes, "booked").exclude(job__status=CANCELLED_JOB)
    if column == "contacts_booked":
        credits = JobCredit.objects.filter(campaigns, nodes)
        booked = Enrollment.objects.filter(job_credits__in=credits)
        return booked.order_by("contact", "pk").distinct("contact")
    if name in ENROLLMENTS and (not reason or name == "exits"):
        enrollments = Enrollment.objects.filter(campaigns, ENROLLMENTS[name]).order_by("-pk")
        return enrollments.filter(ended_reason=reason) if reason else enrollments
    if name == "excluded":
        exclusions = Exclusion.objects.filter(campaigns).order_by("-pk")
        return exclusions.filter(reason=reason) if reason else exclusions
    raise UnknownColumn(column)


def _steps(campaigns: Q, nodes: Q) -> QuerySet[Step]:
    # Through the enrollment, which has an index by campaign; the step needs none for the engine.
    through = Enrollment.objects.filter(campaigns).order_by()
    return Step.objects.filter(nodes, enrollment__in=through).order_by("-pk")
