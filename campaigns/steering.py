"""Steering what runs: another start, and late joiners."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from audiences.models import ZoneSet
from campaigns import approving, enrolling, launching, passages, starts, terms, version_moves
from campaigns.graph import GraphNode
from campaigns.lifecycle import NotPossible
from campaigns.locks import OPEN
from campaigns.models import Campaign
from campaigns.nodes import KINDS
from campaigns.starts import Schedule
from common import sql
from common.transactions import atomic_with_retry

LIVE = (Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED, Campaign.Status.PAUSED)


def movable(campaign: Campaign, *, now: datetime) -> bool:
    """Whether the campaign has not started, so that its start can be moved."""
    waits = campaign.status in (Campaign.Status.SCHEDULED, Campaign.Status.PAUSED)
    return waits and campaign.starts_at is not None and campaign.starts_at > now


def shown_start(campaign: Campaign) -> datetime | None:
    """The start as the clocks it goes by show it, written in company time: where each customer lives, ten is
    ten, whatever the company's clocks show when it is ten there first."""
    schedule = starts.of(campaign)
    if schedule is None or not schedule.local:
        return campaign.starts_at
    return datetime.combine(schedule.day, schedule.time, tzinfo=campaign.account.zone)


@atomic_with_retry
def reschedule(campaign: Campaign, at: datetime, *, by: User, now: datetime) -> int:
    """Let a campaign that has not started begin at another time, by the clocks it goes by; how many customers
    who are in it already wait for that. Raises NotPossible, and LaunchRefused for a time that cannot be."""
    enrolling.alone(campaign)
    rows = Campaign.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "account", "version__workflow", "audience", "number", "playbook", "lane"
    )
    locked = rows.get(pk=campaign.pk)
    if not movable(locked, now=now):
        raise NotPossible("This campaign has started, or is over; its start no longer matters.")
    before, schedule = locked.starts_at, starts.of(locked)
    if schedule is not None:
        moved = Schedule.at(at, locked.account)
        locked.first_day, locked.first_minute = moved.day, moved.minute
        schedule = starts.of(locked)
        at = schedule.moment(locked.account) if schedule and schedule.local else at
    locked.starts_at = at
    if errors := _problems(locked, at, now):
        raise launching.LaunchRefused(errors)
    locked.save(update_fields=["starts_at", "first_day", "first_minute"])
    audit.record(
        account=locked.account, by=by, verb="rescheduled", on=locked,
        summary=f"Moved the start of {locked.name} to {_written(at, locked)}",
        detail={"before": _written(before, locked) if before else "", "after": _written(at, locked)},
    )  # fmt: skip
    return _move_first_steps(locked, schedule, at)


def _problems(campaign: Campaign, at: datetime, now: datetime) -> dict[str, list[str]]:
    if at <= now:
        return {"starts_at": ["This time has passed. Choose a later one."]}
    if campaign.held_until is not None and at < campaign.held_until:
        return {"starts_at": ["Its launch can still be undone until then. Choose a later time."]}
    return launching.problems(campaign.account, approving.draft_of(campaign), now=now, at=at)


def _written(moment: datetime, campaign: Campaign) -> str:
    shown = moment.astimezone(campaign.account.zone)
    return f"{shown:%b} {shown.day}, {shown:%I:%M %p %Z}"


def _move_first_steps(campaign: Campaign, schedule: Schedule | None, at: datetime) -> int:
    """Make who is in already due then. The campaign is not active, so that no engine holds their steps."""
    moments = dict.fromkeys(_zones(campaign), at)
    if schedule is not None and schedule.local:
        moments = schedule.moments_in(moments, campaign.account, 1)
    drawn = version_moves.sources(campaign)  # who stays on a former version waits at its first node
    return sum(_move_steps_of(each.nodes[each.first], campaign, moments) for each in drawn)


def _move_steps_of(first: GraphNode, campaign: Campaign, moments: Mapping[int, datetime]) -> int:
    """Make who waits at the first node of a version due then, by where they live; how many."""
    kind = KINDS[first.kind]
    return sql.run(
        """
        WITH moved AS MATERIALIZED (
            SELECT s.id, z.due, z.send_by FROM campaigns_enrollment e
            JOIN audiences_contact p ON p.id = e.contact_id
            JOIN unnest(%(zones)s::bigint[], %(dues)s::timestamptz[], %(send_bys)s::timestamptz[])
                AS z(zone_set_id, due, send_by) ON z.zone_set_id = p.zone_set_id
            JOIN campaigns_step s ON s.enrollment_id = e.id
            WHERE e.campaign_id = %(campaign)s AND e.state = 'active' AND s.node_id = %(node)s
              AND s.state = ANY(%(open)s) AND s.due_at IS NOT NULL ORDER BY s.id FOR NO KEY UPDATE OF s)
        UPDATE campaigns_step s SET due_at = moved.due, send_by = moved.send_by
        FROM moved WHERE s.id = moved.id
        """,
        {
            "campaign": campaign.pk, "node": first.id, "open": OPEN, "zones": list(moments),
            "dues": [kind.arrival(first, moment).due_at for moment in moments.values()],
            "send_bys": [passages.send_by(campaign.pk, first.kind, moment) for moment in moments.values()],
        },
    )  # fmt: skip


def _zones(campaign: Campaign) -> list[int]:
    found = ZoneSet.objects.filter(contacts__enrollments__campaign=campaign).distinct()
    return list(found.values_list("pk", flat=True))


@transaction.atomic
def change_joining(campaign: Campaign, until: datetime | None, *, by: User, now: datetime) -> None:
    """Let whoever comes to match enter until then, or nobody any more; who is in stays in. Raises
    NotPossible. The same again changes nothing."""
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if locked.status not in LIVE:
        raise NotPossible(f"This campaign is {locked.get_status_display().lower()}; nobody can join it.")
    if until is not None and until <= max(now, locked.starts_at or now):
        raise NotPossible("Late joiners need an end that lies after the start. Choose a later day.")
    if until is not None and until - max(now, locked.starts_at or now) > terms.LONGEST_JOINING:
        raise NotPossible("Late joiners need an end within two years. Choose an earlier day.")
    if locked.joins_until == until:
        return
    locked.joins_until = until
    locked.save(update_fields=["joins_until"])
    words = "Nobody joins any more"
    if until is not None:
        day = terms.last_day(until, locked.account)
        words = f"Whoever comes to match joins until {day:%b} {day.day}, {day.year}"
    audit.record(
        account=locked.account, by=by, verb="changed_joining", on=locked,
        summary=f"{locked.name}: {words[0].lower()}{words[1:]}",
    )  # fmt: skip
