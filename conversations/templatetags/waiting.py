"""How many customers wait for a reply, and whether everything is paused, for the frame of every page."""

from typing import cast

from django import template
from django.template import RequestContext

from conversations.waiting import Waiting, waiting

register = template.Library()


@register.simple_tag(takes_context=True)
def needs_reply(context: RequestContext) -> Waiting:
    """What the frame shows of the request's account, read once a page; with the version it starts from."""
    request = context["request"]
    if not hasattr(request, "waiting"):
        request.waiting = waiting(request.account)
    return cast(Waiting, request.waiting)
