"""Steering a campaign: its start, late joiners, one customer, and what failed. Each says what was and was not
sent."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from audiences.clock_times import YEARS, ClockTimeField
from campaigns import lifecycle, removing, retrying, standing, steering, terms, words
from campaigns.launching import LaunchRefused
from campaigns.models import Campaign, Enrollment
from campaigns.words import number_of
from common import clock
from common.htmx import respond

CAMPAIGNS = Campaign.objects.select_related("account", "number", "lane")


class StartForm(forms.Form):
    """Another start."""

    starts_at = ClockTimeField(label="Start at", error_messages={"required": "Choose when it starts."})


class JoiningForm(forms.Form):
    """Until when whoever comes to match enters; blank for nobody."""

    joins_until = forms.DateField(
        label="Last day to join",
        required=False,
        help_text="Blank: nobody joins any more. Who is in stays in.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def clean_joins_until(self) -> date | None:
        """A day that has an end in every calendar; whether it may be chosen is the campaign's to say."""
        day: date | None = self.cleaned_data["joins_until"]
        if day is not None and day.year not in YEARS:
            raise forms.ValidationError("Choose a day within two years.")
        return day


@require_http_methods(["GET", "POST"])
@access.require("launch_campaign")
def reschedule(request: Request, pk: int) -> HttpResponse:
    """Another start for a campaign that has not begun."""
    campaign = access.get(request, CAMPAIGNS, pk)
    form = StartForm(request.POST or None, initial={"starts_at": steering.shown_start(campaign)})
    possible = steering.movable(campaign, now=clock.now())
    whose = (
        "where each customer lives" if campaign.local_time else f"company time, {campaign.account.timezone}"
    )
    asked = {"title": "Move the start", "button": "Move the start", "form": form, "possible": possible,
             "note": f"Clock time is {whose}. Nothing was sent yet; who opts out until then gets nothing.",
             "not_possible": "It has started, or is over; its start no longer matters."}  # fmt: skip
    if request.method == "GET" or not form.is_valid():
        return _ask(request, campaign, asked, status=422 if form.errors else 200)
    at = form.cleaned_data["starts_at"]
    try:
        waiting = steering.reschedule(campaign, at, by=request.user, now=clock.now())
    except (lifecycle.NotPossible, LaunchRefused) as refusal:
        form.add_error("starts_at", str(refusal))
        return _ask(request, campaign, asked, status=422)
    who = f"{number_of(waiting, 'customer')} in it wait{'s' if waiting == 1 else ''} for that"
    messages.success(
        request,
        f"{campaign.name}: the start moved. Nothing was sent; {who if waiting else 'nobody is in it yet'}.",
    )
    return _done(request, campaign)


@require_http_methods(["GET", "POST"])
@access.require("launch_campaign")
def joining(request: Request, pk: int) -> HttpResponse:
    """Late joiners on, until a day, or off."""
    campaign = access.get(request, CAMPAIGNS, pk)
    until = terms.last_day(campaign.joins_until, campaign.account) if campaign.joins_until else None
    form = JoiningForm(request.POST if request.method == "POST" else None, initial={"joins_until": until})
    asked = {"title": "Late joiners", "button": "Save", "form": form,
             "possible": campaign.status in steering.LIVE,
             "note": "The audience is looked at again every five minutes. The campaign stays active until "
             "that day is over.", "not_possible": "It is over; nobody can join it."}  # fmt: skip
    if request.method == "GET" or not form.is_valid():
        return _ask(request, campaign, asked, status=422 if form.errors else 200)
    day = form.cleaned_data["joins_until"]
    ends = terms.end_of(day, campaign.account) if day else None
    try:
        steering.change_joining(campaign, ends, by=request.user, now=clock.now())
    except lifecycle.NotPossible as refusal:
        form.add_error("joins_until", str(refusal))
        return _ask(request, campaign, asked, status=422)
    last = f"{day:%b} {day.day}, {day.year}" if day else ""
    said = f"whoever comes to match joins until {last}." if last else "nobody joins any more."
    messages.success(request, f"{campaign.name}: from now on {said} Who is in goes on as before.")
    return _done(request, campaign)


