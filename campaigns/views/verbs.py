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
from campaigns import lifecycle, standing, waiting
from campaigns.models import Campaign
from common import clock
from common.htmx import respond

MOST_WORDS = 300  # letters of a reason


@require_POST
@access.require("pause_campaign")
def pause(request: Request, pk: int) -> HttpResponse:
    """Nothing new begins."""
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    said = ("is paused", "keeps their place", "keep their place")
    return _do(
        request, campaign, "pause", said,
        lambda: lifecycle.pause(campaign, by=request.user, now=clock.now()),
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@access.require("pause_campaign")
def resume(request: Request, pk: int) -> HttpResponse:
    """Everybody goes on."""
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    if request.method == "GET":
        return _ask(request, campaign, "resume")
    said = ("goes on", "goes on from where they stood", "go on from where they stood")
    return _do(
        request, campaign, "resume", said,
        lambda: lifecycle.resume(campaign, by=request.user, now=clock.now()),
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@access.require("stop_campaign")
def stop(request: Request, pk: int) -> HttpResponse:
    """The campaign ends for good; a reason, if one was given, is kept in the audit log."""
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    if request.method == "GET":
        return _ask(request, campaign, "stop")
    reason = " ".join(request.POST.get("reason", "").replace("\0", " ").split())[:MOST_WORDS]
    said = ("is stopped", "gets nothing more", "get nothing more")
    return _do(
        request,
        campaign,
        "stop",
        said,
        lambda: lifecycle.stop(campaign, by=request.user, now=clock.now(), reason=reason),
    )


def _ask(request: Request, campaign: Campaign, verb: str) -> HttpResponse:
    left, possible = waiting.undo_left(campaign, now=clock.now()), campaign.status in lifecycle.POSSIBLE[verb]
    leave = "Keep it paused" if campaign.status == Campaign.Status.PAUSED else "Keep it running"
    context = {
        "campaign": campaign, "verb": verb, "standing": standing.of(campaign), "limit": MOST_WORDS,
        "others": waiting.others_words(campaign, verb, now=clock.now()) if possible else "",
        "undo_left": left, "possible": possible, "keep": leave if possible else "Close",
    }  # fmt: skip
    return respond(request, "campaigns/verb_question.html", "question", context)


def _do(
    request: Request, campaign: Campaign, verb: str, said: tuple[str, str, str], act: Callable[[], None]
) -> HttpResponse:
    """Do it and say so: what became of the campaign, of whoever is on their way, one or many, and of those
    who wait to enter."""
    before, others = standing.of(campaign), waiting.others_words(campaign, verb, now=clock.now())
    became, one, many = said
    try:
        act()
    except lifecycle.NotPossible as refusal:
        messages.error(request, f"{campaign.name}: nothing was changed. {refusal}")
    else:
        words = f"{campaign.name} {became}. {before.sent_words} {before.running_words(one, many)} {others}"
        messages.success(request, words.strip())
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("analytics:campaign", campaign.pk)
    answer = trigger_client_event(HttpResponse(status=204), "refresh")
    return trigger_client_event(answer, "close-modal")
