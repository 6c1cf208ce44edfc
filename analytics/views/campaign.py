"""The page of one campaign, and the lists behind its numbers."""

from typing import Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts import access
from analytics import campaign_page, live, metrics, rows
from analytics.views.lists import show
from campaigns.models import Campaign, Node


@require_safe
@access.require()
def campaign(request: access.Request, pk: int) -> HttpResponse:
    """Status and verbs, intake, node table, exclusions, latest enrollments; live."""
    found = access.get(request, Campaign, pk)
    shown = campaign_page.of_campaign(found)
    context = {"campaign": found, "shown": shown, **_table(shown.nodes)}
    return live.answer(request, "analytics/campaign.html", (found.name, shown), context)


def _table(nodes: list[metrics.NodeRow]) -> dict[str, Any]:
    """Columns, and each node with its cells in their order, ready for plain loops."""
    columns = [metric for metric in metrics.NODE_METRICS.values() if not metric.over]
    cells = [(node, [(column.name, getattr(node, column.name)) for column in columns]) for node in nodes]
    return {"columns": columns, "table": cells}


@require_safe
@access.require()
def campaign_rows(request: access.Request, pk: int) -> HttpResponse:
    """The rows that one number of a campaign counts: entries, or `?column=`, at all nodes or `?node=`."""
    found = access.get(request, Campaign, pk)
    column, key = request.GET.get("column", "entries"), request.GET.get("node") or None
    try:
        behind = metrics.rows_behind(found, key, column)
    except rows.UnknownColumn as unknown:
        raise Http404(f"no column {column}") from unknown
    metric = metrics.NODE_METRICS.get(column) or metrics.CAMPAIGN_METRICS.get(column)
    node = Node.objects.filter(version__workflow__versions=found.version_id, key=key).last() if key else None
    title = metric.label if metric else column.replace(":", ": ").replace("_", " ").capitalize()
    return show(
        request, behind, title=title, meaning=metric.meaning if metric else "", campaign=found, node=node
    )
