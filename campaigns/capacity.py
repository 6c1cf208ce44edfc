"""What numbers can send together before first texts are too late, and whether that is enough."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accounts.models import Account
from audiences import hours, state_hours
from audiences.models import ZoneSet
from campaigns import graph, pools
from campaigns.models import Node, WorkflowVersion
from campaigns.terms import SEND_BY_HOURS
from common import clock
from integrations import number_days
from integrations.carrier_limits import carrier_day
from integrations.models import SendingNumber

MOST_SEGMENTS = 10  # of a text: what carriers put together again
MOST_SUGGESTED = 50  # numbers


@dataclass(frozen=True, slots=True)
class Span:
    """One opening, and the segments that can leave in it."""

    opens: datetime
    closes: datetime
    segments: int


def speed(numbers: Sequence[SendingNumber]) -> int:
    """Segments a second of a pool: each number has a lane of its own."""
    return sum(number.segments_per_second for number in numbers)


def pace(numbers: Sequence[SendingNumber], texts_per_hour: int | None, *, segments_each: int = 1) -> float:
    """Segments a second that may leave of a campaign whose texts have so many segments: the numbers' rates
    together, or what the campaign's texts an hour leave of them."""
    own = speed(numbers)
    return own if texts_per_hour is None else min(own, texts_per_hour * segments_each / 3600)


def company_hours(account: Account, start: datetime) -> list[tuple[datetime, datetime]]:
    """When texts may leave from `start` on, in the company's own zone, two weeks ahead."""
    home = ZoneSet(key="company", zones=[account.timezone], states=[])
    spans = hours.openings(home, hours.window_of(account.pk), state_hours.TEXT, start)
    return [(max(opens, start), closes) for opens, closes in spans]


def spans_of(
    account: Account,
    numbers: Sequence[SendingNumber],
    *,
    start: datetime,
    until: datetime | None = None,
    rate: float | None = None,
) -> list[Span]:
    """When texts may leave from `start` on, and how many segments can leave in each opening.

    That is what the rates of the numbers allow together (unless a slower one is given), and the daily cap of
    each brand among them, less what it has handed over on the carrier's present day.
    """
    caps, left = number_days.caps(account.pk), dict[tuple[str, date], int]()
    if any(number.pk in caps for number in numbers):
        today = carrier_day(clock.now())
        for brand, remains in number_days.left([account.pk], clock.now()).values():
            left[brand, today] = remains
    together: dict[str, list[SendingNumber]] = defaultdict(list)
    for number in numbers:
        together[caps[number.pk][0] if number.pk in caps else ""].append(number)
    found = []
    for opens, closes in company_hours(account, start):
        closes = min(closes, until) if until else closes
        if opens >= closes:
            continue
        seconds, day, able = (closes - opens).total_seconds(), carrier_day(opens), 0
        most = int(seconds * (rate or speed(numbers)))
        for brand, ours in together.items():
            could = min(int(seconds * speed(ours)), most - able)
            if brand:
                could = min(could, left.setdefault((brand, day), caps[ours[0].pk][1]))
                left[brand, day] -= could
            able += could
        found.append(Span(opens, closes, able))
    return found


