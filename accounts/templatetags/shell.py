"""The navigation of the page shell."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django import template
from django.template import RequestContext
from django.urls import Resolver404, get_urlconf, resolve

register = template.Library()

# The pages of the product, in the order of the navigation. One that is not built yet is left out.
PAGES = (
    ("Dashboard", "/"),
    ("Campaigns", "/campaigns/"),
    ("Conversations", "/conversations/"),
    ("Calls", "/calls/"),
    ("Contacts", "/contacts/"),
    ("Audiences", "/audiences/"),
    ("Workflows", "/workflows/"),
    ("Assignments & Sending", "/analytics/assignments-and-sending/"),
    ("Downloads", "/downloads/"),
    ("Settings", "/settings/"),
)


@dataclass(frozen=True)
class NavLink:
    """One entry of the navigation."""

    label: str
    path: str
    current: str  # the value of aria-current, or nothing


@register.simple_tag(takes_context=True)
def nav_links(context: RequestContext) -> list[NavLink]:
    """The pages that exist, the present one marked."""
    here = context["request"].path
    return [
        NavLink(label, path, _current(path, here)) for label, path in PAGES if _exists(path, get_urlconf())
    ]


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
