"""Assignments & Sending, and the lists behind its figures."""

import threading
import time
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts import access
from accounts.models import BusinessUnit
from analytics import live, status_counts
from analytics.metrics import sending
from analytics.sending import drawing, figures, periods, rows, series, source
from analytics.sending.selection import Selection, Unknown
from analytics.views.lists import show
from campaigns.models import Campaign, Playbook
from common import clock

PER_PAGE = 20
FRESH_SECONDS = 1.0
MOST_KEPT = 200
_kept: dict[tuple[Any, ...], tuple[float, figures.Sending]] = {}  # by account and selection
_reading = threading.Lock()


@require_safe
@access.require()
def assignments_and_sending(request: access.Request) -> HttpResponse:
    """Entries, exits and what became of texts and emails, in a range; live where the range goes on."""
    asked = _asked(request)
    context: dict[str, Any] = {"asked": asked, "filters": _filters(request), "presets": periods.PRESETS}
    context |= {"groups": series.GROUPS, "metrics": sending, "definitions": sending.SENDING_METRICS}
    if asked["period"] is None:
        return live.answer(request, "analytics/sending.html", asked["error"], context)
    grouping = series.grouping(asked["by"], asked["selection"].since, asked["selection"].until)
    shown = _read(request, asked["selection"], grouping)
    context |= {"shown": shown, "grouping": grouping, "filling": status_counts.pending()}
    context |= {"drawings": drawing.drawings(shown.series), "figures": series.FIGURES}
    context["page"] = Paginator(shown.campaigns, PER_PAGE).get_page(request.GET.get("page"))
    context["params"] = asked["selection"].params()
    context["span"] = source.span(request.account, asked["selection"])
    return live.answer(request, "analytics/sending.html", (shown, context["filling"]), context)


@require_safe
@access.require()
def sending_rows(request: access.Request) -> HttpResponse:
    """The rows behind one figure: exactly as many as it says."""
    figure = request.GET.get("figure", "")
    try:
        selection = Selection.of(request.GET)
        found = rows.behind(request.account, selection, figure)
        title = source.title(request.account, figure, selection)
    except Unknown as unknown:
        raise Http404(f"no figure {figure}") from unknown
    known = sending.ASSIGNMENT_METRICS | sending.SENDING_METRICS | sending.AGENT_METRICS
    metric = known.get(figure) or sending.ASSIGNMENT_METRICS["exits"]
    download = {"source": source.NAME, "params": selection.params() | {"figure": figure}}
    return show(
        request, found, count=lambda: figures.count(request.account, selection, figure), title=title,
        meaning=metric.meaning, narrowed=source.span(request.account, selection), download=download,
        up="analytics:sending", up_label="Assignments & Sending",
    )  # fmt: skip


def _asked(request: access.Request) -> dict[str, Any]:
    """What was asked for, and for the form what was typed; without a period where the range was refused."""
    values = {name: request.GET.get(name, "") for name in ("from", "to", "playbook", "campaign", "unit")}
    asked: dict[str, Any] = {"values": values, "by": request.GET.get("by", ""), "period": None, "error": None}
    now = clock.now()
    try:
        filters = Selection.of({name: values[name] for name in ("playbook", "campaign", "unit")})
        asked["period"] = period = periods.asked(request.GET.dict(), request.account.zone, now)
    except periods.Refused as refused:
        return asked | {"error": {"words": str(refused), "field": refused.field}}
    except Unknown as unknown:
        raise Http404("no such filter") from unknown
    if period.preset:
        values["from"], values["to"] = period.typed(request.account.zone)
    chosen = Selection(filters.playbook, filters.campaign, filters.unit, period.start, period.end)
    goes_on = period.end is None or period.end > now
    return asked | {"values": values, "selection": chosen, "live": goes_on, "preset": period.preset}


def _filters(request: access.Request) -> list[dict[str, Any]]:
    """The choices of the three filters."""
    account = request.account
    choices = (
        ("playbook", "Playbook", "All playbooks", Playbook.objects.filter(account=account)),
        ("campaign", "Campaign", "All campaigns", Campaign.objects.filter(account=account)),
        ("unit", "Business unit", "All business units", BusinessUnit.objects.filter(account=account)),
    )
    return [
        {
            "name": name,
            "label": label,
            "all": every,
            "chosen": request.GET.get(name, ""),
            "choices": [(str(pk), said) for pk, said in found.order_by("name").values_list("pk", "name")],
        }
        for name, label, every, found in choices
    ]


def _read(request: access.Request, selection: Selection, grouping: series.Grouping) -> figures.Sending:
    """The figures; for polls computed at most once a second per process, whoever asks for the same."""
    key = (request.account.pk, request.account.timezone, selection, grouping)
    if live.polled(request):
        at, known = _kept.get(key, (0.0, None))
        if known is not None and time.monotonic() - at < FRESH_SECONDS:
            return known
    began = time.monotonic()
    fresh = figures.of(request.account, selection, grouping)
    with _reading:
        while len(_kept) >= MOST_KEPT:
            _kept.pop(next(iter(_kept)))
        _kept[key] = (began, fresh)
    return fresh
