"""Booking a visit for a customer who is on the phone, in a thread, or on their page."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from accounts.models import BusinessUnit
from audiences.models import Contact, JobType
from campaigns import own_bookings, visit_slots
from campaigns.own_booking_form import OwnBookingForm
from campaigns.visit_slots import Slots
from common import clock
from common.htmx import respond
from conversations import said_outcomes
from conversations.call_taking import NotPossible
from conversations.models import PlannedCall, Thread
from conversations.views.call_acts import onward

TEMPLATE = "campaigns/own_booking.html"


@require_http_methods(["GET", "POST"])
@access.require("book_job")
def book_for(request: Request, pk: int) -> HttpResponse:
    """Ask ServiceTitan for a visit in a window that the customer agreed to.

    `call` names the call it is made on, which is then booked; `thread` the conversation. Inside a page the
    windows are asked for when the question stands there (`windows`).
    """
    contact, now = access.get(request, Contact, pk), clock.now()
    call, thread = _named(request, PlannedCall, "call", contact), _named(request, Thread, "thread", contact)
    posted = request.method == "POST"
    form = _form(request, None, now=now)
    if form.is_valid():
        token = str(form.cleaned_data["token"])
        own_bookings.ask(contact, form.wish, by=request.user, token=token, now=now, call=call, thread=thread)
        messages.success(request, f"ServiceTitan is asked to book {contact}. The office confirms it.")
        return _done(request, contact, call, note=form.cleaned_data["note"])
    slots = None
    if not request.htmx:  # type: ignore[attr-defined]
        slots = visit_slots.free(request.account, *_kind(request), now=now)
        form = _form(request, slots, now=now)
    context = {
        "contact": contact, "form": form, "slots": slots, "here": request.get_full_path(), "call": call,
        "page": _page(contact, call, thread),
    }  # fmt: skip
    return respond(request, TEMPLATE, "question", context, status=422 if posted else 200)


@require_GET
@access.require("book_job")
def windows(request: Request, pk: int) -> HttpResponse:
    """The part of the question that ServiceTitan is asked for, which may take seconds: when there is room."""
    contact, now = access.get(request, Contact, pk), clock.now()
    slots = visit_slots.free(request.account, *_kind(request), now=now)
    context = {"contact": contact, "form": _form(request, slots, now=now), "slots": slots}
    return render(request, f"{TEMPLATE}#windows", context)


def _form(request: Request, slots: Slots | None, *, now: datetime) -> OwnBookingForm:
    """As it was posted; else as it was typed before the windows were asked for."""
    data = request.POST if request.method == "POST" else None
    return OwnBookingForm(data, account=request.account, slots=slots, now=now, initial=_typed(request))


def _done(request: Request, contact: Contact, call: PlannedCall | None, *, note: str) -> HttpResponse:
    """Back to where it was made; a call that was made is booked now, and the next person may come."""
    if call is not None and call.taken_by_id == request.user.pk:
        try:
            said_outcomes.say(call, PlannedCall.Outcome.BOOKED, by=request.user, note=note, now=clock.now())
        except NotPossible:
            pass  # nobody was called: the booking stands, the call is still to be made or skipped
        else:
            return onward(request, call.pk)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(_page(contact, call, None))
    return trigger_client_event(trigger_client_event(HttpResponse(status=204), "refresh"), "close-modal")


def _named(request: Request, model: Any, name: str, contact: Contact) -> Any:
    """The contact's row that the address names, or None."""
    text = request.GET.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    return access.rows(request, model).filter(pk=text, contact=contact).first()


def _kind(request: Request) -> tuple[BusinessUnit | None, JobType | None]:
    source = request.POST if request.method == "POST" else request.GET
    found = []
    for model, name in ((BusinessUnit, "business_unit"), (JobType, "job_type")):
        text = source.get(name, "")
        known = text.isascii() and text.isdigit() and len(text) < 19
        rows: Any = access.rows(request, model)
        found.append(rows.filter(pk=text).first() if known else None)
    return found[0], found[1]


def _typed(request: Request) -> dict[str, Any]:
    """What was chosen before the windows were asked for anew."""
    names = ("summary", "business_unit", "job_type", "slot", "token")
    return {name: request.GET[name] for name in names if request.GET.get(name)}


def _page(contact: Contact, call: PlannedCall | None, thread: Thread | None) -> str:
    if call is not None:
        return reverse("calls:person", args=[call.pk])
    if thread is not None:
        return reverse("conversations:thread", args=[thread.pk])
    return reverse("audiences:contact", args=[contact.pk])
