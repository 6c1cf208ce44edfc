"""One page for every list behind a number."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from accounts import access
from analytics import listing, retention


def show(
    request: access.Request, rows: QuerySet[Any], *, count: int | None = None, **context: Any
) -> HttpResponse:
    """The rows, fifty to a page; `?page=` beyond the last shows the last.

    `count` is how many there are, where a counter knows (`analytics.list_counts`): no row behind the last of
    them is then looked for, which would mean looking through all others.

    `context` has `title` and `meaning` of the number; `campaign`, `node` or `narrowed` say of what it counts;
    `download` names the source of the same rows and its params (`analytics/downloads/sources.py`).
    """
    pages = Paginator(rows.values_list("pk", flat=True), listing.PER_PAGE)
    if count is not None:
        pages.count = max(count, 0)
    page = pages.get_page(request.GET.get("page"))
    context |= {"page": page, "lines": listing.lines(listing.of(rows.model, list(page)))}
    context["gone_before"] = retention.gone_before(request.account, context.get("campaign"))
    return render(request, "analytics/rows.html", context)
