"""A range cut into hours, days or weeks of company time: the buckets, and what each counts."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from analytics.metrics import sending
from analytics.sending import reading
from analytics.sending.periods import DAY, day_start
from analytics.sending.selection import Selection
from common import clock

HOURLY, DAILY, WEEKLY = "hour", "day", "week"
GROUPS = {HOURLY: "Hour", DAILY: "Day", WEEKLY: "Week"}
MOST_HOURS, MOST_DAYS = 8, 200  # days of a range up to which hours, and days, may be shown
FIGURES = (  # of the table, with the columns that each sums
    ("entries", "Entries", ("entries",)),
    ("exits", "Exits", ("exits",)),
    *(
        (f"{channel}:{name}", f"{label} {name}", sending.SENDING_METRICS[f"{channel}:{name}"].columns)
        for channel, label in sending.CHANNELS.items()
        if channel in sending.WRITTEN
        for name in ("planned", "sent", "delivered")
    ),
    *(
        (name, label, sending.SENDING_METRICS[name].columns)
        for name, label in (
            ("call:planned", "Calls planned"),
            ("call:accepted", "Calls placed"),
            ("call:sent", "People called"),
            ("call:spoken", "People who talked to us"),
        )
    ),
)


@dataclass(frozen=True)
class Grouping:
    """How finely a range is cut; `note` says why not as was asked."""

    by: str
    note: str = ""
    chosen: bool = False  # by whoever asks, not by us


@dataclass(frozen=True)
class Bucket:
    """One hour, day or week, clipped to the range: [since, until) in UTC, and a figure by name."""

    label: str
    short: str
    since: datetime
    until: datetime
    counts: dict[str, int]

    @property
    def busy(self) -> bool:
        """Whether anything happened in it."""
        return any(self.counts.values())


Key = datetime | date


@dataclass(frozen=True)
class Cut:
    """Where a bucket begins and ends, in UTC; `key` is what its counts are read by."""

    label: str
    short: str
    since: datetime
    until: datetime
    key: Key


@dataclass(frozen=True)
class Series:
    """Buckets in their order."""

    by: str = DAILY
    buckets: list[Bucket] = field(default_factory=list)

    @property
    def busy(self) -> list[Bucket]:
        """Those with anything in them: the rows of the table."""
        return [bucket for bucket in self.buckets if bucket.busy]


def grouping(asked: str, since: datetime | None, until: datetime | None) -> Grouping:
    """The grouping that was asked for, where the range is not too long for it; else one that suits."""
    days = (until - since) / DAY if since and until else None
    fits = {
        HOURLY: days is not None and days <= MOST_HOURS,
        DAILY: days is None or days <= MOST_DAYS,
        WEEKLY: True,
    }
    if asked in GROUPS and fits[asked]:
        return Grouping(asked, chosen=True)
    suits = HOURLY if days is not None and days <= 2 else DAILY if days is not None and days <= 92 else WEEKLY
    if asked not in GROUPS:
        return Grouping(suits)
    instead = DAILY if asked == HOURLY and fits[DAILY] and days is not None else WEEKLY
    most = MOST_HOURS if asked == HOURLY else MOST_DAYS
    note = f"Shown by {instead}: by {asked} is possible for ranges of up to {most} days."
    return Grouping(instead, f"{note} The figures are the same.")


def of(asked: reading.Asked, selection: Selection, by: Grouping) -> Series:
    """The selection's range in buckets; for all time, from the first day on which anything was counted."""
    since, until = selection.since, selection.until
    if since is None or until is None:
        first = reading.first_day(asked)
        if first is None:
            return Series(by.by)
        since, until = day_start(first, asked.zone), _tomorrow(asked.zone)
        if not by.chosen or (by.by == DAILY and (until - since) / DAY > MOST_DAYS):
            by = grouping("", since, until)
    found: dict[Key, Counter[str]] = {}
    if by.by == HOURLY:
        cuts = hours(since, until, asked.zone)
        for (column, hour), n in reading.by_hour(asked, since, until).items():
            found.setdefault(hour, Counter())[column] += n
    else:
        weekly = by.by == WEEKLY
        cuts = days(since, until, asked.zone, weeks=weekly)
        for (column, day), n in reading.by_day(asked, since, until).items():
            found.setdefault(day - day.weekday() * DAY if weekly else day, Counter())[column] += n
    buckets = [_bucket(cut, found.get(cut.key, Counter())) for cut in cuts]
    if selection.since is None:  # nothing was counted before
        while len(buckets) > 1 and not buckets[0].busy:
            buckets.pop(0)
    return Series(by.by, buckets)


def _bucket(cut: Cut, counted: Counter[str]) -> Bucket:
    counts = {name: sum(counted[column] for column in columns) for name, _, columns in FIGURES}
    return Bucket(cut.label, cut.short, cut.since, cut.until, counts)


def _tomorrow(zone: ZoneInfo) -> datetime:
    return day_start(clock.now().astimezone(zone).date() + DAY, zone)


def hours(since: datetime, until: datetime, zone: ZoneInfo) -> list[Cut]:
    """Hours on the wall, clipped to the range; where one comes twice, its zone is told."""
    starts = [reading.hour_start(since, zone)]
    while (following := starts[-1] + reading.HOUR) < until:
        starts.append(following)
    here = [start.astimezone(zone) for start in starts]
    twice = {key for key, n in Counter((each.date(), each.hour) for each in here).items() if n > 1}
    cuts: list[Cut] = []
    for start, local in zip(starts, here, strict=True):
        hour = f"{local.hour % 12 or 12} {'am' if local.hour < 12 else 'pm'}"
        hour += f" {local:%Z}" if (local.date(), local.hour) in twice else ""
        day = f"{local:%b} {local.day}"
        until_then = min(start + reading.HOUR, until)
        cuts.append(Cut(f"{day}, {hour}", hour, max(start, since), until_then, start.astimezone(UTC)))
    return cuts


def days(since: datetime, until: datetime, zone: ZoneInfo, *, weeks: bool) -> list[Cut]:
    """Days of company time, or weeks from Monday, clipped to the range."""
    day = since.astimezone(zone).date()
    if weeks:
        day -= day.weekday() * DAY
    step = 7 * DAY if weeks else DAY
    cuts: list[Cut] = []
    while (start := day_start(day, zone)) < until:
        short = f"{day:%b} {day.day}"
        label = f"Week of {short}" if weeks else f"{day:%a}, {short}"
        if day.year != until.astimezone(zone).year:
            label += f", {day.year}"
        cuts.append(Cut(label, short, max(start, since), min(day_start(day + step, zone), until), day))
        day += step
    return cuts
