"""Settings, First run: the way from an empty account to its first small launch."""

import uuid
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts.access import Request
from campaigns import first_run
from common import clock
from common.htmx import respond_live, version_of
from common.phone import display_phone, parse_phone
from common.text_size import size_of
from conversations import trial_texts
from integrations.models import SendingNumber

TEMPLATE = "settings/first_run.html"


class NumberField(forms.ModelChoiceField):
    """One of our numbers, by label and digits."""

    def label_from_instance(self, number: Any) -> str:
        """Both, where there are both."""
        digits = display_phone(number.e164)
        return f"{number.label}, {digits}" if number.label not in ("", digits) else digits


class TrialForm(forms.Form):
    """A number of ours and a phone of one's own."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    number = NumberField(label="From", queryset=SendingNumber.objects.none(), empty_label=None)
    phone = forms.CharField(
        label="Your phone",
        max_length=40,
        widget=forms.TelInput(attrs={"autocomplete": "tel"}),
        help_text="With its area code.",
    )

    def __init__(self, *args: Any, request: Request, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        numbers = access.rows(request, SendingNumber).filter(active=True).order_by("label", "e164")
        self.fields["number"].queryset = numbers  # type: ignore[attr-defined]

    def clean_phone(self) -> str:
        """In E.164."""
        phone = parse_phone(self.cleaned_data["phone"])
        if phone is None or phone.extension:
            raise forms.ValidationError("This is no phone that can be texted. Write it with its area code.")
        return phone.e164


@require_safe
@access.require("view")
def first_run_page(request: Request) -> HttpResponse:
    """The steps, live: each as its rows have it."""
    shown = first_run.of(request.account)
    version = version_of((shown, request.account.pk, request.role))
    return respond_live(request, TEMPLATE, "first-run", _context(request, shown), version=version)


@require_POST
@access.require("manage_numbers")
def test_text(request: Request) -> HttpResponse:
    """Send one text to the phone that was typed."""
    form = TrialForm(request.POST, request=request)
    if form.is_valid():
        chosen = form.cleaned_data
        try:
            trial_texts.send(
                request.account, number=chosen["number"], phone=chosen["phone"], by=request.user,
                token=chosen["token"], now=clock.now(),
            )  # fmt: skip
        except trial_texts.TrialRefused as refused:
            form.add_error("phone", str(refused))
        else:
            messages.success(request, "The test is on its way. Its state is shown below, live.")
            return redirect("campaigns:first_run")
    context = _context(request, first_run.of(request.account), form) | {"version": ""}
    return render(request, TEMPLATE, context, status=422)


def _context(request: Request, shown: first_run.FirstRun, form: TrialForm | None = None) -> dict[str, Any]:
    initial = {"token": uuid.uuid4()}
    said = trial_texts.words_of(request.account)
    return {
        "run": shown, "form": form or TrialForm(request=request, initial=initial), "said": said,
        "size": replace(size_of(said), plain=None),
    }  # fmt: skip
