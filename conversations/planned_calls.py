"""Planning calls, and what becomes of the plans: states change here alone, by conditional updates."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CallChange:
    """One planned call's move, for receivers. `first_acceptance` is true once in its life: the carrier took
    its first try."""

    planned_id: int
    origin: str | None
    state: str
    outcome: str
    code: str
    reason: str
    first_acceptance: bool


@dataclass(frozen=True, slots=True)
class CallDeferral:
    """One planned call put off until `until` (an instant), and why."""

    planned_id: int
    origin: str | None
    until: datetime
    reason: str
