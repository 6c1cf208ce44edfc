"""What planned calls and calls are said to be: a word, a tone and a drawing, wherever they are listed."""

from dataclasses import dataclass

from conversations.models import Call, PlannedCall

Outcome, Planned, Tried = PlannedCall.Outcome, PlannedCall.State, Call.State


@dataclass(frozen=True, slots=True)
class Said:
    """Where a call stands: its word, its tone (`good warn bad info` or none), its drawing."""

    word: str
    tone: str = ""
    icon: str = "phone"


OUTCOMES: dict[str, Said] = {
    Outcome.ANSWERED: Said("Answered", "good", "phone"),
    Outcome.VOICEMAIL: Said("Voicemail", "info", "message-circle"),
    Outcome.NO_ANSWER: Said("No answer", "warn", "phone-off"),
    Outcome.BUSY: Said("Busy", "warn", "phone-off"),
    Outcome.BOOKED: Said("Booked", "good", "calendar-check"),
    Outcome.CALL_BACK: Said("Wants a call back", "info", "rotate-ccw"),
}
PLANNED: dict[str, Said] = {
    Planned.QUEUED: Said("To be called", "", "list-start"),
    Planned.TAKEN: Said("With an agent", "info", "user-check"),
    Planned.CALLING: Said("Being called", "info", "phone-outgoing"),
    Planned.UNKNOWN: Said("Unknown", "warn", "circle-help"),
    Planned.CALLED: Said("Called", "good", "phone"),
    Planned.FAILED: Said("Failed", "bad", "x"),
    Planned.REJECTED: Said("Rejected", "bad", "ban"),
    Planned.EXPIRED: Said("Expired", "warn", "clock"),
    Planned.CANCELLED: Said("Cancelled", "", "x"),
}
TRIED: dict[str, Said] = {
    Tried.CALLING: Said("Being placed", "info", "phone-outgoing"),
    Tried.ACCEPTED: Said("Placed", "info", "phone-outgoing"),
    Tried.RINGING: Said("Rings", "info", "phone"),
    Tried.IN_PROGRESS: Said("Going on", "info", "phone"),
    Tried.COMPLETED: Said("Over", "good", "phone"),
    Tried.BUSY: Said("Busy", "warn", "phone-off"),
    Tried.NO_ANSWER: Said("No answer", "warn", "phone-off"),
    Tried.FAILED: Said("Failed", "bad", "x"),
    Tried.REJECTED: Said("Rejected", "bad", "ban"),
    Tried.CANCELLED: Said("Cancelled", "", "x"),
    Tried.UNKNOWN: Said("Unknown", "warn", "circle-help"),
    Tried.REFUSED: Said("Not placed", "", "clock"),
}
MISSED = Said("Missed", "warn", "phone-off")
INBOUND = Said("Taken", "good", "phone-incoming")


def of_planned(planned: PlannedCall) -> Said:
    """Where a planned call stands; one that is over by its outcome."""
    return OUTCOMES.get(planned.outcome) or PLANNED[planned.state]


def of_call(call: Call) -> Said:
    """What became of one call; of a customer's, whether somebody took it."""
    if call.state in Call.LIVE:
        return TRIED[call.state]
    if call.direction == Call.Direction.IN:
        return INBOUND if call.connected_at else MISSED
    return OUTCOMES.get(call.outcome) or TRIED[call.state]


def lasted(seconds: int | None) -> str:
    """“1 min 5 s”; blank where nobody was on the line."""
    if not seconds:
        return ""
    minutes, rest = divmod(seconds, 60)
    return " ".join(filter(None, (f"{minutes} min" if minutes else "", f"{rest} s" if rest else "")))
