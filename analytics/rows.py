"""The rows behind every number: each query has exactly as many rows as its number says."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Case, Exists, OuterRef, Q, QuerySet, When
from django.db.models.functions import Cast, Substr

from accounts.models import Account
from analytics import edge_counts, funnel_groups, link_counts, number_counts
from analytics.models import JobCredit, JobStanding
from campaigns.models import Booking, Campaign, Enrollment, Exclusion, Step
from conversations.call_outcomes import REACHED
from conversations.models import Call, Message, PlannedCall

UNDELIVERED = ("failed", "rejected", "expired", "bounced", "blocked")

MESSAGES: dict[str, Q] = {
    "accepted": Q(accepted_at__isnull=False),
    "delivered": Q(accepted_at__isnull=False, state="delivered"),
    "undelivered": Q(accepted_at__isnull=False, state__in=UNDELIVERED),
    "replies": Q(replied_at__isnull=False),
    "optouts": Q(opted_out_at__isnull=False),
    "linked": Q(accepted_at__isnull=False, carries_link=True),
    "clicks": Q(clicked_at__isnull=False),
}
_CALLED = Q(state="called")
PLANNED_CALLS: dict[str, Q] = {
    "called": Q(first_accepted_at__isnull=False),
    "spoken": _CALLED & Q(outcome__in=REACHED),
    "voicemail": _CALLED & Q(outcome="voicemail"),
    "no_answer": _CALLED & Q(outcome="no_answer"),
    "busy": _CALLED & Q(outcome="busy"),
    "call_optouts": Q(opted_out_at__isnull=False),
}
CALLS: dict[str, Q] = {
    "calls": Q(accepted_at__isnull=False),
    "abandoned": Q(abandoned_at__isnull=False),
}
TRIED_AT = {"calls": "accepted_at", "abandoned": "abandoned_at"}
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
TODAY = {
    "texts_today": "accepted",
    "calls_today": "calls",
    "replies_today": "replies",
    "booked_today": "booked",
}
HAPPENED = {
    "accepted": "accepted_at",
    "calls": "accepted_at",
    "call_optouts": "opted_out_at",
    "replies": "replied_at",
    "optouts": "opted_out_at",
    "clicks": "clicked_at",
    "booked": "at",
    "audience": "entered_at",
}


COUNTED_AT = {  # what opens by its time
    "accepted": "accepted_at",
    "calls": "accepted_at",
    "replies": "replied_at",
    "booked": "at",
}

# The step that a message or planned call comes from.
STEP_ID = Case(
    When(origin__startswith="step:", then=Cast(Substr("origin", 6), BigIntegerField())),
    output_field=BigIntegerField(),
)


class UnknownColumn(ValueError):
    """No number has this name."""


@dataclass(frozen=True)
class _Which:
    """Some campaigns: as their rows name them, as their messages and planned calls do, and as tries do.

    Messages are found along an index of the times they were accepted at: of one lane, or of the account;
    calls along that of the account.
    """

    rows: Q
    messages: Q
    calls: Q


def _of(campaign: Campaign) -> _Which:
    messages = Q(lane=campaign.lane_id, kind=Message.Kind.CAMPAIGN)
    return _Which(Q(campaign=campaign), messages, Q(account=campaign.account_id))


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
    if (messages := link_counts.messages(campaign, column)) is not None:
        return messages
    if (texts := number_counts.texts(campaign, column)) is not None:
        return texts
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
        case "total_texts":
            return _behind(ours, texts, "accepted")
        case "total_calls":
            return _behind(ours, Q(), "calls")
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
    sent, placed = Q(account=account, kind=Message.Kind.CAMPAIGN), Q(account=account)
    if only is None:
        return _Which(Q(campaign__account=account), sent, placed)
    aimed = Campaign.objects.filter(account=account, pk__in=list(only)).order_by()
    ids = dict(aimed.values_list("pk", "lane"))  # named one by one: the planner knows then how few they are
    lanes = [lane for lane in ids.values() if lane]
    return _Which(Q(campaign__in=list(ids)), sent & Q(lane__in=lanes), placed)


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
    if column in PLANNED_CALLS:
        return _planned_calls(which, nodes).filter(PLANNED_CALLS[column])
    if column in CALLS:
        tries = Call.objects.filter(
            which.calls, CALLS[column], planned__in=_planned_calls(which, nodes).order_by()
        )
        return tries.exclude(state=Call.State.REFUSED).order_by(f"-{TRIED_AT[column]}", "-pk")
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
    """What these campaigns have sent, from the nodes asked for, along the index of the time it counts at."""
    times = {"replies": "replied_at", "optouts": "opted_out_at", "clicks": "clicked_at"}
    at = times.get(column, "accepted_at")
    found = Message.objects.filter(which.messages, MESSAGES[column]).order_by(f"-{at}", "-pk")
    if not nodes:
        return found
    return found.alias(step_id=STEP_ID).filter(Exists(Step.objects.filter(nodes, pk=OuterRef("step_id"))))


def _planned_calls(which: _Which, nodes: Q) -> QuerySet[PlannedCall]:
    """Whom these campaigns meant to call, from the nodes asked for."""
    found = PlannedCall.objects.filter(which.messages, origin__startswith="step:").order_by("-pk")
    if not nodes:
        return found
    return found.alias(step_id=STEP_ID).filter(Exists(Step.objects.filter(nodes, pk=OuterRef("step_id"))))
