"""One page for every list behind a number."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from accounts import access
from analytics import counters, listing, retention
from common import keyset


def show(
    request: access.Request, rows: QuerySet[Any], *, count: Callable[[], int | None] = lambda: None,
    read: Callable[[QuerySet[Any]], QuerySet[Any]] | None = None, **context: Any,
) -> HttpResponse:  # fmt: skip
    """The rows, fifty to a page, each page behind the last row of the one before (`?after=`). `?page=`
    counts them from the first; beyond the last shows the last.

    `count` says how many there are, where a counter knows (`analytics.list_counts`), in one snapshot with the
    list: no row behind the last of them is then looked for, which would mean looking through all others. The
    page itself is written after it, since nothing may be noted in one. `read` may say how the same rows are
    found sooner (`analytics.scheduled_lists`).

    `context` has `title` and `meaning` of the number; `campaign`, `node` or `narrowed` say of what it counts;
    `download` names the source of the same rows and its params (`analytics/downloads/sources.py`).
    """
    with counters.snapshot():
        counted = count()
        total = rows.count() if counted is None else max(counted, 0)
        after, skip = request.GET.get("after", ""), _skipped(request.GET.get("page", ""), total)
        page = keyset.page(read(rows) if read else rows, after, listing.PER_PAGE, total, skip=skip)
        context |= {
            "total": total,
            "page": page,
            "lines": listing.lines(listing.of(rows.model, page.keys)),
            "gone_before": retention.gone_before(request.account, context.get("campaign")),
        }
    return render(request, "analytics/rows.html", context)


def _skipped(page: str, total: int) -> int:
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1
    last = max(1, -(-total // listing.PER_PAGE))
    return (min(max(number, 1), last) - 1) * listing.PER_PAGE
