"""What rules can ask of what was said: when we last texted, emailed or called somebody, when they last wrote
or called."""

from audiences.rules import fields
from audiences.rules.fields import Field, Kind, Source
from conversations.models import PlannedCall


def _source(key: str, label: str, plural: str, where: str) -> Source:
    return Source(
        key, label, plural, "conversations_message m", "m.account_id", "m.contact_id", "c.id", where
    )  # fmt: skip


_SENT = "m.kind <> 'inbound' AND m.accepted_at IS NOT NULL"
TEXT = _source("text", "a text from us", "texts", f"{_SENT} AND m.mailbox_id IS NULL")
EMAIL = _source("email", "an email from us", "emails", f"{_SENT} AND m.mailbox_id IS NOT NULL")
CLICKED = _source("clicked", "a link followed", "links followed", f"{_SENT} AND m.clicked_at IS NOT NULL")
REPLY = _source("reply", "a message to us", "messages", "m.kind = 'inbound'")


def _calls(key: str, label: str, plural: str, where: str) -> Source:
    return Source(
        key, label, plural, "conversations_call pc", "pc.account_id", "pc.contact_id", "c.id", where
    )  # fmt: skip


CALL = _calls("call", "a call from us", "calls", "pc.direction = 'out' AND pc.accepted_at IS NOT NULL")
CALL_TO_US = _calls("call_to_us", "a call to us", "calls to us", "pc.direction = 'in'")


def declare() -> None:
    """Make all of it known."""
    fields.register(
        TEXT, EMAIL, CLICKED, REPLY, CALL, CALL_TO_US,
        Field("texted", "Last texted", "Our contact", Kind.DATE, "m.accepted_at", of="text", summed=True),
        Field("emailed", "Last emailed", "Our contact", Kind.DATE, "m.accepted_at", of="email", summed=True),
        Field("wrote", "Last wrote to us", "Our contact", Kind.DATE, "m.created_at", of="reply", summed=True),
        Field("texts", "Number of texts", "Our contact", Kind.NUMBER, "count(*)", of="text", summed=True,
              unit="texts"),
        Field("called", "Last called", "Our contact", Kind.DATE, "pc.accepted_at", of="call", summed=True),
        Field("called_us", "Last called us", "Our contact", Kind.DATE, "pc.created_at", of="call_to_us",
              summed=True),
        Field("calls", "Number of calls", "Our contact", Kind.NUMBER, "count(*)", of="call", summed=True,
              unit="calls"),
        Field("call.at", "Placed", "Call from us", Kind.DATE, "pc.accepted_at", of="call", nullable=False),
        Field("call.outcome", "Outcome", "Call from us", Kind.CHOICE, "pc.outcome", of="call",
              nullable=False, options={value: label.lower() for value, label in PlannedCall.Outcome.choices}),
        Field("text.at", "Sent", "Text from us", Kind.DATE, "m.accepted_at", of="text", nullable=False),
        Field("text.campaign", "By a campaign", "Text from us", Kind.YES_NO, "m.kind = 'campaign'", of="text",
              nullable=False),
        Field("text.replied", "Was replied to", "Text from us", Kind.YES_NO, "m.replied_at IS NOT NULL",
              of="text", nullable=False),
        Field("clicked", "Last followed a link of ours", "Our contact", Kind.DATE, "m.clicked_at",
              of="clicked", summed=True),
        Field("text.clicked", "Had its link followed", "Text from us", Kind.YES_NO,
              "m.clicked_at IS NOT NULL", of="text", nullable=False),
        Field("text.delivered", "Was delivered", "Text from us", Kind.YES_NO, "m.state = 'delivered'",
              of="text", nullable=False),
    )  # fmt: skip
