"""The form of Settings, Bookings: the switch, and what jobs are created with."""

from typing import Any

from django import forms

from accounts.models import Account, BusinessUnit
from audiences.models import JobType, LeadSource
from campaigns.models import JobCreation
from campaigns.models.job_creation import MOST_LEAD_DAYS

_CHOICES = {"business_unit": BusinessUnit, "job_type": JobType, "lead_source": LeadSource}


class JobCreationForm(forms.ModelForm):
    """The switch, and what jobs are created with. Only what ServiceTitan still uses can be chosen."""

    lead_days = forms.IntegerField(
        label="Days ahead, at least",
        min_value=1,
        max_value=MOST_LEAD_DAYS,
        help_text=f"1 to {MOST_LEAD_DAYS}. The job is put on the first open day from then on.",
    )

    class Meta:
        model = JobCreation
        fields = ["allowed", *_CHOICES, "priority", "lead_days"]
        labels = {
            "allowed": "Create jobs in ServiceTitan",
            "lead_source": "Marketing campaign in ServiceTitan",
        }
        help_texts = {
            "business_unit": "For steps that name none.",
            "job_type": "For steps that name none.",
            "lead_source": "ServiceTitan takes no job without one, and its reports count the jobs there.",
        }

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, model in _CHOICES.items():
            field: Any = self.fields[name]
            mine = model._default_manager.filter(account=account, active=True)
            field.queryset = mine.order_by("name", "pk")
            field.empty_label = "None" if name == "lead_source" else "None: such bookings stay requests"

    def clean(self) -> dict[str, Any]:
        """Without a marketing campaign no job can be created."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("allowed") and not cleaned.get("lead_source") and "lead_source" not in self.errors:
            self.add_error("lead_source", "Choose one: ServiceTitan takes no job without it.")
        return cleaned
