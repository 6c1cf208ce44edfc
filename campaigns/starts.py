"""When the occurrences of a campaign begin: by the company's clocks or those where each contact lives.

What clocks shall show is kept, not instants: daylight saving is solved anew for every occurrence and zone.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from accounts.models import Account
from audiences.models import ZoneSet
from audiences.moments import struck
from campaigns.models import Campaign
from campaigns.words import number_of

Repeats = Campaign.Repeats
MOST_EVERY = 365
LONGEST_REPEATING = timedelta(days=730)
FURTHEST_EAST = timedelta(hours=14)  # of UTC, on earth
_OF_ACCOUNT = """SELECT z.id FROM audiences_zoneset z WHERE EXISTS (
    SELECT 1 FROM audiences_contact c WHERE c.zone_set_id = z.id AND c.account_id = %s)"""


@dataclass(frozen=True)
class Schedule:
    """What clocks show when a campaign starts, and in what time it comes round again."""

    day: date
    minute: int  # of that day
    local: bool = False  # clocks where each contact lives; else the company's
    repeats: str = ""
    every: int = 1
    until: datetime | None = None  # nothing begins from this instant on

    @classmethod
    def at(cls, moment: datetime, account: Account, **more: Any) -> "Schedule":
        """The schedule of a moment as the company's clocks show it."""
        shown = moment.astimezone(account.zone)
        return cls(shown.date(), shown.hour * 60 + shown.minute, **more)

    @property
    def time(self) -> time:
        """Of day."""
        return time(self.minute // 60, self.minute % 60)

    def columns(self) -> dict[str, Any]:
        """The campaign's columns that hold it."""
        return {
            "first_day": self.day, "first_minute": self.minute, "local_time": self.local,
            "repeats": self.repeats, "repeats_every": self.every, "repeats_until": self.until,
        }  # fmt: skip

    def day_of(self, occurrence: int) -> date:
        """The day of an occurrence; the first is 1. Of months the same day, or their last."""
        passed = (occurrence - 1) * self.every
        match self.repeats:
            case Repeats.DAYS:
                return self.day + timedelta(days=passed)
            case Repeats.WEEKS:
                return self.day + timedelta(weeks=passed)
            case Repeats.MONTHS:
                years, month = divmod(self.day.month - 1 + passed, 12)
                year, month = self.day.year + years, month + 1
                return date(year, month, min(self.day.day, monthrange(year, month)[1]))
        return self.day

    def moment(self, account: Account, occurrence: int = 1) -> datetime:
        """When an occurrence begins; by contacts' clocks, when it does for the first of the account's."""
        day = self.day_of(occurrence)
        if not self.local:
            return struck([account.timezone], day, self.time)
        found = ZoneSet.objects.raw(_OF_ACCOUNT, [account.pk])
        places = ZoneSet.objects.filter(pk__in=[one.pk for one in found])
        moments = [struck(zones_of(place, account), day, self.time) for place in places]
        return min(moments, default=struck([account.timezone], day, self.time))

    def not_before(self, occurrence: int) -> datetime:
        """Earlier than this no clock anywhere shows the time of an occurrence; asks nobody."""
        return datetime.combine(self.day_of(occurrence), self.time, tzinfo=UTC) - FURTHEST_EAST

    def moments_in(
        self, zone_set_ids: Iterable[int], account: Account, occurrence: int
    ) -> dict[int, datetime]:
        """Zone set → when an occurrence begins there."""
        day = self.day_of(occurrence)
        places = ZoneSet.objects.in_bulk(set(zone_set_ids))
        return {pk: struck(zones_of(place, account), day, self.time) for pk, place in places.items()}


def zones_of(place: ZoneSet, account: Account) -> list[str]:
    """The zones whose clocks all have to show the time; the company's where nobody knows any."""
    return list(place.zones) or [account.timezone]


def of(campaign: Campaign) -> Schedule | None:
    """The schedule of a campaign; None where it starts at an instant, once."""
    if campaign.first_day is None or campaign.first_minute is None:
        return None
    return Schedule(
        campaign.first_day, campaign.first_minute, campaign.local_time, campaign.repeats,
        campaign.repeats_every, campaign.repeats_until,
    )  # fmt: skip


def next_after(
    campaign: Campaign, occurrence: int, *, by: datetime | None = None
) -> tuple[int, datetime] | None:
    """The occurrence behind this one and when it begins; None where none does any more, or none can `by`
    then, which is mostly seen without asking where anybody lives."""
    schedule = of(campaign)
    if schedule is None or not schedule.repeats or schedule.until is None:
        return None
    if by is not None and schedule.not_before(occurrence + 1) > by:
        return None
    moment = schedule.moment(campaign.account, occurrence + 1)
    return (occurrence + 1, moment) if moment < schedule.until else None


_UNITS = {Repeats.DAYS: "day", Repeats.WEEKS: "week", Repeats.MONTHS: "month"}


def in_words(schedule: Schedule | None, account: Account) -> list[tuple[str, str]]:
    """The schedule for people, as (what, how); nothing where it starts at an instant, once."""
    if schedule is None:
        return []
    clock = f"{schedule.time:%I:%M %p}".lstrip("0").lower()
    rows = []
    if schedule.local:
        day = f"{schedule.day:%b} {schedule.day.day}"
        rows.append(("Clocks", f"{day}, {clock} where each customer lives; unknown zones by the company's"))
    if schedule.repeats and schedule.until:
        unit = _UNITS[Repeats(schedule.repeats)]
        each = f"every {unit}" if schedule.every == 1 else f"every {number_of(schedule.every, unit)}"
        last = (schedule.until - timedelta(microseconds=1)).astimezone(account.zone).date()
        rows.append(
            (
                "Comes again",
                f"{each[0].upper()}{each[1:]} at {clock}, until {last:%b} {last.day}, {last.year}",
            )
        )
    return rows
