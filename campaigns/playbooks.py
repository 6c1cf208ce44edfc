"""Playbooks: grouping, ordering, archiving and cloning campaigns, and the figures of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from campaigns import cloning, figures, pools
from campaigns.figures import NOTHING, Figures
from campaigns.models import Campaign, Playbook
from campaigns.words import number_of

LONGEST_NAME = 120
MOST_CLONED = 100  # campaigns of one playbook
RUNNING = (Campaign.Status.SCHEDULED, Campaign.Status.ACTIVE, Campaign.Status.PAUSED)


class NotPossible(Exception):
    """Nothing was changed; the words say why."""


@dataclass(frozen=True)
class Row:
    """A campaign with its figures."""

    campaign: Campaign
    figures: Figures

    @property
    def active(self) -> int:
        """Entries − exits."""
        return self.figures.entries - self.figures.exits


@dataclass(frozen=True)
class Group:
    """A playbook with its campaigns, newest first; without one, those of no playbook."""

    playbook: Playbook | None
    rows: tuple[Row, ...]

    @property
    def running(self) -> int:
        """How many of them run."""
        return sum(row.campaign.status in RUNNING for row in self.rows)

    @property
    def entries(self) -> int:
        """Enrollments begun, over all campaigns; somebody in two counts twice."""
        return sum(row.figures.entries for row in self.rows)

    @property
    def exits(self) -> int:
        """Enrollments ended, likewise."""
        return sum(row.figures.exits for row in self.rows)

    @property
    def active(self) -> int:
        """Entries − exits."""
        return self.entries - self.exits

    @property
    def booked(self) -> int:
        """Jobs credited to its campaigns; each job is credited to one."""
        return sum(row.figures.booked for row in self.rows)


@dataclass(frozen=True)
class Shelf:
    """All playbooks of an account."""

    groups: list[Group]
    archived: list[Group]
    loose: Group

    @property
    def empty(self) -> bool:
        """Whether there is neither a playbook nor a campaign."""
        return not (self.groups or self.archived or self.loose.rows)


def of(account: Account) -> Shelf:
    """Every playbook in its order, with its campaigns. Three queries."""
    campaigns = Campaign.objects.filter(account=account).select_related("version__workflow")
    by_playbook: dict[int | None, list[Campaign]] = {}
    for campaign in campaigns.order_by("-created_at", "-pk"):
        by_playbook.setdefault(campaign.playbook_id, []).append(campaign)
    counted = figures.of([one.pk for found in by_playbook.values() for one in found])
    groups = [_group(one, by_playbook.get(one.pk, []), counted) for one in in_order(account)]
    return Shelf(
        [group for group in groups if group.playbook and group.playbook.archived_at is None],
        [group for group in groups if group.playbook and group.playbook.archived_at is not None],
        _group(None, by_playbook.get(None, []), counted),
    )


def in_order(account: Account) -> list[Playbook]:
    """An account's playbooks as they are arranged."""
    return list(Playbook.objects.filter(account=account).order_by("position", "name", "pk"))


def _group(playbook: Playbook | None, found: list[Campaign], counted: Mapping[int, Figures]) -> Group:
    return Group(playbook, tuple(Row(one, counted.get(one.pk, NOTHING)) for one in found))


@transaction.atomic
def add(account: Account, name: str, *, by: User) -> Playbook:
    """A new playbook, behind the others. Raises NotPossible."""
    _hold(account)
    name = _fit(account, name)
    last = in_order(account)
    playbook = Playbook.objects.create(
        account=account, name=name, position=last[-1].position + 1 if last else 0
    )
    _record(playbook, by, f"Created the playbook {name}")
    return playbook


@transaction.atomic
def rename(playbook: Playbook, name: str, *, by: User) -> None:
    """Call it something else. Raises NotPossible."""
    _hold(playbook.account)
    before, playbook.name = playbook.name, _fit(playbook.account, name, but=playbook.pk)
    if playbook.name != before:
        playbook.save(update_fields=["name"])
        _record(playbook, by, f"Renamed the playbook {before} to {playbook.name}")


def _fit(account: Account, name: str, but: int = 0) -> str:
    name = " ".join(name.replace("\0", " ").split())
    if not name:
        raise NotPossible("Give the playbook a name.")
    if len(name) > LONGEST_NAME:
        raise NotPossible(f"The name is longer than {LONGEST_NAME} letters.")
    if Playbook.objects.filter(account=account, name=name).exclude(pk=but).exists():
        raise NotPossible(f"There is a playbook “{name}” already.")
    return name


