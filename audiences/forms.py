"""Forms of audiences: rules as one field of a form, and an audience's name beside its rules."""

from typing import Any

from django import forms
from django.db import IntegrityError, transaction
from django.http import QueryDict

from accounts.models import Account
from audiences.models import Audience
from audiences.rules import builder
from audiences.rules.trees import Problem

NAME_TAKEN = "There is an audience of this name already. Choose another."


class RulesInput(forms.Widget):
    """The builder's inputs, read as one value: rules as they were typed, or as a draft kept them."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, Any]:
        """The rules in a request, or those under the field's name."""
        if isinstance(data, QueryDict):
            return builder.typed(data)
        kept = data.get(name)
        return kept if isinstance(kept, dict) and kept else builder.nothing()

    def id_for_label(self, id_: str, index: Any = None) -> str:
        """Where the rules begin."""
        return "r"


class RulesField(forms.Field):
    """Rules of the builder; empty where they ask nothing. `problems` says what is wrong where."""

    widget = RulesInput

    def __init__(self, *, account: Account, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.account = account
        self.problems: list[Problem] = []

    def clean(self, value: dict[str, Any]) -> dict[str, Any]:
        """Rules as they are stored: a deleted tag is an error, not everybody."""
        if not builder.asks(value):
            return {}
        rules, self.problems = builder.complete(self.account, value, None)
        if self.problems:
            raise forms.ValidationError([problem.words for problem in self.problems])
        return rules


class AudienceForm(forms.Form):
    """Name of a dynamic audience; its rules come from the builder."""

    name = forms.CharField(max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, audience: Audience, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"name": audience.name})
        super().__init__(*args, **kwargs)
        self.audience = audience
        self.overtaken = False

    def clean_name(self) -> str:
        """One audience of this name per account."""
        name = str(self.cleaned_data["name"]).strip()
        others = Audience.objects.filter(account=self.audience.account, name=name)
        if others.exclude(pk=self.audience.pk).exists():
            raise forms.ValidationError(NAME_TAKEN)
        return name

    def save(self, rules: dict[str, Any]) -> bool:
        """Store the audience; False, with an error in the form, where its name was taken meanwhile, or where
        somebody else has saved it since it was opened (`overtaken`): theirs stands."""
        self.audience.name, self.audience.rules = self.cleaned_data["name"], rules
        try:
            with transaction.atomic():
                if self._is_overtaken():
                    self.overtaken = True
                    return False
                self.audience.save()
        except IntegrityError:
            self.add_error("name", NAME_TAKEN)
            return False
        return True

    def _is_overtaken(self) -> bool:
        """Whether the audience is neither what it was when this form was opened nor what it says now."""
        seen = self.data.get("seen", "")
        if not (seen and self.audience.pk):
            return False
        stored = Audience.objects.select_for_update(no_key=True).get(pk=self.audience.pk)
        return stored.seal not in (seen, self.audience.seal)
