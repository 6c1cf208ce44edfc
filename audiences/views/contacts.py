"""Contacts: the list with its search, and one person."""

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from audiences import contact_sections, segments
from audiences.forms import RulesForm
from audiences.models import Audience, Contact, ContactAddress, Job, OptOut
from common import clock
from common.htmx import respond

PER_PAGE = 50
RECENT_JOBS = 20


@dataclass(frozen=True)
class Choice:
    """Whom an address asks for besides its words: an audience, or rules as they were typed."""

    rules: dict[str, Any] | None = None
    audience: Audience | None = None
    words: list[str] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)  # what keeps the choice in a search


@require_GET
@access.require("view")
def contact_list(request: Request) -> HttpResponse:
    """Contacts by name; `q` seeks in names, phones and mailboxes, `audience` or rules narrow to theirs."""
    wanted = request.GET.get("q", "").strip()[:100]
    choice = _choice(request)
    rows = access.rows(request, Contact.objects.search(wanted)).order_by("name", "pk")
    if choice.rules is not None:
        rows = rows.filter(pk__in=segments.contacts(request.account, choice.rules).values("pk"))
    rows = rows.prefetch_related(Prefetch("contact_addresses", queryset=_links()))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "wanted": wanted, "choice": choice}
    return respond(request, "audiences/contact_list.html", "contacts", context)


def _choice(request: Request) -> Choice:
    """The audience or the rules in the address; nobody's where they have no meaning."""
    if (pk := request.GET.get("audience", "")).isdecimal():
        audience = access.get(request, Audience, int(pk))
        rules = audience.rules
    elif request.GET.get("matching"):
        form = RulesForm(request.GET, account=request.account)
        audience, rules = None, form.rules() if form.is_valid() else {}
    else:
        return Choice()
    words = segments.describe(request.account, rules)
    if segments.validate(request.account, rules):
        return Choice(None, audience, words)
    kept = [(name, value) for name, values in request.GET.lists() for value in values]
    return Choice(rules, audience, words, [pair for pair in kept if pair[0] not in ("q", "page")])


def _links() -> "QuerySet[ContactAddress]":
    """Phones and mailboxes in their order, each with its opt-outs in force."""
    in_force = Prefetch(
        "address__opt_outs",
        queryset=OptOut.objects.filter(lifted_at=None).select_related("by"),
        to_attr="in_force",
    )
    links = ContactAddress.objects.select_related("address").order_by("position", "pk")
    return links.prefetch_related(in_force)


@require_GET
@access.require("view")
def contact(request: Request, pk: int) -> HttpResponse:
    """One person: addresses with their opt-outs, tags, jobs, and what other apps know."""
    person = access.get(request, Contact.objects.select_related("household", "zone_set"), pk)
    jobs = Job.objects.filter(
        account=person.account_id, servicetitan_customer_id=person.servicetitan_customer_id
    ).select_related("job_type", "business_unit")
    context = {
        "contact": person,
        "contact_addresses": _links().filter(contact=person),
        "household": access.rows(request, Contact).filter(household=person.household_id).exclude(pk=pk)[:10],
        "tags": person.tags.order_by("name"),
        "jobs": jobs.order_by("-created_on", "-pk")[:RECENT_JOBS],
        "sections": contact_sections.of(person),
        "zones": _zones(person),
    }
    return render(request, "audiences/contact.html", context)


def _zones(person: Contact) -> list[str]:
    """The time now where the person may be: “9:04 am in Chicago”."""
    now = clock.now()
    return [
        f"{now.astimezone(ZoneInfo(zone)):%-I:%M %p}".lower()
        + f" in {zone.rpartition('/')[2].replace('_', ' ')}"
        for zone in person.zone_set.zones
    ]
