"""The call queue: who waits for a call, and the person an agent has open."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from accounts.middleware import is_poll
from common import clock, stamps
from common.htmx import leave_for, not_modified, respond_live, unchanged_lately, version_of
from conversations import (
    agent_phones,
    call_beginnings,
    call_lines,
    call_panel,
    call_queue,
    call_sources,
    call_taking,
    said_outcomes,
)
from conversations.call_lines import Chosen
from conversations.models import PlannedCall

GO_ON = "calls_go_on"  # of a session: whether the next person comes after an outcome
PERSON = "calls/person.html"
OUTCOMES = (
    ("answered", "Answered", "1", "phone"),
    ("voicemail", "Voicemail", "2", "message-circle"),
    ("no_answer", "No answer", "3", "phone-off"),
    ("busy", "Busy", "4", "circle-slash"),
)
"""What an agent says with one key: value, word, key, drawing. Booked and called back have questions."""


@require_GET
@access.require("view")
@unchanged_lately(personal=True)
def queue_page(request: Request) -> HttpResponse:
    """Who waits and why, narrowed by campaign or business unit; 304 while a poll would show the same."""
    now = clock.now()
    chosen = Chosen.of(request.GET, request.account)
    agent_phones.seen(request.account, request.user, now=now)
    context = call_lines.shown(request.account, chosen, now)
    mine = call_queue.open_to(request.account, request.user)
    begin = () if context["lines"] else call_beginnings.of(request.account, request.user)
    context |= {
        "begin": [(one, access.allowed(request.role, one.capability)) for one in begin],
        "chosen": chosen,
        "units": call_sources.units(request.account),
        "phone": agent_phones.of(request.account, request.user),
        "mine": PlannedCall.objects.select_related("contact").get(pk=mine[0].pk) if mine else None,
        "undoable": _undoable(request),
        "page_url": request.path + chosen.query,
    }
    phone = context["phone"]
    who = (
        request.role,
        request.account.timezone,
        timezone.localdate(now),
        phone and stamps.fields_of(phone)[:5],
    )
    held = context["begin"], context["mine"] and (context["mine"].pk, context["mine"].state)
    version = version_of((who, held, str(context["undoable"]), chosen, f"{now:%H:%M}", context["seen"]))
    return respond_live(request, "calls/queue.html", "queue", context, version=version)


@require_POST
@access.require("call")
def next_call(request: Request) -> HttpResponse:
    """Take whoever is next, of everybody or of what is looked at, and go to them."""
    chosen = Chosen.of(request.POST, request.account)
    return go_on(request, chosen)


def go_on(request: Request, chosen: Chosen, *, but: int | None = None) -> HttpResponse:
    """Lead to the next person, or to the queue where there is nobody; `but` has just been dealt with."""
    skipped = () if but is None else (but,)
    taken = call_queue.take_next(
        request.account, by=request.user, now=clock.now(), wanted=chosen.wanted, but=skipped
    )
    done = f"&done={but}" if but else ""
    if taken is None:
        messages.info(request, "Nobody else waits for a call at this moment.")
        return leave_for(request, reverse("calls:queue") + chosen.query + done)
    return leave_for(request, reverse("calls:person", args=[taken.pk]) + chosen.query + done)


@require_POST
@access.require("call")
def take(request: Request, pk: int) -> HttpResponse:
    """Take this very person; somebody else may have been quicker."""
    planned = load(request, pk)
    if call_queue.take(planned, by=request.user, now=clock.now()) is None:
        planned = load(request, pk)
        has = f"{planned.taken_by} has" if planned.taken_by_id else "Somebody has"
        messages.warning(request, f"{has} taken {planned.contact} meanwhile, or the call is over.")
    return leave_for(request, address(request, pk))


@require_GET
@access.require("read_conversations")
def person_page(request: Request, pk: int) -> HttpResponse:
    """Everything about one planned call. Polls of whoever has it open keep it theirs; 304 while unchanged."""
    planned, now = load(request, pk), clock.now()
    agent_phones.seen(request.account, request.user, now=now)
    if planned.taken_by_id == request.user.pk and not said_outcomes.outcome_of(planned):
        call_taking.keep(planned.pk, by=request.user, seconds=call_queue.LEASE_SECONDS)
    version = version_of_person(request, planned)
    unchanged = not_modified(request, version) if is_poll(request) else None
    if unchanged is not None:
        return unchanged
    return respond_live(request, PERSON, "call", page_context(request, planned), version=version)


def version_of_person(request: Request, planned: PlannedCall) -> str:
    """A token of everything in `page_context`; the clock moves it every minute."""
    now = clock.now()
    phone = agent_phones.of(request.account, request.user)
    statement = stamps.compiled(("call", planned.pk, planned.contact_id), lambda: call_panel.stamps(planned))
    return stamps.token(
        statement,
        (request.role, request.user.pk, f"{now:%Y-%m-%d %H:%M}", str(_undoable(request))),
        stamps.fields_of(phone)[:5] if phone else None,
    )


def load(request: Request, pk: int) -> PlannedCall:
    """A planned call of the account with all that its page names; 404 where there is none."""
    return access.get(request, PlannedCall.objects.select_related(*call_panel.RELATED), pk)


def page_context(request: Request, planned: PlannedCall, **more: Any) -> dict[str, Any]:
    """What the page shows; what is added here needs its stamp in `version_of_person`."""
    chosen = Chosen.of(request.GET, request.account)
    mine = planned.taken_by_id == request.user.pk and planned.state in PlannedCall.OPEN
    panel = call_panel.of(planned, clock.now())
    return {
        "planned": planned,
        "panel": panel,
        "outcomes": OUTCOMES,
        "mine": mine and not panel.pending,
        "pending_left": call_panel.seconds_left(planned, request.user),
        "undoable": _undoable(request),
        "phone": agent_phones.of(request.account, request.user),
        "go_on": request.session.get(GO_ON, True),
        "chosen": chosen,
        "page_url": address(request, planned.pk),
        **more,
    }


def answer(request: Request, pk: int) -> HttpResponse:
    """After something was done: every region asks anew; without htmx the page."""
    if not request.htmx:  # type: ignore[attr-defined]
        return leave_for(request, address(request, pk))
    return trigger_client_event(HttpResponse(status=204), "refresh")


def address(request: Request, pk: int) -> str:
    """The page of this call, among those that were looked at."""
    source = request.POST if request.method == "POST" and "campaign" in request.POST else request.GET
    return reverse("calls:person", args=[pk]) + Chosen.of(source, request.account).query


def _undoable(request: Request) -> PlannedCall | None:
    """The person dealt with just before, while that outcome can be taken back."""
    done = request.GET.get("done", "")
    if not (done.isascii() and done.isdigit() and len(done) < 19):
        return None
    mine = access.rows(request, PlannedCall).select_related("contact").filter(taken_by=request.user, pk=done)
    found = mine.first()
    if found is None or not call_panel.seconds_left(found, request.user):
        return None
    found.said = PlannedCall.Outcome(said_outcomes.outcome_of(found)).label  # type: ignore[attr-defined]
    return found
