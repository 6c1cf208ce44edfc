"""Assignments & Sending: its numbers and what they are made of.

`Planned = Pending + Cancelled + Sent + Failed + Rejected + Expired`, exclusive. A message counts once, under
the status it has now, at the instant it took it, so that the six add up inside any range; what is told of
sent messages counts at its own instant, and is part of Sent for all time only.
"""

from analytics.metrics.definitions import Metric

EXCLUSIVE = ("pending", "cancelled", "sent", "failed", "rejected", "expired")
TOLD = ("delivered", "bounced", "blocked", "spam")  # of sent ones
TEXT, EMAIL = "text", "email"
CHANNELS = {TEXT: "Texts", EMAIL: "Emails"}

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


def _columns(channel: str, name: str) -> tuple[str, ...]:
    return tuple(f"{channel}:{each}" for each in (EXCLUSIVE if name == "planned" else (name,)))


ASSIGNMENT_METRICS: dict[str, Metric] = {metric.name: metric for metric in _ASSIGNMENTS}
# By channel and status: `text:sent`, `email:bounced`.
SENDING_METRICS: dict[str, Metric] = {
    f"{channel}:{name}": Metric(
        f"{channel}:{name}", label, f"{channel}s", meaning, _columns(channel, name), at=at
    )
    for channel in CHANNELS
    for name, label, meaning, at in _STATUSES
}
RATE_METRICS: dict[str, Metric] = {
    f"{channel}:{name}_rate": Metric(
        f"{channel}:{name}_rate", f"{label} rate", "share", f"{label} ÷ {over}.",
        _columns(channel, name), _columns(channel, over),
    )
    for channel in CHANNELS
    for name, label, over in (("sent", "Sent", "planned"), ("delivered", "Delivered", "sent"))
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
    *(f"{channel}:{name}" for channel in CHANNELS for name in EXCLUSIVE + TOLD),
)
