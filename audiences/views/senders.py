"""Settings, Connections: what the emails of a business unit are sent from."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access
from accounts.access import Request
from accounts.models import BusinessUnit
from common.htmx import leave_for
from integrations import mailboxes
from integrations.mailbox_forms import UnitSenderForm
from integrations.models import SendingMailbox

TEMPLATE = "settings/sender_form.html"


@require_http_methods(["GET", "POST"])
@access.require("manage_providers")
def add(request: Request) -> HttpResponse:
    """Give a business unit a sender of its own; it begins as a copy of the account's."""
    own = _own(request)
    if own is None:
        messages.info(request, "Set the account’s own sender first: whatever has none leaves from it.")
        return redirect("audiences:connections")
    units = access.rows(request, BusinessUnit).active().filter(sending_mailboxes=None)  # type: ignore[attr-defined]
    form = UnitSenderForm(_posted(request), connection=own.connection, like=own, units=units)
    return _answered(request, form, {"own": own, "units": units.exists()})


@require_http_methods(["GET", "POST"])
@access.require("manage_providers")
def change(request: Request, pk: int) -> HttpResponse:
    """Change a business unit's sender."""
    sender = access.get(request, _of_units(request), pk)
    own = _own(request)
    connection = own.connection if own is not None else sender.connection
    form = UnitSenderForm(_posted(request), connection=connection, like=sender)
    return _answered(request, form, {"own": own, "sender": sender, "units": True})


@require_POST
@access.require("manage_providers")
def switch(request: Request, pk: int) -> HttpResponse:
    """Switch a business unit's sender on or off: `active` is "1" or "0"."""
    sender = access.get(request, _of_units(request), pk)
    active = request.POST.get("active") == "1"
    if mailboxes.switch(sender, active=active, by=request.user):
        own = _own(request)
        instead = f"from {own.email}, the account’s own sender" if own is not None else "from no sender"
        where = f"from {sender.email}" if active else f"{instead}, the waiting ones included"
        messages.success(request, f"Emails of {sender.business_unit} now leave {where}.")
    return leave_for(request, "audiences:connections")


def _answered(request: Request, form: UnitSenderForm, context: dict[str, Any]) -> HttpResponse:
    """The form, or where its sender was kept: SendGrid is asked first whether it would take an email."""
    context["form"] = form
    if form.is_valid():
        answer = form.tried()
        if answer.works:
            sender = context.get("sender")
            unit = sender.business_unit if sender else form.cleaned_data["business_unit"]
            kept = (sender or context["own"]).connection
            mailboxes.keep(kept, **form.mailbox(), by=request.user, business_unit=unit)
            messages.success(
                request, f"Emails of {unit} leave from {form.cleaned_data['email']}. {answer.title}."
            )
            return redirect("audiences:connections")
        context["answer"] = answer
    return render(request, TEMPLATE, context, status=422 if request.method == "POST" else 200)


def _posted(request: Request) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _own(request: Request) -> SendingMailbox | None:
    """The account's own sender."""
    own = access.rows(request, SendingMailbox).filter(business_unit=None)
    return own.select_related("connection").first()


def _of_units(request: Request) -> QuerySet[SendingMailbox]:
    senders = access.rows(request, SendingMailbox).exclude(business_unit=None)
    return senders.select_related("business_unit", "connection")
