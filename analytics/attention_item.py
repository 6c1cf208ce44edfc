"""A line of what needs somebody."""

from dataclasses import dataclass
from datetime import datetime

from analytics import health

BAD, WARN = health.BAD, health.WARN


@dataclass(frozen=True)
class Item:
    """One thing that needs somebody. `key` stays the same while it is the same thing."""

    key: str
    grade: int
    title: str
    detail: str
    since: datetime | None
    url: str
    action: str
    icon: str = "triangle-alert"
    needs: str = "view"  # the capability that its page asks for
