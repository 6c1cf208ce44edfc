"""The drawing of a series: two bars in every bucket. Across in hundredths of the width, down in pixels."""

from dataclasses import dataclass

from analytics.day_drawing import Tick, nice
from analytics.sending.series import Bucket, Series

HEIGHT, TOP, BOTTOM = 148, 18, 126
MOST_TICKS = 6
GAP = 0.24  # of a bucket's width
WIDEST = 6.0  # of a bar, in hundredths of the drawing: few buckets make no walls


@dataclass(frozen=True)
class Bar:
    """One bar; `words` say it to who hovers."""

    x: float
    y: float
    width: float
    height: float
    words: str
    second: bool


@dataclass(frozen=True)
class Drawing:
    """Bars of two figures over the same buckets."""

    name: str
    title: str
    key: list[tuple[str, str, int]]  # each figure: its column, its label, how many in all
    bars: list[Bar]
    top: Tick
    ticks: list[Tick]
    words: str

    height: int = HEIGHT
    above: int = TOP
    base: int = BOTTOM


def drawings(series: Series) -> list[Drawing]:
    """Entries beside exits, texts beside emails that were sent, and calls beside those who talked to us."""
    if not series.buckets:
        return []
    pairs = [
        ("moves", "Entries and exits", ("Entries", "Exits"), ("entries", "exits")),
        ("sent", "Sent", ("Texts", "Emails"), ("text:sent", "email:sent")),
        ("calls", "Calls", ("Placed", "Talked to us"), ("call:accepted", "call:spoken")),
    ]
    if not any(bucket.counts["call:accepted"] for bucket in series.buckets):
        pairs.pop()
    return [_drawing(series, *pair) for pair in pairs]


def _drawing(
    series: Series, name: str, title: str, key: tuple[str, str], figures: tuple[str, str]
) -> Drawing:
    buckets = series.buckets
    ceiling = nice(max(bucket.counts[figure] for bucket in buckets for figure in figures))
    step = 100 / len(buckets)
    totals = tuple(sum(bucket.counts[figure] for bucket in buckets) for figure in figures)
    bars = [
        _bar(bucket, i * step, step, number, label, bucket.counts[figure], ceiling)
        for i, bucket in enumerate(buckets)
        for number, (label, figure) in enumerate(zip(key, figures, strict=True))
        if bucket.counts[figure] > 0
    ]
    words = f"{title} by {series.by}: " + ", ".join(
        f"{n:,} {label.lower()}" for label, n in zip(key, totals, strict=True)
    )
    return Drawing(
        name=name,
        title=title,
        key=list(zip(figures, key, totals, strict=True)),
        bars=bars,
        top=Tick(0, TOP - 6, f"{ceiling:,}", "start"),
        ticks=_ticks(buckets, step),
        words=words,
    )


def _bar(bucket: Bucket, left: float, step: float, number: int, label: str, n: int, ceiling: int) -> Bar:
    width = min(WIDEST, step * (1 - GAP) / 2)
    height = max(1.5, (BOTTOM - TOP) * n / ceiling)
    return Bar(
        x=round(left + step / 2 - width + number * width, 3),
        y=round(BOTTOM - height, 1),
        width=round(width, 3),
        height=round(height, 1),
        words=f"{bucket.label}: {n:,} {label.lower()}",
        second=bool(number),
    )


def _ticks(buckets: list[Bucket], step: float) -> list[Tick]:
    """Names of some buckets, evenly spread, under their middles."""
    every = -(-len(buckets) // MOST_TICKS)
    return [
        Tick(round((i + 0.5) * step, 2), BOTTOM + 16, bucket.short, "middle", minor=(i // every) % 2 == 1)
        for i, bucket in enumerate(buckets)
        if i % every == 0
    ]
