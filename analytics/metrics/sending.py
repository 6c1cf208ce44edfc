"""Assignments & Sending: its numbers and what they are made of.

`Planned = Pending + Cancelled + Sent + Failed + Rejected + Expired`, exclusive. A message counts once, under
the status it has now, at the instant it took it, so that the six add up inside any range; what is told of
sent messages counts at its own instant, and is part of Sent for all time only.

Of calls the unit is the planned call, somebody who was to be called: *sent* ones are over, with one of the
outcomes, at the instant of which both count, so that outcomes add up to them inside any range, too. Tries,
which the carrier accepted, are counted beside.
"""

from analytics.metrics.definitions import SPOKEN, Metric

EXCLUSIVE = ("pending", "cancelled", "sent", "failed", "rejected", "expired")
TOLD = ("delivered", "bounced", "blocked", "spam")  # of sent ones
OUTCOMES = ("answered", "booked", "call_back", "voicemail", "no_answer", "busy")  # of calls that are over
BESIDE = ("reached", "accepted", "abandoned", "optouts")  # of calls, at their own instants
TEXT, EMAIL, CALL = "text", "email", "call"
CHANNELS = {TEXT: "Texts", EMAIL: "Emails", CALL: "Calls"}
WRITTEN = (TEXT, EMAIL)

_ASSIGNMENTS = (
    Metric(
        "entries", "Entries", "enrollments",
        "Enrollments begun; whoever enters twice counts twice. For all time entries less exits are active.",
        ("entries",), at="when the contact entered",
    ),
    Metric(
        "entries_unique", "Unique contacts entered", "contacts",
        "Distinct contacts among the entries, per campaign; over several campaigns, the sum of theirs.",
        ("audience",), at="when the contact first entered inside the range",
    ),
    Metric(
        "exits", "Exits", "enrollments",
        "Enrollments ended, whatever the reason, which each of them says.",
        ("exits",), at="when the passage ended",
    ),
    Metric(
        "exits_unique", "Unique contacts left", "contacts",
        "Distinct contacts among the exits, per campaign; over several campaigns, the sum of theirs.",
        ("exits_first",), at="when the contact first left inside the range",
    ),
)  # fmt: skip

_STATUSES = (
    ("planned", "Planned", "All that campaigns meant to send: the six statuses added up.",
     "when each took its status"),
    ("pending", "Pending", "In the queue, being sent, or the provider has not said whether it took it.",
     "when it was queued"),
    ("cancelled", "Cancelled", "Taken out of the queue before it left: an opt-out, a booking, a stop.",
     "when it was cancelled"),
    ("sent", "Sent", "The provider accepted it, and no receipt since made it failed, rejected or expired.",
     "when the provider accepted it"),
    ("failed", "Failed", "The address cannot receive it, our tries ran out, or nobody said what became.",
     "when that was known"),
    ("rejected", "Rejected", "The provider or the carrier refused it.", "when it was refused"),
    ("expired", "Expired", "Not released inside its send window.", "when its window was over"),
    ("delivered", "Delivered", "Confirmed by a handset, a carrier or a mail server; never presumed.",
     "when it was confirmed"),
    ("bounced", "Bounced", "The mail server refused the address.", "when it was refused"),
    ("blocked", "Blocked", "The mail server, or its spam filter, refused the message.",
     "when it was refused"),
    ("spam", "Spam reported", "Delivered, and then reported as spam.", "when it was reported"),
)  # fmt: skip

