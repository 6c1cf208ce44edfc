"""What a campaign did over its time: texts and emails accepted, calls, replies and jobs, by hour or day.

Read from hour cells and the tail of deltas. Days are the account's own.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from analytics.day_drawing import nice
from campaigns.models import Campaign
from common import clock, sql

COLUMNS = {"accepted": "Accepted", "calls": "Calls", "replies": "Replies", "booked": "Jobs booked"}
_COUNTED = {"call:accepted": "calls"}  # counters whose list has another name
HOURLY_FOR = timedelta(hours=60)  # longer campaigns are shown by day
MOST = 120  # bars; the latest
HEIGHT, TOP, BOTTOM = 136, 14, 100

_HOURS = """
select "column", date_trunc('hour', at) as hour, sum(n)::bigint
from (
    select "column", hour as at, n from analytics_counterhour
    where campaign_id = %(campaign)s and "column" = any(%(columns)s)
    union all
    select "column", minute, n from analytics_counterdelta
    where campaign_id = %(campaign)s and "column" = any(%(columns)s)
) counted
group by 1, 2 having sum(n) <> 0
"""


@dataclass(frozen=True)
class Bar:
    """One hour or day: where it stands, and how many of each; `since` and `until` open their rows."""

    words: str
    since: datetime
    until: datetime
    x: float
    width: float
    figures: list[tuple[str, str, int]]  # column, label, how many
    y: float  # of messages accepted, from the base
    height: float
    calls_y: float  # of calls, on top of them
    calls_height: float
    replies_y: float
    mark: bool  # jobs were booked

    @property
    def replied(self) -> bool:
        """Whether anybody did."""
        return any(n for column, _, n in self.figures if column == "replies")

    @property
    def middle(self) -> float:
        """Across."""
        return round(self.x + self.width / 2, 3)

    @property
    def told(self) -> str:
        """For a pointer that rests on it."""
        return f"{self.words}: " + ", ".join(f"{n:,} {label.lower()}" for _, label, n in self.figures)


@dataclass(frozen=True)
class Volume:
    """The bars from the first that counted anything to the last; empty before that."""

    unit: str
    bars: list[Bar]
    top: int
    cut: bool  # there were more bars than are shown
    columns: tuple[str, ...] = tuple(COLUMNS)
    height: int = HEIGHT
    above: int = TOP
    base: int = BOTTOM

    @property
    def labels(self) -> list[str]:
        """What is counted, for the table's head."""
        return [COLUMNS[column] for column in self.columns]

    @property
    def last(self) -> Bar:
        """The latest bar."""
        return self.bars[-1]

    @property
    def words(self) -> str:
        """The drawing for who cannot see it."""
        told = ", ".join(f"{n:,} {label.lower()}" for _, label, n in self.totals)
        return f"Volume by {self.unit}, {self.bars[0].words} to {self.last.words}: {told}"

    @property
    def totals(self) -> list[tuple[str, str, int]]:
        """What the bars add up to: column, label, how many."""
        sums = Counter[str]()
        for bar in self.bars:
            sums.update({column: n for column, _, n in bar.figures})
        return [(column, COLUMNS[column], sums[column]) for column in self.columns]

    @property
    def busy(self) -> list[Bar]:
        """Those with anything in them, for the table; latest first."""
        return [bar for bar in self.bars if any(n for _, _, n in bar.figures)][::-1]


def of_campaign(campaign: Campaign) -> Volume:
    """The campaign's volume, in one query; of calls nothing is said where it made none."""
    asked = [*COLUMNS, *_COUNTED]
    found = [
        (_COUNTED.get(column, column), hour, n)
        for column, hour, n in sql.rows(_HOURS, {"campaign": campaign.pk, "columns": asked})
    ]
    if not found:
        return Volume("hour", [], 0, False)
    hours = sorted({hour for _, hour, _ in found})
    hourly = min(hours[-1], clock.now()) - hours[0] <= HOURLY_FOR
    counted: Counter[tuple[str, datetime]] = Counter()
    for column, hour, n in found:
        counted[column, _start(campaign, hour, hourly)] += n
    starts = _starts(
        campaign, _start(campaign, hours[0], hourly), _start(campaign, hours[-1], hourly), hourly
    )
    top = nice(max(counted["accepted", start] + counted["calls", start] for start in starts))
    shown = starts[-MOST:]
    calls = any(column == "calls" for column, _, _ in found)
    columns = tuple(column for column in COLUMNS if calls or column != "calls")
    bars = [
        _bar(campaign, counted, columns, start, place, len(shown), top, hourly)
        for place, start in enumerate(shown)
    ]
    return Volume("hour" if hourly else "day", bars, top, len(starts) > MOST, columns)


def _start(campaign: Campaign, hour: datetime, hourly: bool) -> datetime:
    here = hour.astimezone(campaign.account.zone)
    start = here if hourly else here.replace(hour=0, minute=0)
    return start.astimezone(UTC)


def _next(campaign: Campaign, start: datetime, hourly: bool) -> datetime:
    if hourly:
        return start + timedelta(hours=1)
    here = start.astimezone(campaign.account.zone)  # a day has 23 or 25 hours where clocks change
    return (here + timedelta(days=1)).astimezone(UTC)


def _starts(campaign: Campaign, first: datetime, last: datetime, hourly: bool) -> list[datetime]:
    starts = [first]
    while starts[-1] < last:
        starts.append(_next(campaign, starts[-1], hourly))
    return starts


def _bar(
    campaign: Campaign,
    counted: Counter[tuple[str, datetime]],
    columns: tuple[str, ...],
    start: datetime,
    place: int,
    of: int,
    top: int,
    hourly: bool,
) -> Bar:
    slot = 100 / max(of, 12)
    here = start.astimezone(campaign.account.zone)
    day = f"{here:%b} {here.day}"
    words = f"{day}, {here.hour % 12 or 12} {'am' if here.hour < 12 else 'pm'}" if hourly else day

    def down(n: int) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * min(n, top) / top, 1)

    accepted, replies = counted["accepted", start], counted["replies", start]
    reached = down(accepted + counted["calls", start])
    return Bar(
        words=words,
        since=start,
        until=_next(campaign, start, hourly),
        x=round(place * slot + slot * 0.15, 3),
        width=round(slot * 0.7, 3),
        figures=[(column, COLUMNS[column], counted[column, start]) for column in columns],
        y=down(accepted),
        height=round(BOTTOM - down(accepted), 1),
        calls_y=reached,
        calls_height=round(down(accepted) - reached, 1),
        replies_y=down(replies),
        mark=counted["booked", start] > 0,
    )
