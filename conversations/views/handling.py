"""What is done with a thread: close, reopen, assign, escalate, wrong number."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import access
from accounts.access import Request
from accounts.models import User
from common import clock
from common.htmx import leave_for
from conversations import inbound, threads, wrong_numbers
from conversations.forms import EscalateForm
from conversations.inbox import Folder, Place
from conversations.models import Thread
from conversations.views.inbox import following
from conversations.views.threads import address, answer, load


@require_POST
@access.require("reply")
def close(request: Request, pk: int) -> HttpResponse:
    """Nothing is left to answer; with `then=next` on to the next thread of the folder.

    `seen` names the customer's latest message on the page: with a newer one the thread stays open.
    """
    thread, place = load(request, pk), Place.of(request.GET, Folder.ALL)
    goes_on = request.POST.get("then") == "next"
    then = following(request, place, pk) if goes_on else None
    try:
        threads.close(thread, by=request.user, now=clock.now(), seen=request.POST.get("seen"))
    except threads.ReplyRefused as refused:
        messages.warning(request, str(refused))
        return answer(request, pk, "actions")
    messages.success(request, f"The thread with {thread.contact} is closed.")
    if not goes_on:
        return answer(request, pk, "actions")
    return leave_for(request, address(request, then) if then else _inbox(place))


@require_POST
@access.require("reply")
def reopen(request: Request, pk: int) -> HttpResponse:
    """Open a resolved thread again."""
    try:
        threads.reopen(load(request, pk), by=request.user, now=clock.now())
    except threads.ReplyRefused as refused:
        messages.error(request, str(refused))
    return answer(request, pk, "actions")


@require_POST
@access.require("reply")
def assign(request: Request, pk: int) -> HttpResponse:
    """Take the thread (`to=me`), give it to a colleague (`to` their id), or back to everybody."""
    thread = load(request, pk)
    try:
        threads.assign(thread, to=_chosen(request, thread), by=request.user, now=clock.now())
    except threads.ReplyRefused as refused:
        messages.error(request, str(refused))
    return answer(request, pk, "actions", focus="assign")


def _chosen(request: Request, thread: Thread) -> User | None:
    to = request.POST.get("to", "")
    if to in ("", "me"):
        return request.user if to else None
    able = {str(pk): pk for pk, _ in threads.colleagues(thread.account)}
    if to not in able:
        raise threads.ReplyRefused("Nothing was changed: this person cannot reply to customers here.")
    chosen: User = User.objects.get(pk=able[to])
    return chosen


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
            return answer(request, pk, "actions", focus="assign")
    form.fields["reason"].widget.attrs["data-focus"] = True
    return answer(request, pk, "actions", escalate_form=form)


@require_POST
@access.require("opt_out_contact")
def wrong_number(request: Request, pk: int) -> HttpResponse:
    """This phone is not this customer's; with `undo` it is after all."""
    thread = load(request, pk)
    if "undo" in request.POST:
        wrong_numbers.unmark(thread, by=request.user, now=clock.now())
        messages.success(request, f"This is {thread.contact}’s phone again. Ended campaigns stay ended.")
        return answer(request, pk, "actions")
    calling = wrong_numbers.mark(thread, by=request.user, now=clock.now())
    inbound.wait_for_calls(tuple(calling))
    messages.success(request, f"No campaign texts this phone for {thread.contact} any more.")
    return answer(request, pk, "actions")


def _inbox(place: Place) -> str:
    return reverse("conversations:inbox") + place.query
