"""Before a launch is past recall: undo it, make a draft of it again, delete it, or let the others follow."""

from collections.abc import Callable

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from accounts import access, audit
from accounts.access import Request
from campaigns import canary, drafts, lifecycle, undoing
from campaigns.models import Campaign
from campaigns.words import number_of
from common import clock
from common.htmx import leave_for, respond

KEPT = "You have begun another draft, so this one is kept here, created and not launched."


@require_POST
@access.require("launch_campaign")
def undo(request: Request, pk: int) -> HttpResponse:
    """Take a launch back within its minute; what was typed is a draft again."""
    campaign = access.get(request, Campaign, pk)
    try:
        draft = undoing.undo(campaign, by=request.user, now=clock.now())
    except undoing.NotPossible as refusal:
        messages.error(request, f"{campaign.name}: nothing was undone. {refusal}")
        return leave_for(request, "analytics:campaign", campaign.pk)
    said = f"The launch of {campaign.name} is undone: nobody was in it, and nothing was sent."
    if draft is None:
        messages.success(request, f"{said} {KEPT}")
        return leave_for(request, "campaigns:take_back", campaign.pk)
    messages.success(request, f"{said} It is your draft again.")
    return leave_for(request, "campaigns:launch")


@require_http_methods(["GET", "POST"])
@access.require("launch_campaign")
def take_back(request: Request, pk: int) -> HttpResponse:
    """Make a draft of a campaign that was never launched; whoever has begun another is asked whether it takes
    that one's place."""
    campaign = access.get(request, Campaign, pk)
    if request.method == "GET":
        return _ask_for_place(request, campaign)
    replace = request.POST.get("replace") == "1"
    try:
        draft = undoing.take_back(campaign, by=request.user, replace=replace)
    except undoing.NotPossible as refusal:
        messages.error(request, f"{campaign.name}: nothing was changed. {refusal}")
        return leave_for(request, "campaigns:list")
    if draft is None:
        return leave_for(request, "campaigns:take_back", campaign.pk)
    messages.success(request, f"{campaign.name} is your draft again. It was never launched.")
    return leave_for(request, "campaigns:launch")


def _ask_for_place(request: Request, campaign: Campaign) -> HttpResponse:
    """What becomes of the draft that the person has begun."""
    own = drafts.open_for(request.account, request.user)
    asked = {
        "title": f"Make {campaign.name} your draft again?",
        "possible": campaign.status == Campaign.Status.CREATED,
        "not_possible": "This campaign was launched meanwhile.",
        "note": "Everything that was typed for it is kept, and can be changed before it is launched.",
        "button": "Make it my draft",
        "hidden": {},
    }
    if own.begun:
        asked |= {
            "note": f"You have begun another draft, “{own}”. You can have one at a time: it would be "
            f"forgotten, and what was typed for {campaign.name} takes its place. Or finish yours first; this "
            "one waits here until then.",
            "button": "Replace my draft",
            "danger": True,
            "hidden": {"replace": "1"},
        }
    context = {"campaign": campaign, "address": request.path, **asked}
    return respond(request, "campaigns/steer.html", "steer", context)


@require_POST
@access.require("launch_campaign")
def delete(request: Request, pk: int) -> HttpResponse:
    """Forget a campaign that was never launched."""
    campaign = access.get(request, Campaign, pk)
    name = campaign.name
    try:
        undoing.delete(campaign, by=request.user)
    except undoing.NotPossible as refusal:
        messages.error(request, f"{name}: nothing was deleted. {refusal}")
    else:
        messages.success(request, f"{name} is deleted. It was never launched: nobody was in it.")
    return leave_for(request, "campaigns:list")


@require_POST
@access.require("pause_campaign")
def rest(request: Request, pk: int) -> HttpResponse:
    """Let the others follow the first few at once."""
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    first = canary.waiting(campaign.pk)
    words = number_of(first.among - first.people, "customer") if first else ""
    return _answer(request, campaign, lambda: _open(request, campaign), f"{words} may enter now.")


@transaction.atomic
def _open(request: Request, campaign: Campaign) -> None:
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if locked.status != Campaign.Status.ACTIVE or not canary.open_now(campaign, now=clock.now()):
        raise lifecycle.NotPossible("Nobody waits for the first few any more, or the campaign is not active.")
    audit.record(
        account=campaign.account, by=request.user, verb="let_rest_follow", on=campaign,
        summary=f"Let the others of {campaign.name} follow the first few at once",
    )  # fmt: skip


def _answer(request: Request, campaign: Campaign, act: Callable[[], None], said: str) -> HttpResponse:
    try:
        act()
    except lifecycle.NotPossible as refusal:
        messages.error(request, f"{campaign.name}: nothing was changed. {refusal}")
    else:
        messages.success(request, f"{campaign.name}: {said}")
    if not request.htmx:  # type: ignore[attr-defined]
        return leave_for(request, "analytics:campaign", campaign.pk)
    return trigger_client_event(HttpResponse(status=204), "refresh")
