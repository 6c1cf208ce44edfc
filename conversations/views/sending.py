"""Settings, Sending: pausing everything and resuming, and the line that first texts end with."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from common import clock
from common.htmx import respond, respond_live, version_of
from conversations import footers, pausing, unit_pausing
from conversations.forms import FooterForm
from conversations.models import SendingPause

MOST_SHOWN = 50


@require_http_methods(["GET", "POST"])
@access.require("view", post="manage_compliance")
def sending(request: Request) -> HttpResponse:
    """Whether anything may leave, earlier pauses, and the opt-out line, which an admin words."""
    wording = footers.wording(request.account)
    initial = {"english": wording.english, "spanish": wording.spanish}
    form = FooterForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        footers.change(
            request.account, footers.Wording(**form.cleaned_data), by=request.user, now=clock.now()
        )
        messages.success(request, "The line is saved: first texts that leave from now on end with it.")
        return redirect("conversations:sending")
    context = {**_state(request), "wording": wording, "form": form}
    if form.errors:
        return respond(request, "settings/sending.html", "live", {**context, "version": ""}, status=422)
    shown = [(one.pk, one.agents_too, one.let_go, one.lifted_at) for one in context["every"]]
    shown += [(one.pk, "unit", one.until, one.lifted_at) for one in context["units"]]
    version = version_of((shown, context["kept_back"], request.role, request.account.timezone))
    return respond_live(request, "settings/sending.html", "live", context, version=version)


@require_http_methods(["GET", "POST"])
@access.require("pause_everything")
def pause(request: Request) -> HttpResponse:
    """Hold every automated text of the account, or with `agents_too` every text; asked first."""
    if request.method == "GET":
        return _ask(request, "pause")
    reason = " ".join(request.POST.get("reason", "").replace("\0", " ").split())
    try:
        paused = pausing.pause(
            request.account, by=request.user, reason=reason,
            agents_too="agents_too" in request.POST, now=clock.now(),
        )  # fmt: skip
    except pausing.NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _said(paused))
    return _done(request)


@require_http_methods(["GET", "POST"])
@access.require("pause_everything")
def resume(request: Request) -> HttpResponse:
    """Let everything go on; asked first."""
    if request.method == "GET":
        return _ask(request, "resume")
    try:
        pausing.lift(request.account, by=request.user, now=clock.now())
    except pausing.NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Sending goes on. What waited leaves at each number’s own rate.")
    return _done(request)


def _state(request: Request) -> dict[str, Any]:
    rows = access.rows(request, SendingPause).select_related("by", "lifted_by").order_by("-at", "-pk")
    every = list(rows[: MOST_SHOWN + 1])
    held = next((one for one in every if one.lifted_at is None), None)
    return {
        "every": every,
        "held": held,
        "units": unit_pausing.in_force(request.account, now=clock.now()),
        "pauses": [one for one in every if one.lifted_at is not None][:MOST_SHOWN],
        "kept_back": pausing.waiting(request.account) if held else 0,
    }


def _ask(request: Request, verb: str) -> HttpResponse:
    held = pausing.in_force(request.account)
    possible = held is not None if verb == "resume" else held is None or not held.agents_too
    leave = "Stay paused" if held else "Keep sending"
    context = {
        "verb": verb,
        "heading": "Resume sending?" if verb == "resume" else "Pause everything?",
        "held": held,
        "possible": possible,
        "keep": leave if possible else "Close",
        "kept_back": pausing.waiting(request.account) if held else 0,
        "limit": pausing.MOST_REASON,
    }
    return respond(request, "settings/sending_question.html", "question", context)


def _done(request: Request) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("conversations:sending")
    answer = trigger_client_event(HttpResponse(status=204), "refresh")
    return trigger_client_event(answer, "close-modal")


def _said(paused: pausing.Paused) -> str:
    held = "Nothing leaves now" if paused.pause.agents_too else "No automated text leaves now"
    left, waits = paused.left, paused.waiting
    gone = f" {left:,} {'was' if left == 1 else 'were'} on the way already and left." if left else ""
    queue = f" {waits:,} queued {'text waits' if waits == 1 else 'texts wait'}." if waits else ""
    return f"Everything is paused. {held}.{gone}{queue}"
