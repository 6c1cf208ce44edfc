"""Pause, resume and stop: one address per verb, each saying what was and was not sent."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from accounts import access
from accounts.access import Request
from campaigns import lifecycle
from campaigns.models import Campaign, Enrollment
from common import clock
from common.htmx import leave_for
from conversations.models import Message

Verb = Callable[..., None]


@require_POST
@access.require("pause_campaign")
def pause(request: Request, pk: int) -> HttpResponse:
    """Nothing new begins."""
    return _do(request, pk, lifecycle.pause, "{name} is paused. {sent} {people} keep their place.")


@require_POST
@access.require("pause_campaign")
def resume(request: Request, pk: int) -> HttpResponse:
    """Everybody goes on."""
    return _do(request, pk, lifecycle.resume, "{name} goes on. {sent} {people} go on from where they stood.")


@require_POST
@access.require("stop_campaign")
def stop(request: Request, pk: int) -> HttpResponse:
    """The campaign ends for good."""
    return _do(request, pk, lifecycle.stop, "{name} is stopped. {sent} {people} get nothing more.")


def _do(request: Request, pk: int, verb: Verb, done: str) -> HttpResponse:
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    people = campaign.enrollments.filter(state=Enrollment.State.ACTIVE).count()
    try:
        verb(campaign, by=request.user, now=clock.now())
    except lifecycle.NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        sent = Message.objects.filter(lane=campaign.lane_id, accepted_at__isnull=False).count()
        messages.success(
            request, done.format(name=campaign.name, sent=_sent(sent), people=_count(people, "customer"))
        )
    return leave_for(request, "analytics:campaign", campaign.pk)


def _sent(texts: int) -> str:
    if not texts:
        return "No text was sent."
    stay = "stays" if texts == 1 else "stay"
    was = "was" if texts == 1 else "were"
    return f"{_count(texts, 'text')} {was} sent and {stay} sent."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
