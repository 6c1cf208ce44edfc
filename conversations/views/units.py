"""Storm days: pausing campaigns for the customers of one business unit, and resuming them."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from accounts.access import Request
from accounts.models import Account, BusinessUnit
from audiences.clock_times import ClockTimeField
from common import clock
from common.htmx import leave_for, respond
from conversations import unit_pausing
from conversations.models import UnitPause


class UnitPauseForm(forms.Form):
    """Whom it rests for, until when, and why."""

    business_unit = forms.ModelChoiceField(
        label="Business unit",
        queryset=BusinessUnit.objects.none(),
        empty_label="Choose a business unit",
        error_messages={"required": "Choose a business unit."},
    )
    until = ClockTimeField(
        label="Until",
        required=False,
        help_text="Company time. Blank: until somebody resumes.",
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=unit_pausing.MOST_REASON,
        help_text="Shown to everybody while it lasts.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: object, account: Account, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        field = self.fields["business_unit"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = BusinessUnit.objects.filter(account=account, active=True).order_by("name")


@require_http_methods(["GET", "POST"])
@access.require("pause_everything")
def pause(request: Request) -> HttpResponse:
    """Let campaigns rest for one business unit's customers; asked first."""
    form = UnitPauseForm(request.POST if request.method == "POST" else None, account=request.account)
    if request.method == "GET" or not form.is_valid():
        return _ask(request, form, status=422 if form.errors else 200)
    chosen = form.cleaned_data
    unit = chosen["business_unit"]
    try:
        _, flying = unit_pausing.pause(
            unit, by=request.user, now=clock.now(), until=chosen["until"], reason=chosen["reason"]
        )
    except unit_pausing.NotPossible as refusal:
        form.add_error(None, str(refusal))
        return _ask(request, form, status=422)
    gone = f" {flying:,} {'was' if flying == 1 else 'were'} on the way already." if flying else ""
    messages.success(
        request,
        f"Campaigns rest for customers of {unit}: what was sent stays sent, and nothing more leaves to "
        f"them.{gone} Agents can still write.",
    )
    return leave_for(request, "conversations:sending")


@require_POST
@access.require("pause_everything")
def resume(request: Request, pk: int) -> HttpResponse:
    """Let them go on."""
    pause = access.get(request, UnitPause.objects.select_related("business_unit"), pk)
    try:
        unit_pausing.lift(pause, by=request.user, now=clock.now())
    except unit_pausing.NotPossible as refusal:
        messages.error(request, f"{pause.business_unit}: nothing was changed. {refusal}")
    else:
        messages.success(
            request,
            f"Campaigns go on for customers of {pause.business_unit}. What waited leaves in 15 minutes, as "
            "sending hours allow; what is too late by now is skipped.",
        )
    return leave_for(request, "conversations:sending")


def _ask(request: Request, form: UnitPauseForm, status: int = 200) -> HttpResponse:
    units = form.fields["business_unit"].queryset  # type: ignore[attr-defined]
    context = {"form": form, "possible": units.exists()}
    return respond(request, "settings/unit_pause.html", "question", context, status=status)
