"""Pause, resume, stop, and the natural end of a campaign."""

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from audiences import consent
from campaigns import enrolling, passages, repeating, terms
from campaigns.models import Campaign, Enrollment, Intake, VersionMove
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations import leasing, outbound
from conversations.models import Lane

STOPPED = "campaign_stopped"
_FINISHED_SQL = """c.status = 'active' AND (c.joins_until IS NULL OR c.joins_until <= %(now)s)
    AND (c.repeats_until IS NULL OR c.repeats_until <= %(now)s)
    AND EXISTS (SELECT 1 FROM campaigns_intake i WHERE i.campaign_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM campaigns_intake i WHERE i.campaign_id = c.id AND i.finished_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM campaigns_enrollment e WHERE e.campaign_id = c.id AND e.state = 'active')"""
SLICE = 2_000
POSSIBLE: dict[str, frozenset[str]] = {  # from which statuses each verb leads on
    "pause": frozenset({Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED}),
    "resume": frozenset({Campaign.Status.PAUSED}),
    "stop": frozenset({Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED, Campaign.Status.PAUSED}),
    "change_pace": frozenset({Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED, Campaign.Status.PAUSED}),
}


class NotPossible(Exception):
    """The campaign's status, or the account's, does not allow this; nothing was changed."""


@transaction.atomic
def pause(campaign: Campaign, *, by: User | None, now: datetime, reason: str = "") -> None:
    """Nothing new begins; everybody keeps their place. Raises NotPossible.

    `by` is None where the product itself pauses it; the audit log then says the reason.
    """
    _change(campaign, Campaign.Status.PAUSED, "pause")
    _pause_lane(campaign, True)
    audit.record(
        account=campaign.account, by=by, verb="paused", on=campaign,
        summary=f"Paused {campaign.name}: {reason}" if reason else f"Paused {campaign.name}",
        detail={"reason": reason} if reason else {},
    )  # fmt: skip


@transaction.atomic
def resume(campaign: Campaign, *, by: User | None, now: datetime) -> None:
    """Everybody goes on from where they stood. Raises NotPossible, also where consent is not declared, or
    while people are being moved to another version: the campaign goes on by itself then.

    Where the first few had paused it, the others enter: that was the question.
    """
    from campaigns import canary  # which imports this module

    Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)  # as who begins a move does
    if VersionMove.objects.filter(campaign=campaign, ended_at=None).exists():
        raise NotPossible("People are being moved to another version; it goes on by itself afterwards.")
    if undeclared := consent.missing(campaign.account, first_launch=False):
        raise NotPossible(" ".join(undeclared))
    later = campaign.starts_at is not None and campaign.starts_at > now
    status = Campaign.Status.SCHEDULED if later else Campaign.Status.ACTIVE
    _change(campaign, status, "resume")
    _pause_lane(campaign, False)
    if (first := canary.waiting(campaign.pk)) is not None and first.trouble:
        canary.open_now(campaign, now=now)
    audit.record(
        account=campaign.account, by=by, verb="resumed", summary=f"Resumed {campaign.name}", on=campaign
    )


@transaction.atomic
def stop(campaign: Campaign, *, by: User | None, now: datetime, reason: str = "") -> None:
    """End the campaign for good: what was sent stays sent, the rest is skipped. Raises NotPossible.

    `by` is None where the product itself stops it; the audit log then says the reason. Status and lane
    change at once, so that nothing new begins; the enrollments are ended in slices by `finish_stopped`,
    rung here and by beat.
    """
    from campaigns.tasks import finish  # tasks import this module

    _change(campaign, Campaign.Status.COMPLETED, "stop", stopped_at=now, completed_at=now)
    _pause_lane(campaign, True)
    summary = f"Stopped {campaign.name}: {reason}" if reason else f"Stopped {campaign.name}"
    detail = {"reason": reason} if reason else {}
    audit.record(account=campaign.account, by=by, verb="stopped", summary=summary, on=campaign, detail=detail)
    ring(finish)


@transaction.atomic
def change_pace(campaign: Campaign, texts_per_hour: int | None, *, by: User, now: datetime) -> None:
    """Let at most so many texts leave in any hour from now on; None for as fast as the number. Raises
    NotPossible. The same pace again changes nothing."""
    lane = Lane.objects.select_for_update(no_key=True).filter(pk=campaign.lane_id or 0).first()
    campaign.refresh_from_db(fields=["status"])
    if lane is None or campaign.status not in POSSIBLE["change_pace"]:
        raise NotPossible(
            f"This campaign is {campaign.get_status_display().lower()}; its pace no longer matters."
        )
    if lane.texts_per_hour == texts_per_hour:
        return
    leasing.set_pace(lane.pk, texts_per_hour)
    before, after = terms.pace_words(lane.texts_per_hour), terms.pace_words(texts_per_hour)
    audit.record(
        account=campaign.account, by=by, verb="changed_pace", on=campaign,
        summary=f"Changed the pace of {campaign.name}: {after[0].lower()}{after[1:]}",
        detail={"before": before, "after": after},
    )  # fmt: skip


