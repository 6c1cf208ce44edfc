"""The dashboard and the lists behind its tiles."""

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts import access
from analytics import dashboard as reading
from analytics import live, metrics, rows
from analytics.views.lists import show


@require_safe
@access.require()
def dashboard(request: access.Request) -> HttpResponse:
    """Tiles, running campaigns and replies that need a person; live."""
    shown = reading.of_account(request.account, polled=live.polled(request))
    context = {"dashboard": shown, "tiles": shown.tiles, "metrics": metrics.TILE_METRICS}
    return live.answer(request, "analytics/dashboard.html", shown, context)


@require_safe
@access.require()
def tile_rows(request: access.Request, tile: str) -> HttpResponse:
    """The rows that a tile counts."""
    try:
        found = metrics.rows_behind_tile(request.account, tile)
    except rows.UnknownColumn as unknown:
        raise Http404(f"no tile {tile}") from unknown
    metric = metrics.TILE_METRICS.get(tile)
    title = metric.label if metric else tile.replace("_", " ").capitalize()
    return show(request, found, title=title, meaning=metric.meaning if metric else "")
