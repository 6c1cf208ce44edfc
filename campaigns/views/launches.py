"""The launch form, and what it would do before it does it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from accounts.access import Request
from campaigns import launching, samples, words
from campaigns.forms import LaunchForm
from campaigns.models import Campaign
from common import clock
from common.htmx import leave_for, respond

TEMPLATE = "campaigns/launch.html"


@require_http_methods(["GET", "POST"])
@access.require("launch_campaign")
def launch(request: Request) -> HttpResponse:
    """GET the form; POST launches once per token, or answers 422 with everything typed kept."""
    now = clock.now()
    if request.method == "GET":
        form = LaunchForm(account=request.account, now=now, initial={"token": uuid.uuid4()})
        return respond(request, TEMPLATE, "launch-form", {"form": form})
    form = LaunchForm(request.POST, account=request.account, now=now)
    if form.is_valid():
        try:
            campaign = launching.launch(request.account, form.draft(), by=request.user, now=now, at=form.at())
        except launching.LaunchRefused as refused:
            form.refuse(refused.errors)
        else:
            messages.success(request, _launched(campaign))
            return leave_for(request, "analytics:campaign", campaign.pk)
    context = {"form": form, **_preview(request, form)}
    return respond(request, TEMPLATE, "launch-form", context, status=422)


@require_POST
@access.require("launch_campaign")
def preview(request: Request) -> HttpResponse:
    """The region beside the form: counts, reasons, samples and the button with the number on it.

    POST only because the form's fields belong in no log; it changes nothing.
    """
    form = LaunchForm(request.POST, account=request.account, now=clock.now())
    form.is_valid()
    return render(request, f"{TEMPLATE}#preview", {"form": form, **_preview(request, form)})


def _preview(request: Request, form: LaunchForm) -> dict[str, Any]:
    """The preview of whatever has been chosen so far; nothing before there is an audience."""
    chosen = form.cleaned_data
    context: dict[str, Any] = {"later": chosen.get("start") == "later"}
    if chosen.get("audience"):
        shown = samples.preview(
            request.account,
            audience=chosen["audience"],
            targeting=form.rules(),
            version=chosen.get("workflow"),
            number=chosen.get("number"),
            now=form.now,
        )
        minutes = -(-shown.sending_takes.total_seconds() // 60) if shown.sending_takes else 0
        context |= {
            "preview": shown,
            "excluded": [(words.exclusion(reason), number) for reason, number in shown.excluded],
            "takes": words.rough_duration(int(minutes)),
        }
    return context


def _launched(campaign: Campaign) -> str:
    if campaign.status == Campaign.Status.SCHEDULED:
        return f"{campaign.name} is scheduled. Its audience is being taken in now."
    return f"{campaign.name} is launched. Its audience is being taken in now."
