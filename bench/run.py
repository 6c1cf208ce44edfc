"""`make bench` or `make bench NAME=<group>`: measurements as JSON lines on standard output.

    {"name", "n", "value", "unit", "baseline", "baseline_value", "ratio"}

`value` and `baseline_value` are rates unless `unit` says otherwise; `ratio` is ours ÷ baseline, in time for
`counters_cost`. Words for people go to standard error. Every group runs on a database server of its own,
made for it and removed afterwards; DATABASE_URL is ignored.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from bench import ground


@dataclass(frozen=True)
class Measurement:
    """One line of output; `ratio` is rounded to three digits after the point."""

    name: str
    n: int
    value: float
    unit: str
    baseline: str
    baseline_value: float
    ratio: float

    def as_json(self) -> str:
        """The line as it is printed."""
        rounded = {"value": round(self.value, 1), "baseline_value": round(self.baseline_value, 1)}
        return json.dumps(asdict(self) | rounded | {"ratio": round(self.ratio, 3)})


def counters() -> Iterator[Measurement]:
    """What counting by triggers costs the writer."""
    from bench.counters import counters_cost

    yield counters_cost()


GROUPS: dict[str, Callable[[], Iterator[Measurement]]] = {"counters": counters}
LATER = (
    "engine", "launch", "dashboard", "sending", "events", "links", "email", "audience", "rehearsal",
    "exports", "inbox", "churn",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Run the named groups, or all; 2 for a name that is no group."""
    unknown = sorted(set(names) - set(GROUPS) - set(LATER))
    if unknown:
        print(f"No group {', '.join(unknown)}. Groups: {', '.join([*GROUPS, *LATER])}.", file=sys.stderr)
        return 2
    for name in names or [*GROUPS, *LATER]:
        if name in LATER:
            print(f"{name}: not measured yet; it comes with what it measures.", file=sys.stderr)
            continue
        with ground.database():
            for measurement in GROUPS[name]():
                print(measurement.as_json(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
