"""Moving a running campaign to another version: who stands where, the choices, and how far it has come."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import Request
from campaigns import move_previews, move_progress, version_moves
from campaigns.drafts import TYPED_ABOVE, changed_much
from campaigns.models import Campaign, VersionMove, WorkflowVersion
from common import clock
from common.htmx import respond, respond_live, version_of

CAMPAIGNS = Campaign.objects.select_related("account", "version__workflow")
TEMPLATE = "campaigns/move.html"
MOST_WORDS = 300  # letters of a reason


@require_http_methods(["GET", "POST"])
@access.require("move_campaign")
def move(request: Request, pk: int) -> HttpResponse:
    """The edit preview: where everybody stands and would go; POST moves them."""
    campaign = access.get(request, CAMPAIGNS, pk)
    if VersionMove.objects.filter(campaign=campaign, ended_at=None).exists():
        return redirect("campaigns:moves", campaign.pk)
    values = request.POST if request.method == "POST" else request.GET
    version = _version(campaign, values.get("to", ""))
    if request.method == "GET" or version is None or "look" in values:
        return _ask(request, campaign, version)
    choices = move_previews.choices_of({**values.dict()})
    people = version_moves.elsewhere(campaign, version)
    if people > TYPED_ABOVE and not _typed(values, people):
        return _ask(request, campaign, version, f"Type {people:,} to move that many people.", status=422)
    why = " ".join(values.get("why", "").replace("\0", " ").split())[:MOST_WORDS]
    try:
        version_moves.begin(campaign, version, choices, by=request.user, now=clock.now(), why=why)
    except version_moves.MoveRefused as refusal:
        return _ask(request, campaign, version, f"Nobody was moved. {refusal}", status=409)
    return redirect("campaigns:moves", campaign.pk)


def _version(campaign: Campaign, chosen: str) -> WorkflowVersion | None:
    """The version that was asked for, else the latest that the campaign does not run."""
    others = move_progress.others(campaign)
    if chosen.isdecimal() and (found := others.filter(number=int(chosen)).first()):
        return found
    newer = others.exclude(pk=campaign.version_id).first()
    return newer or (campaign.version if version_moves.elsewhere(campaign, campaign.version) else None)


def _typed(values: Mapping[str, str], people: int) -> bool:
    """Whether the number was typed that stood there; of a running campaign, some have left since."""
    seen = values.get("people", "")
    close = seen.isdecimal() and len(seen) < 10 and not changed_much(int(seen), people)
    return close and values.get("typed", "").replace(",", "").replace(" ", "") == seen


def _ask(
    request: Request, campaign: Campaign, version: WorkflowVersion | None, error: str = "", status: int = 200
) -> HttpResponse:
    values = request.POST if request.method == "POST" else request.GET
    choices = move_previews.choices_of({**values.dict()})
    preview = move_previews.of(campaign, version, choices, now=clock.now()) if version else None
    context: dict[str, Any] = {
        "campaign": campaign, "version": version, "preview": preview, "error": error,
        "others": move_progress.others(campaign), "typed_above": TYPED_ABOVE, "limit": MOST_WORDS,
        "movable": campaign.status in version_moves.MOVABLE, "why": values.get("why", ""),
        "typed": values.get("typed", ""),
    }  # fmt: skip
    return respond(request, TEMPLATE, "preview", context, status=status)


@require_GET
@access.require("view")
def moves(request: Request, pk: int) -> HttpResponse:
    """How far the move under way has come, and what became of people in the moves before; live."""
    campaign = access.get(request, CAMPAIGNS, pk)
    found = move_progress.of(campaign, now=clock.now())
    context = {"campaign": campaign, "moves": found, "every": 2 if found and found[0].moving else 10}
    shown = (campaign.status, campaign.version_id, request.role, [move.token for move in found])
    return respond_live(request, "campaigns/moves.html", "live", context, version=version_of(shown))


@require_POST
@access.require("move_campaign")
def cancel(request: Request, pk: int) -> HttpResponse:
    """Move nobody else."""
    campaign = access.get(request, CAMPAIGNS, pk)
    under_way = VersionMove.objects.filter(campaign=campaign, ended_at=None).first()
    if under_way and version_moves.cancel(under_way, by=request.user, now=clock.now()):
        messages.success(request, f"{campaign.name}: nobody else is moved. Who was moved stays moved.")
    else:
        messages.error(request, f"{campaign.name}: nobody is being moved any more.")
    return redirect("campaigns:moves", campaign.pk)
