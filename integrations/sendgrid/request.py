"""The body of `mail/send`: one letter, up to a thousand people.

The SDK builds what all share. What each person has is put together by hand: its helpers take nine times as
long (docs/adr/0017-emails-leave-in-requests-of-many.md).
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sendgrid.helpers.mail import (
    ClickTracking,
    Content,
    Email,
    Mail,
    OpenTracking,
    ReplyTo,
    TrackingSettings,
)

from integrations.messaging import Letter, Recipient

MOST_RECIPIENTS = 1000
MOST_BYTES = 30 * 1024 * 1024  # of a request
MOST_VALUE_BYTES = 10_000  # of one person's tags and values together
ATTEMPT = "attempt"  # our argument's name; events repeat it at their top level
_ID_LENGTH = 31  # of what is kept of SendGrid's id, so that id and attempt fit the column
# What no mail server takes: anything else is SendGrid's to judge.
_MAILBOX = re.compile(
    r"(?!\.)(?!.*\.[.@])[^\s@<>()\[\],;:\\\"\x00-\x1f]{1,64}"
    r"@(?=.{1,253}$)(?:[^\s@<>()\[\],;:\\\".]{1,63}\.)+[^\s@<>()\[\],;:\\\".]{2,63}"
)


def may_exist(mailbox: str) -> bool:
    """Whether a mailbox could exist at all: one that could not would have a whole request refused."""
    return _MAILBOX.fullmatch(mailbox) is not None


def encoded(letter: Letter, people: Sequence[Recipient]) -> bytes:
    """The body of one request as it leaves."""
    return json.dumps(built(letter, people), ensure_ascii=False, separators=(",", ":")).encode()


def built(letter: Letter, people: Sequence[Recipient]) -> dict[str, Any]:
    """SendGrid's form of a letter to so many people."""
    body = _shared(letter)
    domain = letter.from_.rpartition("@")[2]
    body["personalizations"] = [_person(person, domain) for person in people]
    return body


def value_bytes(values: Mapping[str, str]) -> int:
    """The size of one person's tags and values, as SendGrid limits it."""
    return len("".join([*values, *values.values()]).encode())


def provider_id(message_id: str, attempt_id: UUID) -> str:
    """What one person's email is known by, of the request's `X-Message-Id` and our attempt.

    SendGrid names the request alone in its answer, and the person's mail only in events; both know this.
    """
    return f"{message_id[:_ID_LENGTH]}.{attempt_id.hex}"


def request_of(message_id: str) -> str:
    """As much of a request's id as `provider_id` keeps, up to its point."""
    return message_id[:_ID_LENGTH]


def _shared(letter: Letter) -> dict[str, Any]:
    """SendGrid's form of a letter. Links are ours to count, so its tracking is off."""
    sender = Email(name=letter.from_name or None)
    # Given at once, the SDK reads “ann@example.org;” as the mailbox before the sign: another one.
    sender.email = letter.from_
    mail = Mail(from_email=sender, plain_text_content=Content("text/plain", letter.text))
    if letter.html:
        mail.add_content(Content("text/html", letter.html))
    if letter.reply_to and letter.reply_to != letter.from_:
        mail.reply_to = ReplyTo(None)
        mail.reply_to.email = letter.reply_to
    tracking = TrackingSettings()
    tracking.click_tracking = ClickTracking(enable=False, enable_text=False)
    tracking.open_tracking = OpenTracking(enable=False)
    mail.tracking_settings = tracking
    shared: dict[str, Any] = mail.get()
    return shared


def _person(person: Recipient, domain: str) -> dict[str, Any]:
    """One personalization. Beside the address nothing of the person is an argument: SendGrid keeps those as
    plain text. The attempt's id comes back with every event, and is the Message-ID that mail servers see."""
    attempt = str(person.attempt_id)
    headers = {"Message-ID": f"<{attempt}@{domain}>"}
    if person.unsubscribe_url:  # RFC 8058
        headers["List-Unsubscribe"] = f"<{person.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if person.in_reply_to:
        headers["In-Reply-To"] = headers["References"] = person.in_reply_to
    to = {"email": person.to, "name": person.to_name} if person.to_name else {"email": person.to}
    made = {"to": [to], "subject": person.subject, "headers": headers, "custom_args": {ATTEMPT: attempt}}
    if person.values:
        made["substitutions"] = dict(person.values)
    return made
