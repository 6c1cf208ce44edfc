"""Settings, Numbers: what the account texts from, and what would happen if one were paused."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Request
from campaigns import number_use
from common import clock
from common.doorbell import ring
from common.htmx import leave_for
from conversations import safety
from conversations.models import SafetyPause
from conversations.tasks import send
from integrations import carrier_limits, number_days, numbers, registration
from integrations.forms import NewNumberForm, NumberForm
from integrations.models import SendingNumber


@require_safe
@access.require("manage_numbers")
def number_list(request: Request) -> HttpResponse:
    """Every number with its state, rate and use today."""
    uses = number_use.today(request.account, _numbers(request), now=clock.now())
    resting = {one.number_id for one in safety.in_force(request.account, now=clock.now())}
    return render(request, "settings/numbers.html", {"uses": uses, "resting": resting})


@require_http_methods(["GET", "POST"])
@access.require("manage_numbers")
def add(request: Request) -> HttpResponse:
    """Add a number of the account's Twilio."""
    form = NewNumberForm(
        request.POST if request.method == "POST" else None,
        account_id=request.account.pk,
        initial={"segments_per_second": 1},
    )
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            numbers.add(
                request.account, chosen["e164"], label=chosen["label"],
                rate=chosen["segments_per_second"], by=request.user,
            )  # fmt: skip
        except numbers.NotAdded as refused:
            form.add_error("e164", str(refused))
        else:
            messages.success(request, "The number is added.")
            return redirect("campaigns:numbers")
    status = 422 if request.method == "POST" else 200
    return render(request, "settings/numbers_add.html", {"form": form}, status=status)


@require_http_methods(["GET", "POST"])
@access.require("manage_numbers")
def number(request: Request, pk: int) -> HttpResponse:
    """One number: rename it, change its rate, see who sends from it."""
    row = access.get(request, _numbers(request), pk)
    form = NumberForm(request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST" and form.is_valid():
        numbers.change(row, by=request.user, now=clock.now())
        messages.success(request, f"{row} is saved.")
        return redirect("campaigns:number", row.pk)
    shown = access.get(request, _numbers(request), pk) if form.errors else row
    (use,) = number_use.today(request.account, [shown], now=clock.now())
    context = {
        "form": form, "number": shown, "use": use, "queued": number_use.queued(shown),
        "means": registration.MEANS[shown.registration_state], "cap": number_days.cap_of(shown),
        "left": number_days.left_of(shown, clock.now()), "limits": carrier_limits.of_kind(shown.kind),
        "reviewed": carrier_limits.REVIEWED, "resting": _resting(request, shown),
    }  # fmt: skip
    return render(request, "settings/numbers_one.html", context, status=422 if form.is_bound else 200)


@require_POST
@access.require("manage_numbers")
def switch(request: Request, pk: int) -> HttpResponse:
    """Pause a number, or activate it: `active` is "1" or "0"."""
    row = access.get(request, _numbers(request), pk)
    numbers.switch(row, active=request.POST.get("active") == "1", by=request.user)
    if row.active:
        ring(send)
    said = "is active: what waited for it is sent now" if row.active else "is paused: nothing leaves from it"
    messages.success(request, f"{row} {said}.")
    return leave_for(request, "campaigns:number", row.pk)


def _resting(request: Request, number: SendingNumber) -> list[tuple[SafetyPause, str]]:
    """The safety pause that holds this number, for the alert above it."""
    held = safety.in_force(request.account, now=clock.now())
    return [(one, str(number)) for one in held if one.number_id == number.pk]


def _numbers(request: Request) -> QuerySet[SendingNumber]:
    rows = access.rows(request, SendingNumber).select_related("connection", "checked_by")
    return rows.order_by("-active", "label", "e164")
