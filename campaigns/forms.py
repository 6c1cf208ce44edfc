"""The launch form."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.models import Account
from audiences import segments
from audiences.forms import RulesForm
from audiences.models import Audience
from campaigns.launching import Draft
from campaigns.models import Campaign, Playbook, WorkflowVersion
from integrations.models import SendingNumber

TARGETING = ("business_units", "tags", "job_types", "last_job_before", "last_job_after")
NOW, LATER = "now", "later"
_GRACE = timedelta(minutes=5)  # a time chosen a moment ago is still meant


def launchable(account: Account) -> QuerySet[WorkflowVersion]:
    """The latest published version of every workflow, by name."""
    published = WorkflowVersion.objects.filter(workflow__account=account, published_at__isnull=False)
    newest = published.order_by("workflow", "-number").distinct("workflow")
    return (
        WorkflowVersion.objects.filter(pk__in=newest.values("pk"))
        .select_related("workflow")
        .order_by("workflow__name")
    )


class VersionField(forms.ModelChoiceField):
    """A workflow, chosen by its name; the version behind it is the latest published one."""

    def label_from_instance(self, version: Any) -> str:
        """Name and number."""
        return f"{version.workflow.name} (version {version.number})"


class LaunchForm(RulesForm):
    """Everything a launch needs. The targeting filters are rules that narrow the audience."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label="Campaign name", max_length=160, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    workflow = VersionField(queryset=WorkflowVersion.objects.none(), empty_label="Choose a workflow")
    audience = forms.ModelChoiceField(queryset=Audience.objects.none(), empty_label="Choose an audience")
    number = forms.ModelChoiceField(
        label="Send from", queryset=SendingNumber.objects.none(), empty_label="Choose a number"
    )
    playbook = forms.ModelChoiceField(
        queryset=Playbook.objects.none(), required=False, empty_label="No playbook"
    )
    start = forms.ChoiceField(
        label="Start",
        choices=[(NOW, "Now"), (LATER, "At a time of my choosing")],
        initial=NOW,
        widget=forms.RadioSelect,
    )
    starts_at = forms.DateTimeField(
        label="Start at",
        required=False,
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, account: Account, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, account=account, **kwargs)
        self.now = now
        for key in segments.FIELDS.keys() - set(TARGETING):
            del self.fields[key]
        self.fields[
            "starts_at"
        ].help_text = f"Company time ({account.timezone}). Texts also keep to 9 am–7 pm."
        choices: dict[str, QuerySet[Any]] = {
            "workflow": launchable(account),
            "audience": Audience.objects.filter(account=account).order_by("name"),
            "number": SendingNumber.objects.active().filter(account=account).order_by("label", "e164"),
            "playbook": Playbook.objects.filter(account=account).order_by("name"),
        }
        for name, rows in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows

    def missing(self) -> list[str]:
        """What the account lacks before anything can be launched, in words."""
        needed = {
            "workflow": "a published workflow",
            "audience": "an audience",
            "number": "an active sending number",
        }
        return [words for name, words in needed.items() if not self.fields[name].queryset.exists()]  # type: ignore[attr-defined]

    def targeting_fields(self) -> list[forms.BoundField]:
        """The filters, in the order of the page."""
        return [self[name] for name in TARGETING]

    def clean(self) -> dict[str, Any]:
        """A later start needs its time, and one that still lies ahead."""
        cleaned = super().clean()
        if cleaned.get("start") == LATER and "starts_at" not in self.errors:
            at = cleaned.get("starts_at")
            if at is None:
                self.add_error("starts_at", "Choose when the campaign starts, or start it now.")
            elif at < self.now - _GRACE:
                self.add_error("starts_at", "This time has passed. Choose a later one, or start now.")
        return cleaned

    def draft(self) -> Draft:
        """What was chosen, for `launching.launch`. Only after `is_valid()`."""
        chosen = self.cleaned_data
        return Draft(
            name=chosen["name"],
            version=chosen["workflow"],
            audience=chosen["audience"],
            number=chosen["number"],
            targeting=self.rules(),
            playbook=chosen["playbook"],
            token=chosen["token"],
        )

    def at(self) -> datetime | None:
        """When to start; None for at once."""
        return self.cleaned_data["starts_at"] if self.cleaned_data["start"] == LATER else None

    def refuse(self, errors: dict[str, list[str]]) -> None:
        """Show why a launch was refused beside the fields it concerns."""
        for name, found in errors.items():
            for error in found:
                self.add_error(name if name in self.fields else None, error)


class CampaignFilterForm(forms.Form):
    """What the list of campaigns is narrowed to; nonsense narrows nothing."""

    status = forms.ChoiceField(choices=[("", "All"), *Campaign.Status.choices], required=False)
    q = forms.CharField(max_length=100, required=False)
    playbook = forms.ModelChoiceField(
        queryset=Playbook.objects.none(), required=False, empty_label="Every playbook"
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["playbook"].queryset = Playbook.objects.filter(account=account).order_by("name")  # type: ignore[attr-defined]

    def chosen(self) -> dict[str, Any]:
        """What was understood."""
        self.is_valid()
        return self.cleaned_data
