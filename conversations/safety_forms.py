"""When senders pause themselves, and what messages cost: what an admin may set."""

from django import forms
from django.core.exceptions import ValidationError

from conversations.models import SafetyLimits
from conversations.safety import LATEST
from integrations.models import RateTable


class SafetyLimitsForm(forms.ModelForm):
    """Shares in percent, the smallest sample, and the window."""

    class Meta:
        model = SafetyLimits
        fields = ["failures", "opt_outs", "bounces", "complaints", "min_sample", "window_hours"]
        labels = {
            "failures": "Texts that failed, in percent",
            "opt_outs": "People who opted out of texts, in percent",
            "bounces": "Emails that bounced, in percent",
            "complaints": "Emails called spam, in percent",
            "min_sample": "Judge a sender only from so many messages on",
            "window_hours": "Of the last hours",
        }
        help_texts = {
            "failures": "Failed or rejected, of those the carrier took. 100 switches the rule off.",
            "bounces": "Mailbox providers expect cleaner lists above 2 to 5 percent.",
            "complaints": "Gmail and Yahoo ask bulk senders to stay below 0.3 percent.",
            "min_sample": f"20 to {LATEST:,}; fewer say little, and of more only the latest are looked at.",
            "window_hours": "1 to 72",
        }

    def clean_min_sample(self) -> int:
        """No campaign would ever be judged by a sample larger than what is looked at of it."""
        sample: int = self.cleaned_data["min_sample"]
        if sample > LATEST:
            raise ValidationError(f"At most {LATEST:,}: no more of a campaign are looked at.")
        return sample


class RateTableForm(forms.ModelForm):
    """Prices in US dollars."""

    class Meta:
        model = RateTable
        fields = [
            "segment_out", "carrier_fee", "mms_out", "carrier_fee_mms", "segment_in", "mms_in",
            "emails_thousand", "minute_out", "minute_in", "machine_check", "minute_recorded",
        ]  # fmt: skip
        help_texts = {
            "segment_out": "US dollars, as your contract with the provider has it.",
            "carrier_fee": "Carriers charge it on top; it differs by carrier, so take the usual one.",
            "minute_out": "An agent’s call rings two phones, theirs and the customer’s: both count.",
        }
