"""The forms of the page of hours. A day that ends at 12:00 AM ends at midnight."""

from datetime import date, time, timedelta
from typing import Any

from django import forms

from audiences import state_hours
from audiences.account_hours import QuietHours
from audiences.models import AccountHours, BusinessDay
from audiences.models.account_hours import LONGEST_WORDS
from conversations import after_hours

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONGEST_AHEAD = timedelta(days=3 * 366)
_LAW = (8 * 60, 21 * 60)


def minute_of(value: time, *, ends: bool = False) -> int:
    """Minutes after midnight; as the end of a day, midnight is 1440."""
    minute = value.hour * 60 + value.minute
    return 24 * 60 if ends and minute == 0 else minute


def time_of(minute: int) -> str:
    """As a time field shows it."""
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def _time(label: str, **attributes: Any) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time", "step": 300, **attributes}, format="%H:%M")
    return forms.TimeField(label=label, widget=widget, error_messages={"required": f"Say {label.lower()}."})


class QuietForm(forms.Form):
    """When campaigns may reach people."""

    start = _time("From")
    end = _time("To")
    days = forms.TypedMultipleChoiceField(
        label="Days",
        choices=list(enumerate(WEEKDAYS)),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day, or campaigns never reach anybody."},
    )
    rests_on_holidays = forms.BooleanField(label="Rest on federal holidays", required=False)
    rests_on_closed_days = forms.BooleanField(label="Rest on our closed days", required=False)

    @classmethod
    def of(cls, chosen: QuietHours) -> "QuietForm":
        """Filled with what is in force."""
        return cls(
            initial={
                "start": time_of(chosen.start_minute),
                "end": time_of(chosen.end_minute),
                "days": [bit for bit in range(7) if chosen.days >> bit & 1],
                "rests_on_holidays": chosen.rests_on_holidays,
                "rests_on_closed_days": chosen.rests_on_closed_days,
            }
        )

    def clean(self) -> dict[str, Any]:
        """Hours in order, and some of them inside the law."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "start" in cleaned and "end" in cleaned:
            start, end = minute_of(cleaned["start"]), minute_of(cleaned["end"], ends=True)
            if start >= end:
                self.add_error("end", "The hours must end after they begin.")
            elif max(start, _LAW[0]) >= min(end, _LAW[1]):
                self.add_error("end", "Federal law allows 8:00 am to 9:00 pm: nothing would be left.")
        return cleaned

    def chosen(self) -> QuietHours:
        """What was chosen. Only after `is_valid()`."""
        data = self.cleaned_data
        return QuietHours(
            start_minute=minute_of(data["start"]),
            end_minute=minute_of(data["end"], ends=True),
            days=sum(1 << bit for bit in data["days"]),
            rests_on_holidays=data["rests_on_holidays"],
            rests_on_closed_days=data["rests_on_closed_days"],
        )


class BusinessForm(forms.Form):
    """For each weekday whether the office is open, and when."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for index, name in enumerate(WEEKDAYS):
            self.fields[f"open_{index}"] = forms.BooleanField(label=name, required=False)
            for end, words in (("from", "opens"), ("to", "closes")):
                field = _time(f"when {name} {words}", **{"aria-label": f"{name} {words}"})
                field.required = False
                self.fields[f"{end}_{index}"] = field

    @classmethod
    def of(cls, days: list[BusinessDay]) -> "BusinessForm":
        """Filled with what is in force; the usual hours where nobody has said any."""
        known = {row.weekday: (row.opens_minute, row.closes_minute) for row in days}
        initial: dict[str, Any] = {}
        for index in range(7):
            opens, closes = known.get(index, (8 * 60, 17 * 60))
            initial[f"open_{index}"] = index in known if known else index < 5
            initial |= {f"from_{index}": time_of(opens), f"to_{index}": time_of(closes)}
        return cls(initial=initial)

    def clean(self) -> dict[str, Any]:
        """Every open day opens before it closes."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for index, name in enumerate(WEEKDAYS):
            if not cleaned.get(f"open_{index}") or f"to_{index}" in self.errors:
                continue
            opens, closes = cleaned.get(f"from_{index}"), cleaned.get(f"to_{index}")
            if opens is None or closes is None:
                self.add_error(f"to_{index}", f"Say when {name} opens and closes, or mark it closed.")
            elif minute_of(opens) >= minute_of(closes, ends=True):
                self.add_error(f"to_{index}", f"{name} must close after it opens.")
        return cleaned

    def chosen(self) -> dict[int, tuple[int, int]]:
        """Weekday → minutes, of the open ones. Only after `is_valid()`."""
        data = self.cleaned_data
        return {
            index: (minute_of(data[f"from_{index}"]), minute_of(data[f"to_{index}"], ends=True))
            for index in range(7)
            if data[f"open_{index}"]
        }

    def rows(self) -> list[dict[str, Any]]:
        """The fields weekday by weekday."""
        return [
            {"name": name, "open": self[f"open_{i}"], "from": self[f"from_{i}"], "to": self[f"to_{i}"]}
            for i, name in enumerate(WEEKDAYS)
        ]


class ClosedDayForm(forms.Form):
    """One day on which the office is closed."""

    day = forms.DateField(
        label="Day",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "Say which day.", "invalid": "Write the day as 2026-12-24."},
    )
    name = forms.CharField(
        label="Why",
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Inventory"}),
        error_messages={"required": "Name the day, so that colleagues know why you are closed."},
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_day(self) -> date:
        """A day that lies ahead, and not in another age."""
        day: date = self.cleaned_data["day"]
        if day < self.today:
            raise forms.ValidationError("That day is over. Choose one that lies ahead.")
        if day > self.today + LONGEST_AHEAD:
            raise forms.ValidationError("That day is more than three years ahead.")
        return day


class AnswerForm(forms.Form):
    """Whether customers are answered after hours, and how."""

    on = forms.BooleanField(label="Answer customers who write while we are closed", required=False)
    words = forms.CharField(
        label="Words",
        required=False,
        max_length=LONGEST_WORDS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="{{ company }} is your company, {{ opens }} when you open next, as “Monday 8:00 AM”.",
    )

    @classmethod
    def of(cls, row: AccountHours | None) -> "AnswerForm":
        """Filled with what is in force."""
        on, words = (row.answers, row.answer_words) if row else (True, "")
        return cls(initial={"on": on, "words": words or after_hours.WORDS})

    def clean_words(self) -> str:
        """Words that can be filled; the product's own are kept as none, so that they may grow better."""
        words = str(self.cleaned_data["words"]).strip()
        if found := after_hours.problems(words):
            raise forms.ValidationError(found)
        return "" if words == after_hours.WORDS else words


def holidays_ahead(year: int, today: date) -> dict[date, str]:
    """The federal holidays of a year that are not over."""
    return {day: name for day, name in state_hours.named_holidays(year).items() if day >= today}
