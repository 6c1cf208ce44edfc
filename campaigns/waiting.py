"""What campaigns wait for before all of their people are in: a minute to undo the launch, a second person, or
the few who go first."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Campaign, Canary, Intake, LaunchApproval
from campaigns.undoing import undoable


@dataclass(frozen=True, slots=True)
class Approval:
    """What was asked of a second person, and where refused, why."""

    asked_by: str
    asked_by_id: int | None
    asked_at: datetime
    people: int
    above: int
    refused_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class First:
    """The few who went first, and when the others follow; None until those few have had their message."""

    people: int
    among: int
    rest_at: datetime | None
    trouble: str

    @property
    def rest(self) -> int:
        """How many wait."""
        return self.among - self.people


@dataclass(frozen=True, slots=True)
class Waits:
    """What one campaign waits for; nothing of it where all are None."""

    undo_left: int = 0  # seconds
    approval: Approval | None = None
    first: First | None = None
    created: bool = False  # never launched, whatever it waits for


NOTHING = Waits()


def of(campaigns: Collection[Campaign], *, now: datetime) -> dict[int, Waits]:
    """What each of these campaigns waits for; absent where it is nothing. Two queries at most."""
    created = [one.pk for one in campaigns if one.status == Campaign.Status.CREATED]
    going = [one.pk for one in campaigns if one.canary_people or one.canary_percent]
    approvals, firsts = _approvals(created) if created else {}, _firsts(going) if going else {}
    found = {}
    for one in campaigns:
        waits = Waits(
            undo_left=undo_left(one, now=now),
            approval=approvals.get(one.pk),
            first=firsts.get(one.pk) if one.status != Campaign.Status.COMPLETED else None,
            created=one.status == Campaign.Status.CREATED,
        )
        if waits != NOTHING:
            found[one.pk] = waits
    return found


def others_words(campaign: Campaign, verb: str, *, now: datetime) -> str:
    """What a pause, a resumption or a stop means for those who are not in it yet: “The other 60, who waited
    for the first 10, enter, too.” Empty where nobody waits to enter."""
    said = []
    if (first := of([campaign], now=now).get(campaign.pk, NOTHING).first) is not None and first.rest:
        who = f"The other {first.rest:,}" if first.rest > 1 else "The other one"
        s = "" if first.rest > 1 else "s"
        said.append(
            {
                "pause": f"{who} do{'es' if s else ''} not enter meanwhile.",
                "resume": f"{who}, who waited for the first {first.people:,}, enter{s}, too."
                if first.trouble
                else f"{who} wait{s} on for how the first {first.people:,} fare.",
                "stop": f"{who}, who waited for the first {first.people:,}, never enter{s}.",
            }[verb]
        )
    held = Intake.objects.filter(campaign=campaign, held__gt=0).order_by("-occurrence").first()
    if held is not None and verb == "stop":
        said.append(
            f"{held.held:,} more, who waited for a second person, never enter{'' if held.held > 1 else 's'}."
        )
    return " ".join(said)


def undo_left(campaign: Campaign, *, now: datetime) -> int:
    """Seconds in which the launch can still be undone, the one that runs included; 0 where it cannot be."""
    if campaign.held_until is None or not undoable(campaign, now=now):
        return 0
    return int(-(-(campaign.held_until - now).total_seconds() // 1))


def _approvals(ids: list[int]) -> dict[int, Approval]:
    rows = LaunchApproval.objects.filter(campaign__in=ids).select_related("asked_by", "decided_by")
    return {
        row.campaign_id: Approval(
            str(row.asked_by or "Somebody"), row.asked_by_id, row.asked_at, row.people, row.above,
            str(row.decided_by or "Somebody") if row.approved is False else "", row.reason,
        )
        for row in rows.exclude(approved=True)
    }  # fmt: skip


def _firsts(ids: list[int]) -> dict[int, First]:
    rows = Canary.objects.filter(intake__campaign__in=ids, opened_at=None, intake__finished_at=None)
    return {
        row.intake.campaign_id: First(row.people, row.among, row.rest_at, row.trouble)
        for row in rows.select_related("intake").order_by("intake__occurrence")
    }
