"""One measurement, as a line of `make bench`; and what processes use, for the words beside it."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


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
        return json.dumps(asdict(self) | rounded | {"ratio": round(self.ratio, 3)}, ensure_ascii=False)


def processor_seconds(pid: int) -> float:
    """What a process and its children have used of the processor so far; 0 where /proc tells nothing."""
    own = 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return own
    return own + sum(processor_seconds(int(child)) for child in children)
