"""Contacts: the list with its search, and one person."""

from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from audiences import contact_sections
from audiences.models import Contact, ContactAddress, Job, OptOut

PER_PAGE = 50
RECENT_JOBS = 20


@require_GET
@access.require("view")
def contact_list(request: HttpRequest) -> HttpResponse:
    """Contacts by name; `q` seeks in names, phones and mailboxes."""
    wanted = request.GET.get("q", "").strip()[:100]
    links = ContactAddress.objects.select_related("address").order_by("position", "pk")
    rows = access.rows(request, Contact.objects.search(wanted)).order_by("name", "pk")
    rows = rows.prefetch_related(Prefetch("contact_addresses", queryset=links))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    template = "audiences/contact_list.html"
    answer = render(
        request,
        f"{template}#contacts" if getattr(request, "htmx", False) else template,
        {"page": page, "wanted": wanted},
    )
    answer["Vary"] = "HX-Request"
    return answer


@require_GET
@access.require("view")
def contact(request: HttpRequest, pk: int) -> HttpResponse:
    """One person: addresses with their opt-outs, tags, jobs, and what other apps know."""
    person = access.get(request, Contact.objects.select_related("household"), pk)
    in_force = OptOut.objects.filter(lifted_at=None).select_related("by")
    links = person.contact_addresses.select_related("address").order_by("position", "pk")
    jobs = Job.objects.filter(
        account=person.account_id, servicetitan_customer_id=person.servicetitan_customer_id
    ).select_related("job_type", "business_unit")
    context = {
        "contact": person,
        "contact_addresses": links.prefetch_related(
            Prefetch("address__opt_outs", queryset=in_force, to_attr="in_force")
        ),
        "tags": person.tags.order_by("name"),
        "jobs": jobs.order_by("-created_on", "-pk")[:RECENT_JOBS],
        "sections": contact_sections.of(person),
    }
    return render(request, "audiences/contact.html", context)
