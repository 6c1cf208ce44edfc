"""The navigation between the sections of Settings."""

from dataclasses import dataclass

from django import template
from django.template import RequestContext

from accounts import settings_sections
from accounts.settings_sections import Section

register = template.Library()


@dataclass(frozen=True, slots=True)
class SectionLink:
    """One section, and the value of its aria-current: "page", "true" below it, or nothing."""

    section: Section
    current: str


@register.simple_tag(takes_context=True)
def settings_links(context: RequestContext) -> list[SectionLink]:
    """The sections this person may open, the present one marked."""
    request = context["request"]
    return [SectionLink(one, _current(one.url, request.path)) for one in settings_sections.of(request.role)]


def _current(url: str, here: str) -> str:
    if url == here:
        return "page"
    return "true" if here.startswith(url) else ""