def _pause_lane(campaign: Campaign, paused: bool) -> None:
    Lane.objects.filter(pk=campaign.lane_id or 0).update(paused=paused)


def _change(campaign: Campaign, status: str, verb: str, **also: datetime) -> None:
    changed = Campaign.objects.filter(pk=campaign.pk, status__in=POSSIBLE[verb]).update(status=status, **also)
    if not changed:
        campaign.refresh_from_db()
        raise NotPossible(
            f"This campaign is {campaign.get_status_display().lower()}; there is nothing to {verb}."
        )
    campaign.refresh_from_db()


def finish_stopped(*, now: datetime) -> int:
    """End what stopped campaigns still have running, slice by slice; how many enrollments."""
    # Not in `stop`, which must not wait for a slice that is being taken in.
    Intake.objects.filter(finished_at=None, campaign__stopped_at__isnull=False).update(finished_at=now)
    total = 0
    stopped = Campaign.objects.filter(
        status=Campaign.Status.COMPLETED, stopped_at__isnull=False, enrollments__state=Enrollment.State.ACTIVE
    ).distinct()
    for campaign in stopped:
        while ended := _end_slice(campaign.pk, now):
            total += ended
    _take_back_second_tries(now)
    return total


def _take_back_second_tries(now: datetime) -> None:
    """A text queued once more may belong to a passage that had ended before its campaign was stopped:
    nothing would ever take it out of the lane that rests for good."""
    left = sql.column(
        """
        SELECT m.id FROM campaigns_campaign c JOIN conversations_message m ON m.lane_id = c.lane_id
        WHERE c.stopped_at IS NOT NULL AND m.state = 'queued' AND m.due_at IS NOT NULL
        ORDER BY m.id LIMIT %s
        """,
        [SLICE],
    )
    if left:
        _cancel(left, now)


@atomic_with_retry
def _cancel(message_ids: list[int], now: datetime) -> None:
    outbound.cancel(message_ids, reason=STOPPED, now=now)


@atomic_with_retry
def _end_slice(campaign_id: int, now: datetime) -> int:
    live = Enrollment.objects.filter(campaign_id=campaign_id, state=Enrollment.State.ACTIVE)
    return passages.end(
        list(live.order_by("pk").values_list("pk", flat=True)[:SLICE]), reason=STOPPED, now=now
    )


def complete_finished(*, now: datetime) -> int:
    """Campaigns whose intake is over and whose last passage has ended are completed; how many.

    One that takes in late joiners or comes round again stays active until nobody can enter any more.
    """
    found = sql.column(
        f"SELECT c.id FROM campaigns_campaign c WHERE {_FINISHED_SQL} ORDER BY c.id", {"now": now}
    )
    return sum(_complete(campaign_id, now) for campaign_id in found)


@transaction.atomic
def _complete(campaign_id: int, now: datetime) -> int:
    """Complete a campaign that is still finished while nobody can be entering it; how many."""
    # Whoever is let in at this moment is seen by a statement that begins after their commit, and by no other.
    if not enrolling.alone_now(campaign_id):
        return 0
    completed = sql.run(
        "UPDATE campaigns_campaign c SET status = 'completed', completed_at = %(now)s"
        f" WHERE c.id = %(campaign)s AND {_FINISHED_SQL}",
        {"now": now, "campaign": campaign_id},
    )
    if completed:
        repeating.note_never_begun(campaign_id, now=now)
    return completed


def unfinished_intakes(*, now: datetime) -> list[tuple[Campaign, int]]:
    """Launched campaigns, each with an occurrence whose audience has not been evaluated to the end and
    waits neither for its undoing nor for a few who go first."""
    found = sql.rows(
        """
        SELECT c.id, coalesce(i.occurrence, 1) FROM campaigns_campaign c
        LEFT JOIN campaigns_intake i ON i.campaign_id = c.id
        WHERE c.launched_at IS NOT NULL AND c.stopped_at IS NULL AND c.status NOT IN ('completed', 'created')
          AND (c.held_until IS NULL OR c.held_until <= %s) AND i.finished_at IS NULL
          AND NOT EXISTS (
            SELECT 1 FROM campaigns_canary f WHERE f.intake_id = i.id AND f.opened_at IS NULL)
        ORDER BY c.launched_at, c.id, i.occurrence
        """,
        [now],
    )
    known = Campaign.objects.select_related("account").in_bulk({pk for pk, _ in found})
    return [(known[pk], occurrence) for pk, occurrence in found if pk in known]
