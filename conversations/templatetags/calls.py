"""How the hours of a customer are said in the call queue, and how long a call lasted."""

from datetime import datetime

from django import template
from django.utils import timezone

from common import clock
from conversations.call_panel import Hours
from conversations.message_states import hour

register = template.Library()


@register.filter
def there(hours: Hours) -> str:
    """The present hour there."""
    return hour(clock.now().astimezone(hours.zone))


@register.filter
def closes_there(hours: Hours) -> str:
    """When the present opening ends, as their clock shows it."""
    return _said(hours.closes_at, hours)


@register.filter
def opens_there(hours: Hours) -> str:
    """When the next opening begins, as their clock shows it; with its day where that is another."""
    return _said(hours.opens_at, hours)


def _said(at: datetime | None, hours: Hours) -> str:
    if at is None:
        return ""
    zone = hours.zone or timezone.get_current_timezone()
    local, now = at.astimezone(zone), clock.now().astimezone(zone)
    return hour(local) if local.date() == now.date() else f"{local:%a} {hour(local)}"


@register.filter
def lasted(seconds: int) -> str:
    """A length of time: “2:07”, “1:02:07”."""
    minutes, rest = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
