"""How an account calls, as its admins set it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from common.phone import display_phone, e164_of
from conversations.models import CallSettings
from integrations.models import SendingNumber


class CallSettingsForm(forms.ModelForm):
    """Who takes customers' calls, how fast scripts call, and whether calls are recorded."""

    class Meta:
        model = CallSettings
        fields = [
            "office_line", "transfer_to", "ring_seconds", "missed_words", "per_second", "most_at_once",
            "records", "recording_notice",
        ]  # fmt: skip
        labels = {
            "office_line": "Office line",
            "transfer_to": "Who is rung",
            "ring_seconds": "Seconds to ring",
            "missed_words": "What a caller hears when nobody takes the call",
            "per_second": "Scripted calls placed a second",
            "most_at_once": "Scripted calls at once",
            "records": "Record calls with customers",
            "recording_notice": "What is said first on a recorded call",
        }
        help_texts = {
            "office_line": "Your phone system or a mobile, not one of the numbers you text from.",
            "transfer_to": "Agents are rung while they are available in the call queue and on no other call; "
            "they press 1 to take it, which a voicemail cannot.",
            "ring_seconds": "15 to 60. The law lets nobody be rung for less than 15 seconds.",
            "missed_words": "Spoken before the tone. Their message then waits in the inbox.",
            "per_second": "1 unless your provider approved more; at most 30.",
            "most_at_once": "As many as your people can take when everybody presses 1. 1 to 100.",
            "recording_notice": "Some states want everybody on the line to know. It is said wherever calls "
            "are recorded, whatever the state.",
        }
        widgets = {
            "office_line": forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
            "missed_words": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        line = self.fields["office_line"]
        line.validators, line.widget.attrs["maxlength"] = [], 40
        if self.instance.office_line and not self.is_bound:
            self.initial["office_line"] = display_phone(self.instance.office_line)

    def clean_office_line(self) -> str:
        """As E.164; none of the numbers that calls come in at, which would ring themselves."""
        written: str = self.cleaned_data["office_line"].strip()
        if not written:
            return ""
        phone = e164_of(written)
        if not phone:
            raise ValidationError("This is no phone number. Write it with its area code.")
        if SendingNumber.objects.filter(e164=phone).exists():
            raise ValidationError(
                "Calls come in at this number: it would ring itself. Write the phone that your office "
                "answers."
            )
        return phone

    def clean(self) -> dict[str, Any]:
        """Whoever is chosen must be there, and a recorded call says so."""
        found = super().clean() or {}
        by_office = found.get("transfer_to") != CallSettings.Transfer.AGENTS
        if by_office and "office_line" in found and not found["office_line"]:
            self.add_error("office_line", "Write the office line, or let available agents be rung alone.")
        if found.get("records") and not (found.get("recording_notice") or "").strip():
            self.add_error("recording_notice", "Write what is said: no call is recorded in silence.")
        return found
