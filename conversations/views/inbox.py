"""The inbox page, which keeps itself current."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from common.htmx import respond_live, version_of
from conversations import inbox
from conversations.models import Thread

PER_PAGE = 50
LONGEST_SEARCH = 100


@require_GET
@access.require("read_conversations")
def inbox_page(request: Request) -> HttpResponse:
    """Threads of one folder, sought by name or phone; 304 while a poll would show the same."""
    folder = request.GET.get("folder", "")
    folder = folder if folder in inbox.Folder.values else inbox.Folder.NEEDS_REPLY.value
    words = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    threads = inbox.sought(access.rows(request, Thread), words)
    counts = inbox.counts(threads, request.user)
    rows = inbox.ordered(threads.filter(inbox.condition(folder, request.user)), folder)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    lines = inbox.lines(list(page.object_list))
    context: dict[str, Any] = {
        "folder": inbox.Folder(folder),
        "folders": [(each, counts[each.value]) for each in inbox.Folder],
        "words": words,
        "page": page,
        "lines": lines,
    }
    shown = (request.role, folder, words, counts, page.number, [line.shown for line in lines])
    return respond_live(request, "conversations/inbox.html", "inbox", context, version=version_of(shown))