_CALL_STATUSES = (
    ("planned", "Planned", "Everybody whom campaigns meant to call: the six statuses added up.",
     "when each took its status"),
    ("pending", "Pending", "In the call queue, with an agent, being called, before a further try, or the "
     "provider has not said whether it took the call.", "when it was planned"),
    ("cancelled", "Cancelled", "Taken out of the queue before it was over: an opt-out, a booking, a stop, or "
     "somebody skipped it.", "when it was cancelled"),
    ("sent", "Called", "Over, with an outcome.", "when its outcome was known"),
    ("failed", "Failed", "The number cannot be called, our tries ran out, or nobody said what became.",
     "when that was known"),
    ("rejected", "Rejected", "The provider or the carrier refused the call.", "when it was refused"),
    ("expired", "Expired", "Not called inside its window.", "when its window was over"),
    ("spoken", "Talked to us", "Answered, booked, or asked for a call back: the three outcomes added up.",
     "when its outcome was known"),
    ("answered", "Answered", "Somebody talked to us, and neither booked nor asked for a call back.",
     "when its outcome was known"),
    ("booked", "Booked", "Somebody talked to us and booked.", "when its outcome was known"),
    ("call_back", "Wants a call back", "Somebody asked to be called back.", "when its outcome was known"),
    ("voicemail", "Voicemail", "The last try ended at a voicemail.", "when its outcome was known"),
    ("no_answer", "No answer", "Nobody took any of the tries.", "when its outcome was known"),
    ("busy", "Busy", "The line was busy at the last try.", "when its outcome was known"),
    ("reached", "People called", "The carrier took at least one try. Never falls.",
     "when the carrier took the first try"),
    ("accepted", "Calls", "Tries that the carrier took. Never falls.", "when the carrier took it"),
    ("abandoned", "Abandoned", "Calls that somebody answered and for 2 seconds heard neither our words nor a "
     "person.", "when the two seconds were over"),
    ("optouts", "Opt-outs", "Calls that were answered with an opt-out.", "when it was recorded"),
)  # fmt: skip
_TRIES = ("accepted", "abandoned")


def _columns(channel: str, name: str) -> tuple[str, ...]:
    if (channel, name) == (CALL, "spoken"):
        return SPOKEN
    return tuple(f"{channel}:{each}" for each in (EXCLUSIVE if name == "planned" else (name,)))


ASSIGNMENT_METRICS: dict[str, Metric] = {metric.name: metric for metric in _ASSIGNMENTS}
# By channel and status: `text:sent`, `email:bounced`.
SENDING_METRICS: dict[str, Metric] = {
    f"{channel}:{name}": Metric(
        f"{channel}:{name}", label, f"{channel}s", meaning, _columns(channel, name), at=at
    )
    for channel in WRITTEN
    for name, label, meaning, at in _STATUSES
} | {
    f"{CALL}:{name}": Metric(
        f"{CALL}:{name}", label, "calls" if name in _TRIES else "people called", meaning,
        _columns(CALL, name), at=at,
    )
    for name, label, meaning, at in _CALL_STATUSES
}  # fmt: skip
RATE_METRICS: dict[str, Metric] = {
    f"{channel}:{name}_rate": Metric(
        f"{channel}:{name}_rate", f"{label} rate", "share", f"{label} ÷ {over}.",
        _columns(channel, name), _columns(channel, over),
    )
    for channel in WRITTEN
    for name, label, over in (("sent", "Sent", "planned"), ("delivered", "Delivered", "sent"))
} | {
    "call:sent_rate": Metric(
        "call:sent_rate", "Called rate", "share", "Called ÷ planned.",
        _columns(CALL, "sent"), _columns(CALL, "planned"),
    ),
}  # fmt: skip
# What people wrote themselves, apart from campaigns: `agent:sent`.
AGENT_METRICS: dict[str, Metric] = {
    f"agent:{name}": Metric(
        f"agent:{name}", label, "messages", f"Written by a person in a thread. {meaning}",
        tuple(f"agent:{each}" for each in EXCLUSIVE) if name == "planned" else (f"agent:{name}",),
        at="when it was written",
    )
    for name, label, meaning, _ in _STATUSES[:8]
}  # fmt: skip
COLUMNS = (
    "entries",
    "audience",
    "exits",
    "exits_first",
    *(f"{channel}:{name}" for channel in WRITTEN for name in EXCLUSIVE + TOLD),
    *(f"{CALL}:{name}" for name in EXCLUSIVE + OUTCOMES + BESIDE),
)
