"""The forms of a launch, stage by stage, and of the list of campaigns."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms.boundfield import BoundWidget

from accounts.models import Account
from audiences.forms import RulesField
from audiences.models import Audience
from campaigns.launching import LONGEST_LEAD
from campaigns.models import Campaign, Playbook, WorkflowVersion
from campaigns.start_form import LATER, LOCAL, NOW, StartForm
from campaigns.starts import Schedule
from campaigns.terms import LONGEST_JOINING, end_of, last_day
from common.phone import display_phone
from integrations.models import SendingNumber

_GRACE = timedelta(minutes=5)  # a time chosen a moment ago is still meant


def launchable(account: Account) -> QuerySet[WorkflowVersion]:
    """The latest published version of every workflow that is not archived, by name."""
    published = WorkflowVersion.objects.filter(
        workflow__account=account, workflow__archived_at__isnull=True, published_at__isnull=False
    )
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


class WorkflowForm(forms.Form):
    """The first stage: what is sent, and what the campaign is called."""

    name = forms.CharField(
        label="Campaign name",
        max_length=160,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the campaign a name."},
    )
    workflow = VersionField(
        queryset=WorkflowVersion.objects.none(),
        empty_label="Choose a workflow",
        error_messages={
            "required": "Choose what is sent.",
            "invalid_choice": "The version you chose is no longer offered: a newer one was published, or its "
            "workflow is in the archive. Choose again what is sent.",
        },
    )
    playbook = forms.ModelChoiceField(
        queryset=Playbook.objects.none(),
        required=False,
        empty_label="No playbook",
        error_messages={
            "invalid_choice": "The playbook you chose is in the archive. Choose another, or none."
        },
    )

    def __init__(self, *args: Any, account: Account, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "workflow", launchable(account))
        offered = Playbook.objects.filter(account=account, archived_at=None)
        _offer(self, "playbook", offered.order_by("position", "name"))


class WhomForm(forms.Form):
    """The second stage: whom it reaches: an audience, and rules that narrow it."""

    audience = forms.ModelChoiceField(
        queryset=Audience.objects.none(),
        empty_label="Choose an audience",
        error_messages={
            "required": "Choose who gets it.",
            "invalid_choice": "The audience you chose is gone. Choose another.",
        },
    )
    save_as = forms.CharField(
        label="Name of the audience",
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, account: Account, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "audience", Audience.objects.filter(account=account).order_by("name"))
        self.fields["targeting"] = self.rules = RulesField(account=account, label="Rules")


class NumbersField(forms.ModelMultipleChoiceField):
    """One number or several, chosen by boxes."""

    def clean(self, value: Any) -> Any:
        """A draft that was begun when there was only one to choose has it alone."""
        return super().clean([value] if isinstance(value, str) and value else value)

    def prepare_value(self, value: Any) -> Any:
        """See `clean`."""
        return super().prepare_value([value] if isinstance(value, str) and value else value)


class NumbersForm(forms.Form):
    """Which numbers a campaign sends from."""

    number = NumbersField(
        label="Send from",
        queryset=SendingNumber.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose the number that sends, or several.",
            "invalid_choice": "Select a valid choice. A number you chose no longer sends.",
            "invalid_pk_value": "Select a valid choice. A number you chose no longer sends.",
        },
    )

    def offer(self, numbers: QuerySet[SendingNumber]) -> None:
        """Let these be chosen from."""
        _offer(self, "number", numbers.select_related("connection").order_by("label", "e164"))

    def numbers(self) -> list[tuple[BoundWidget, SendingNumber, str, int]]:
        """Each number with the box to choose it by, as people write it, and its segments in an hour."""
        found = [(choice, choice.data["value"].instance) for choice in self["number"]]
        return [
            (choice, number, display_phone(number.e164), number.segments_per_second * 3600)
            for choice, number in found
        ]


class SenderForm(NumbersForm):
    """The third stage: which numbers it comes from."""

    def __init__(self, *args: Any, account: Account, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        numbers = SendingNumber.objects.active().filter(account=account)
        self.offer(numbers)
        if not self.is_bound and not self.initial.get("number") and len(numbers) == 1:
            self.initial["number"] = [numbers[0].pk]


class TimeForm(StartForm):
    """The fourth stage: when it starts, by which clocks, how often, and on what terms it runs."""

    def __init__(self, *args: Any, account: Account, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now, self.account = now, account
        self.fields["starts_at"].help_text = f"Company time ({account.timezone}), or each customer’s own."

    def clean(self) -> dict[str, Any]:
        """A later start needs its time, and one that still lies ahead, as do the ends of all that ends."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("start") in (LATER, LOCAL) and "starts_at" not in self.errors:
            self._check_start(cleaned.get("starts_at"), local=cleaned["start"] == LOCAL)
        elif cleaned.get("start") == NOW:  # what stands in a field that is not asked for is no mistake
            self.errors.pop("starts_at", None)
            cleaned["starts_at"] = None
        start = cleaned.get("starts_at") or self.now
        if (until := cleaned.get("joins_until")) is not None:
            if until > last_day(start + LONGEST_JOINING, self.account):
                self.add_error("joins_until", "This lies more than two years ahead. Choose an earlier day.")
            elif end_of(until, self.account) <= start:
                self.add_error(
                    "joins_until", "This day is over before the campaign starts. Choose a later one."
                )
        self.check_repeats(start)
        return cleaned

    def _check_start(self, at: datetime | None, *, local: bool) -> None:
        if at is None:
            self.add_error("starts_at", "Choose when the campaign starts, or start it now.")
            return
        first = Schedule.at(at, self.account, local=True).moment(self.account) if local else at
        if first < self.now - _GRACE:
            where = " where some of your customers live" if local and at >= self.now else ""
            self.add_error("starts_at", f"This time has passed{where}. Choose a later one, or start now.")
        elif at - self.now >= LONGEST_LEAD:
            self.add_error("starts_at", "This is more than a year ahead. Choose an earlier time.")


def _offer(form: forms.Form, name: str, rows: QuerySet[Any]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = rows


SORTS = tuple(sign + name for name in ("name", "launched", "audience", "booked") for sign in ("", "-"))


class CampaignFilterForm(forms.Form):
    """What the list of campaigns is narrowed to; nonsense narrows nothing."""

    status = forms.ChoiceField(choices=[("", "All"), *Campaign.Status.choices], required=False)
    q = forms.CharField(max_length=100, required=False)
    sort = forms.ChoiceField(choices=[(key, key) for key in SORTS], required=False)
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
