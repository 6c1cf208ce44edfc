"""Search: a page of its own, and the few lines that the top bar's dialog shows while somebody types."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts import access
from analytics import search as finding
from common.htmx import respond


@require_safe
@access.require()
def search(request: access.Request) -> HttpResponse:
    """What answers to `?q=`: the page, or its region `results` alone for htmx.

    Enter on a whole phone or job number leads to its one person.
    """
    words = finding.wanted(request.GET.get("q", ""))
    if not getattr(request, "htmx", None) and (person := finding.direct(request.account, words)):
        return redirect(person)
    threads = access.allowed(request.role, "read_conversations")
    groups = finding.find(request.account, words, threads=threads)
    context = {
        "words": words,
        "groups": groups,
        "found": sum(len(group.hits) for group in groups),
        "too_short": len(words) < finding.SHORTEST,
        "most": finding.LONGEST,
    }
    return respond(request, "analytics/search.html", "results", context)
