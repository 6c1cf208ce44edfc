"""The inbox page, which keeps itself current, and its list beside an open thread."""

from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from audiences import contact_search
from common import clock
from common.htmx import respond_live, unchanged_lately, version_of
from conversations import inbox, inbox_pages
from conversations.inbox import Folder, Place
from conversations.models import Thread


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
    found = inbox.searched(request.account, place.words)
    threads = inbox.sought(access.rows(request, Thread), found)
    counts = inbox.counts(threads, request.account, request.user)
    page = inbox_pages.page(_of_folder(request, threads, place), place.folder, place.after)
    lines = inbox.lines(page.threads, current)
    more = bool(found and found.more)
    today = timezone.localdate(clock.now())  # times of another day are shown with it
    who = (request.role, request.account.timezone, today)
    shown = (who, place, current, counts, page.following, more, [line.shown for line in lines])
    beside = f"&thread={current}" if current else ""
    return {
        "place": place,
        "folders": [
            (each, min(counts[each.value], inbox.COUNTED_TO), counts[each.value] > inbox.COUNTED_TO)
            for each in Folder
        ],
        "page": page,
        "next_place": replace(place, after=page.following),
        "first_place": replace(place, after=""),
        "more": more,
        "most": contact_search.MOST,
        "lines": lines,
        "current": current,
        "list_url": reverse("conversations:inbox") + place.query + beside,
        "list_version": version_of(shown),
    }


def following(request: Request, place: Place, pk: int) -> int | None:
    """The thread to go on to in a place, see `inbox_pages.following`."""
    threads = inbox.sought(access.rows(request, Thread), inbox.searched(request.account, place.words))
    return inbox_pages.following(_of_folder(request, threads, place), place.folder, pk)


def _of_folder(request: Request, threads: QuerySet[Thread], place: Place) -> QuerySet[Thread]:
    return threads.filter(inbox.condition(place.folder, request.account, request.user))
