"""Recounts in the background: every account at night, and whenever an admin asks.

One run compares campaign after campaign, each in a statement of its own, so that no snapshot is held for
longer than one campaign takes. What it found is a row; the dashboard tells of the latest one that is over.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from analytics import metrics
from analytics.models import RecountRun
from analytics.recount import recount
from campaigns.models import Campaign
from common.doorbell import ring

NIGHT = range(2, 6)  # hours of company time
AGAIN = timedelta(hours=20)  # since the last nightly run was begun
MOST_TRIES = 3  # of one campaign, by whoever works then; after them the run leaves it out and says so
MOST_KEPT = 200  # differences of one run; their number is kept whole
LEVELS = {  # of `analytics.recount`, the widest first
    "total": "in all",
    "month": "in one month",
    "day": "on one day",
    "hour": "in one hour",
    "minute": "in one minute",
}
KILLED = "Whoever compared it was ended each time."
COLUMNS = metrics.NODE_METRICS | metrics.CAMPAIGN_METRICS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """One cell that disagreed, for people."""

    campaign_pk: int
    campaign: str
    node: str
    column: str
    level: str
    at: datetime | None
    counted: int
    rows: int

    @property
    def words(self) -> str:
        """“Accepted at Text in all: counted 5, rows 4.”"""
        where = f" at {self.node}" if self.node else ""
        return f"{self.column}{where} {self.level}: counted {self.counted:,}, rows {self.rows:,}"


@dataclass(frozen=True)
class Parked:
    """A campaign that a run could not compare, and why."""

    campaign_pk: int
    campaign: str
    why: str


def begin_nightly(now: datetime) -> int:
    """Ask for a run of every account where it is night and none was asked for lately; how many."""
    lately = RecountRun.objects.filter(asked_at__gt=now - AGAIN, asked_by=None).values("account")
    waiting = RecountRun.objects.filter(finished_at=None).values("account")
    due = [
        account
        for account in Account.objects.exclude(pk__in=lately).exclude(pk__in=waiting)
        if now.astimezone(account.zone).hour in NIGHT
    ]
    runs = (RecountRun(account=account, asked_at=now) for account in due)
    RecountRun.objects.bulk_create(runs, ignore_conflicts=True)
    return len(due)


@transaction.atomic
def ask(account: Account, *, by: User, now: datetime) -> bool:
    """Count again now; False where a run is under way already."""
    from analytics.tasks import recount_counters  # tasks import this module

    Account.objects.select_for_update(no_key=True).get(pk=account.pk)  # two clicks ask once
    if RecountRun.objects.filter(account=account, finished_at=None).exists():
        return False
    run = RecountRun.objects.create(account=account, asked_at=now, asked_by=by)
    audit.record(
        account=account, by=by, verb="asked_recount", on=run,
        summary="Had every counter compared with the rows it counts",
    )  # fmt: skip
    ring(recount_counters)
    return True


def go_on(*, clock: Callable[[], datetime], more: Callable[[], bool]) -> int:
    """Compare campaign after campaign of the runs that are not over, while `more` says so; how many."""
    compared = 0
    for run in RecountRun.objects.filter(finished_at=None).order_by("asked_at", "pk"):
        before = run.campaigns
        while more():
            if not _one_more(run):
                run.finished_at = max(clock(), run.asked_at)
                run.save(update_fields=["finished_at"])
                break
        compared += run.campaigns - before
    return compared


def _one_more(run: RecountRun) -> bool:
    """Compare the run's next campaign, in a snapshot of its own; False where there is none.

    One that broke off `MOST_TRIES` times, by an error or with its process, is left out: the others are
    compared all the same, and the run says which one was not.
    """
    following = Campaign.objects.filter(account=run.account_id, pk__gt=run.cursor).order_by("pk").first()
    if following is None:
        return False
    if run.tries >= MOST_TRIES:
        run.parked = [*run.parked, [following.pk, run.why or KILLED]]
        _move_on(run, following)
        return True
    run.tries += 1
    run.save(update_fields=["tries"])
    try:
        result = recount([following.pk])
    except Exception as error:
        log.exception("recount of campaign %s broke off", following.pk)
        run.why = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        run.save(update_fields=["why"])
        return True
    kept = [asdict(difference) for difference in result.differences]
    run.campaigns += 1
    run.cells += result.cells
    run.differing += len(kept)
    run.differences = (run.differences + kept)[:MOST_KEPT]
    _move_on(run, following)
    return True


def _move_on(run: RecountRun, beyond: Campaign) -> None:
    run.cursor, run.tries, run.why = beyond.pk, 0, ""
    run.save(
        update_fields=["cursor", "tries", "why", "parked", "campaigns", "cells", "differing", "differences"]
    )


def latest(account: Account) -> RecountRun | None:
    """The account's last run that is over."""
    over = RecountRun.objects.filter(account=account, finished_at__isnull=False)
    return over.order_by("-asked_at", "-pk").first()


def found(run: RecountRun) -> list[Found]:
    """What a run found, totals first: months, days, hours and minutes follow them."""
    kept: list[dict[str, Any]] = run.differences
    names = dict(Campaign.objects.filter(account=run.account_id).values_list("pk", "name"))
    order = list(LEVELS)
    return [
        Found(
            each["campaign"], names.get(each["campaign"], "a deleted campaign"), each["node"],
            _column(each["column"]), LEVELS[each["level"]],
            datetime.fromisoformat(each["at"]) if each["at"] else None, each["counted"], each["rows"],
        )
        for each in sorted(kept, key=lambda one: (one["campaign"], order.index(one["level"])))
    ]  # fmt: skip


def parked(run: RecountRun) -> list[Parked]:
    """The campaigns that a run could not compare."""
    names = dict(
        Campaign.objects.filter(pk__in=[pk for pk, _ in run.parked]).values_list("pk", "name")
        if run.parked
        else []
    )
    return [Parked(pk, names.get(pk, "a deleted campaign"), why) for pk, why in run.parked]


def _column(name: str) -> str:
    known = COLUMNS.get(name)
    return known.label if known else name.replace("_", " ").replace(":", ": ").capitalize()
