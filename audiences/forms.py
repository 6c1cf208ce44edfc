"""The audience form: one field per rule that `FILTERS` declares."""

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args
from urllib.parse import urlencode

from django import forms
from django.db import IntegrityError, transaction

from accounts.models import Account
from audiences import segments
from audiences.models import Audience
from audiences.rules import filters
from audiences.rules.filters import FILTERS, Filter

GROUPS = {
    "Who they are": ("kind",),
    "Their tags": ("tags", "without_tags"),
    "Their jobs": ("business_units", "job_types"),
    "Their last job": (
        "last_job_before", "last_job_after", "days_since_last_job_min", "days_since_last_job_max",
    ),
}  # fmt: skip
NAME_TAKEN = "There is an audience of this name already. Choose another."


def as_query(rules: Mapping[str, Any]) -> str:
    """Rules as the query string that `RulesForm` reads again."""
    return urlencode(rules, doseq=True)


class RulesForm(forms.Form):
    """The rules alone. Every field may be left empty; empty rules are all active contacts."""

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        for key, field in FILTERS.items():
            self.fields[key] = self._field(field)

    def _field(self, field: Filter) -> forms.Field:
        common: dict[str, Any] = {"label": field.label, "required": False}
        if field.type is filters.Ids:
            rows = field.asks.rows_model._default_manager.filter(account=self.account).order_by("name", "pk")
            choices = [
                (row.pk, str(row) if getattr(row, "active", True) else f"{row} (deleted)") for row in rows
            ]
            return forms.TypedMultipleChoiceField(
                choices=choices, coerce=int, widget=forms.CheckboxSelectMultiple, **common
            )
        if field.type is date:
            return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), **common)
        if field.type is filters.Days:
            return forms.IntegerField(min_value=0, max_value=36500, help_text="days ago", **common)
        choices = [("", "Any"), *((word, word.title()) for word in get_args(field.type))]
        return forms.ChoiceField(choices=choices, **common)

    def rules(self) -> dict[str, Any]:
        """The rules chosen, as `segments` reads them. Only after `is_valid()`."""
        chosen = {key: self.cleaned_data.get(key) for key in FILTERS}
        return {
            key: value.isoformat() if isinstance(value, date) else value
            for key, value in chosen.items()
            if value not in (None, "", [])
        }

    def query(self) -> str:
        """The rules as a query string that this form reads again. Only after `is_valid()`."""
        return as_query(self.rules())

    def groups(self) -> list[dict[str, Any]]:
        """The fields under their headings; what no heading names comes last."""
        named = {key for keys in GROUPS.values() for key in keys}
        groups = {**GROUPS, "More": tuple(key for key in FILTERS if key not in named)}
        return [
            {"legend": legend, "fields": [self[key] for key in keys]}
            for legend, keys in groups.items()
            if keys
        ]

    def clean(self) -> dict[str, Any]:
        """Hold the rules against `segments`: a deleted tag is an error, not everybody."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            for error in segments.validate(self.account, self.rules()):
                self.add_error(None, error)
        return cleaned


class AudienceForm(RulesForm):
    """Name and rules of a dynamic audience."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, audience: Audience, **kwargs: Any) -> None:
        if audience.pk:
            kwargs.setdefault("initial", {"name": audience.name, **audience.rules})
        super().__init__(*args, account=audience.account, **kwargs)
        self.audience = audience

    def clean_name(self) -> str:
        """One audience of this name per account."""
        name = str(self.cleaned_data["name"]).strip()
        others = Audience.objects.filter(account=self.account, name=name).exclude(pk=self.audience.pk)
        if others.exists():
            raise forms.ValidationError(NAME_TAKEN)
        return name

    def save(self) -> bool:
        """Store the audience; False, with an error in the form, where its name was taken meanwhile."""
        self.audience.name = self.cleaned_data["name"]
        self.audience.rules = self.rules()
        try:
            with transaction.atomic():
                self.audience.save()
        except IntegrityError:
            self.add_error("name", NAME_TAKEN)
            return False
        return True
