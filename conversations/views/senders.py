"""Settings, Sending problems: senders that paused themselves, the limits they keep, and every code's meaning;
and Settings, Costs."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, audit
from accounts.access import Request
from common import clock
from conversations import abandonment, problems, safety
from conversations.models import SafetyPause
from conversations.safety_forms import RateTableForm, SafetyLimitsForm
from integrations import consequences, rates

MOST_SHOWN = 50


@require_http_methods(["GET", "POST"])
@access.require("view", post="manage_compliance")
def senders(request: Request) -> HttpResponse:
    """What rests and why, what the provider complained of lately, and the limits, which an admin sets."""
    limits, now = safety.limits_of(request.account), clock.now()
    form = SafetyLimitsForm(request.POST if request.method == "POST" else None, instance=limits)
    if request.method == "POST" and form.is_valid():
        safety.change_limits(form.instance, by=request.user)
        messages.success(request, "The limits are saved. They hold from the next look on, within seconds.")
        return redirect("conversations:senders")
    rows = access.rows(request, SafetyPause).exclude(lifted_at=None)
    earlier = rows.select_related("number", "mailbox", "lane", "lifted_by").order_by("-at", "-pk")[
        :MOST_SHOWN
    ]
    context = {
        "resting": [(one, safety.name_of(one)) for one in safety.in_force(request.account, now=now)],
        "earlier": [(one, safety.name_of(one)) for one in earlier],
        "problems": problems.lately(request.account, now=now),
        "table": consequences.table(),
        "calls": consequences.calls(),
        "emails": consequences.emails(),
        "limits": safety.limits_of(request.account),
        "abandoned": abandonment.shares(now=now, account=request.account),
        "abandoned_limit": abandonment.MOST_PERCENT,
        "abandoned_fewest": abandonment.FEWEST_ANSWERED,
        "form": form,
    }
    return render(request, "settings/senders.html", context, status=422 if form.errors else 200)


@require_POST
@access.require("manage_numbers")
def resume(request: Request, pk: int) -> HttpResponse:
    """Let a sender go on, with what was done about it."""
    paused = access.get(request, access.rows(request, SafetyPause), pk)
    try:
        safety.lift(paused, by=request.user, reason=request.POST.get("reason", ""), now=clock.now())
    except safety.NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{safety.name_of(paused)} goes on. Its rates count from now on.")
    back = request.POST.get("back", "")
    inside = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if inside else "conversations:senders")


@require_http_methods(["GET", "POST"])
@access.require("view", post="manage_account")
def costs(request: Request) -> HttpResponse:
    """What texts, emails and calls cost the account; estimates and campaigns' pages count with it."""
    row = rates.of(request.account)
    before = {name: getattr(row, name) for name in RateTableForm.Meta.fields}
    form = RateTableForm(request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST" and form.is_valid():
        _keep(request, form, before)
        messages.success(request, "The rates are saved; estimates and figures count with them from now on.")
        return redirect("conversations:costs")
    shown = [(form.fields[name].label, rates.price(value)) for name, value in before.items()]
    return render(
        request, "settings/costs.html", {"form": form, "shown": shown}, status=422 if form.errors else 200
    )


@transaction.atomic
def _keep(request: Request, form: RateTableForm, before: dict[str, Any]) -> None:
    row = form.save()
    changed = {name: f"{before[name]} → {getattr(row, name)}" for name in form.changed_data}
    audit.record(
        account=request.account, by=request.user, verb="changed_rates", on=row, summary="Changed the rates",
        detail=changed,
    )  # fmt: skip
