"""The page of one person."""

from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from audiences import contact_pages, contact_sections, do_not_call
from audiences.consent_form import ConsentForm
from audiences.models import Consent, Contact, ContactAddress, Job
from common import clock

RECENT_JOBS = 20


@require_GET
@access.require("view")
def contact(request: Request, pk: int) -> HttpResponse:
    """One person: addresses with their opt-outs, tags, jobs, and what other apps know."""
    return page(request, pk)


def page(request: Request, pk: int, *, status: int = 200, **forms: Any) -> HttpResponse:
    """The contact's page; `forms` replaces fresh forms by what was typed."""
    person = access.get(request, Contact.objects.select_related("household", "zone_set"), pk)
    jobs = Job.objects.filter(
        account=person.account_id, servicetitan_customer_id=person.servicetitan_customer_id
    ).select_related("job_type", "business_unit")
    context = {
        "contact": person,
        "contact_addresses": _marked(person),
        "consents": _consents(person),
        "household": access.rows(request, Contact).filter(household=person.household_id).exclude(pk=pk)[:10],
        "tags": person.tags.order_by("name"),
        "jobs": jobs.order_by("-created_on", "-pk")[:RECENT_JOBS],
        "sections": contact_sections.of(person),
        "zones": _zones(person),
        "consent_form": _consent_form(request, person),
        **forms,
    }
    return render(request, "audiences/contact.html", context, status=status)


def _marked(person: Contact) -> list[ContactAddress]:
    """Links with what keeps automatic texts from their phones: a flag of whoever shares them, lists."""
    flagged = ContactAddress.objects.filter(address=OuterRef("address"), do_not_text=True)
    found: list[Any] = list(contact_pages.links().filter(contact=person).annotate(no_texts=Exists(flagged)))
    lists = do_not_call.lists_naming(person.pk, [link.address_id for link in found], now=clock.now())
    for link in found:
        link.lists = lists.get(link.address_id, [])
        link.listed = any(one.counts for one in link.lists)
    return found


def _consent_form(request: Request, person: Contact) -> ConsentForm | None:
    """An empty form for whoever may use it, where there is a phone to agree for."""
    form = ConsentForm(contact=person)
    may = access.allowed(request.role, "record_consent") and bool(form.phones)
    return form if may else None


def _consents(person: Contact) -> "QuerySet[Consent]":
    """What was agreed to for this person's phones, in force first, by whoever shares them."""
    mine = person.contact_addresses.values("address")
    found = Consent.objects.filter(Q(contact=person) | Q(address__in=mine))
    return found.select_related("address", "contact", "recorded_by").order_by(
        F("ended_at").desc(nulls_first=True), "-given_at", "-pk"
    )


def _zones(person: Contact) -> list[str]:
    """The time now where the person may be: “9:04 am in Chicago”."""
    now = clock.now()
    return [
        f"{now.astimezone(ZoneInfo(zone)):%-I:%M %p}".lower()
        + f" in {zone.rpartition('/')[2].replace('_', ' ')}"
        for zone in person.zone_set.zones
    ]
