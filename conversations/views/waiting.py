"""The number beside Conversations and the banner of a pause, kept current on every page."""

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from common.htmx import respond_live, unchanged_lately
from conversations import waiting as counting


@require_GET
@access.require("read_conversations")
@unchanged_lately(version_first=True)
def waiting(request: Request) -> HttpResponse:
    """The number for the sidebar, with it the bottom bar's and the banner; 304 while all is the same."""
    now = counting.waiting(request.account)
    return respond_live(
        request,
        "conversations/waiting.html",
        "all",
        {"waiting": now, "pause": now.pause, "units": now.units},
        version=now.version,
    )
