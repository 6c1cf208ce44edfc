"""The number beside Conversations, kept current on every page."""

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Request
from common.htmx import respond_live
from conversations import waiting as counting


@require_GET
@access.require("read_conversations")
def waiting(request: Request) -> HttpResponse:
    """The number for the sidebar, and with it the bottom bar's; 304 while it is the same."""
    now = counting.waiting(request.account)
    return respond_live(request, "conversations/waiting.html", "both", {"waiting": now}, version=now.version)
