"""Magic mailboxes: `magic-<word>…@` any domain provokes one outcome, whatever the faults say.

`magic-bounce@example.org` and `magic-bounce-7@example.org` are the same magic for two people. A refusal is of
the whole request that names the mailbox, as SendGrid does it.
"""

from dataclasses import dataclass

PREFIX = "magic-"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the whole request is answered. `field` may hold {place}, of the personalization."""

    status: int
    message: str
    field: str | None


REFUSED: dict[str, Refusal] = {
    "refused": Refusal(400, "Does not contain a valid address.", "personalizations.{place}.to.0.email"),
    "unnamed": Refusal(400, "Bad Request", None),  # says neither who nor what
    "content": Refusal(
        400, "The content value must be a string at least one character in length.", "content"
    ),
    "argument": Refusal(
        400, "The custom_args values must be strings.", "personalizations.{place}.custom_args"
    ),
    "large": Refusal(413, "The request is too large.", None),
    "throttled": Refusal(429, "too many requests", None),
    "unauthorised": Refusal(401, "The provided authorization grant is invalid, expired, or revoked", None),
    "forbidden": Refusal(403, "The from address does not match a verified Sender Identity.", "from"),
}

ACCEPT_THEN_DROP, DROP_BEFORE_ACCEPT, ERROR_AFTER_ACCEPT = "drop", "lost", "error"
BEHAVIOURS = {
    ACCEPT_THEN_DROP: "accepted, then the connection dies",
    DROP_BEFORE_ACCEPT: "the connection dies, nothing accepted",
    ERROR_AFTER_ACCEPT: "accepted, then 503",
}

# What becomes of an accepted mail, told by events.
FATES = {
    "bounce": "the mail server refuses the address",
    "blocked": "the mail server refuses the message",
    "nostatus": "blocked by a domain without mail servers: no status in the event",
    "deferred": "put off once, then delivered",
    "invalid": "dropped: Invalid",
    "bounced": "dropped: Bounced Address",
    "unsubscribed": "dropped: Unsubscribed Address",
    "reporting": "dropped: Spam Reporting Address",
    "spamcontent": "dropped: Spam Content",
    "complains": "delivered, then reported as spam",
    "late": "delivered, then bounced",
    "silent": "accepted, and nothing is ever told",
    "processed": "taken by SendGrid, and nothing more is told",
    "waits": "put off twice, then blocked",
    "bare": "bounces in an event that names neither its request nor its arguments",
    "header": "dropped: Invalid SMTPAPI header",
    "package": "dropped: Recipient List over Package Quota",
    "otherwise": "dropped for a reason that no list has yet",
    "leaves": "delivered, then unsubscribed at SendGrid",
    "leavesgroup": "delivered, then unsubscribed from a group",
    "returns": "unsubscribed from a group, then subscribed again",
    "opens": "delivered, opened by a machine and by a person, a link followed",
    "strange": "delivered, then an event that nobody has announced",
}


def word_of(email: str) -> str:
    """The magic word of a mailbox; empty for an ordinary one."""
    if not email.startswith(PREFIX):
        return ""
    return email[len(PREFIX) :].partition("@")[0].partition("-")[0]


def fate_of(email: str) -> str:
    """What becomes of a mail to this mailbox; empty where nothing is said."""
    word = word_of(email)
    return word if word in FATES else ""