@transaction.atomic
def shift(playbook: Playbook, by_places: int, *, by: User) -> None:
    """Move it up (negative) or down among those that are not archived; at an end it stays."""
    _hold(playbook.account)
    shown = [one for one in in_order(playbook.account) if one.archived_at is None]
    here = next((i for i, one in enumerate(shown) if one.pk == playbook.pk), None)
    if here is None:
        return
    there = min(max(here + by_places, 0), len(shown) - 1)
    shown.insert(there, shown.pop(here))
    for position, one in enumerate(shown):
        one.position = position
    Playbook.objects.bulk_update(shown, ["position"])
    if there != here:
        _record(playbook, by, f"Moved the playbook {playbook.name} to place {there + 1}")


@transaction.atomic
def archive(playbook: Playbook, *, by: User, now: datetime) -> None:
    """Offer it to no launch any more; its campaigns go on as they are."""
    if Playbook.objects.filter(pk=playbook.pk, archived_at=None).update(archived_at=now):
        _record(playbook, by, f"Archived the playbook {playbook.name}")


@transaction.atomic
def restore(playbook: Playbook, *, by: User, in_place: bool = False) -> None:
    """Take it out of the archive: behind the others, or `in_place`, where it stood when it was archived."""
    _hold(playbook.account)
    where = {} if in_place else {"position": in_order(playbook.account)[-1].position + 1}
    found = Playbook.objects.filter(pk=playbook.pk, archived_at__isnull=False)
    if found.update(archived_at=None, **where):
        _record(playbook, by, f"Took the playbook {playbook.name} out of the archive")


@transaction.atomic
def put(campaign: Campaign, playbook: Playbook | None, *, by: User) -> None:
    """Put a campaign into a playbook, or out of all. Figures by playbook follow it, those of the past too."""
    if campaign.playbook_id == (playbook.pk if playbook else None):
        return
    Campaign.objects.filter(pk=campaign.pk).update(playbook=playbook)
    to = f"into the playbook {playbook.name}" if playbook else "out of its playbook"
    audit.record(
        account=campaign.account, by=by, verb="arranged_playbook", on=campaign,
        summary=f"Put {campaign.name} {to}",
    )  # fmt: skip


@transaction.atomic
def clone(playbook: Playbook, *, by: User, now: datetime) -> tuple[Playbook, int]:
    """Copy a playbook: each campaign becomes one that is created and not launched, under its own name,
    of its workflow's latest version, with everything but audience and start chosen as then; how many.
    Raises NotPossible."""
    _hold(playbook.account)
    found = Campaign.objects.filter(playbook=playbook).select_related(
        "account", "version__workflow", "audience", "number", "lane", "playbook"
    )
    campaigns = list(found.order_by("created_at", "pk")[: MOST_CLONED + 1])
    if len(campaigns) > MOST_CLONED:
        raise NotPossible(f"It has more than {MOST_CLONED} campaigns. Copy those you need one by one.")
    known = [one.name for one in in_order(playbook.account)]
    name = cloning.name_of_copy(playbook.name, known, longest=LONGEST_NAME)
    copy = add(playbook.account, name, by=by)
    for campaign in campaigns:
        _copy(campaign, copy, by, now)
    _record(copy, by, f"Copied the playbook {playbook.name}: {number_of(len(campaigns), 'campaign')}")
    return copy, len(campaigns)


def _copy(campaign: Campaign, into: Playbook, by: User, now: datetime) -> None:
    fields = cloning.of(campaign).fields
    typed = {**fields, "playbook": str(into.pk), "audience": "", "targeting": {}}
    version = fields["workflow"]
    copy = Campaign.objects.create(
        account=campaign.account, playbook=into, name=fields["name"], version_id=int(version),
        audience=campaign.audience, number=campaign.number, created_by=by, created_at=now, typed=typed,
        send_by_hours=campaign.send_by_hours, credit_window_days=campaign.credit_window_days,
    )  # fmt: skip
    pools.keep(copy, pools.numbers_of(campaign)[1:], now=now)


def _hold(account: Account) -> None:
    """Two who arrange at once do so one after the other."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)


def _record(playbook: Playbook, by: User, summary: str) -> None:
    account = playbook.account
    audit.record(account=account, by=by, verb="arranged_playbook", summary=summary, on=playbook)
