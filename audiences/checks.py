"""What `manage.py check` says of this package: whether the law's hours want reading again."""

from typing import Any

from django.core.checks import CheckMessage, Warning, register

from audiences import state_hours
from common import clock


@register
def law_is_reviewed(**_: Any) -> list[CheckMessage]:
    """Warn of states whose hours nobody has held against their source for a year."""
    late = state_hours.overdue(clock.now().date())
    if not late:
        return []
    named = ", ".join(row.state for row in late)
    return [
        Warning(
            f"The hours of {len(late)} states were last reviewed more than 12 months ago: {named}",
            hint="Have counsel read audiences/state_hours.csv against its sources and set the dates anew.",
            id="audiences.W001",
        )
    ]
