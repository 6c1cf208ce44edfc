"""What is done with a thread: close, reopen, assign, escalate, opt out."""

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from accounts import access
from accounts.access import Request
from common import clock
from common.htmx import leave_for
from conversations import inbound, opt_outs, threads
from conversations.forms import EscalateForm, OptOutForm
from conversations.views.threads import answer, load


@require_POST
@access.require("reply")
def close(request: Request, pk: int) -> HttpResponse:
    """Nothing is left to answer."""
    threads.close(load(request, pk), by=request.user, now=clock.now())
    messages.success(request, "The thread is closed.")
    return leave_for(request, "conversations:thread", pk)


@require_POST
@access.require("reply")
def reopen(request: Request, pk: int) -> HttpResponse:
    """Open a resolved thread again."""
    try:
        threads.reopen(load(request, pk), by=request.user, now=clock.now())
    except threads.ReplyRefused as refused:
        messages.error(request, str(refused))
    return leave_for(request, "conversations:thread", pk)


@require_POST
@access.require("reply")
def assign(request: Request, pk: int) -> HttpResponse:
    """Take the thread (`to=me`) or give it back to everybody."""
    to = request.user if request.POST.get("to") == "me" else None
    threads.assign(load(request, pk), to=to, by=request.user, now=clock.now())
    return answer(request, pk, "actions")


@require_POST
@access.require("reply")
def escalate(request: Request, pk: int) -> HttpResponse:
    """Ask for somebody with more say."""
    thread, form = load(request, pk), EscalateForm(request.POST)
    if form.is_valid():
        try:
            threads.escalate(thread, reason=form.cleaned_data["reason"], by=request.user, now=clock.now())
        except threads.ReplyRefused as refused:
            form.add_error("reason", str(refused))
        else:
            return answer(request, pk, "actions")
    return answer(request, pk, "actions", escalate_form=form)


@require_POST
@access.require("opt_out_contact")
def opt_out(request: Request, pk: int) -> HttpResponse:
    """Record that the contact wants no more; answered once nothing is on its way any more."""
    thread, form = load(request, pk), OptOutForm(request.POST)
    if not form.is_valid():
        return answer(request, pk, "actions", opt_out_form=form)
    evidence = form.cleaned_data["evidence"]
    calling = opt_outs.by_agent(
        thread.contact, also=[thread.address], by=request.user, evidence=evidence, now=clock.now()
    )
    inbound.wait_for_calls(tuple(calling))
    messages.success(request, f"{thread.contact} is opted out. Nothing more is sent.")
    if calling:
        messages.warning(request, "A text that was being handed over at that moment may still arrive.")
    return leave_for(request, "conversations:thread", pk)
