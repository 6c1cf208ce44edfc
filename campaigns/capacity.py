"""What a number can send before the first texts of a launch are too late, and whether that is enough."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accounts.models import Account
from audiences import hours, state_hours
from audiences.models import ZoneSet
from campaigns import graph
from campaigns.models import Node, WorkflowVersion
from campaigns.terms import SEND_BY_HOURS
from common import clock
from integrations import number_days
from integrations.carrier_limits import carrier_day
from integrations.models import SendingNumber

MOST_SEGMENTS = 10  # of a text: what carriers put together again


@dataclass(frozen=True, slots=True)
class Span:
    """One opening, and the segments that can leave in it."""

    opens: datetime
    closes: datetime
    segments: int


def pace(number: SendingNumber, texts_per_hour: int | None, *, segments_each: int = 1) -> float:
    """Segments a second that may leave of a campaign whose texts have so many segments: the number's rate, or
    what the campaign's texts an hour leave of it."""
    own = number.segments_per_second
    return own if texts_per_hour is None else min(own, texts_per_hour * segments_each / 3600)


def company_hours(account: Account, start: datetime) -> list[tuple[datetime, datetime]]:
    """When texts may leave from `start` on, in the company's own zone, two weeks ahead."""
    home = ZoneSet(key="company", zones=[account.timezone], states=[])
    spans = hours.openings(home, hours.window_of(account.pk), state_hours.TEXT, start)
    return [(max(opens, start), closes) for opens, closes in spans]


def spans_of(
    account: Account,
    number: SendingNumber,
    *,
    start: datetime,
    until: datetime | None = None,
    rate: float | None = None,
) -> list[Span]:
    """When texts may leave from `start` on, and how many segments can leave in each opening.

    That is what the rate allows (the number's, unless a slower one is given), and the daily cap of the
    number's brand, less what it has handed over on the carrier's present day.
    """
    cap, left = number_days.cap_of(number), dict[date, int]()
    if cap is not None:
        today = number_days.left_of(number, clock.now())
        left[carrier_day(clock.now())] = cap if today is None else min(cap, today)
    found = []
    for opens, closes in company_hours(account, start):
        closes = min(closes, until) if until else closes
        if opens >= closes:
            continue
        able = int((closes - opens).total_seconds() * (rate or number.segments_per_second))
        if cap is not None:
            day = carrier_day(opens)
            able = min(able, left.get(day, cap))
            left[day] = left.get(day, cap) - able
        found.append(Span(opens, closes, able))
    return found


def sendable(
    account: Account,
    number: SendingNumber,
    version: WorkflowVersion,
    *,
    start: datetime,
    send_by_hours: float = SEND_BY_HOURS,
    rate: float | None = None,
) -> int:
    """Segments that can leave before first texts are skipped as too late: so many hours after they are due.

    A workflow that begins with a text makes all of them due at `start`. Where something comes before it,
    they count from the first opening: no better is known before it has run.
    """
    spans = company_hours(account, start)
    if not spans:
        return 0
    drawn = graph.build(version)
    first = drawn.nodes.get(drawn.first)
    begins_with_text = first is not None and first.kind == Node.Kind.SEND_SMS
    deadline = (start if begins_with_text else spans[0][0]) + timedelta(hours=send_by_hours)
    return sum(span.segments for span in spans_of(account, number, start=start, until=deadline, rate=rate))


def sending_span(
    account: Account, number: SendingNumber, segments: float, *, start: datetime, rate: float | None = None
) -> tuple[datetime | None, datetime | None]:
    """When so many segments begin and end to leave, for customers in the company's own zone.

    None for an end that lies further ahead than openings are known (two weeks).
    """
    first: datetime | None = None
    rate = rate or number.segments_per_second
    for span in spans_of(account, number, start=start, rate=rate):
        if first is None and span.segments:
            first = span.opens
        if segments <= span.segments:
            return first, span.opens + timedelta(seconds=segments / rate)
        segments -= span.segments
    return first, None


def days_needed(number: SendingNumber, segments: int) -> str:
    """That a daily cap stretches a launch over days, in words; nothing where it fits into one."""
    cap = number_days.cap_of(number)
    if cap is None or segments <= cap:
        return ""
    return (
        f"This number may send {cap:,} segments a day: your {segments:,} need {-(-segments // cap):,} days. "
        "Its carrier’s day begins at midnight Pacific."
    )


def refusal(
    number: SendingNumber, *, needed: int, sendable: int, send_by_hours: float, rate: float, texts: int | None
) -> str:
    """Why a launch of so many segments is refused, and what would help: more `texts` an hour where those are
    what is narrow, else so many numbers."""
    own = number.segments_per_second
    sends = f"{number} sends {own:,} segment{'' if own == 1 else 's'} a second"
    if texts is not None and rate < own:
        sends = f"At most {texts:,} text{'' if texts == 1 else 's'} an hour leave"
    said = (
        f"{sends}: {sendable:,} in the sending "
        f"hours before a first text is too late ({send_by_hours:g} hours after it is due). This launch needs "
        f"{needed:,}, so the last customers would be skipped. "
    )
    if not sendable:
        return f"{said}Choose another start."
    if texts is not None and rate < own:
        return f"{said}Let more texts leave an hour, give them more time, or choose a smaller audience."
    if (cap := number_days.cap_of(number)) is not None and number.brand_id:
        return (
            f"{said}Its brand may send {cap:,} segments a day, whatever number sends them: launch to smaller "
            "audiences on different days."
        )
    numbers = -(-needed // sendable)
    return (
        f"{said}It takes {numbers:,} such numbers: launch to {numbers:,} smaller audiences, each from a "
        "number of its own, or choose a faster number."
    )
