"""One measurement, as a line of `make bench`."""

import json
from dataclasses import asdict, dataclass


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
