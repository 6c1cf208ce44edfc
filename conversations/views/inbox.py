"""The inbox page, which keeps itself current, and its list beside an open thread."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from common import clock
from common.htmx import respond_live, unchanged_lately, version_of
from conversations import inbox
from conversations.inbox import Folder, Place
from conversations.models import Thread

PER_PAGE = 50


@require_GET
@access.require("read_conversations")
@unchanged_lately(personal=True)
def inbox_page(request: Request) -> HttpResponse:
    """Threads of one folder, sought by name or phone; 304 while a poll would show the same.

    `thread` names the one that is open beside the list; a browser that asks for a page is led to it.
    """
    current = request.GET.get("thread", "")
    place = Place.of(request.GET, Folder.ALL if current else Folder.NEEDS_REPLY)
    pk = int(current) if current.isascii() and current.isdigit() and len(current) < 19 else None
    if pk and not request.htmx:  # type: ignore[attr-defined]
        return redirect(reverse("conversations:thread", args=[pk]) + place.query)
    context = listing(request, place, pk)
    return respond_live(
        request, "conversations/inbox.html", "inbox", context, version=context["list_version"]
    )


def listing(request: Request, place: Place, current: int | None = None) -> dict[str, Any]:
    """What the list shows of this place, with `list_version`; `current` is the thread open beside it."""
    threads = inbox.sought(access.rows(request, Thread), place.words)
    counts = inbox.counts(threads, request.account, request.user, place.words)
    pages = Paginator(threads_of(request, place), PER_PAGE)
    pages.count = min(counts[place.folder], inbox.COUNTED_TO)  # known: not counted again
    page = pages.get_page(place.page)
    lines = inbox.lines(list(page.object_list), current)
    today = timezone.localdate(clock.now())  # times of another day are shown with it
    who = (request.role, request.account.timezone, today)
    shown = (who, place, current, counts, page.number, [line.shown for line in lines])
    beside = f"&thread={current}" if current else ""
    return {
        "place": place,
        "folders": [
            (each, min(counts[each.value], inbox.COUNTED_TO), counts[each.value] > inbox.COUNTED_TO)
            for each in Folder
        ],
        "page": page,
        "lines": lines,
        "current": current,
        "list_url": reverse("conversations:inbox") + place.query + beside,
        "list_version": version_of(shown),
    }


def threads_of(request: Request, place: Place) -> Any:
    """The threads of a place, in its order."""
    threads = inbox.sought(access.rows(request, Thread), place.words)
    wanted = inbox.condition(place.folder, request.account, request.user)
    return inbox.ordered(threads.filter(wanted), place.folder)
