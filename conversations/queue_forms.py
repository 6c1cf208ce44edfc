"""What agents write around a call. The rules are elsewhere; these only read the fields."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from audiences import hours, suppression
from common.phone import display_phone
from conversations.models import AgentPhone, PlannedCall
from conversations.said_outcomes import LONGEST_NOTE

FARTHEST = timedelta(days=13)  # as far ahead as the hours are known
STEP = 15  # minutes
SKIPS = {
    "just_spoken": "We have just spoken with them",
    "wrong_person": "Not the right person to call",
    "office": "The office takes care of it",
    "later": "Not worth a call at present",
    "other": "Another reason",
}


class NoteField(forms.CharField):
    """An agent's note about a call: as many characters as the page lets them write, each line's end one."""

    def __init__(self) -> None:
        super().__init__(required=False, strip=True)

    def clean(self, value: Any) -> str:
        """The note, cut where the page would have."""
        return str(super().clean(value)).replace("\r\n", "\n")[:LONGEST_NOTE]


class OutcomeForm(forms.Form):
    """What came of a call, a note about it, and whether the next person comes then."""

    outcome = forms.ChoiceField(choices=PlannedCall.Outcome)
    note = NoteField()
    go_on = forms.BooleanField(required=False)


class SkipForm(forms.Form):
    """Why somebody is not called."""

    why = forms.ChoiceField(
        label="Why is this person not called?",
        choices=list(SKIPS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose why this person is not called."},
    )
    words = forms.CharField(
        label="In your words",
        required=False,
        max_length=200,
        help_text="Colleagues read it beside the contact’s calls.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_skip_%s")
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Another reason needs its words."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("why") == "other" and not cleaned.get("words"):
            self.add_error("words", "Write the reason in a few words.")
        return cleaned

    @property
    def reason(self) -> str:
        """The reason as it is kept. Of a valid form."""
        why, words = self.cleaned_data["why"], self.cleaned_data["words"]
        return str(words) if why == "other" else ": ".join(filter(None, [SKIPS[why], words]))


class AgainForm(forms.Form):
    """A day and an hour for the next call, as the customer's clock shows them; only inside the hours that
    window and law leave open."""

    day = forms.ChoiceField(label="Day")
    hour = forms.ChoiceField(label="Time")
    note = NoteField()

    def __init__(self, *args: Any, planned: PlannedCall, now: datetime, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_again_%s")
        super().__init__(*args, **kwargs)
        zones = [ZoneInfo(name) for name in planned.contact.zone_set.zones]
        self.zone = zones[0] if zones else planned.account.zone
        self.sure = len({now.astimezone(zone).utcoffset() for zone in zones}) == 1
        window = planned.lane.window or hours.window_of(planned.account_id)
        self._now, self._own = now, planned.kind == PlannedCall.Kind.AGENT
        self.spans = hours.openings(planned.contact.zone_set, window, suppression.CALL, now)
        fields: dict[str, Any] = self.fields
        fields["day"].choices = [(str(day), self._named(day)) for day in self.days]
        minutes = [minute for minute in range(0, 24 * 60, STEP) if self._ever(minute)]
        fields["hour"].choices = [(f"{m // 60:02}:{m % 60:02}", _hour(m)) for m in minutes]
        first = self._first()
        if first is not None:
            fields["day"].initial, fields["hour"].initial = str(first.date()), f"{first:%H:%M}"

    def _named(self, day: date) -> str:
        words = _day(day, self._today)
        return words[0].upper() + words[1:]

    @property
    def _today(self) -> date:
        return self._now.astimezone(self.zone).date()

    @property
    def days(self) -> list[date]:
        """The days on which they may be called at some hour."""
        found: list[date] = []
        for opens, closes in self.spans:
            if closes > self._now and opens < self._now + FARTHEST:
                day = max(opens, self._now).astimezone(self.zone).date()
                found += [day] if day not in found else []
        return found

    def _ever(self, minute: int) -> bool:
        """Whether some day lets them be called at this minute of it."""
        for opens, closes in self.spans:
            begins, ends = opens.astimezone(self.zone), closes.astimezone(self.zone)
            until = ends.hour * 60 + ends.minute if ends.date() == begins.date() else 24 * 60
            if begins.hour * 60 + begins.minute <= minute < until:
                return True
        return False

    def _first(self) -> datetime | None:
        """Two hours from now, or the first quarter of an hour after that in which they may be called."""
        at = self._now + timedelta(hours=2)
        for opens, closes in self.spans:
            begins = max(at, opens)
            begins += timedelta(minutes=-(begins.astimezone(self.zone).minute) % STEP)
            begins = begins.replace(second=0, microsecond=0)
            if begins < closes:
                return begins.astimezone(self.zone)
        return None

    def clean(self) -> dict[str, Any]:
        """The instant, as `at`; refused with the hours of that day where it is outside of them."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        day, hour = date.fromisoformat(cleaned["day"]), time.fromisoformat(cleaned["hour"])
        at = datetime.combine(day, hour, tzinfo=self.zone)
        if at <= self._now:
            self.add_error("hour", "That time is over where they are. Choose a later one.")
        elif not any(opens <= at < closes for opens, closes in self.spans):
            self.add_error("hour", f"They may not be called then. {self._open_on(day)}")
        cleaned["at"] = at
        return cleaned

    def _open_on(self, day: date) -> str:
        for opens, closes in self.spans:
            begins, ends = opens.astimezone(self.zone), closes.astimezone(self.zone)
            if begins.date() == day:
                return f"On {_day(day, self._today)}: {_of(begins)} to {_of(ends)} of their time."
        return f"On {_day(day, self._today)} they may not be called at all."

    def said(self, at: datetime) -> str:
        """An instant as people say it, in the customer's zone."""
        there = at.astimezone(self.zone)
        return f"{_day(there.date(), self._today)} at {_of(there)}, their time"


class PhoneForm(forms.Form):
    """The phone in the agent's hand."""

    phone = forms.CharField(
        label="Your phone",
        max_length=40,
        help_text="It rings first; when you pick up, the customer is called. They see your company’s number.",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
        error_messages={"required": "Write the number of the phone that calls should ring."},
    )

    def __init__(self, *args: Any, known: AgentPhone | None, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_agent_%s")
        super().__init__(*args, **kwargs)
        if known is not None:
            self.fields["phone"].initial = display_phone(known.phone)


def _day(day: date, today: date) -> str:
    if day == today:
        return "today"
    if day == today + timedelta(days=1):
        return "tomorrow"
    return f"{day:%A, %b} {day.day}"


def _hour(minute: int) -> str:
    return _of(time(minute // 60, minute % 60))


def _of(moment: time | datetime) -> str:
    return f"{moment.hour % 12 or 12}:{moment.minute:02} {'am' if moment.hour < 12 else 'pm'}"
