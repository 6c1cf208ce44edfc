"""The words people read for what the database keeps as codes."""

from typing import Any

from audiences.models import SendWindow
from campaigns.models import Node

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

EXCLUSIONS = {
    "inactive": "No longer an active customer",
    "do_not_service": "Marked “do not service” in ServiceTitan",
    "no_address": "No phone that takes texts",
    "do_not_text": "Marked “do not text” in ServiceTitan",
    "do_not_mail": "Marked “do not mail” in ServiceTitan",
    "unreachable": "Phone known to be unreachable",
    "opted_out": "Opted out",
    "do_not_call": "On a do-not-call list",
    "no_consent": "No written consent on record",
    "same_phone": "Shares a phone with somebody already in",
    "already_in": "Already in this campaign",
}
KINDS = {
    Node.Kind.SEND_SMS: "Text",
    Node.Kind.SEND_EMAIL: "Email",
    Node.Kind.CALL: "Call",
    Node.Kind.WAIT: "Wait",
    Node.Kind.WAIT_FOR_REPLY: "Wait for a reply",
    Node.Kind.BRANCH: "Branch",
    Node.Kind.SPLIT: "Split",
    Node.Kind.UPDATE_CONTACT: "Note on the contact",
    Node.Kind.HANDOFF: "Hand to a person",
    Node.Kind.BOOK_JOB: "Book a job",
    Node.Kind.END: "End",
}
KIND_ICONS = {
    Node.Kind.SEND_SMS: "message-square",
    Node.Kind.SEND_EMAIL: "mail",
    Node.Kind.CALL: "phone",
    Node.Kind.WAIT: "clock",
    Node.Kind.WAIT_FOR_REPLY: "message-circle-reply",
    Node.Kind.BRANCH: "split",
    Node.Kind.SPLIT: "flask-conical",
    Node.Kind.UPDATE_CONTACT: "tag",
    Node.Kind.HANDOFF: "user",
    Node.Kind.BOOK_JOB: "calendar-check",
    Node.Kind.END: "flag",
}
EDGES = {
    "next": "then",
    "answered": "answers",
    "voicemail": "gets a voicemail",
    "no_answer": "does not answer",
    "busy": "is busy",
    "booked": "booked",
    "call_back": "asks for a call back",
    "reply": "replied",
    "no_reply": "no reply in time",
    "no_appointment": "no appointment ahead",
    "moved": "moved on as the workflow changed",
    "another_try": "another try, which led nowhere",
    "optout": "opts out",
    "booking_yes": "says yes to booking",
    "reschedule": "asks for another time",
    "question": "asks a question",
    "complaint": "complains",
    "wrong_number": "says it is the wrong number",
    "other": "says something else",
}


def exclusion(reason: str) -> str:
    """Why a matched contact was not admitted."""
    return EXCLUSIONS.get(reason, sentence(reason))


def kind(code: str) -> str:
    """The name of a node kind."""
    return KINDS.get(Node.Kind(code), sentence(code)) if code in Node.Kind.values else sentence(code)


def kind_icon(code: str) -> str:
    """The drawing beside a node kind's name."""
    return KIND_ICONS.get(Node.Kind(code), "circle") if code in Node.Kind.values else "circle"


def edge(label: str) -> str:
    """What a way out of a node is called; a branch's ways have the names their authors gave them."""
    return EDGES.get(label, sentence(label).lower())


def way(kind: str, label: str) -> str:
    """What a way out of a node of this kind is called, on every diagram: by the name its author gave it, and
    `otherwise` of what reaches out by what it means there."""
    if kind in (Node.Kind.BRANCH, Node.Kind.SPLIT) and label not in ("otherwise", "next"):
        return sentence(label)
    if label == "otherwise" and kind != Node.Kind.BRANCH:
        return "not reached"
    return edge(label)


def call_words(settings: dict[str, Any]) -> str:
    """What is said in a call step, in English; nothing for a step of another kind."""
    plan = settings.get("plan")
    said = plan.get("words") if isinstance(plan, dict) else None
    return str(said.get("en") or "") if isinstance(said, dict) else ""


def sentence(code: str) -> str:
    """`booking_yes` as “Booking yes”."""
    return code.replace("_", " ").capitalize()


def duration(minutes: int) -> str:
    """Minutes in the largest unit that divides them: 4,320 is “3 days”."""
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size:,} {unit}{'' if minutes == size else 's'}"
    return f"{minutes:,} minute{'' if minutes == 1 else 's'}"


def condition(values: dict[str, Any]) -> str:
    """One condition of a branch: “has replied”, “has the tag “Gold””, “kind is not residential”."""
    field, operator, value = str(values.get("field")), str(values.get("operator")), values.get("value")
    holds = "not" not in operator
    if field == "replied":
        return "has replied" if (str(value).lower() == "true") == holds else "has not replied"
    if field == "tag":
        return f"{'has' if holds else 'does not have'} the tag “{value}”"
    return f"{field} {operator}".replace("_", " ") + f" {value}"


def rough_duration(minutes: int) -> str:
    """About how long something takes, to hours and minutes."""
    if minutes < 1:
        return "less than a minute"
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours:,} hour{'' if hours == 1 else 's'}"] if hours else []
    if rest and hours < 24:
        parts.append(duration(rest))
    return " ".join(parts)


def clock_minute(minute: int) -> str:
    """A minute of the day on a 12-hour clock: 540 is “9:00 am”."""
    hour, rest = divmod(minute, 60)
    return f"{hour % 12 or 12}:{rest:02} {'am' if hour % 24 < 12 else 'pm'}"


def hours(window: SendWindow) -> str:
    """A window for people: “9:00 am to 7:00 pm, Monday to Saturday”."""
    days = [name for bit, name in enumerate(DAYS) if window.days >> bit & 1]
    together = window.days >> DAYS.index(days[0]) == (1 << len(days)) - 1 if days else False
    named = f"{days[0]} to {days[-1]}" if together and len(days) > 2 else ", ".join(days)
    said = f"{clock_minute(window.start_minute)} to {clock_minute(window.end_minute)}, {named}"
    rests = ["federal holidays"] if window.rests_on_holidays else []
    rests += ["your closed days"] if window.closed_on else []
    return f"{said}, but not on {' or '.join(rests)}" if rests else said


def number_of(count: int, noun: str) -> str:
    """`1,234 customers`, `1 customer`, `2 people`."""
    many = "people" if noun == "person" else f"{noun}s"
    return f"{count:,} {noun if count == 1 else many}"
