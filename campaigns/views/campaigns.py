"""The list of campaigns, live; its figures come from whoever counts (`campaigns/figures.py`)."""

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from campaigns import audience_looks, figures, waiting
from campaigns.audience_looks import Broken
from campaigns.figures import Figures
from campaigns.forms import CampaignFilterForm
from campaigns.models import Campaign
from common import clock
from common.htmx import respond_live, unchanged_lately, version_of
from conversations import pausing

PER_PAGE = 50
FIRST = "-launched"  # the order unless somebody asks for another
COLUMNS: dict[str, tuple[str, str]] = {  # how a column is sorted at a first click, by its name
    "name": ("name", "Campaign"),
    "launched": ("-launched", "Launched"),
    "audience": ("-audience", "Audience"),
    "booked": ("-booked", "Booked"),
}


@dataclass(frozen=True)
class Row:
    """One campaign of the list with its figures."""

    campaign: Campaign
    figures: Figures
    broken: Broken | None = None  # its audience, where it is looked at again
    waits: waiting.Waits | None = None  # for something before all are in


@require_GET
@access.require("view")
@unchanged_lately()
def campaign_list(request: Request) -> HttpResponse:
    """Campaigns by status, playbook and name, in any order; newest first."""
    form = CampaignFilterForm(request.GET, account=request.account)
    chosen = form.chosen()
    mine = access.rows(request, Campaign)
    found = _matching(mine, {**chosen, "status": ""})
    counts = dict(found.values_list("status").annotate(Count("pk")))
    shown = _matching(found, {"status": chosen.get("status")})
    order = chosen.get("sort") or FIRST
    page = _page(shown, order, request.GET.get("page"))
    context = {
        "form": form,
        "chosen": chosen,
        "chips": _chips(counts, chosen.get("status", "")),
        "page": page,
        "heads": _heads(order),
        "held": pausing.in_force(request.account) is not None,
        "narrowed": bool(chosen.get("q") or chosen.get("playbook") or chosen.get("status")),
    }
    version = version_of((_shown(request, page, counts), context["held"]))
    return respond_live(request, "campaigns/list.html", "campaigns", context, version=version)


def _matching(rows: QuerySet[Campaign], chosen: dict[str, Any]) -> QuerySet[Campaign]:
    if status := chosen.get("status"):
        rows = rows.filter(status=status)
    if playbook := chosen.get("playbook"):
        rows = rows.filter(playbook=playbook)
    if words := chosen.get("q"):
        rows = rows.filter(name__icontains=words)
    return rows


def _page(rows: QuerySet[Campaign], order: str, number: str | None) -> "Page[Any]":
    """One page of rows in this order; only an order by figures has to read those of every campaign."""
    name, back = order.lstrip("-"), order.startswith("-")
    sign = "-" if back else ""
    if name in ("audience", "booked"):
        ids = list(rows.order_by("-launched_at", "-pk").values_list("pk", flat=True))
        counted = figures.of(ids)
        ids.sort(key=lambda pk: getattr(counted.get(pk, figures.NOTHING), name), reverse=back)
    else:
        column = {"name": "name", "launched": "launched_at"}[name]
        ids = list(rows.order_by(f"{sign}{column}", "-pk").values_list("pk", flat=True))
    page: Page[Any] = Paginator(ids, PER_PAGE).get_page(number)
    here = list(page.object_list)
    known = rows.select_related("playbook", "version__workflow").in_bulk(here)
    counted = figures.of(here)
    broken = audience_looks.broken(here, now=clock.now())
    waits = waiting.of(known.values(), now=clock.now())
    page.object_list = [
        Row(known[pk], counted.get(pk, figures.NOTHING), broken.get(pk), waits.get(pk))
        for pk in here
        if pk in known
    ]
    return page


def _heads(order: str) -> dict[str, dict[str, str]]:
    """For every column that sorts: its words, what a click asks for, and how it is sorted now."""
    found = {}
    for name, (first, label) in COLUMNS.items():
        now = order if order.lstrip("-") == name else ""
        other = {name: f"-{name}", f"-{name}": name}
        found[name] = {
            "label": label,
            "sort": other[now] if now else first,
            "aria": ("descending" if now.startswith("-") else "ascending") if now else "none",
        }
    return found


def _shown(request: Request, page: "Page[Any]", counts: dict[str, int]) -> Any:
    rows = [
        (
            row.campaign.pk,
            row.campaign.name,
            row.campaign.status,
            row.campaign.stopped_at,
            row.figures,
            row.broken,
            row.waits,
        )
        for row in page.object_list
    ]
    today = timezone.localdate(clock.now())  # at midnight, "10:00 am" becomes a date
    place = request.get_full_path(), request.role, request.account.timezone, today
    return rows, counts, page.paginator.count, place


def _chips(counts: dict[str, int], chosen: str) -> list[dict[str, Any]]:
    """One link per status, with how many campaigns it would show."""
    words = [("", "All", sum(counts.values()))]
    words += [(value, label, counts.get(value, 0)) for value, label in Campaign.Status.choices]
    return [
        {"value": value, "label": label, "count": number, "chosen": value == (chosen or "")}
        for value, label, number in words
    ]
