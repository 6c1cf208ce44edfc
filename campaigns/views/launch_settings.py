"""Settings, Launches: above how many people a launch needs a second person."""

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import access, audit
from accounts.access import Request
from accounts.models import Membership, Role
from campaigns import approving
from campaigns.models import LaunchRules
from campaigns.words import number_of

MOST = 10_000_000


class LaunchRulesForm(forms.ModelForm):
    """The limit; blank where nobody else is needed."""

    approval_above = forms.IntegerField(
        label="Approval above (people)",
        required=False,
        min_value=1,
        max_value=MOST,
        help_text="A launch to more waits until somebody else who may launch approves it. Blank: never.",
        error_messages={"min_value": "Choose at least 1.", "invalid": "Type a whole number."},
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    class Meta:
        model = LaunchRules
        fields = ["approval_above"]


@require_http_methods(["GET", "POST"])
@access.require("manage_compliance")
def launches(request: Request) -> HttpResponse:
    """What holds now; a change holds for launches from then on."""
    row = approving.rules_of(request.account)
    form = LaunchRulesForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid():
        _save(request, form)
        return redirect("campaigns:launch_settings")
    may = [role for role in Role if access.allowed(role, "launch_campaign")]
    people = Membership.objects.filter(account=request.account, role__in=may, user__is_active=True).count()
    context = {
        "form": form, "now": approving.rules_of(request.account), "people": people,
        "asked": approving.waiting(request.account),
    }  # fmt: skip
    return render(request, "settings/launches.html", context, status=422 if form.errors else 200)


@transaction.atomic
def _save(request: Request, form: LaunchRulesForm) -> None:
    if not form.has_changed():
        messages.info(request, "Nothing was different, so nothing was changed.")
        return
    before, kept = form.initial.get("approval_above"), form.save()
    words = _words(kept.approval_above)
    audit.record(
        account=request.account, by=request.user, verb="changed_launch_rules", on=kept,
        summary=f"Changed when launches need approval: {words}",
        detail={"before": _words(before), "after": words},
    )  # fmt: skip
    messages.success(request, f"Saved. From now on: {words}. What is launched already goes on.")


def _words(above: int | None) -> str:
    return "never" if above is None else f"above {number_of(above, 'person')}"
