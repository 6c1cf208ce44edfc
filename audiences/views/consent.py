"""Settings, Consent basis: on what ground the account's customers may be texted."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import access
from accounts.access import Request
from audiences import consent
from audiences.models import ConsentBasis
from common import clock

Kind = ConsentBasis.Kind
# The grounds a person may choose from: (kind, in a few words, for whom it is right).
OFFERED = (
    (
        Kind.EXISTING,
        "Right for reminders and offers to people whose job you have done or quoted. Nobody bought a list.",
    ),
    (
        Kind.WRITTEN,
        "Right for anything, recorded voice included, as long as you keep the form, the words and the date.",
    ),
    (Kind.MIXED, "Some are customers of yours, some signed up on a form."),
)


class ConsentForm(forms.Form):
    """One ground, and the name of who declares it."""

    kind = forms.ChoiceField(
        label="Consent basis",
        choices=[(kind, kind.label) for kind, _ in OFFERED],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the ground on which you text your customers."},
    )
    name = forms.CharField(
        label="Your full name",
        max_length=120,
        help_text="Kept with the date and the words above as the declaration of your company.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


@require_http_methods(["GET", "POST"])
@access.require("view", post="manage_compliance")
def declare(request: Request) -> HttpResponse:
    """What is declared; an admin declares anew, and what was said before stays on record."""
    form = ConsentForm(
        request.POST if request.method == "POST" else None, initial={"name": request.user.name}
    )
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        consent.declare(
            request.account, chosen["kind"], name=chosen["name"], by=request.user, now=clock.now()
        )
        messages.success(request, "The consent basis is declared.")
        return redirect("audiences:consent")
    return render(
        request, "settings/consent.html", _context(request, form), status=422 if form.is_bound else 200
    )


def _context(request: Request, form: ConsentForm) -> dict[str, Any]:
    declared = access.rows(request, ConsentBasis).select_related("declared_by")
    return {
        "form": form,
        "declared": list(declared.order_by("-declared_at", "-pk")),
        "offered": [(kind, kind.label, consent.STATEMENTS[kind], note) for kind, note in OFFERED],
        "chosen": form["kind"].value(),
    }
