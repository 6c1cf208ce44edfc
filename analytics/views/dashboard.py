"""The dashboard and the lists behind its tiles."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts import access
from accounts.middleware import is_poll
from accounts.models import BusinessUnit
from analytics import (
    attention,
    day_drawing,
    list_counts,
    live,
    metrics,
    rows,
    scheduled_lists,
    scope,
    tile_lists,
)
from analytics import dashboard as reading
from analytics.views.lists import show
from common.htmx import unchanged_lately


@require_safe
@access.require()
@unchanged_lately(version_first=True)
def dashboard(request: access.Request) -> HttpResponse:
    """Live and past figures, today's curve, what needs somebody, campaigns by health; live.

    What was looked at last comes back without being asked for, and then stands in the address; a timer asks
    for what its own address says, whatever another window looks at.
    """
    wanted = request.GET if is_poll(request) else scope.remembered(request.session, request.GET)
    looked = scope.of(request.account, wanted)
    if wanted and not request.GET and not live.polled(request) and looked.query:
        return redirect(f"/{looked.query}")
    number = request.GET.get("page", "")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    kept = reading.of_account(request.account, looked, page=page, polled=live.polled(request))
    return live.answer_lazily(
        request, "analytics/dashboard.html", kept.token, lambda: _context(request, looked, kept.dashboard),
        looked_at=kept.began,
    )  # fmt: skip


def _context(request: access.Request, looked: scope.Scope, shown: reading.Dashboard) -> dict[str, Any]:
    units = BusinessUnit.objects.active().filter(account=request.account)
    return {
        "dashboard": shown,
        "tiles": shown.tiles,
        "scope": looked,
        "ranges": scope.RANGES,
        "units": units,
        "attention": attention.for_role(shown.attention, request.role),
        "metrics": metrics.TILE_METRICS,
        "drawings": [] if shown.day.empty else day_drawing.drawings(shown.day),
    }


@require_safe
@access.require()
def tile_rows(request: access.Request, tile: str) -> HttpResponse:
    """The rows that a tile counts: see `analytics.tile_lists` for what narrows them."""
    asked = {name: request.GET[name] for name in tile_lists.PARAMS if request.GET.get(name)}
    try:
        found = tile_lists.of(request.account, tile, asked)
    except rows.UnknownColumn as unknown:
        raise Http404(f"no tile {tile}") from unknown
    return show(
        request, found.rows, count=lambda: list_counts.of_tile(request.account, tile, asked),
        read=scheduled_lists.of_account(request.account.pk) if tile == scheduled_lists.SCHEDULED else None,
        title=found.title, meaning=found.meaning, narrowed=found.narrowed,
        download={"source": "tile", "params": {"tile": tile} | asked},
    )  # fmt: skip
