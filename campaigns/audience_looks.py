"""Looking again at who matches the audience of a running campaign: late joiners enter, who left it leaves.

Only where the campaign's terms say so. In slices, each one transaction that moves the cursor of its
`AudienceLook`; a killed worker loses at most the slice it was in, and doing one again changes nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Q

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
    still = Q(purpose=For.JOINERS, campaign__joins_until__gt=now) | Q(
        purpose=For.LEAVERS, campaign__leaves_audience=True
    )
    return list(open_looks.filter(still).select_related("campaign__account").order_by("began_at", "pk"))


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


def give_up(look: AudienceLook, *, now: datetime) -> None:
    """End a look whose rules have no meaning any more: nobody joins and nobody leaves by them."""
    AudienceLook.objects.filter(pk=look.pk).update(ended_at=now)


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
        campaign.account, campaign.audience_rules, campaign.targeting, now=now
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
    look.save(update_fields=["cursor", "ended_at"])
