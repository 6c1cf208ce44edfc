"""The form of a booking that a person makes."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django import forms

from accounts.models import Account, BusinessUnit
from audiences.models import JobType
from campaigns.job_creation import window_words
from campaigns.own_bookings import MOST_SUMMARY, Wish
from campaigns.visit_slots import Slots
from conversations.queue_forms import NoteField

ANY = ""
_FARTHEST = timedelta(days=60)


class OwnBookingForm(forms.Form):
    """What is to be done, and when somebody comes. `token` makes a second click find the first booking."""

    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    summary = forms.CharField(
        label="What is to be done?",
        max_length=MOST_SUMMARY,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The office reads it with the request.",
        error_messages={"required": "Write what is to be done, so that the office knows."},
    )
    business_unit = forms.ModelChoiceField(
        BusinessUnit.objects.none(), required=False, empty_label="The office decides"
    )
    job_type = forms.ModelChoiceField(
        JobType.objects.none(), required=False, empty_label="The office decides"
    )
    slot = forms.ChoiceField(label="When does somebody come?", required=False, widget=forms.RadioSelect)
    note = NoteField()  # of the call it is made on

    def __init__(
        self, *args: Any, account: Account, slots: Slots | None, now: datetime, **kwargs: Any
    ) -> None:
        kwargs.setdefault("auto_id", "id_book_%s")
        super().__init__(*args, **kwargs)
        self._now = now
        fields: dict[str, Any] = self.fields
        fields["business_unit"].queryset = BusinessUnit.objects.filter(account=account, active=True).order_by(
            "name"
        )
        fields["job_type"].queryset = JobType.objects.filter(account=account, active=True).order_by("name")
        spans = slots.spans if slots else []
        known = [(f"{a.isoformat()}/{b.isoformat()}", window_words(a, b, account.zone)) for a, b in spans]
        chosen = str(self.data.get("slot", "") if self.is_bound else self.initial.get("slot", ""))
        looked = slots is not None and not slots.why
        self.taken = ""  # the window that was chosen, in words, where it is no longer free
        if chosen and chosen not in dict(known) and (span := _read(chosen)):
            if looked and not self.is_bound:
                self.taken = window_words(*span, account.zone)
                self.initial["slot"] = ANY
            else:
                known.insert(0, (chosen, window_words(*span, account.zone)))
        fields["slot"].choices = [(ANY, "No time agreed: the office calls to find one"), *known]

    def clean_slot(self) -> tuple[datetime, datetime] | None:
        """The window as instants, or None where no time was agreed."""
        text = self.cleaned_data["slot"]
        span = _read(text)
        if text and (span is None or span[0] <= self._now or span[1] > self._now + _FARTHEST):
            raise forms.ValidationError("That time is over or too far ahead. Choose another.")
        return span

    @property
    def wish(self) -> Wish:
        """What was chosen. Of a valid form."""
        typed = self.cleaned_data
        starts, ends = typed["slot"] or (None, None)
        return Wish(typed["summary"], typed["business_unit"], typed["job_type"], starts, ends)


def _read(text: str) -> tuple[datetime, datetime] | None:
    try:
        starts, ends = (datetime.fromisoformat(part) for part in text.split("/"))
    except ValueError:
        return None
    return (starts, ends) if starts.tzinfo and ends.tzinfo and starts < ends else None
