"""What an agent does with the person they have open: call, say what came of it, put off, skip, leave."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts import access
from accounts.access import Request
from common import clock
from common.htmx import leave_for, respond
from conversations import (
    agent_phones,
    call_hanging_up,
    call_placing,
    call_queue,
    call_taking,
    inbound,
    said_outcomes,
    threads,
    wrong_numbers,
)
from conversations.call_lines import Chosen
from conversations.call_taking import NotPossible
from conversations.models import PlannedCall
from conversations.queue_forms import AgainForm, OutcomeForm, SkipForm
from conversations.views.calls import GO_ON, address, answer, go_on, load
from integrations.messaging import ProviderError


@require_POST
@access.require("call")
def place(request: Request, pk: int) -> HttpResponse:
    """Ring the agent's phone, then the customer's. Refused: the words say why; the person stays theirs."""
    planned, phone = load(request, pk), agent_phones.of(request.account, request.user)
    if phone is None:
        messages.error(request, "Nobody was called: set the phone that we ring first, then call.")
        return answer(request, pk)
    try:
        call_placing.place(planned.pk, by=request.user, agent_phone=phone.phone, now=clock.now())
    except call_placing.CallRefused as refused:
        messages.error(request, str(refused))
    return answer(request, pk)


@require_POST
@access.require("call")
def end(request: Request, pk: int) -> HttpResponse:
    """Hang up the call that goes on; what came of it is asked for next."""
    planned = load(request, pk)
    try:
        call_hanging_up.end(planned.pk, by=request.user, now=clock.now())
    except NotPossible as refused:
        messages.error(request, str(refused))
    except ProviderError as error:
        messages.warning(
            request,
            f"The carrier could not be asked to hang up: {error}. It is asked again every few seconds; hang "
            "up on your phone, too.",
        )
    return answer(request, pk)


@require_POST
@access.require("call")
def outcome(request: Request, pk: int) -> HttpResponse:
    """Say what came of the call; it can be taken back for half a minute. Then the next person, if wanted."""
    planned, form = load(request, pk), OutcomeForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was kept: choose what came of the call.")
        return answer(request, pk)
    request.session[GO_ON] = form.cleaned_data["go_on"]
    try:
        said_outcomes.say(
            planned, form.cleaned_data["outcome"], by=request.user, note=form.cleaned_data["note"],
            now=clock.now(),
        )  # fmt: skip
    except NotPossible as refused:
        messages.error(request, str(refused))
        return answer(request, pk)
    return onward(request, pk)


def onward(request: Request, pk: int) -> HttpResponse:
    """After somebody was dealt with: the next person, or this page where the agent wants to stay."""
    chosen = Chosen.of(request.GET, request.account)
    if request.session.get(GO_ON, True):
        return go_on(request, chosen, but=pk)
    return leave_for(request, f"{address(request, pk)}&done={pk}")


@require_POST
@access.require("call")
def undo(request: Request, pk: int) -> HttpResponse:
    """Take an outcome back, within half a minute of saying it."""
    planned = load(request, pk)
    try:
        said_outcomes.take_back(planned, by=request.user)
    except NotPossible as refused:
        messages.error(request, str(refused))
    else:
        call_queue.let_go(request.account, by=request.user, now=clock.now(), but=pk)
        messages.success(request, f"The outcome of {planned.contact} was taken back. Say what it was.")
    return leave_for(request, address(request, pk))


@require_http_methods(["GET", "POST"])
@access.require("call")
def again(request: Request, pk: int) -> HttpResponse:
    """Promise a call for a day and hour of the customer's, inside the hours it may be made in."""
    planned, now = load(request, pk), clock.now()
    form = AgainForm(request.POST if request.method == "POST" else None, planned=planned, now=now)
    if form.is_valid():
        at = form.cleaned_data["at"]
        try:
            call_taking.put_off(pk, until=at, by=request.user, now=now, note=form.cleaned_data["note"])
        except NotPossible as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"{planned.contact} will be called {form.said(at)}.")
            return _left(request, pk)
    return _question(request, planned, "calls/again.html", form)


@require_http_methods(["GET", "POST"])
@access.require("call")
def skip(request: Request, pk: int) -> HttpResponse:
    """Do not call this person, with the reason; the campaign goes on with what comes next."""
    planned = load(request, pk)
    form = SkipForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            call_taking.skip(pk, by=request.user, reason=form.reason, now=clock.now())
        except NotPossible as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"{planned.contact} is not called: {form.reason}")
            return _left(request, pk)
    return _question(request, planned, "calls/skip.html", form)


@require_POST
@access.require("opt_out_contact")
def wrong_number(request: Request, pk: int) -> HttpResponse:
    """The phone is not this customer's: no campaign calls or texts it for them any more."""
    planned, now = load(request, pk), clock.now()
    thread = threads.open_with(planned.contact, planned.address, planned.number, now=now)
    inbound.wait_for_calls(tuple(wrong_numbers.mark(thread, by=request.user, now=now)))
    messages.success(request, f"No campaign calls or texts this phone for {planned.contact} any more.")
    return answer(request, pk)


@require_POST
@access.require("call")
def leave(request: Request, pk: int) -> HttpResponse:
    """Give the person back: at once where the agent says so, in a moment where the page was merely closed."""
    planned = load(request, pk)
    if "closed" in request.POST:
        call_queue.leave(planned, by=request.user)
        return HttpResponse(status=204)
    if call_queue.called_now(planned):
        messages.error(request, "You have called them: say what came of it first. Nothing was changed.")
        return answer(request, pk)
    if planned.kind == PlannedCall.Kind.AGENT:
        call_taking.skip(pk, by=request.user, reason=call_queue.NOT_MADE, now=clock.now())
    else:
        call_taking.give_back(pk, by=request.user, now=clock.now())
        messages.success(request, f"{planned.contact} is back in the queue.")
    return leave_for(request, reverse("calls:queue") + Chosen.of(request.GET, request.account).query)


def _left(request: Request, pk: int) -> HttpResponse:
    """A question's answer took the person from the agent: on to the next."""
    response = onward(request, pk)
    if request.htmx:  # type: ignore[attr-defined]
        return response
    return (
        redirect(response["Location"]) if not isinstance(response, HttpResponseClientRedirect) else response
    )


def _question(request: Request, planned: PlannedCall, template: str, form: object) -> HttpResponse:
    context = {"planned": planned, "form": form, "page": address(request, planned.pk),
               "here": request.get_full_path()}  # fmt: skip
    status = 422 if request.method == "POST" else 200
    return respond(request, template, "question", context, status=status)
