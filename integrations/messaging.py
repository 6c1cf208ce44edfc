"""The words in which adapters and the rest of the product speak: no vendor's names, no models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID


class DeliveryState(StrEnum):
    """Where a message stands at the provider, in the words of the Message states."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    BLOCKED = "blocked"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Remedy(StrEnum):
    """What a refusal asks of us, beside the state it gives the message."""

    NONE = "none"
    RETRY_LATER = "retry_later"  # back off; the message stays queued
    NUMBER_INVALID = "number_invalid"  # the address can never receive anything
    NO_TEXTS = "no_texts"  # the address cannot receive texts; a call may work
    MAILBOX_INVALID = "mailbox_invalid"  # the mailbox can never receive anything
    OPTED_OUT = "opted_out"  # the provider holds an opt-out we lack: record it
    REVIEW_CONTENT = "review_content"  # filtered or blocked
    STOP_NUMBER = "stop_number"  # the sending number may not send; alert
    STOP_ACCOUNT = "stop_account"  # credentials or the provider account; alert
    FIX_SETTINGS = "fix_settings"  # configuration of a number or region; alert
    REPORT_BUG = "report_bug"  # our own payload; alert
    INACTIVE = "inactive"  # perhaps no longer in use: no more texts after the second time
    ONCE_MORE = "once_more"  # the message is tried once more, after a while
    AS_SMS = "as_sms"  # it goes once more without its pictures
    NEXT_DAY = "next_day"  # the number rests until the carrier's next day, then it goes once more
    HOLD = "hold"  # the contact rests for a while, then it goes once more
    STOP_CONVERSATION = "stop_conversation"  # nothing automatic goes there until a person looked
    CHECK_CALLS = "check_calls"  # the provider's books leave open which call was ours


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """One text, ready to leave. `body` is final; `status_callback` carries the attempt's id."""

    attempt_id: UUID
    to: str  # E.164
    from_: str  # E.164
    body: str
    status_callback: str
    validity_seconds: int  # the provider drops it if not released by then
    media: tuple[str, ...] = ()  # addresses that the provider fetches pictures from


@dataclass(frozen=True, slots=True)
class Letter:
    """What emails that leave in one request share. Its words hold tags; each recipient has the values."""

    from_: str
    from_name: str
    text: str
    html: str = ""  # none: the email is plain
    reply_to: str = ""  # empty: answers go to `from_`


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person's email of a letter, ready to leave; the attempt's id travels with it."""

    attempt_id: UUID
    to: str
    subject: str
    to_name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)  # tag → what stands there
    unsubscribe_url: str = ""  # takes a POST; empty where the email has no such door
    in_reply_to: str = ""  # Message-ID of the email that it answers


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider's answer to an accepted send, or one row of its list."""

    provider_id: str
    status: str  # the provider's own word
    state: DeliveryState
    segments: int  # 0 where the provider does not know yet


@dataclass(frozen=True, slots=True)
class ListedText:
    """A text as the provider's list shows it, for adopting sends whose answer we never saw."""

    receipt: Receipt
    to: str
    from_: str
    body: str
    created_at: datetime  # by the provider's clock
    code: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One status callback. Apply it only where `rank` is above the rank already applied."""

    provider_id: str
    attempt_id: UUID | None
    status: str
    state: DeliveryState
    rank: int
    code: str = ""
    meaning: str = ""
    remedy: Remedy = Remedy.NONE


@dataclass(frozen=True, slots=True)
class InboundText:
    """One text a person sent to one of our numbers."""

    provider_id: str
    to: str
    from_: str
    body: str
    media: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()  # as the provider names them, one for each
    opt_out_type: str = ""  # STOP, START or HELP where the provider has already acted on it
    raw: dict[str, str] = field(default_factory=dict)


IN_PARTS = "in_parts"
"""Code of emails whose request was refused for somebody else's sake, and that had no time left to leave."""


@dataclass(frozen=True, slots=True)
class Attached:
    """What is attached to an email: noted, not kept."""

    name: str
    type: str
    size: int  # bytes; 0 where nobody says


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEmail:
    """One email to us, as a person wrote it and as machines passed it on."""

    message_id: str  # as its sender named it, or a digest where nobody did
    from_: str  # the mailbox, in small letters
    from_name: str
    to: tuple[str, ...]  # mailboxes, in small letters, the envelope's first
    subject: str
    text: str  # whole, in plain text
    answers: tuple[str, ...]  # Message-IDs of what it answers, the nearest first
    machine: str = ""  # what kind of machine wrote it, where none of our customers did
    authentic: bool = False  # SPF or DKIM of the sender's own domain says so
    refuted: bool = False  # and neither does, while one denies it
    attachments: tuple[Attached, ...] = ()
    raw: dict[str, str] = field(default_factory=dict)


class CallState(StrEnum):
    """Where a call stands at the provider, in the words of the Call states."""

    ACCEPTED = "accepted"
    RINGING = "ringing"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingCall:
    """One call, ready to be placed. Every address carries the attempt's id."""

    attempt_id: UUID
    to: str  # E.164: the customer, or the agent who is rung first
    from_: str  # E.164: what the called phone shows
    answer_url: str  # asked what to do once somebody answers
    status_callback: str
    ring_seconds: int
    machine_callback: str = ""  # told whether a machine answered; empty: nobody asks
    most_seconds: int = 3600  # then the provider hangs up


@dataclass(frozen=True, slots=True)
class CallReceipt:
    """The provider's answer to a call that it took."""

    provider_id: str
    status: str  # the provider's own word


@dataclass(frozen=True, slots=True)
class CallReport:
    """News of one call, from a callback or from the provider's books. Apply it only where `rank` is above
    the rank already applied."""

    provider_id: str
    status: str
    state: CallState | None  # None: a status that nobody knows
    rank: int
    sequence: int = -1
    answered_by: str = ""  # human, machine_…, fax, unknown; empty where nobody asked
    seconds: int | None = None  # how long it lasted, once it is over
    code: str = ""
    meaning: str = ""
    remedy: Remedy = Remedy.NONE


@dataclass(frozen=True, slots=True)
class ListedCall:
    """A call as the provider's list shows it, for adopting one whose answer we never saw."""

    report: CallReport
    to: str
    from_: str
    created_at: datetime  # by the provider's clock


class ProviderError(Exception):
    """A provider refused, or its answer never came. Raised by `integrations` alone.

    `accepted` is the only thing that allows another try: "no" proves that nothing was taken, while
    "unknown" means that it may have been and must be reconciled, never blindly repeated.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        accepted: Literal["no", "unknown"],
        code: str = "",
        retry_after: float | None = None,
        state: DeliveryState | None = None,
        remedy: Remedy = Remedy.NONE,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent  # trying again cannot help
        self.accepted = accepted
        self.code = code  # the provider's code, or our word for it (timeout, claim_too_old ...)
        self.retry_after = retry_after  # seconds, where the provider named them
        self.state = state  # what a refused message becomes; None where it stays queued or unknown
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]" if self.code else self.message
