"""What somebody says of an uploaded file: what its columns mean, and on what ground its people are texted."""

from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.utils import timezone

from audiences.imports import columns
from audiences.imports.running import Grounds
from audiences.models import ContactImport
from common import clock

Ground = ContactImport.Ground
NOTES = {
    Ground.CUSTOMERS: "They bought from you or asked you for work, and gave you the number in doing so. No "
    "consent is recorded; your account’s consent basis applies.",
    Ground.TEXTS: "On a form or website that said so. A consent is recorded for every phone, with the words "
    "and the date below.",
    Ground.CALLS: "As above, and they also agreed to recorded or synthetic voice.",
}
NOTHING = ("", "Not imported")


class UploadForm(forms.Form):
    """The file. `token` names this opening of the form: a second click on it is no second file."""

    token = forms.UUIDField(widget=forms.HiddenInput, required=False, initial=uuid4)
    file = forms.FileField(
        label="File",
        allow_empty_file=True,
        help_text="CSV with one person a row, at most 1 million rows. UTF-8, UTF-16 and Windows-1252 are "
        "read.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )


class MappingForm(forms.Form):
    """A meaning for every column, the ground, and a tag if wanted."""

    names_columns = forms.BooleanField(label="The first row names the columns", required=False)
    ground = forms.ChoiceField(
        label="Consent", choices=Ground.choices, widget=forms.RadioSelect,
        error_messages={"required": "Choose on what ground these people may be texted."},
    )  # fmt: skip
    consent_proof = forms.CharField(
        label="The words they agreed to", required=False, max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}), help_text="As they were shown, word for word.",
    )  # fmt: skip
    consent_on = forms.DateField(
        label="Agreed on", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text="For rows without a date of their own. Without any date no consent is recorded.",
    )  # fmt: skip
    consent_place = forms.CharField(
        label="Where the agreements are kept", required=False, max_length=500,
        help_text="A web address or a folder, so that you can show them.",
    )  # fmt: skip
    tag = forms.CharField(
        label="Tag (optional)", required=False, max_length=100,
        help_text="Put on everybody in the file, such as “Home show 2026”.",
    )  # fmt: skip

    def __init__(self, *args: Any, listed: ContactImport, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"names_columns": listed.names_columns})
        super().__init__(*args, **kwargs)
        self.listed = listed
        self.column_fields = []
        groups = [
            (group, [(m.key, m.label) for m in columns.MEANINGS.values() if m.group == group])
            for group in columns.GROUPS
        ]
        for at, (name, meaning) in enumerate(zip(listed.columns, listed.meanings, strict=True)):
            key = f"column_{at}"
            self.fields[key] = forms.ChoiceField(
                label=f"{name} becomes", required=False, choices=[NOTHING, *groups], initial=meaning
            )
            self.column_fields.append(key)

    @property
    def meanings(self) -> list[str]:
        """What the columns mean as typed; what is no meaning is ignored."""
        found = [str(self[key].value() or "") for key in self.column_fields]
        return [key if key in columns.MEANINGS else columns.IGNORED for key in found]

    @property
    def named(self) -> bool:
        """Whether the first row names the columns, as typed."""
        return bool(self["names_columns"].value())

    def clean_consent_on(self) -> date | None:
        """Refuse a day that lies ahead."""
        day: date | None = self.cleaned_data["consent_on"]
        if day and day > timezone.localdate(clock.now()):
            raise forms.ValidationError("That day lies ahead. Choose the day on which they agreed.")
        return day

    def clean(self) -> dict[str, Any]:
        """What the columns lack, and what a written consent needs."""
        cleaned: dict[str, Any] = super().clean() or {}
        for words in columns.problems(self.meanings):
            self.add_error(None, words)
        if cleaned.get("ground") in (Ground.TEXTS, Ground.CALLS):
            if not cleaned.get("consent_proof", "").strip() and "consent_proof" not in self.errors:
                self.add_error(
                    "consent_proof", "Write the words they agreed to. Without them it is no consent."
                )
            dated = cleaned.get("consent_on") or "consent_date" in self.meanings
            if not dated and "consent_on" not in self.errors:
                self.add_error("consent_on", "Say when, or choose the column that holds the date.")
        return cleaned

    def grounds(self) -> Grounds:
        """The ground as it is recorded. Only after `is_valid()`."""
        said = self.cleaned_data
        if said["ground"] == Ground.CUSTOMERS:
            return Grounds(said["ground"])
        return Grounds(
            said["ground"], said["consent_on"], said["consent_proof"].strip(), said["consent_place"]
        )