def sendable(
    account: Account,
    numbers: Sequence[SendingNumber],
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
    deadline = _deadline(account, version, start, send_by_hours)
    if deadline is None:
        return 0
    return sum(span.segments for span in spans_of(account, numbers, start=start, until=deadline, rate=rate))


def _deadline(
    account: Account, version: WorkflowVersion, start: datetime, send_by_hours: float
) -> datetime | None:
    """When the first texts are too late; None where no hours lie ahead."""
    spans = company_hours(account, start)
    if not spans:
        return None
    drawn = graph.build(version)
    first = drawn.nodes.get(drawn.first)
    begins_with_text = first is not None and first.kind == Node.Kind.SEND_SMS
    return (start if begins_with_text else spans[0][0]) + timedelta(hours=send_by_hours)


def sending_span(
    account: Account,
    numbers: Sequence[SendingNumber],
    segments: float,
    *,
    start: datetime,
    rate: float | None = None,
) -> tuple[datetime | None, datetime | None]:
    """When so many segments begin and end to leave, for customers in the company's own zone.

    None for an end that lies further ahead than openings are known (two weeks).
    """
    first: datetime | None = None
    rate = rate or speed(numbers)
    for span in spans_of(account, numbers, start=start, rate=rate):
        if first is None and span.segments:
            first = span.opens
        if segments <= span.segments:
            return first, span.opens + timedelta(seconds=segments / rate)
        segments -= span.segments
    return first, None


def days_needed(numbers: Sequence[SendingNumber], segments: int) -> str:
    """That daily caps stretch a launch over days, in words; nothing where it fits into one."""
    cap = _day_of(numbers)
    if cap is None or segments <= cap:
        return ""
    who = "This number may" if len(numbers) == 1 else "These numbers may together"
    whose = "Its carrier’s" if len(numbers) == 1 else "Their carriers’"
    return (
        f"{who} send {cap:,} segments a day: your {segments:,} need {-(-segments // cap):,} days. "
        f"{whose} day begins at midnight Pacific."
    )


def _day_of(numbers: Sequence[SendingNumber]) -> int | None:
    """Segments a day of all brands among these numbers; None where one has no cap."""
    caps = number_days.caps(numbers[0].account_id) if numbers else {}
    if any(number.pk not in caps for number in numbers):
        return None
    return sum(dict(caps[number.pk] for number in numbers).values())


def suggested(
    account: Account,
    numbers: Sequence[SendingNumber],
    version: WorkflowVersion,
    *,
    needed: int,
    start: datetime,
    send_by_hours: float,
) -> list[SendingNumber]:
    """These numbers and as few of the account's others as can send so many segments in time together, the
    fastest first; empty where all of them cannot."""
    deadline = _deadline(account, version, start, send_by_hours)
    chosen = list(numbers)

    def able(pool: Sequence[SendingNumber]) -> int:
        return sum(span.segments for span in spans_of(account, pool, start=start, until=deadline))

    spare = [one for one in pools.launchable(account) if one not in chosen][:MOST_SUGGESTED]
    if deadline is None or able([*chosen, *spare]) < needed:
        return []
    spare.sort(key=lambda one: (-able([one]), one.pk))
    for one in spare:
        before = able(chosen)
        if before >= needed:
            break
        if able([*chosen, one]) > before:  # one more of a brand that has had its day adds nothing
            chosen.append(one)
    return chosen


def refusal(
    numbers: Sequence[SendingNumber],
    *,
    needed: int,
    sendable: int,
    send_by_hours: float,
    rate: float,
    texts: int | None,
    take: Sequence[SendingNumber] = (),
) -> str:
    """Why a launch of so many segments is refused, and what would help: more `texts` an hour where those are
    what is narrow, else so many numbers, which are to `take` where the account has them."""
    own = speed(numbers)
    sends = f"{numbers[0]} sends" if len(numbers) == 1 else f"{len(numbers)} numbers together send"
    sends = f"{sends} {own:,} segment{'' if own == 1 else 's'} a second"
    if texts is not None and rate < own:
        sends = f"At most {texts:,} text{'' if texts == 1 else 's'} an hour leave"
    late = f"{send_by_hours:g} hour{'' if send_by_hours == 1 else 's'} after it is due"
    said = (
        f"{sends}: {sendable:,} in the sending hours before a first text is too late ({late}). This launch "
        f"needs {needed:,}, so the last customers would be skipped. "
    )
    if not sendable:
        return f"{said}Choose another start."
    if texts is not None and rate < own:
        return f"{said}Let more texts leave an hour, give them more time, or choose a smaller audience."
    if take:
        return f"{said}It takes {len(take):,} of your numbers: {pools.in_words(take)}."
    cap = _day_of(numbers)
    if cap is not None and len({number.brand_id for number in numbers}) == 1 and numbers[0].brand_id:
        return (
            f"{said}Its brand may send {cap:,} segments a day, whatever number sends them: launch to smaller "
            "audiences on different days."
        )
    each = sendable / len(numbers)
    return (
        f"{said}It takes {-(-needed // each):,.0f} such numbers, and your account has no more that could "
        "help: choose a smaller audience or a faster number, or give the texts more time."
    )
