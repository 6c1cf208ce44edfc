"""Seven days of an account's sending hours in one state, as the page of hours draws them. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

from audiences import hours, state_hours
from audiences.models import SendWindow, ZoneSet
from audiences.places import STATE_ZONES
from audiences.state_names import NAMES

ANYWHERE = ""  # somebody of whom no place is known
DAYS = 7


@dataclass(frozen=True, slots=True)
class DrawnDay:
    """One local day in minutes: what the law allows, and what is left of it inside the window."""

    day: date
    law: state_hours.Hours
    open: state_hours.Hours
    why: str

    @property
    def law_width(self) -> int:
        """Minutes that the law allows."""
        return self.law[1] - self.law[0]

    @property
    def open_width(self) -> int:
        """Minutes in which campaigns may reach people."""
        return max(0, self.open[1] - self.open[0])

    @property
    def words(self) -> str:
        """“9:00 am to 7:00 pm”, or why not at all."""
        if not self.open_width:
            return self.why
        return f"{clock_words(self.open[0])} to {clock_words(self.open[1])}"


def drawn(state: str, window: SendWindow, closed: dict[date, str], *, first: date) -> list[DrawnDay]:
    """The week from `first` for somebody in `state`, or of unknown place. `closed` names closed days."""
    zones = sorted(STATE_ZONES[state])[:1] if state else []
    place = ZoneSet(key="", zones=zones, states=[state] if state else [])
    found = []
    for ahead in range(DAYS):
        day = first + timedelta(days=ahead)
        law = state_hours.lawful(day, place.states if state else state_hours.STATES, state_hours.TEXT)
        opens = hours.of_day(day, place, window, state_hours.TEXT)
        found.append(DrawnDay(day, law, opens, _why(day, law, window, closed, known=bool(state))))
    return found


def _why(
    day: date, law: state_hours.Hours, window: SendWindow, closed: dict[date, str], *, known: bool
) -> str:
    """Why nobody is reached on a day without hours."""
    holiday = state_hours.named_holidays(day.year).get(day, "")
    if law == state_hours.CLOSED:
        return f"The law forbids it: {holiday}" if holiday else "The law forbids it"
    if day in window.closed_on:
        return f"Closed: {closed.get(day, 'closed day')}"
    if window.rests_on_holidays and holiday:
        return f"Holiday: {holiday}"
    if not known and day.weekday() >= 5:
        return "Not at weekends, place unknown"
    return "Quiet all day" if not window.days >> day.weekday() & 1 else "No hour is left"


def states() -> list[tuple[str, str]]:
    """Whom the picture can be drawn for: (code, name), unknown places first."""
    named = sorted(((code, NAMES[code]) for code in state_hours.STATES), key=lambda pair: pair[1])
    return [(ANYWHERE, "Place unknown"), *named]


def clock_words(minute: int) -> str:
    """540 is “9:00 am”, 1440 “midnight”."""
    if minute in (0, 24 * 60):
        return "midnight"
    hour, rest = divmod(minute, 60)
    return f"{hour % 12 or 12}:{rest:02} {'am' if hour < 12 else 'pm'}"
