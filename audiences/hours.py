"""When somebody may be reached: openings, as instants.

An opening is the stretch in which the campaign's window and the law of every candidate state hold in every
candidate zone at once. Daylight saving is solved here and nowhere else: the engine and the sender compare
instants. Openings are kept `HORIZON` ahead; where they are missing they are computed at once, because
missing is never closed.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import QuerySet, Subquery
from django.db.models.functions import Coalesce

from audiences.models import AccountHours, Opening, SendWindow, ZoneSet
from audiences.places import EASTERN, locate
from audiences.state_hours import CLOSED, STATES, lawful, public_holidays
from common.transactions import is_tried_out

HORIZON = timedelta(days=14)
_RECENT = timedelta(days=8)  # an unbroken row of openings has one within a week, whatever the window's days
_KEEP = timedelta(days=2)
_DEFAULT: dict[str, Any] = {
    "start_minute": 9 * 60, "end_minute": 19 * 60, "days": 0b0111111, "rests_on_holidays": False,
    "closed_on": [],
}  # fmt: skip
_WORKDAYS = 0b0011111
_UNKNOWN_HOURS = (14 * 60, 18 * 60)  # the most for an unknown zone: Eastern, Monday to Friday
Pair = tuple[int, int]
"""(ZoneSet id, SendWindow id)"""
Span = tuple[datetime, datetime]
"""[opens_at, closes_at) in UTC"""


def default_window() -> SendWindow:
    """The window of an account that sets none: 9:00 to 19:00, Monday to Saturday."""
    window, _ = SendWindow.objects.get_or_create(**_DEFAULT)
    return window


def window_of(account_id: int) -> SendWindow:
    """The window of an account's campaigns, unless one has its own."""
    own = SendWindow.objects.filter(pk__in=AccountHours.objects.filter(account=account_id).values("window"))
    return own.first() or default_window()


