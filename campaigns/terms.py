"""The terms of a campaign: its pace, how late a text may be, who leaves early, who enters later or again.

Chosen at launch and kept by a copy. The pace is the lane's, because the sender reads lanes only; all else is
the campaign's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from accounts.models import Account
from campaigns.models import Campaign
from campaigns.words import number_of

Again = Campaign.Again
LONGEST_JOINING = timedelta(days=730)  # after the start, and nobody joins any more
CREDIT_DAYS: int = Campaign._meta.get_field("credit_window_days").default
CANARY_MINUTES: int = Campaign._meta.get_field("canary_minutes").default
CANARY_FEWEST = 10
"""People of a share who go first: of fewer, what failed or opted out says nothing of the others."""
SEND_BY_HOURS: int = Campaign._meta.get_field("send_by_hours").default
BOOKED, REPLIED, LEFT_AUDIENCE = "booked", "replied", "left_audience"
EXITS: Mapping[str, str] = {
    BOOKED: "has a new job",
    REPLIED: "replies",
    LEFT_AUDIENCE: "no longer matches the audience",
}
"""Why somebody may leave a campaign early, where that is chosen; who opts out always leaves."""


@dataclass(frozen=True)
class Terms:
    """What may be chosen for a campaign beside what it says, to whom, from which number and when."""

    texts_per_hour: int | None = None  # None: as fast as the number
    send_by_hours: float = SEND_BY_HOURS
    exits: tuple[str, ...] = (BOOKED,)
    joins_until: datetime | None = None  # late joiners are taken in until then; None: nobody after launch
    again: str = Again.NEVER
    again_days: int | None = None
    credit_window_days: int = CREDIT_DAYS
    canary_people: int | None = None  # so many go first, or
    canary_percent: int | None = None  # so many in a hundred; without either, all at once
    canary_minutes: int = CANARY_MINUTES

    def columns(self) -> dict[str, Any]:
        """The campaign's columns that hold these terms."""
        return {
            "send_by_hours": self.send_by_hours,
            "leaves_booked": BOOKED in self.exits,
            "leaves_replied": REPLIED in self.exits,
            "leaves_audience": LEFT_AUDIENCE in self.exits,
            "joins_until": self.joins_until,
            "again": self.again,
            "again_days": self.again_days,
            "credit_window_days": self.credit_window_days,
            "canary_people": self.canary_people,
            "canary_percent": self.canary_percent,
            "canary_minutes": self.canary_minutes,
        }


def of(campaign: Campaign, *, pace: int | None = None) -> Terms:
    """The terms of a campaign; its lane is read for the pace, which is `pace` before there is one."""
    chosen = {
        BOOKED: campaign.leaves_booked,
        REPLIED: campaign.leaves_replied,
        LEFT_AUDIENCE: campaign.leaves_audience,
    }
    return Terms(
        texts_per_hour=campaign.lane.texts_per_hour if campaign.lane else pace,
        send_by_hours=campaign.send_by_hours,
        exits=tuple(name for name, holds in chosen.items() if holds),
        joins_until=campaign.joins_until,
        again=campaign.again,
        again_days=campaign.again_days,
        credit_window_days=campaign.credit_window_days,
        canary_people=campaign.canary_people,
        canary_percent=campaign.canary_percent,
        canary_minutes=campaign.canary_minutes,
    )


def pace_words(texts_per_hour: int | None) -> str:
    """How fast texts leave: “At most 200 texts an hour, one every 18 seconds”."""
    if texts_per_hour is None:
        return "As fast as the number sends"
    seconds = 3600 / texts_per_hour
    if seconds < 2:
        return f"At most {number_of(texts_per_hour, 'text')} an hour, evenly"
    gap = f"{round(seconds / 60)} minutes" if seconds >= 120 else f"{round(seconds)} seconds"
    return f"At most {number_of(texts_per_hour, 'text')} an hour, one every {gap}"


def in_words(terms: Terms, account: Account) -> list[tuple[str, str]]:
    """The terms for people, as (what, how)."""
    rows = [
        ("Pace", pace_words(terms.texts_per_hour)),
        ("Too late", f"What could not leave within {_hours(terms.send_by_hours)} is skipped"),
        ("Who leaves early", _leaving(terms)),
        ("Who joins later", _joining(terms, account)),
        ("Credit", f"Jobs within {number_of(terms.credit_window_days, 'day')} of a message"),
    ]
    if first := canary_words(terms):
        rows.append(("Who goes first", first))
    if terms.joins_until or terms.again != Again.NEVER:
        rows.append(("Entering again", _again(terms)))
    return rows


def canary_words(terms: Terms) -> str:
    """Who goes first: “12 customers, the others 30 minutes later”; empty where all go at once."""
    if not terms.canary_people and not terms.canary_percent:
        return ""
    few = (
        f"{terms.canary_percent}%, {CANARY_FEWEST} at least"
        if terms.canary_percent
        else number_of(terms.canary_people or 0, "customer")
    )
    later = number_of(terms.canary_minutes, "minute")
    return f"{few}; the others {later} after them, unless too many fail or opt out"


def _hours(hours: float) -> str:
    return number_of(int(hours), "hour")


def _leaving(terms: Terms) -> str:
    reasons = ["opts out", *(EXITS[name] for name in EXITS if name in terms.exits)]
    return f"Whoever {' or '.join(', '.join(reasons).rsplit(', ', 1))}"


def _joining(terms: Terms, account: Account) -> str:
    if terms.joins_until is None:
        return "Nobody: the audience is who matches at launch"
    until = last_day(terms.joins_until, account)
    day = f"{until:%b} {until.day}, {until.year}"
    return f"Whoever comes to match until {day}; the campaign stays active that long"


def end_of(day: date, account: Account) -> datetime:
    """The instant at which a day of the company is over."""
    return datetime.combine(day + timedelta(days=1), time(0), tzinfo=account.zone)


def last_day(ends: datetime, account: Account) -> date:
    """The company's day that is over at `ends`, or holds it."""
    return (ends - timedelta(microseconds=1)).astimezone(account.zone).date()


def _again(terms: Terms) -> str:
    match terms.again:
        case Again.AFTER_DAYS:
            return f"Once {number_of(terms.again_days or 0, 'day')} have passed since the last time ended"
        case Again.EACH_OCCURRENCE:
            return "Once in every occurrence"
    return "Nobody enters twice"
