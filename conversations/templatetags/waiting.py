"""How many customers wait for a reply, for the navigation of every page."""

from django import template
from django.template import RequestContext

from conversations.waiting import Waiting, waiting

register = template.Library()


@register.simple_tag(takes_context=True)
def needs_reply(context: RequestContext) -> Waiting:
    """The present number of the request's account, with the version its live region starts from."""
    return waiting(context["request"].account)
