"""What pages say of downloads: how far one is, and on any page that one's own are finished."""

from datetime import datetime
from typing import Any

from django import template
from django.template import RequestContext

from analytics.downloads import notices
from analytics.models import Download

register = template.Library()


@register.simple_tag(takes_context=True)
def finished_downloads(context: RequestContext) -> list[Download]:
    """Downloads of the person that ended since they last saw a page; each is told once."""
    return notices.tell(context["request"])


@register.simple_tag
def params(**named: Any) -> dict[str, str]:
    """Params of a source, for a download button: those that have a value; moments in ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in named.items()
        if value not in (None, "")
    }


@register.filter
def time_left(download: Download) -> str:
    """How long it still takes, in words that a person believes; blank before anything is known."""
    seconds = download.seconds_left
    if seconds is None:
        return ""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {max(1, round(seconds / 10)) * 10} seconds left"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'' if minutes == 1 else 's'} left"
