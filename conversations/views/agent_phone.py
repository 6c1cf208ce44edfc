"""An agent's own phone, whether transfers may ring it, and calls of an agent's own."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from audiences.models import Contact
from common import clock
from common.htmx import leave_for, respond
from conversations import agent_phones, own_calls
from conversations.models import Thread
from conversations.queue_forms import PhoneForm
from conversations.views.wishes import done


@require_http_methods(["GET", "POST"])
@access.require("call")
def phone(request: Request) -> HttpResponse:
    """Set, change or forget the phone that calls ring first."""
    page, now = reverse("calls:queue"), clock.now()
    known = agent_phones.of(request.account, request.user)
    form = PhoneForm(request.POST if request.method == "POST" else None, known=known)
    if "forget" in request.POST:
        agent_phones.forget(request.account, by=request.user)
        messages.success(request, "Your phone is forgotten. No call and no transfer rings it.")
        return done(request, page)
    if form.is_valid():
        try:
            agent_phones.keep(request.account, form.cleaned_data["phone"], by=request.user, now=now)
        except agent_phones.PhoneRefused as refused:
            form.add_error("phone", str(refused))
        else:
            messages.success(request, "Kept. “Call” rings this phone first.")
            return done(request, page)
    context = {"form": form, "known": known, "page": page}
    status = 422 if request.method == "POST" else 200
    return respond(request, "calls/phone.html", "question", context, status=status)


@require_POST
@access.require("call")
def available(request: Request) -> HttpResponse:
    """Let transfers of scripted calls ring this agent, or no more."""
    yes = request.POST.get("available") == "yes"
    kept = agent_phones.set_available(request.account, yes, by=request.user, now=clock.now())
    if kept is None:
        messages.error(request, "Set your phone first: a transfer has to ring somewhere.")
    elif yes:
        messages.success(
            request, "You are available: callers who want to talk may ring you while this is open."
        )
    else:
        messages.success(request, "No transfer rings you any more.")
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("calls:queue")
    return trigger_client_event(HttpResponse(status=204), "refresh")


@require_POST
@access.require("call")
def own_call(request: Request, pk: int) -> HttpResponse:
    """Open a call of one's own to a customer; `address` names which phone, else their first."""
    contact = access.get(request, Contact, pk)
    token = request.POST.get("token") or str(uuid.uuid4())
    try:
        planned = own_calls.plan(
            contact, request.POST.get("address", ""), by=request.user, token=token[:36], now=clock.now()
        )
    except own_calls.NotCallable as refused:
        messages.error(request, str(refused))
        return leave_for(request, _back(request, pk))
    return leave_for(request, reverse("calls:person", args=[planned.pk]))


def _back(request: Request, contact: int) -> str:
    """Where Call was pressed: the thread that it names, else the contact's page."""
    text = request.POST.get("thread", "")
    known = text.isascii() and text.isdigit() and len(text) < 19
    thread = access.rows(request, Thread).filter(pk=text, contact=contact).first() if known else None
    if thread is not None:
        return reverse("conversations:thread", args=[thread.pk])
    return reverse("audiences:contact", args=[contact])
