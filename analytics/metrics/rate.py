"""A share of two counts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """A share, shown with the fraction it comes from. Nothing over nothing has no value."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """Between 0 and 1, or None where there is nothing to divide by."""
        return self.part / self.whole if self.whole else None

    @property
    def exact(self) -> str:
        """For machines: the share with four decimals (`0.1250`), or nothing."""
        return "" if self.value is None else f"{self.value:.4f}"

    @property
    def percent(self) -> str:
        """For people: `12.5%`, or a dash."""
        return "—" if self.value is None else f"{100 * self.value:.1f}%"
