"""The dashboard and the lists behind its tiles."""

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts import access
from analytics import dashboard as reading
from analytics import day_curve, day_drawing, live, metrics, rows
from analytics.views.lists import show


@require_safe
@access.require()
def dashboard(request: access.Request) -> HttpResponse:
    """Tiles, today's curve, running campaigns and replies that need a person; live."""
    shown = reading.of_account(request.account, polled=live.polled(request))
    context = {
        "dashboard": shown,
        "tiles": shown.tiles,
        "metrics": metrics.TILE_METRICS,
        "drawings": [] if shown.day.empty else day_drawing.drawings(shown.day),
    }
    return live.answer(request, "analytics/dashboard.html", shown, context)


@require_safe
@access.require()
def tile_rows(request: access.Request, tile: str) -> HttpResponse:
    """The rows that a tile counts, or with `?hour=` what one hour of today's curve counts."""
    hour = request.GET.get("hour", "")
    try:
        found = metrics.rows_behind_tile(request.account, tile, hour=int(hour) if hour else None)
    except (rows.UnknownColumn, ValueError) as unknown:
        raise Http404(f"no tile {tile}") from unknown
    metric = metrics.OPENED_METRICS[tile]
    narrowed = day_curve.label_of(request.account, int(hour)) if hour else ""
    title = f"{metric.label} today" if tile in metrics.TODAY_METRICS else metric.label
    params = {"tile": tile} | ({"hour": hour} if hour else {})
    download = {"source": "tile", "params": params}
    return show(request, found, title=title, meaning=metric.meaning, narrowed=narrowed, download=download)