def windows_of(account_ids: Iterable[int]) -> dict[int, int]:
    """Account → id of `window_of`. One query."""
    ids = sorted(set(account_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT a.id, coalesce(h.window_id, w.id) FROM unnest(%s::bigint[]) AS a(id)
            LEFT JOIN audiences_accounthours h ON h.account_id = a.id
            LEFT JOIN audiences_sendwindow w ON w.start_minute = %s AND w.end_minute = %s AND w.days = %s
                AND w.rests_on_holidays = %s AND w.closed_on = %s::date[]
            """,
            [ids, *_DEFAULT.values()],
        )
        found = dict(cursor.fetchall())
    return {account: window or default_window().pk for account, window in found.items()}


def open_now(account_id: int, medium: str, now: datetime) -> QuerySet[Opening]:
    """The stored openings of `window_of` that `now` lies in; a missing one is not computed here."""
    own = AccountHours.objects.filter(account=account_id).values("window")
    window = Coalesce(Subquery(own), Subquery(SendWindow.objects.filter(**_DEFAULT).values("pk")))
    return Opening.objects.filter(medium=medium, opens_at__lte=now, closes_at__gt=now, window=window)


def zone_set_for(*, state: str = "", zip_code: str = "", phones: Iterable[str] = ()) -> ZoneSet:
    """The shared ZoneSet of somebody at this service address with these phones (E.164); made where new."""
    place = locate(state=state, zip_code=zip_code, phones=phones)
    found, _ = ZoneSet.objects.get_or_create(
        key=place.key, defaults={"zones": list(place.zones), "states": list(place.states)}
    )
    return found


def openings(zone_set: ZoneSet, window: SendWindow, medium: str, now: datetime) -> list[Span]:
    """All openings that close after `now` and open within `HORIZON`, in order; empty where there is none."""
    spans: list[Span] | None = None
    for zone in zone_set.zones or [EASTERN]:
        of_zone = _spans_in(ZoneInfo(zone), zone_set, window, medium, now)
        spans = of_zone if spans is None else _intersection(spans, of_zone)
    return [(opens, closes) for opens, closes in spans or [] if closes > now and opens < now + HORIZON]


def _spans_in(
    zone: ZoneInfo, zone_set: ZoneSet, window: SendWindow, medium: str, now: datetime
) -> list[Span]:
    first = now.astimezone(zone).date() - timedelta(days=1)
    found = []
    for ahead in range(HORIZON.days + 3):
        day = first + timedelta(days=ahead)
        start, end = of_day(day, zone_set, window, medium)
        if start < end:
            found.append((instant(zone, day, start), instant(zone, day, end)))
    return found


def of_day(day: date, zone_set: ZoneSet, window: SendWindow, medium: str) -> tuple[int, int]:
    """Minutes of this local day in which window and law both hold.

    Somebody of whom no place is known may live in any state, so that the law of all holds.
    """
    known = bool(zone_set.zones)
    days = window.days if known else window.days & _WORKDAYS
    if not days >> day.weekday() & 1 or day in window.closed_on:
        return CLOSED
    if window.rests_on_holidays and day in public_holidays(day.year):
        return CLOSED
    opens, closes = lawful(day, zone_set.states if known else STATES, medium)
    if not known:
        opens, closes = max(opens, _UNKNOWN_HOURS[0]), min(closes, _UNKNOWN_HOURS[1])
    return max(window.start_minute, opens), min(window.end_minute, closes)


def instant(zone: ZoneInfo, day: date, minute: int) -> datetime:
    """The instant at which clocks in `zone` show this minute of this day; 1440 is the next midnight."""
    if minute >= 24 * 60:
        day, minute = day + timedelta(days=1), minute - 24 * 60
    return datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone).astimezone(UTC)


def _intersection(left: list[Span], right: list[Span]) -> list[Span]:
    """What two ordered lists of spans have in common."""
    found, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        opens, closes = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if opens < closes:
            found.append((opens, closes))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return found


def ensure_openings(pairs: Iterable[Pair], medium: str, now: datetime) -> None:
    """Store the openings of every pair that has none ahead. Cheap where nothing is missing: one query.

    What is only tried out, far ahead perhaps, stores none: whoever fills the same gap would wait for it.
    """
    wanted = sorted(set(pairs))
    if not wanted or is_tried_out():
        return
    covered = _covered(wanted, medium, now)
    missing = [pair for pair in wanted if pair not in covered]
    if missing:
        rows = _compute(missing, medium, now)
        # In one order everywhere, so that two processes filling the same gap cannot deadlock.
        Opening.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)


def _covered(pairs: Sequence[Pair], medium: str, now: datetime) -> set[Pair]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.zone_set_id, p.window_id
            FROM unnest(%s::bigint[], %s::bigint[]) AS p(zone_set_id, window_id)
            WHERE EXISTS (
                SELECT 1 FROM audiences_opening o
                WHERE o.zone_set_id = p.zone_set_id AND o.window_id = p.window_id AND o.medium = %s
                  AND o.closes_at > %s AND o.opens_at <= %s
            )
            """,
            [[z for z, _ in pairs], [w for _, w in pairs], medium, now, now + _RECENT],
        )
        return set(cursor.fetchall())


def _compute(pairs: Sequence[Pair], medium: str, now: datetime) -> list[Opening]:
    zone_sets = ZoneSet.objects.in_bulk({zone_set for zone_set, _ in pairs})
    windows = SendWindow.objects.in_bulk({window for _, window in pairs})
    return [
        Opening(zone_set_id=z, window_id=w, medium=medium, opens_at=opens, closes_at=closes)
        for z, w in sorted(pairs)
        for opens, closes in openings(zone_sets[z], windows[w], medium, now)
    ]


def current_or_next(pairs: Iterable[Pair], medium: str, now: datetime) -> dict[Pair, Span]:
    """For each pair the opening that `now` lies in, else the next one. Two reads when nothing is missing.

    A pair is absent only where window and law leave no opening within `HORIZON`.
    """
    wanted = sorted(set(pairs))
    if not wanted:
        return {}
    ensure_openings(wanted, medium, now)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.zone_set_id, p.window_id, o.opens_at, o.closes_at
            FROM unnest(%s::bigint[], %s::bigint[]) AS p(zone_set_id, window_id)
            CROSS JOIN LATERAL (
                SELECT opens_at, closes_at FROM audiences_opening
                WHERE zone_set_id = p.zone_set_id AND window_id = p.window_id AND medium = %s
                  AND closes_at > %s
                ORDER BY closes_at LIMIT 1
            ) o
            """,
            [[z for z, _ in wanted], [w for _, w in wanted], medium, now],
        )
        found = {(z, w): (opens, closes) for z, w, opens, closes in cursor.fetchall()}
    return _first_computed([pair for pair in wanted if pair not in found], medium, now) | found


def _first_computed(pairs: Sequence[Pair], medium: str, now: datetime) -> dict[Pair, Span]:
    """The first opening of pairs that have none stored, by the rules: somebody may have dropped theirs since
    they were ensured, because the account keeps to other hours; or it is only tried out."""
    found: dict[Pair, Span] = {}
    for row in _compute(pairs, medium, now) if pairs else ():
        found.setdefault((row.zone_set_id, row.window_id), (row.opens_at, row.closes_at))
    return found


def refresh_openings(now: datetime) -> int:
    """Bring every kept row of openings to `HORIZON` ahead, drop those long past; how many were written.

    Future rows are compared with the rules as they are now, so that a corrected rule reaches them.
    """
    written = 0
    Opening.objects.filter(closes_at__lt=now - _KEEP).delete()
    known = Opening.objects.order_by("medium").values_list("medium", "zone_set_id", "window_id").distinct()
    by_medium: dict[str, list[Pair]] = {}
    for medium, zone_set, window in known:
        by_medium.setdefault(medium, []).append((zone_set, window))
    for medium, pairs in by_medium.items():
        for start in range(0, len(pairs), 100):
            written += _replace(sorted(pairs)[start : start + 100], medium, now)
    return written


@transaction.atomic
def _replace(pairs: Sequence[Pair], medium: str, now: datetime) -> int:
    right = {(r.zone_set_id, r.window_id, r.opens_at, r.closes_at): r for r in _compute(pairs, medium, now)}
    kept = Opening.objects.filter(
        medium=medium,
        closes_at__gt=now,
        zone_set__in={z for z, _ in pairs},
        window__in={w for _, w in pairs},
    )
    wrong, mine = [], set(pairs)
    for row in kept:
        same = right.pop((row.zone_set_id, row.window_id, row.opens_at, row.closes_at), None)
        if same is None and (row.zone_set_id, row.window_id) in mine:
            wrong.append(row.pk)
    Opening.objects.filter(pk__in=wrong).delete()
    Opening.objects.bulk_create(right.values(), ignore_conflicts=True)
    return len(right)
