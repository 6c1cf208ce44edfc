"""Choosing the language a contact is written to in, on the contact's page and beside a thread."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from accounts import access
from accounts.access import Request
from audiences import contact_language
from audiences.models import Contact
from common import clock
from common.spoken import LANGUAGES


@require_POST
@access.require("set_language")
def choose(request: Request, pk: int) -> HttpResponse:
    """Keep the choice; the control anew, or the contact's page. 400 for a language we do not write."""
    person = access.get(request, Contact, pk)
    language = request.POST.get("language", "")
    if language not in LANGUAGES:
        return HttpResponseBadRequest("Choose English or Spanish.")
    if contact_language.change(person, language, by=request.user, now=clock.now()):
        messages.success(request, f"{person.name} is written to in {LANGUAGES[language]} from now on.")
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("audiences:contact", pk)
    person.language = language
    response = render(request, "audiences/contact_language.html", {"contact": person})
    return trigger_client_event(response, "refresh")
