"""From audience to booked job, in contacts: how many got how far, and what became of the others.

No counter knows a contact's furthest point, so its passages are read: at once in a small campaign, within
some seconds in a large one, and then kept for a minute.
"""

import time
from dataclasses import dataclass

from analytics.funnel_groups import CONTACTS, GROUPS, STAGES
from analytics.metrics import Rate
from audiences import counting
from campaigns.models import Campaign
from common import sql

AT_ONCE = 2_000  # enrollments whose reading nobody notices: some 25 µs each
KEPT_SECONDS = 60.0
SLOT, BAR = 20, 15  # of a drawing 100 wide: a stage with the way to the next, and its bar
THINNEST = 1.0


@dataclass(frozen=True)
class Part:
    """A group with how many contacts it has."""

    column: str
    words: str
    n: int


@dataclass(frozen=True)
class Stage:
    """One stage: of the audience, of the stage before, who was lost before it and who came from beside."""

    part: Part
    of_audience: Rate
    of_before: Rate | None
    lost: Part | None
    beside: Part | None
    bar: str = ""  # corners of its bar in a drawing of 100 by 100
    slope: str = ""  # and of what leads on to it


@dataclass(frozen=True)
class Funnel:
    """All stages; `late` where reading took too long, `waiting` where it has not begun."""

    stages: tuple[Stage, ...] = ()
    late: bool = False
    waiting: bool = False


_kept: dict[int, tuple[float, Funnel]] = {}  # by campaign: when it was read, what was found


def of_campaign(campaign: Campaign, entries: int, *, patient: bool) -> Funnel:
    """The funnel now; of a large campaign at most a minute old, and read only for whoever is `patient`."""
    if entries <= AT_ONCE:
        return _read(campaign)
    at, known = _kept.get(campaign.pk, (0.0, Funnel(waiting=True)))
    if known.stages and time.monotonic() - at < KEPT_SECONDS:
        return known
    if not patient:
        return known
    try:
        with counting.within(counting.AT_ONCE):
            known = _read(campaign)
    except counting.TakesLonger:
        known = Funnel(late=True)
    _kept[campaign.pk] = (time.monotonic(), known)
    return known


def _top(part: Part, audience: int) -> float:
    """How far down a bar begins, of 100; a stage of nobody is still a line."""
    return round(100 - max(THINNEST, 100 * part.n / audience if audience else 0), 2)


def _slope(left: int, was: float, top: float) -> str:
    begins = left - SLOT + BAR
    return f"{begins},{was} {left},{top} {left},100 {begins},100"


def _read(campaign: Campaign) -> Funnel:
    counts = ", ".join(f"count(*) filter (where {group.condition})" for group in GROUPS.values())
    row = sql.rows(f"select {counts} from ({CONTACTS}) contact", [campaign.pk])[0]
    found = {column: Part(column, GROUPS[column].words, n) for column, n in zip(GROUPS, row, strict=True)}
    audience = found["funnel:audience"].n
    stages = list[Stage]()
    before: Part | None = None
    for place, group in enumerate(STAGES):
        part, name = found[group.column], group.column.removeprefix("funnel:")
        left, top, was = place * SLOT, _top(part, audience), _top(before or part, audience)
        stages.append(
            Stage(
                part=part,
                of_audience=Rate(part.n, audience),
                of_before=None if before is None else Rate(part.n, before.n),
                lost=found.get(f"lost:{name}"),
                beside=found.get(f"beside:{name}"),
                bar=f"{left},{top} {left + BAR},{top} {left + BAR},100 {left},100",
                slope=_slope(left, was, top) if place else "",
            )
        )
        before = part
    return Funnel(tuple(stages))
