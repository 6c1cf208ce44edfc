"""Looking again at who matches the audience of a running campaign: late joiners enter, who left it leaves.

Only where the campaign's terms say so. In slices, each one transaction that moves the cursor of its
`AudienceLook`; a killed worker loses at most the slice it was in, and doing one again changes nothing.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DateTimeField, Q
from django.db.models.functions import Coalesce

from audiences import segments
from campaigns import enrolling, exits, first_launch, passages
from campaigns.models import AudienceLook, Campaign, Enrollment, Intake
from campaigns.terms import LEFT_AUDIENCE
from common import sql
from common.transactions import atomic_with_retry

EVERY = timedelta(minutes=5)  # between the beginnings of two looks: what changes comes by sync, as often
LEAVERS_SLICE = 2_000
For = AudienceLook.For


def due(*, now: datetime) -> list[AudienceLook]:
    """The looks that are under way, or have to begin now; those that waited longest first."""
    active = Campaign.objects.filter(status=Campaign.Status.ACTIVE)
    for purpose, wanted in (
        (For.JOINERS, active.filter(joins_until__gt=now)),
        (For.LEAVERS, active.filter(leaves_audience=True)),
    ):
        new = wanted.exclude(looks__purpose=purpose)
        AudienceLook.objects.bulk_create(
            (AudienceLook(campaign=campaign, purpose=purpose, began_at=now) for campaign in new),
            ignore_conflicts=True,
        )
    AudienceLook.objects.filter(ended_at__isnull=False, began_at__lte=now - EVERY).update(
        began_at=now, ended_at=None, cursor=0
    )
    open_looks = AudienceLook.objects.filter(ended_at=None, campaign__status=Campaign.Status.ACTIVE)
    return list(
        open_looks.filter(_wanted(now)).select_related("campaign__account").order_by("began_at", "pk")
    )


def go_on_with(look: AudienceLook, *, now: datetime, go_on: Callable[[], bool]) -> int:
    """Look on, slice by slice, while `go_on` says so; how many joined or left. Raises InvalidRules."""
    campaign, moved, ended = look.campaign, 0, False
    while not ended and go_on():
        if look.purpose == For.JOINERS:
            changed, ended = _joiners(campaign, look.pk, now=now, size=enrolling.SLICE)
        else:
            changed, ended = _leavers(campaign, look.pk, now=now, size=LEAVERS_SLICE)
        moved += changed
    return moved


def give_up(look: AudienceLook, why: str, *, now: datetime) -> None:
    """End a look whose rules have no meaning any more: nobody joins and nobody leaves by them.

    Why is kept until a later look finds that they have one again.
    """
    AudienceLook.objects.filter(pk=look.pk).update(
        ended_at=now, trouble=why, broken_since=Coalesce("broken_since", now, output_field=DateTimeField())
    )


@dataclass(frozen=True, slots=True)
class Broken:
    """A running campaign's audience whose rules have no meaning: since when, why, and what stays undone."""

    since: datetime
    why: str
    joins: bool  # nobody who comes to match enters
    leaves: bool  # nobody who matches no more leaves


def broken(campaign_ids: Collection[int], *, now: datetime) -> dict[int, Broken]:
    """Which of these campaigns look again at an audience whose rules have no meaning. One query."""
    running = Campaign.objects.exclude(status=Campaign.Status.COMPLETED).filter(pk__in=campaign_ids)
    looks = AudienceLook.objects.filter(_wanted(now), campaign__in=running, broken_since__isnull=False)
    found: dict[int, list[AudienceLook]] = {}
    for look in looks.order_by("broken_since", "pk"):
        found.setdefault(look.campaign_id, []).append(look)
    return {campaign_id: _together(of_one) for campaign_id, of_one in found.items()}


def _together(looks: list[AudienceLook]) -> Broken:
    first, purposes = looks[0], {look.purpose for look in looks}
    return Broken(first.broken_since or first.began_at, first.trouble, For.JOINERS in purposes,
        For.LEAVERS in purposes)  # fmt: skip


def _wanted(now: datetime) -> Q:
    """Looks that the terms of their campaigns still ask for."""
    return Q(purpose=For.JOINERS, campaign__joins_until__gt=now) | Q(
        purpose=For.LEAVERS, campaign__leaves_audience=True
    )


@atomic_with_retry
def _joiners(campaign: Campaign, look_id: int, *, now: datetime, size: int) -> tuple[int, bool]:
    """Enroll those of the next `size` matching contacts who may enter; how many, and whether all are seen."""
    enrolling.alone(campaign)
    look = _open(look_id)
    intakes = Intake.objects.select_for_update(no_key=True).filter(campaign=campaign)
    intake = intakes.order_by("-occurrence").first()
    if look is None or intake is None or intake.finished_at is None:
        return 0, True
    ids = enrolling.matching(campaign, look.cursor, size, now)
    if not look.cursor and intake.held:  # they are counted anew, as they match now
        intake.held = 0
        intake.save(update_fields=["held"])
    joined = enrolling.join(campaign, intake, ids, now=now, most=first_launch.limit(campaign))
    _note(look, ids, size, now)
    return joined, look.ended_at is not None


@atomic_with_retry
def _leavers(campaign: Campaign, look_id: int, *, now: datetime, size: int) -> tuple[int, bool]:
    """End the next `size` enrollments of contacts who match no more; how many, and whether all are seen."""
    look = _open(look_id)
    if look is None:
        return 0, True
    live = Enrollment.objects.filter(campaign=campaign, state=Enrollment.State.ACTIVE, pk__gt=look.cursor)
    contact_of = dict(live.order_by("pk").values_list("pk", "contact")[:size])
    query, params = segments.compile_ids(
        campaign.account, campaign.audience_rules, campaign.targeting, now=now, sliced=True
    )
    contacts = sql.array(contact_of.values())
    still = set(sql.column(f"{query} AND c.id = ANY(%s::bigint[])", [*params, contacts]))
    gone = {pk for pk, contact in contact_of.items() if contact not in still}
    ended = passages.end(sorted(gone - exits.have_asked(gone)), reason=LEFT_AUDIENCE, now=now)
    _note(look, list(contact_of), size, now)
    return ended, look.ended_at is not None


def _open(look_id: int) -> AudienceLook | None:
    """The look, locked, if it is not over and its campaign is still active."""
    running = AudienceLook.objects.select_for_update(no_key=True, of=("self",))
    return running.filter(pk=look_id, ended_at=None, campaign__status=Campaign.Status.ACTIVE).first()


def _note(look: AudienceLook, ids: list[int], size: int, now: datetime) -> None:
    if ids:
        look.cursor = ids[-1]
    if len(ids) < size:
        look.ended_at = now
    look.broken_since, look.trouble = None, ""  # the rules have been evaluated: they mean something
    look.save(update_fields=["cursor", "ended_at", "broken_since", "trouble"])
