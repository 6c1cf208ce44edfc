"""Opting somebody out from their thread or their page, and undoing it with the customer's words."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from audiences.models import Address, Contact, ContactAddress
from audiences.templatetags.addresses import shown
from common import clock
from common.htmx import respond
from conversations import inbound, opt_ins, opt_outs
from conversations.forms import OptInForm, OptOutForm
from conversations.views.threads import answer, load


@require_POST
@access.require("opt_out_contact")
def opt_out(request: Request, pk: int) -> HttpResponse:
    """Record that the contact wants no more; answered once nothing is on its way any more."""
    thread = load(request, pk)
    form = OptOutForm(request.POST, addresses=[thread.address])
    if not form.is_valid():
        return answer(request, pk, "actions", opt_out_form=form)
    _record(request, form, thread.contact, also=[thread.address])
    return answer(request, pk, "actions")


@require_http_methods(["GET", "POST"])
@access.require("opt_out_contact")
def opt_out_contact(request: Request, pk: int) -> HttpResponse:
    """The same from the contact's page: GET asks how much is closed, POST closes it."""
    contact = access.get(request, Contact, pk)
    links = (
        ContactAddress.objects.filter(contact=contact).select_related("address").order_by("position", "pk")
    )
    addresses = [link.address for link in links]
    typed = request.POST if request.method == "POST" else None
    form = OptOutForm(typed, addresses=addresses if len(addresses) > 1 else ())
    if not form.is_valid():
        context = {"contact": contact, "form": form, "page": reverse("audiences:contact", args=[pk])}
        status = 422 if request.method == "POST" else 200
        return respond(request, "conversations/opt_out_question.html", "question", context, status=status)
    _record(request, form, contact)
    return done(request, reverse("audiences:contact", args=[pk]))


def _record(request: Request, form: OptOutForm, contact: Contact, also: Sequence[Address] = ()) -> None:
    only = form.only
    calling = opt_outs.by_agent(
        contact,
        also=also,
        only=only,
        by=request.user,
        evidence=form.cleaned_data["evidence"],
        now=clock.now(),
    )
    inbound.wait_for_calls(tuple(calling))
    if only is None:
        messages.success(request, f"{contact} is opted out. Nothing more is sent.")
    else:
        messages.success(request, f"Nothing more is sent to {shown(only)}. Other addresses stay open.")
    if calling:
        messages.warning(request, "A text that was being handed over at that moment may still arrive.")


@require_http_methods(["GET", "POST"])
@access.require("opt_out_contact")
def opt_in(request: Request, pk: int) -> HttpResponse:
    """Undo an opt-out that was recorded by mistake, with the customer's words."""
    thread = load(request, pk)
    page = reverse("conversations:thread", args=[pk])
    form = OptInForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            opt_ins.by_agent(
                thread.address, by=request.user, words=form.cleaned_data["words"], now=clock.now()
            )
        except opt_ins.OptInRefused as refused:
            form.add_error("words", str(refused))
        else:
            may = "emailed" if thread.is_email else "texted"
            messages.success(request, f"{thread.contact} may be {may} at {shown(thread.address)} again.")
            return done(request, page)
    held = opt_ins.carrier_holds(thread.address)
    context = {"thread": thread, "form": form, "page": page, "held_by_carrier": held}
    return respond(
        request, "conversations/opt_in_question.html", "question", context, status=422 if form.errors else 200
    )


def done(request: Request, page: str) -> HttpResponse:
    """What a question's answer leads to: its page, or for htmx the modal closed and the page read anew."""
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(page)
    return trigger_client_event(trigger_client_event(HttpResponse(status=204), "refresh"), "close-modal")
