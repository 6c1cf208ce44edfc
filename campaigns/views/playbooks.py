"""Playbooks: one page for all of them, and one address for each thing that is done to them."""

from collections.abc import Callable
from typing import TypeAlias

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts import access
from accounts.access import Request
from accounts.toasts import offer
from campaigns import playbooks
from campaigns.models import Campaign, Playbook
from campaigns.words import number_of
from common import clock

PLAYBOOKS = Playbook.objects.select_related("account")
Done: TypeAlias = tuple[str, Playbook]
"""What to say of a verb, and the playbook to look at next."""


@require_GET
@access.require("view")
def shelf(request: Request) -> HttpResponse:
    """Every playbook with its campaigns, their entries and exits; those of none; the archive."""
    return _show(request)


def _show(request: Request, *, renamed: int = 0, typed: str = "", error: str = "") -> HttpResponse:
    """The shelf; with a name that cannot be where it was typed: for a new playbook, or for `renamed`."""
    context = {
        "shelf": playbooks.of(request.account), "longest": playbooks.LONGEST_NAME,
        "renamed": renamed, "typed": typed, "error": error,
    }  # fmt: skip
    return render(request, "campaigns/playbooks.html", context, status=422 if error else 200)


@require_POST
@access.require("edit_playbook")
def add(request: Request) -> HttpResponse:
    """A new one."""
    name = request.POST.get("name", "")
    try:
        made = playbooks.add(request.account, name, by=request.user)
    except playbooks.NotPossible as refusal:
        return _show(request, typed=name, error=str(refusal))
    messages.success(request, f"{made} is there.")
    return _at(made)


@require_POST
@access.require("edit_playbook")
def change(request: Request, pk: int, verb: str) -> HttpResponse:
    """Rename, move up or down, archive, take out of the archive, copy."""
    playbook = access.get(request, PLAYBOOKS, pk)
    if verb not in VERBS:
        raise Http404(f"no verb {verb}")
    said, shown = "", playbook
    try:
        said, shown = VERBS[verb](request, playbook)
    except playbooks.NotPossible as refusal:
        if verb == "rename":
            return _show(request, renamed=playbook.pk, typed=request.POST.get("name", ""), error=str(refusal))
        messages.error(request, f"Nothing was changed. {refusal}")
    if said:
        messages.success(request, said)
    return redirect("campaigns:playbooks") if verb == "archive" else _at(shown)


def _at(playbook: Playbook) -> HttpResponse:
    """Back to the shelf, at this playbook."""
    answer = redirect("campaigns:playbooks")
    answer["Location"] += f"#playbook-{playbook.pk}"
    return answer


@require_POST
@access.require("edit_playbook")
def put(request: Request, pk: int) -> HttpResponse:
    """Put a campaign into the playbook of the form, or out of all."""
    campaign = access.get(request, Campaign.objects.select_related("account"), pk)
    chosen = request.POST.get("playbook", "")
    playbook = access.get(request, PLAYBOOKS, int(chosen)) if chosen.isdecimal() else None
    playbooks.put(campaign, playbook, by=request.user)
    messages.success(request, f"{campaign.name} is in {playbook.name if playbook else 'no playbook'} now.")
    return redirect("campaigns:playbooks")


def _rename(request: Request, playbook: Playbook) -> Done:
    playbooks.rename(playbook, request.POST.get("name", ""), by=request.user)
    return f"It is called {playbook.name} now.", playbook


def _up(request: Request, playbook: Playbook) -> Done:
    playbooks.shift(playbook, -1, by=request.user)
    return f"{playbook.name} moved up.", playbook


def _down(request: Request, playbook: Playbook) -> Done:
    playbooks.shift(playbook, 1, by=request.user)
    return f"{playbook.name} moved down.", playbook


def _archive(request: Request, playbook: Playbook) -> Done:
    playbooks.archive(playbook, by=request.user, now=clock.now())
    back = f"{reverse('campaigns:playbook_change', args=[playbook.pk, 'restore'])}?undo=1"
    offer(request, f"{playbook.name} is archived. Its campaigns go on as they are.", url=back, words="Undo")
    return "", playbook


def _restore(request: Request, playbook: Playbook) -> Done:
    playbooks.restore(playbook, by=request.user, in_place="undo" in request.GET)
    return f"{playbook.name} is back.", playbook


def _clone(request: Request, playbook: Playbook) -> Done:
    copy, n = playbooks.clone(playbook, by=request.user, now=clock.now())
    campaigns = f"{number_of(n, 'campaign')}, none of them launched"
    return f"{copy.name} is there with {campaigns}. Choose an audience and a start for each.", copy


VERBS: dict[str, Callable[[Request, Playbook], Done]] = {
    "rename": _rename, "up": _up, "down": _down, "archive": _archive, "restore": _restore, "clone": _clone,
}  # fmt: skip
