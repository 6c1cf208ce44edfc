"""Time zones as people choose them: those of the United States first, by their everyday names."""

from functools import cache
from zoneinfo import available_timezones

UNITED_STATES = (
    ("America/New_York", "Eastern · New York"),
    ("America/Chicago", "Central · Chicago"),
    ("America/Denver", "Mountain · Denver"),
    ("America/Phoenix", "Mountain without daylight saving · Phoenix"),
    ("America/Los_Angeles", "Pacific · Los Angeles"),
    ("America/Anchorage", "Alaska · Anchorage"),
    ("Pacific/Honolulu", "Hawaii · Honolulu"),
    ("America/Puerto_Rico", "Atlantic · Puerto Rico"),
    ("Pacific/Guam", "Chamorro · Guam"),
)
# Zones of a place; the others are old names and offsets.
_AREAS = (
    "Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/",
    "Australia/", "Europe/", "Indian/", "Pacific/",
)  # fmt: skip


@cache
def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """All zones for a select, in two groups."""
    named = dict(UNITED_STATES)
    others = sorted(zone for zone in available_timezones() if zone.startswith(_AREAS) and zone not in named)
    return [
        ("United States", list(UNITED_STATES)),
        ("Elsewhere", [(zone, words(zone)) for zone in others] + [("UTC", "UTC")]),
    ]


def offered(zone: str) -> bool:
    """Whether a zone is among the choices."""
    return any(zone == name for _, group in choices() for name, _ in group)


def words(zone: str) -> str:
    """The everyday name of a zone: “Central · Chicago”, else its place."""
    return dict(UNITED_STATES).get(zone) or zone.replace("_", " ").replace("/", " · ")
