"""Pause, resume and stop: one address per verb, each saying what was and was not sent.

GET asks the question with its numbers, in the page's modal or as a page; POST does it. Pausing asks nothing.
"""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from campaigns import lifecycle, standing
from campaigns.models import Campaign
from campaigns.standing import Standing
from campaigns.words import number_of
from common import clock
from common.htmx import respond

MOST_WORDS = 300  # letters of a reason


@require_POST
@access.require("pause_campaign")
def pause(request: Request, pk: int) -> HttpResponse:
    """Nothing new begins."""
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    done = "{name} is paused. {sent} {running} keep their place{untouched}."
    return _do(request, campaign, done, lambda: lifecycle.pause(campaign, by=request.user, now=clock.now()))


@require_http_methods(["GET", "POST"])
@access.require("pause_campaign")
def resume(request: Request, pk: int) -> HttpResponse:
    """Everybody goes on."""
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    if request.method == "GET":
        return _ask(request, campaign, "resume")
    done = "{name} goes on. {sent} {running} go on from where they stood{untouched}."
    return _do(request, campaign, done, lambda: lifecycle.resume(campaign, by=request.user, now=clock.now()))


@require_http_methods(["GET", "POST"])
@access.require("stop_campaign")
def stop(request: Request, pk: int) -> HttpResponse:
    """The campaign ends for good; a reason, if one was given, is kept in the audit log."""
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    if request.method == "GET":
        return _ask(request, campaign, "stop")
    reason = " ".join(request.POST.get("reason", "").replace("\0", " ").split())[:MOST_WORDS]
    done = "{name} is stopped. {sent} {running} get nothing more{untouched}."
    return _do(
        request,
        campaign,
        done,
        lambda: lifecycle.stop(campaign, by=request.user, now=clock.now(), reason=reason),
    )


def _ask(request: Request, campaign: Campaign, verb: str) -> HttpResponse:
    now, possible = standing.of(campaign), campaign.status in lifecycle.POSSIBLE[verb]
    leave = "Keep it paused" if campaign.status == Campaign.Status.PAUSED else "Keep it running"
    context = {
        "campaign": campaign, "verb": verb, "standing": now, "sent": _sent(now), "limit": MOST_WORDS,
        "possible": possible, "keep": leave if possible else "Close",
    }  # fmt: skip
    return respond(request, "campaigns/verb_question.html", "question", context)


def _do(request: Request, campaign: Campaign, done: str, act: Callable[[], None]) -> HttpResponse:
    before = standing.of(campaign)
    try:
        act()
    except lifecycle.NotPossible as refusal:
        messages.error(request, f"{campaign.name}: nothing was changed. {refusal}")
    else:
        messages.success(request, _said(done, campaign, before))
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("analytics:campaign", campaign.pk)
    answer = trigger_client_event(HttpResponse(status=204), "refresh")
    return trigger_client_event(answer, "close-modal")


def _said(done: str, campaign: Campaign, before: Standing) -> str:
    untouched = f", {before.untouched:,} of them not texted yet" if before.untouched else ""
    return done.format(
        name=campaign.name,
        sent=_sent(before),
        running=number_of(before.running, "customer"),
        untouched=untouched,
    )


def _sent(found: Standing) -> str:
    if not found.sent + found.emails:
        return "No text was sent."
    emails = f" and {number_of(found.emails, 'email')}" if found.emails else ""
    stay = "stays" if found.sent == 1 and not emails else "stay"
    return f"{number_of(found.sent, 'text')}{emails} sent {stay} sent."