@require_http_methods(["GET", "POST"])
@access.require("pause_campaign")
def remove(request: Request, pk: int, record: int) -> HttpResponse:
    """Take one customer out of a campaign."""
    campaign = access.get(request, CAMPAIGNS, pk)
    rows = Enrollment.objects.filter(campaign=campaign).select_related("contact", "campaign__account")
    enrollment = access.get(request, rows, record)
    got = removing.received(enrollment)
    sent = f"{number_of(got, 'message')} sent to them {'stays' if got == 1 else 'stay'} sent." if got else (
        "Nothing was sent to them.")  # fmt: skip
    name = enrollment.contact.name
    asked = {"title": f"Remove {name}?", "button": "Remove", "form": None, "danger": True,
             "possible": enrollment.state == Enrollment.State.ACTIVE,
             "note": f"{sent} They get nothing more of {campaign.name}; their other campaigns go on. "
             "You can undo this for a minute.",
             "not_possible": f"{name} has left this campaign already."}  # fmt: skip
    if request.method == "GET":
        return _ask(request, campaign, asked)

    try:
        flying = removing.remove(enrollment, by=request.user, now=clock.now())
    except lifecycle.NotPossible as refusal:
        messages.error(request, f"{campaign.name}: nothing was changed. {refusal}")
        return _done(request, campaign)
    more = " One message was being handed over and may still arrive." if flying else ""
    said = f"{sent}{more} They get nothing more of it."
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, f"{campaign.name}: {name} is removed. {said}")
        return _done(request, campaign)
    asked = {"title": f"{name} is removed", "button": "Undo", "possible": True,
             "note": f"{said} You can undo this for a minute.",
             "address": reverse("campaigns:restore", args=[pk, record])}  # fmt: skip
    return trigger_client_event(_ask(request, campaign, asked), "refresh")


@require_POST
@access.require("pause_campaign")
def restore(request: Request, pk: int, record: int) -> HttpResponse:
    """Take somebody who was removed back in."""
    campaign = access.get(request, CAMPAIGNS, pk)
    rows = Enrollment.objects.filter(campaign=campaign).select_related("contact", "campaign__account")
    enrollment = access.get(request, rows, record)

    def act() -> str:
        back = removing.undo(enrollment, by=request.user, now=clock.now())
        taken = f" {number_of(back, 'message')} that {'was' if back == 1 else 'were'} taken back "
        leaves = f"{taken}{'leaves' if back == 1 else 'leave'} after all." if back else ""
        return (
            f"{enrollment.contact.name} is back where they stood. Nothing was sent to them meanwhile.{leaves}"
        )

    return _act(request, campaign, act)


@require_http_methods(["GET", "POST"])
@access.require("launch_campaign")
def retry(request: Request, pk: int) -> HttpResponse:
    """What failed, by node and reason; POST tries one of these again."""
    campaign = access.get(request, CAMPAIGNS, pk)
    if request.method == "GET":
        rows = [(one, words.sentence(one.reason.partition(":")[0]), one.reason.partition(":")[2]) for one in
                retrying.failed(campaign)]  # fmt: skip
        why_not = retrying.why_not(campaign)
        context = {"campaign": campaign, "rows": rows, "why_not": why_not, "most": retrying.MOST}
        return respond(request, "campaigns/retry.html", "retry", context)
    key, reason = request.POST.get("key", "")[:40], request.POST.get("reason", "")[:60]

    def act() -> str:
        made = retrying.retry(campaign, key, reason, by=request.user, now=clock.now())
        return (
            f"{number_of(made, 'message')} {'is' if made == 1 else 'are'} tried once more, as sending hours, "
            "caps and opt-outs allow. What might have arrived is not sent again."
        )

    return _act(request, campaign, act)


def _ask(request: Request, campaign: Campaign, asked: dict[str, Any], status: int = 200) -> HttpResponse:
    context = {"campaign": campaign, "standing": standing.of(campaign), "address": request.path, **asked}
    return respond(request, "campaigns/steer.html", "steer", context, status=status)


def _act(request: Request, campaign: Campaign, act: Callable[[], str]) -> HttpResponse:
    try:
        messages.success(request, f"{campaign.name}: {act()}")
    except lifecycle.NotPossible as refusal:
        messages.error(request, f"{campaign.name}: nothing was changed. {refusal}")
    return _done(request, campaign)


def _done(request: Request, campaign: Campaign) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("analytics:campaign", campaign.pk)
    answer = trigger_client_event(HttpResponse(status=204), "refresh")
    return trigger_client_event(answer, "close-modal")
