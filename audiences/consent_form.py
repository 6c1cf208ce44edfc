"""The form in which a person records what a customer agreed to."""

from datetime import date, datetime, time
from typing import Any, cast

from django import forms
from django.utils import timezone

from audiences.consent_records import Agreement
from audiences.models import Address, Consent, Contact
from audiences.templatetags.addresses import shown
from common import clock

Source = Consent.Source
# How somebody agreed, where a person records it; START and imports are recorded by the product.
SOURCES = [(one.value, one.label) for one in (Source.PAPER, Source.FORM, Source.AGENT)]


class ConsentForm(forms.Form):
    """One agreement, with its proof."""

    address = forms.ModelChoiceField(
        label="Phone", queryset=Address.objects.none(), empty_label=None,
        error_messages={"required": "Choose the phone that the agreement names."},
    )  # fmt: skip
    kind = forms.ChoiceField(label="Agreed to", choices=Consent.Kind.choices)
    source = forms.ChoiceField(label="How", choices=SOURCES)
    proof = forms.CharField(
        label="The words, as they were shown",
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Copy them from the form or the paper: they are what proves the agreement.",
        error_messages={"required": "Without the words there is no proof."},
    )
    proof_at = forms.CharField(
        label="Where they stand", required=False, max_length=500,
        help_text="The address of the form or the name of the document.",
    )  # fmt: skip
    given_on = forms.DateField(label="Given on", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "consent_%s"} | kwargs)
        field = cast("forms.ModelChoiceField[Address]", self.fields["address"])
        field.queryset = self.phones = Address.objects.filter(
            contact_addresses__contact=contact,
            contact_addresses__wrong_number_at=None,
            channel=Address.Channel.PHONE,
        ).order_by("contact_addresses__position", "pk")
        field.label_from_instance = shown  # type: ignore[method-assign, assignment]
        today = timezone.localdate(clock.now())
        self.fields["given_on"].widget.attrs["max"] = today.isoformat()

    def clean_given_on(self) -> date:
        """Refuse a day that lies ahead."""
        day: date = self.cleaned_data["given_on"]
        if day > timezone.localdate(clock.now()):
            raise forms.ValidationError("That day lies ahead. A consent counts from the day it was given.")
        return day

    def agreement(self) -> Agreement:
        """What was typed; the day begins at its midnight, so that a wish of the same day is the later one."""
        said = self.cleaned_data
        given = timezone.make_aware(datetime.combine(said["given_on"], time.min))
        return Agreement(said["kind"], said["source"], said["proof"].strip(), given, said["proof_at"].strip())
