"""The page of one person."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from audiences import contact_history, contact_pages, contact_sections, contact_timeline, do_not_call
from audiences.consent_form import ConsentForm
from audiences.models import Consent, Contact, ContactAddress, Location
from common import clock


@require_GET
@access.require("view")
def contact(request: Request, pk: int) -> HttpResponse:
    """One person: how to reach them, what they bought, and one timeline; `show` and `kind` choose lists."""
    return page(request, pk)


@require_GET
@access.require("view")
def history(request: Request, pk: int) -> HttpResponse:
    """The region with one list of what the customer bought: `?show=jobs&page=2`."""
    return _region(request, pk, "audiences/contact_history.html", _history)


@require_GET
@access.require("view")
def timeline(request: Request, pk: int) -> HttpResponse:
    """The timeline, of one kind with `?kind=`; with `after` only the moments behind that cursor."""
    part = "#moments" if "after" in request.GET else ""
    return _region(request, pk, f"audiences/contact_timeline.html{part}", _timeline)


def _region(
    request: Request, pk: int, template: str, load: Callable[[Request, Contact], dict[str, Any]]
) -> HttpResponse:
    """A part of the contact's page; without htmx the page itself, showing the same."""
    person = access.get(request, Contact, pk)
    if not getattr(request, "htmx", None):
        return redirect(f"{reverse('audiences:contact', args=[pk])}?{request.GET.urlencode()}")
    return render(request, template, {"contact": person, **load(request, person)})


def page(request: Request, pk: int, *, status: int = 200, **forms: Any) -> HttpResponse:
    """The contact's page; `forms` replaces fresh forms by what was typed."""
    person = access.get(request, Contact.objects.select_related("household", "zone_set"), pk)
    others = access.rows(request, Contact)
    context = {
        "contact": person,
        "contact_addresses": _marked(person),
        "consents": _consents(person),
        "household": others.filter(household=person.household_id).exclude(pk=pk).order_by("name", "pk")[:10],
        "merged_into": _merged_into(others, person),
        "locations": _locations(person),
        "tags": person.tags.order_by("name"),
        "figures": contact_history.figures(person),
        "sections": contact_sections.of(person),
        "zones": _zones(person),
        "consent_form": _consent_form(request, person),
        **_history(request, person),
        **_timeline(request, person),
        **forms,
    }
    return render(request, "audiences/contact.html", context, status=status)


def _history(request: Request, person: Contact) -> dict[str, Any]:
    name, rows = contact_history.shown(person, request.GET.get("show", ""), request.GET.get("page", ""))
    return {"show": name, "lists": contact_history.LISTS, "list": contact_history.LISTS[name], "rows": rows}


def _timeline(request: Request, person: Contact) -> dict[str, Any]:
    kind = request.GET.get("kind", "")
    kind = kind if kind in contact_timeline.KINDS else ""
    found = contact_timeline.page(
        person, kind, request.GET.get("after", ""), may=lambda what: access.allowed(request.role, what)
    )
    return {"kind": kind, "kinds": contact_timeline.KINDS, "timeline": found, "now": clock.now()}


def _merged_into(others: "QuerySet[Contact]", person: Contact) -> Contact | None:
    """Who goes on in place of a customer that was merged away."""
    if person.merged_into_servicetitan_id is None:
        return None
    return others.filter(servicetitan_customer_id=person.merged_into_servicetitan_id).order_by("pk").first()


def _locations(person: Contact) -> list[int]:
    """ServiceTitan's ids of the customer's service locations, the first few."""
    rows = Location.objects.filter(
        account=person.account_id, servicetitan_customer_id=person.servicetitan_customer_id, active=True
    )
    return list(rows.order_by("servicetitan_id").values_list("servicetitan_id", flat=True)[:4])


def _marked(person: Contact) -> list[ContactAddress]:
    """Links with what keeps automatic texts from their phones (a flag of whoever shares them, lists), and
    with who shares them."""
    flagged = ContactAddress.objects.filter(address=OuterRef("address"), do_not_text=True)
    links = contact_pages.links().filter(contact=person)
    found: list[Any] = list(links.annotate(no_texts=Exists(flagged)))
    addresses = [link.address_id for link in found]
    lists = do_not_call.lists_naming(person.pk, addresses, now=clock.now())
    shared = ContactAddress.objects.filter(address__in=addresses, wrong_number_at=None).exclude(
        contact=person
    )
    sharing = list(shared.select_related("contact").order_by("contact__name", "pk"))
    for link in found:
        link.lists = lists.get(link.address_id, [])
        link.listed = any(one.counts for one in link.lists)
        link.shared = [one.contact for one in sharing if one.address_id == link.address_id][:5]
    return found


def _consent_form(request: Request, person: Contact) -> ConsentForm | None:
    """An empty form for whoever may use it, where there is a phone to agree for."""
    form = ConsentForm(contact=person)
    may = access.allowed(request.role, "record_consent") and bool(form.phones)
    return form if may else None


def _consents(person: Contact) -> "QuerySet[Consent]":
    """What was agreed to for this person's phones, in force first, by whoever shares them."""
    found = Consent.objects.of_contact(person)
    return found.order_by(F("ended_at").desc(nulls_first=True), "-given_at", "-pk")


def _zones(person: Contact) -> list[str]:
    """The time now where the person may be: “9:04 am in Chicago”."""
    now = clock.now()
    return [
        f"{now.astimezone(ZoneInfo(zone)):%-I:%M %p}".lower()
        + f" in {zone.rpartition('/')[2].replace('_', ' ')}"
        for zone in person.zone_set.zones
    ]
