"""The navigation of the page shell."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django import template
from django.template import RequestContext
from django.urls import Resolver404, get_urlconf, resolve
from django.utils import timezone

from accounts.models import Role
from common import clock

register = template.Library()

# The pages of the product, in the order of the navigation. One that is not built yet is left out.
# Label, address, icon, and the short label in the bottom bar of phones for those that have a place there.
PAGES = (
    ("Dashboard", "/", "layout-dashboard", ""),
    ("Campaigns", "/campaigns/", "megaphone", "Campaigns"),
    ("Conversations", "/conversations/", "messages-square", "Inbox"),
    ("Calls", "/calls/", "phone", ""),
    ("Contacts", "/contacts/", "users", "Contacts"),
    ("Audiences", "/audiences/", "list-filter", ""),
    ("Workflows", "/workflows/", "workflow", ""),
    ("Jobs & revenue", "/analytics/jobs/", "circle-dollar-sign", ""),
    ("Assignments & Sending", "/analytics/assignments-and-sending/", "chart-column", ""),
    ("Downloads", "/downloads/", "download", ""),
    ("Settings", "/settings/", "settings", ""),
)


# Agents work the call queue on the phone in their hand, and begin no campaign there.
AGENT_THUMBS = {"/campaigns/": "", "/calls/": "Calls"}


@dataclass(frozen=True)
class NavLink:
    """One entry of the navigation."""

    label: str
    path: str
    icon: str
    thumb: str  # its label in the bottom bar of phones, or nothing
    current: str  # the value of aria-current, or nothing


@register.simple_tag(takes_context=True)
def nav_links(context: RequestContext) -> list[NavLink]:
    """The pages that exist, the present one marked."""
    here = context["request"].path
    thumbs = AGENT_THUMBS if getattr(context["request"], "role", "") == Role.AGENT else {}
    return [
        NavLink(label, path, drawing, thumbs.get(path, thumb), _current(path, here))
        for label, path, drawing, thumb in PAGES
        if _exists(path, get_urlconf())
    ]


@register.simple_tag
def zone_name() -> str:
    """The abbreviation of the zone in which the page shows its times: CST."""
    return f"{timezone.localtime(clock.now()):%Z}"


@cache
def _exists(path: str, urlconf: Any) -> bool:
    try:
        resolve(path, urlconf)
    except Resolver404:
        return False
    return True


def _current(path: str, here: str) -> str:
    if here == path:
        return "page"
    return "true" if path != "/" and here.startswith(path) else ""
