"""Occurrences of recurring campaigns: each begins an intake of its own at its instant, once.

Postgres decides: an occurrence is its `Intake` row, unique by campaign and number. Whoever comes late begins
the latest that is due and notes how many before it never began.
"""

from datetime import datetime

from accounts import audit
from campaigns import starts
from campaigns.models import Campaign, Intake
from campaigns.words import number_of
from common.transactions import atomic_with_retry

MOST_LATE = 5_000  # occurrences that nobody began: more than any schedule has


def begin_due(*, now: datetime) -> int:
    """Begin what is due of every running recurring campaign; how many occurrences. Safe to run twice."""
    running = Campaign.objects.filter(status=Campaign.Status.ACTIVE).exclude(repeats="")
    return sum(_begin(pk, now) for pk in running.order_by("pk").values_list("pk", flat=True))


@atomic_with_retry
def _begin(campaign_id: int, now: datetime) -> bool:
    campaign = (
        Campaign.objects.select_for_update(no_key=True, of=("self",))
        .select_related("account")
        .get(pk=campaign_id)
    )
    latest = Intake.objects.filter(campaign=campaign).order_by("-occurrence").first()
    if campaign.status != Campaign.Status.ACTIVE or latest is None:
        return False  # its first occurrence is the launch's
    if campaign.repeats_until is not None and campaign.repeats_until <= now:
        return False  # nothing begins behind the last day; see `note_never_begun`
    due = latest_due(campaign, latest.occurrence, now=now)
    if due is None:
        return False
    occurrence, moment = due
    missed = occurrence - latest.occurrence - 1
    _, made = Intake.objects.get_or_create(
        campaign=campaign, occurrence=occurrence,
        defaults={"started_at": now, "starts_at": moment, "missed": missed},
    )  # fmt: skip
    if made and missed:
        audit.record(
            account=campaign.account, by=None, verb="missed_occurrences", on=campaign,
            summary=f"{number_of(missed, 'occurrence')} of {campaign.name} never began: it was paused or "
            f"nobody worked then. Number {occurrence} was begun late, the others are not made up for",
            detail={"missed": missed, "begun": occurrence},
        )  # fmt: skip
    return made


def note_never_begun(campaign_id: int, *, now: datetime) -> int:
    """Write down what a recurring campaign that is over never began before its last day was; how many."""
    campaign = Campaign.objects.select_related("account").get(pk=campaign_id)
    latest = Intake.objects.filter(campaign=campaign).order_by("-occurrence").first()
    due = latest_due(campaign, latest.occurrence, now=now) if latest is not None else None
    if due is None or latest is None:
        return 0
    missed = due[0] - latest.occurrence
    audit.record(
        account=campaign.account, by=None, verb="missed_occurrences", on=campaign,
        summary=f"{number_of(missed, 'occurrence')} of {campaign.name} never began: it was paused or "
        "nobody worked then, and its last day is over. They are not made up for",
        detail={"missed": missed},
    )  # fmt: skip
    return missed


def upcoming(campaign: Campaign, *, now: datetime) -> tuple[int, datetime] | None:
    """The occurrence that begins next and when; None where none does any more, or the campaign does not run.
    A few queries, however many passed while it was paused: those begin late, as one."""
    schedule = starts.of(campaign)
    runs = campaign.status in (Campaign.Status.ACTIVE, Campaign.Status.PAUSED)
    if schedule is None or not schedule.repeats or not runs:
        return None
    latest = Intake.objects.filter(campaign=campaign).order_by("-occurrence").first()
    after = latest.occurrence if latest is not None else 0
    while schedule.day_of(after + 1) < (now - 2 * starts.FURTHEST_EAST).date():
        after += 1
    following = starts.next_after(campaign, after)
    while following is not None and following[1] <= now:
        following = starts.next_after(campaign, following[0])
    return following


def latest_due(campaign: Campaign, after: int, *, now: datetime) -> tuple[int, datetime] | None:
    """The latest occurrence behind `after` that is due by now, with its instant; None where none is."""
    due: tuple[int, datetime] | None = None
    for _ in range(MOST_LATE):
        following = starts.next_after(campaign, due[0] if due else after, by=now)
        if following is None or following[1] > now:
            break
        due = following
    return due
