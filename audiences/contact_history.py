"""What a customer bought and was offered: lists for the contact page, and the few figures above them."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet, Sum

from audiences import contact_moments
from audiences.models import Appointment, Contact, CustomerMembership, Estimate, Invoice, Job
from common import clock

PER_PAGE = 8  # the timeline below stays in sight


@dataclass(frozen=True, slots=True)
class List:
    """One list: its name, its rows in their order, and the words for none.

    `part_of` names the list of which it is a part: what stands behind a figure.
    """

    label: str
    rows: Callable[[Contact], QuerySet[Any]]
    none: str
    part_of: str = ""


def _counted(contact: Contact) -> QuerySet[Job]:
    return contact_moments.jobs(contact).exclude(status="Canceled")


def _unpaid(contact: Contact) -> QuerySet[Any]:
    return contact_moments.of_customer(Invoice.objects.filter(balance__gt=0), contact)


def _open_estimates(contact: Contact) -> QuerySet[Any]:
    found = contact_moments.of_customer(Estimate.objects.filter(status="Open"), contact)
    return found.select_related("business_unit")


LISTS = {
    "jobs": List(
        "Jobs", lambda c: contact_moments.jobs(c).order_by("-created_on", "-pk"),
        "No jobs yet. Jobs in ServiceTitan appear here within minutes.",
    ),
    "counted": List(
        "Jobs not cancelled", lambda c: _counted(c).order_by("-created_on", "-pk"),
        "No job that was not cancelled.", "jobs",
    ),
    "visits": List(
        "Visits", lambda c: contact_moments.visits(c).order_by("-starts_at", "-pk"), "No visits yet."
    ),
    "estimates": List(
        "Estimates",
        lambda c: contact_moments.of_customer(Estimate.objects.all(), c)
        .select_related("business_unit").order_by("-created_on", "-pk"),
        "Nothing was offered in writing.",
    ),
    "open": List(
        "Open estimates", lambda c: _open_estimates(c).order_by("-created_on", "-pk"), "No open estimate.",
        "estimates",
    ),
    "invoices": List(
        "Invoices",
        lambda c: contact_moments.of_customer(Invoice.objects.all(), c).order_by("-invoiced_at", "-pk"),
        "No invoices.",
    ),
    "owed": List(
        "Still owed", lambda c: _unpaid(c).order_by("-invoiced_at", "-pk"), "Nothing is owed.", "invoices"
    ),
    "memberships": List(
        "Memberships", lambda c: contact_moments.memberships(c).order_by("-starts_at", "-pk"),
        "No membership, and none before.",
    ),
    "calls": List(
        "Calls", lambda c: contact_moments.calls(c).order_by("-at", "-pk"),
        "ServiceTitan recorded no call with this customer.",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over the customer's rows, dollars. `valued` of `jobs` (not cancelled) have a total."""

    revenue: Decimal
    valued: int
    jobs: int
    open_jobs: int
    owed: Decimal
    unpaid: int
    offered: Decimal
    open_estimates: int
    membership: CustomerMembership | None
    next_visit: Appointment | None


def figures(contact: Contact) -> Figures:
    """The contact's figures; a job counts unless cancelled. Five queries."""
    sums = _counted(contact).aggregate(
        revenue=Sum("total"), valued=Count("total"), jobs=Count("pk"),
        open_jobs=Count("pk", filter=~Q(status="Completed")),
    )  # fmt: skip
    owed = _unpaid(contact).aggregate(owed=Sum("balance"), unpaid=Count("pk"))
    offered = _open_estimates(contact).aggregate(offered=Sum("subtotal"), open_estimates=Count("pk"))
    running = contact_moments.memberships(contact).filter(status="Active").order_by("-starts_at", "-pk")
    ahead = contact_moments.visits(contact).filter(starts_at__gte=clock.now()).exclude(status="Canceled")
    none = Decimal(0)
    return Figures(
        **(sums | {"revenue": sums["revenue"] or none}),
        **(owed | {"owed": owed["owed"] or none}),
        **(offered | {"offered": offered["offered"] or none}),
        membership=running.first(),
        next_visit=ahead.order_by("starts_at", "pk").first(),
    )


def shown(contact: Contact, name: str, page: str) -> "tuple[str, Page[Any]]":
    """The list of that name, jobs for no such, and its page. Two queries."""
    name = name if name in LISTS else "jobs"
    return name, Paginator(LISTS[name].rows(contact), PER_PAGE).get_page(page or 1)
