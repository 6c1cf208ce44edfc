"""One page for every list behind a number."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from accounts import access
from analytics import listing, retention


def show(request: access.Request, rows: QuerySet[Any], **context: Any) -> HttpResponse:
    """The rows, fifty to a page; `?page=` beyond the last shows the last.

    `context` has `title` and `meaning` of the number; `campaign`, `node` or `narrowed` say of what it counts;
    `download` names the source of the same rows and its params (`analytics/downloads/sources.py`).
    """
    page = Paginator(rows.values_list("pk", flat=True), listing.PER_PAGE).get_page(request.GET.get("page"))
    context |= {"page": page, "lines": listing.lines(listing.of(rows.model, list(page)))}
    context["gone_before"] = retention.gone_before(request.account, context.get("campaign"))
    return render(request, "analytics/rows.html", context)
