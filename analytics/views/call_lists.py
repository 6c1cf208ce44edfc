"""The calls behind a campaign's share of abandoned ones."""

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from accounts import access
from analytics import call_lists
from analytics.downloads.sources import Unknown
from analytics.views.lists import show
from common import clock
from conversations.models import Lane


@require_safe
@access.require()
def answered_calls(request: access.Request, lane: int) -> HttpResponse:
    """What people answered of a campaign's calls, or with `which=abandoned` those that had nobody."""
    found, which = access.get(request, Lane, lane), request.GET.get("which", "answered")
    try:
        rows = call_lists.answered(found, which, clock.now())
    except Unknown as unknown:
        raise Http404(str(unknown)) from unknown
    title, meaning = call_lists.WHICH[which]
    download = {"source": call_lists.ANSWERED, "params": {"lane": str(found.pk), "which": which}}
    return show(
        request, rows, title=title, meaning=meaning, narrowed=found.name, download=download,
        up="conversations:senders", up_label="Sending problems",
    )  # fmt: skip
