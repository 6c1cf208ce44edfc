"""When a campaign starts, by which clocks, and how often: the upper half of a launch’s fourth stage."""

from datetime import datetime
from typing import Any

from django import forms

from audiences.clock_times import ClockTimeField
from campaigns.models import Campaign
from campaigns.starts import LONGEST_REPEATING, MOST_EVERY, Repeats, Schedule
from campaigns.terms import Again, end_of, last_day
from campaigns.terms_form import TermsForm, number_field

NOW, LATER, LOCAL = "now", "later", "local"
ONCE = ""


class StartForm(TermsForm):
    """Start, clocks and repetition, above the terms."""

    now: datetime
    field_order = [  # as they stand on the page: what is wrong is told in this order
        "start", "starts_at", "repeats", "repeats_every", "repeats_until", "again", "texts_per_hour",
        "send_by_hours", "credit_window_days", "first", "canary_percent", "canary_people", "canary_minutes",
        "exits", "joining", "joins_until", "again_days",
    ]  # fmt: skip
    start = forms.ChoiceField(
        label="Start",
        choices=[
            (NOW, "Now"),
            (LATER, "At a time of my choosing"),
            (LOCAL, "At a chosen time where each customer lives"),
        ],
        initial=NOW,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose when it starts."},
    )
    starts_at = ClockTimeField(label="Start at", required=False)
    repeats = forms.ChoiceField(
        label="Repeat",
        required=False,
        choices=[
            (ONCE, "Once"),
            (Repeats.DAYS, "Every so many days"),
            (Repeats.WEEKS, "Every so many weeks"),
            (Repeats.MONTHS, "Every so many months"),
        ],
    )
    repeats_every = number_field("Every", MOST_EVERY, "1 is every one, 2 every other.", 1)
    repeats_until = forms.DateField(
        label="Last day to begin",
        required=False,
        help_text="The campaign stays active until that day is over.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    again = forms.ChoiceField(
        label="Who got it before",
        required=False,
        choices=[
            (Again.EACH_OCCURRENCE, "May get it once in every occurrence"),
            (Again.NEVER, "Never gets it twice"),
        ],
        initial=Again.EACH_OCCURRENCE,
    )

    def clean(self) -> dict[str, Any]:
        """What is not asked for is no mistake."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("repeats"):
            self._not_asked(cleaned, "repeats_every", "repeats_until", "again")
        return cleaned

    def check_repeats(self, start: datetime) -> None:
        """What comes round again needs its last day, behind the start."""
        if not self.cleaned_data.get("repeats") or "repeats_until" in self.errors:
            return
        until = self.cleaned_data.get("repeats_until")
        if until is None:
            self.add_error("repeats_until", "Choose the last day to begin, or send it once.")
        elif until > last_day(start + LONGEST_REPEATING, self.account):
            self.add_error("repeats_until", "This lies more than two years ahead. Choose an earlier day.")
        elif end_of(until, self.account) <= start:
            self.add_error(
                "repeats_until", "This day is over before the campaign starts. Choose a later one."
            )

    def schedule(self) -> Schedule | None:
        """What was chosen, as far as it is valid; None where it starts at an instant, once."""
        found = self.cleaned_data
        local, until = found.get("start") == LOCAL, found.get("repeats_until")
        repeats = found.get("repeats") if until else ""
        starts_at = found.get("starts_at")
        if not (local and starts_at) and not repeats:
            return None
        return Schedule.at(
            starts_at or self.now,
            self.account,
            local=local,
            repeats=repeats or "",
            every=found.get("repeats_every") or 1,
            until=end_of(until, self.account) if until and repeats else None,
        )

    def _again(self) -> str:
        found = self.cleaned_data
        if not found.get("repeats"):
            return Again.NEVER
        return found.get("again") or Again.EACH_OCCURRENCE


def fields_of(campaign: Campaign) -> dict[str, Any]:
    """How often a campaign comes round, as raw fields of a new draft; its last day is chosen anew."""
    return {
        "repeats": campaign.repeats,
        "repeats_every": str(campaign.repeats_every) if campaign.repeats else "",
        "again": campaign.again if campaign.again != Again.AFTER_DAYS else "",
    }
