"""The phone numbers of a Twilio account: which there are, and where calls to them are asked about."""

from dataclasses import dataclass
from typing import Any

from integrations.claimed_http import TOTAL_SECONDS
from integrations.twilio.client import TwilioAccess, asking, sdk_of


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    """One phone number of a Twilio account."""

    sid: str
    e164: str
    label: str
    can_text: bool


def list_numbers(access: TwilioAccess, *, seconds: float = TOTAL_SECONDS) -> list[OwnedNumber]:
    """Every phone number the account owns; `seconds` bound each request. Raises ProviderError."""
    with asking(seconds) as http:
        return [
            OwnedNumber(
                sid=str(row.sid),
                e164=str(row.phone_number),
                label=str(row.friendly_name or row.phone_number),
                can_text=_can_text(row.capabilities),
            )
            for row in sdk_of(access, http).incoming_phone_numbers.stream(page_size=1000)
        ]


def set_calls_address(access: TwilioAccess, number_sid: str, *, url: str, ended_url: str) -> None:
    """Have calls to a number of ours asked about at `url`, and their ends told to `ended_url`. Raises
    ProviderError."""
    with asking() as http:
        sdk_of(access, http).incoming_phone_numbers(number_sid).update(
            voice_url=url, voice_method="POST", status_callback=ended_url, status_callback_method="POST"
        )


def _can_text(capabilities: Any) -> bool:
    if isinstance(capabilities, dict):
        return bool(capabilities.get("sms", capabilities.get("SMS", False)))
    return bool(getattr(capabilities, "sms", False))
