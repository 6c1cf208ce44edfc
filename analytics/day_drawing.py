"""The drawing of one of today's curves: where its lines, areas and words go.

Across, everything is in hundredths of the width, so that the drawing fits any column while words and lines
keep their size; down, in pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

from analytics.day_curve import Curve, Day

LEFT, RIGHT = 0, 100
HEIGHT, TOP, BOTTOM = 136, 18, 114
TICK_HOURS = (6, 12, 18)


@dataclass(frozen=True)
class Tick:
    """A word under the drawing, or beside a line of it."""

    x: float
    y: float
    words: str
    anchor: str
    minor: bool = False  # may be left out where there is little room


@dataclass(frozen=True)
class Drawing:
    """Points of the lines; `usual` is blank where nothing is compared."""

    curve: Curve
    today: str
    area: str
    usual: str
    now_x: float
    now_y: float
    top: Tick
    ticks: list[Tick]
    words: str

    height: int = HEIGHT
    above: int = TOP
    base: int = BOTTOM


def drawings(day: Day) -> list[Drawing]:
    """One drawing per curve; each has a scale of its own, named at its top line."""
    return [_drawing(curve, day) for curve in day.curves]


def _drawing(curve: Curve, day: Day) -> Drawing:
    n = len(curve.hours)
    ceiling = nice(max([curve.total, *(hour.usual_so_far or 0 for hour in curve.hours)]))

    def x(hours: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * hours / n, 2)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * value / ceiling, 1)

    now = min(day.passed, n)
    today = [(x(0), y(0))]
    today += [(x(hour.index + 1), y(hour.so_far)) for hour in curve.hours if hour.index + 1 <= now]
    today.append((x(now), y(curve.total)))
    usual = [(x(0), y(0))] + [(x(hour.index + 1), y(hour.usual_so_far or 0)) for hour in curve.hours]
    return Drawing(
        curve=curve,
        today=_points(today),
        area=_points([*today, (x(now), y(0))]),
        usual=_points(usual) if day.compared else "",
        now_x=x(now),
        now_y=y(curve.total),
        top=Tick(LEFT, TOP - 6, f"{ceiling:,}", "start"),
        ticks=_ticks(curve, x),
        words=_words(curve, day),
    )


def _ticks(curve: Curve, x: Callable[[float], float]) -> list[Tick]:
    """Midnights at both ends and each quarter of the clock, where it comes on a day of 23 or 25 hours."""
    below = BOTTOM + 16
    first = {hour.local: hour for hour in reversed(curve.hours)}
    inner = [
        Tick(x(first[hour].index), below, _clock(hour), "middle", hour != 12)
        for hour in TICK_HOURS
        if hour in first
    ]
    ends = [Tick(LEFT, below, "12 am", "start"), Tick(RIGHT, below, "12 am", "end")]
    return [ends[0], *inner, ends[1]]


def _clock(hour: int) -> str:
    return "noon" if hour == 12 else f"{hour % 12} {'am' if hour < 12 else 'pm'}"


def nice(most: float) -> int:
    """A round number not below `most`, at least 4: the top of a scale."""
    unit = 1
    while True:
        for step in (4, 5, 6, 8, 10, 15, 20, 30):
            if step * unit >= most:
                return step * unit
        unit *= 10


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _words(curve: Curve, day: Day) -> str:
    said = f"{curve.label} today, summed up hour by hour: {curve.total:,} so far"
    usual = curve.usual_by_now
    return said if usual is None else f"{said}; usually {usual:,} by now, the mean of {day.compared}"
