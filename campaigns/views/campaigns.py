"""The list of campaigns."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from campaigns.forms import CampaignFilterForm
from campaigns.models import Campaign, Intake
from common.htmx import respond

PER_PAGE = 50


@require_GET
@access.require("view")
def campaign_list(request: Request) -> HttpResponse:
    """Campaigns, newest first, by status, playbook and name."""
    form = CampaignFilterForm(request.GET, account=request.account)
    chosen = form.chosen()
    mine = access.rows(request, Campaign)
    found = _matching(mine, {**chosen, "status": ""})
    counts = dict(found.values_list("status").annotate(Count("pk")))
    rows = _with_audience(_matching(found, {"status": chosen.get("status")}))
    page = Paginator(rows.order_by("-launched_at", "-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "chosen": chosen,
        "chips": _chips(request, counts, chosen.get("status", "")),
        "page": page,
        "narrowed": any(chosen.values()),
        "query": _query(request, page=None),
    }
    return respond(request, "campaigns/list.html", "campaigns", context)


def _matching(rows: QuerySet[Campaign], chosen: dict[str, Any]) -> QuerySet[Campaign]:
    if status := chosen.get("status"):
        rows = rows.filter(status=status)
    if playbook := chosen.get("playbook"):
        rows = rows.filter(playbook=playbook)
    if words := chosen.get("q"):
        rows = rows.filter(name__icontains=words)
    return rows


def _with_audience(rows: QuerySet[Campaign]) -> QuerySet[Campaign]:
    admitted = (
        Intake.objects.filter(campaign=OuterRef("pk")).values("campaign").annotate(total=Sum("admitted"))
    )
    return rows.select_related("playbook", "version__workflow", "audience").annotate(
        admitted=Subquery(admitted.values("total"))
    )


def _chips(request: Request, counts: dict[str, int], chosen: str) -> list[dict[str, Any]]:
    """One link per status, with how many campaigns it would show."""
    words = [("", "All", sum(counts.values()))]
    words += [(value, label, counts.get(value, 0)) for value, label in Campaign.Status.choices]
    return [
        {
            "label": label,
            "count": number,
            "query": _query(request, status=value, page=None),
            "chosen": value == (chosen or ""),
        }
        for value, label, number in words
    ]


def _query(request: Request, **changes: str | None) -> str:
    """The present query string with some parameters replaced, or left out where empty."""
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return query.urlencode()
