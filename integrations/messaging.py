"""The words in which adapters and the rest of the product speak: no vendor's names, no models."""

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
    FIX_SETTINGS = "fix_settings"  # configuration or our own payload; alert


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """One text, ready to leave. `body` is final; `status_callback` carries the attempt's id."""

    attempt_id: UUID
    to: str  # E.164
    from_: str  # E.164
    body: str
    status_callback: str
    validity_seconds: int  # the provider drops it if not released by then


@dataclass(frozen=True, slots=True)
class OutgoingEmail:
    """One email in plain text, ready to leave; the attempt's id travels with it."""

    attempt_id: UUID
    to: str
    from_: str
    from_name: str
    subject: str
    body: str


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
    opt_out_type: str = ""  # STOP, START or HELP where the provider has already acted on it
    raw: dict[str, str] = field(default_factory=dict)


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
