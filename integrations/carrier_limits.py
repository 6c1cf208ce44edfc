"""What carriers let a number send, as data: how fast, and how much a day. Reviewed on the dates below.

Local numbers are registered with the carriers' registry (10DLC): a brand is vetted and gets a score, and
a campaign of that brand gets numbers. The score decides the rate at each carrier and, at T-Mobile, the
segments a day of all numbers of the brand together, whatever provider sends them; its day begins at midnight
Pacific.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
"""Where the carrier's day begins."""
REVIEWED = date(2026, 11, 21)
REVIEW_EVERY = timedelta(days=180)

LOCAL, TOLL_FREE, SHORT_CODE = "local", "toll_free", "short_code"
# North American numbers that the called party does not pay for (NANPA's list of service access codes).
TOLL_FREE_CODES = frozenset({"800", "833", "844", "855", "866", "877", "888"})


@dataclass(frozen=True, slots=True)
class Limit:
    """One class of sender: segments a second at most, and a day at most (None: no such limit)."""

    key: str
    kind: str
    name: str
    per_minute: int  # segments at one carrier
    per_day: int | None
    source: str

    @property
    def per_second(self) -> int:
        """Segments a second, at least one."""
        return max(1, self.per_minute // 60)


_RATES = "developers.telnyx.com, 10DLC rate limits; Plivo support 18193230900633"
_DAY = "Twilio support 1260804800549: T-Mobile's daily limit by brand"
_SENDERS = "Twilio support: rate by sender type; toll-free 3 and short codes 10 to 100 segments a second"

LIMITS: tuple[Limit, ...] = (
    Limit("low_volume", LOCAL, "Low volume or sole proprietor, not vetted", 75, 2_000, f"{_RATES}; {_DAY}"),
    Limit("score_1_24", LOCAL, "Vetting score 1 to 24", 240, 2_000, f"{_RATES}; {_DAY}"),
    Limit("score_25_49", LOCAL, "Vetting score 25 to 49", 240, 10_000, f"{_RATES}; {_DAY}"),
    Limit("score_50_74", LOCAL, "Vetting score 50 to 74", 2_400, 40_000, f"{_RATES}; {_DAY}"),
    Limit("score_75_100", LOCAL, "Vetting score 75 to 100", 4_500, 200_000, f"{_RATES}; {_DAY}"),
    Limit("toll_free", TOLL_FREE, "Verified toll-free", 180, None, _SENDERS),
    Limit("short_code", SHORT_CODE, "Short code", 6_000, None, _SENDERS),
)
BY_KEY = {limit.key: limit for limit in LIMITS}


def kind_of(e164: str) -> str:
    """What kind of sender a number is, as far as its digits say: five or six digits are a short code."""
    digits = e164.lstrip("+")
    if len(digits) <= 6:
        return SHORT_CODE
    return TOLL_FREE if digits[0] == "1" and digits[1:4] in TOLL_FREE_CODES else LOCAL


def of_kind(kind: str) -> list[Limit]:
    """The classes a number of this kind can have, slowest first."""
    return [limit for limit in LIMITS if limit.kind == kind]


def carrier_day(now: datetime) -> date:
    """The carrier's day that this instant belongs to."""
    return now.astimezone(PACIFIC).date()


def day_ends(now: datetime) -> datetime:
    """When the carrier's next day begins: midnight Pacific."""
    return datetime.combine(carrier_day(now) + timedelta(days=1), datetime.min.time(), PACIFIC)
