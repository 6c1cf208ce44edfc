"""The words people read for what the database keeps as codes."""

from typing import Any

from campaigns.models import Node

EXCLUSIONS = {
    "inactive": "No longer an active customer",
    "do_not_service": "Marked “do not service” in ServiceTitan",
    "no_address": "No phone that takes texts",
    "do_not_text": "Marked “do not text” in ServiceTitan",
    "unreachable": "Phone known to be unreachable",
    "opted_out": "Opted out",
    "same_phone": "Shares a phone with somebody already in",
    "already_in": "Already in this campaign",
}
KINDS = {
    Node.Kind.SEND_SMS: "Text",
    Node.Kind.WAIT: "Wait",
    Node.Kind.WAIT_FOR_REPLY: "Wait for a reply",
    Node.Kind.BRANCH: "Branch",
    Node.Kind.BOOK_JOB: "Book a job",
    Node.Kind.END: "End",
}
EDGES = {"next": "then", "otherwise": "otherwise"}


def exclusion(reason: str) -> str:
    """Why a matched contact was not admitted."""
    return EXCLUSIONS.get(reason, sentence(reason))


def kind(code: str) -> str:
    """The name of a node kind."""
    return KINDS.get(Node.Kind(code), sentence(code)) if code in Node.Kind.values else sentence(code)


def edge(label: str) -> str:
    """What a way out of a node is called."""
    return EDGES.get(label, f"on {sentence(label).lower()}")


def sentence(code: str) -> str:
    """`booking_yes` as “Booking yes”."""
    return code.replace("_", " ").capitalize()


def duration(minutes: int) -> str:
    """Minutes in the largest unit that divides them: 4,320 is “3 days”."""
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size:,} {unit}{'' if minutes == size else 's'}"
    return f"{minutes:,} minute{'' if minutes == 1 else 's'}"


def node_settings(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """A node's settings other than its text and its conditions, as (label, value)."""
    found = []
    for name, value in settings.items():
        if name in ("body", "conditions") or value in (None, ""):
            continue
        if name.endswith("minutes"):
            label = name.removesuffix("minutes").strip("_") or "for"
            found.append((sentence("no later than" if label == "timeout" else label), duration(int(value))))
        else:
            found.append((sentence(name), str(value)))
    return found


def condition(values: dict[str, Any]) -> str:
    """One condition of a branch."""
    parts = (values.get("field"), values.get("operator"), values.get("value"))
    return " ".join(str(part).replace("_", " ") for part in parts)


def rough_duration(minutes: int) -> str:
    """About how long something takes, to hours and minutes."""
    if minutes < 1:
        return "less than a minute"
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours:,} hour{'' if hours == 1 else 's'}"] if hours else []
    if rest and hours < 24:
        parts.append(duration(rest))
    return " ".join(parts)
