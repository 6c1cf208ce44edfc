"""Written agreements of single people: added and withdrawn on the contact page, listed in Settings."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts import access
from accounts.access import Request
from audiences import consent_records
from audiences.consent_form import ConsentForm
from audiences.models import Consent, Contact
from audiences.views import contacts
from common import clock
from common.htmx import leave_for

PER_PAGE = 50


@require_POST
@access.require("record_consent")
def add(request: Request, pk: int) -> HttpResponse:
    """Record an agreement of this contact."""
    person = access.get(request, Contact, pk)
    form = ConsentForm(request.POST, contact=person)
    if form.is_valid():
        try:
            consent_records.record(
                form.cleaned_data["address"], form.agreement(),
                contact=person, by=request.user, now=clock.now(),
            )  # fmt: skip
        except consent_records.Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "The consent is on record.")
            return redirect("audiences:contact", pk)
    return contacts.page(request, pk, consent_form=form, status=422)


@require_POST
@access.require("record_consent")
def withdraw(request: Request, pk: int) -> HttpResponse:
    """End an agreement that the customer has taken back."""
    kept = access.get(request, Consent.objects.select_related("address__account", "contact"), pk)
    if consent_records.withdraw(kept, by=request.user, now=clock.now()):
        messages.success(request, "The consent is withdrawn. Its words stay on record.")
    else:
        messages.info(request, "This consent had ended already. Nothing was changed.")
    if kept.contact_id:
        return leave_for(request, "audiences:contact", kept.contact_id)
    return leave_for(request, "audiences:consents")


@require_GET
@access.require("view")
def kept(request: Request) -> HttpResponse:
    """The consents on record, newest first; `kind` narrows to one kind in force."""
    rows = access.rows(request, Consent).select_related("address", "contact", "recorded_by")
    kind = request.GET.get("kind", "")
    if kind in Consent.Kind.values:
        rows = rows.filter(kind=kind, ended_at=None)
    page = Paginator(rows.order_by("-recorded_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "kind": kind, "kinds": Consent.Kind.choices}
    return render(request, "settings/consents.html", context)
