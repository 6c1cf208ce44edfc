"""One page for every list behind a number."""

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from accounts import access
from analytics import counters, listing, retention


def show(
    request: access.Request, rows: QuerySet[Any], *, count: Callable[[], int | None] = lambda: None,
    **context: Any,
) -> HttpResponse:  # fmt: skip
    """The rows, fifty to a page; `?page=` beyond the last shows the last.

    `count` says how many there are, where a counter knows (`analytics.list_counts`), in one snapshot with the
    list: no row behind the last of them is then looked for, which would mean looking through all others. The
    page itself is written after it, since nothing may be noted in one.

    `context` has `title` and `meaning` of the number; `campaign`, `node` or `narrowed` say of what it counts;
    `download` names the source of the same rows and its params (`analytics/downloads/sources.py`).
    """
    pages = Paginator(rows.values_list("pk", flat=True), listing.PER_PAGE)
    with counters.snapshot():
        if (counted := count()) is not None:
            pages.count = max(counted, 0)
        page = pages.get_page(request.GET.get("page"))
        context |= {"page": page, "lines": listing.lines(listing.of(rows.model, list(page)))}
        context["gone_before"] = retention.gone_before(request.account, context.get("campaign"))
    return render(request, "analytics/rows.html", context)
