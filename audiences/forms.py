"""Forms of rules: the filters of a launch, and an audience's name beside its rules."""

from datetime import date
from typing import Any, get_args

from django import forms
from django.db import IntegrityError, transaction

from accounts.models import Account
from audiences import segments
from audiences.models import Audience
from audiences.rules import filters
from audiences.rules.filters import FILTERS, Filter

NAME_TAKEN = "There is an audience of this name already. Choose another."


class RulesForm(forms.Form):
    """One field per filter. Every one may be left empty; none at all narrows nothing."""

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

    def clean(self) -> dict[str, Any]:
        """Hold the rules against `segments`: a deleted tag is an error, not everybody."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            for error in segments.validate(self.account, self.rules()):
                self.add_error(None, error)
        return cleaned


class AudienceForm(forms.Form):
    """Name of a dynamic audience; its rules come from the builder."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, audience: Audience, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"name": audience.name})
        super().__init__(*args, **kwargs)
        self.audience = audience

    def clean_name(self) -> str:
        """One audience of this name per account."""
        name = str(self.cleaned_data["name"]).strip()
        others = Audience.objects.filter(account=self.audience.account, name=name)
        if others.exclude(pk=self.audience.pk).exists():
            raise forms.ValidationError(NAME_TAKEN)
        return name

    def save(self, rules: dict[str, Any]) -> bool:
        """Store the audience; False, with an error in the form, where its name was taken meanwhile."""
        self.audience.name, self.audience.rules = self.cleaned_data["name"], rules
        try:
            with transaction.atomic():
                self.audience.save()
        except IntegrityError:
            self.add_error("name", NAME_TAKEN)
            return False
        return True
