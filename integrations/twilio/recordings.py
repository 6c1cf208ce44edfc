"""Recordings of calls, which lie at the provider: fetched to be heard, deleted when their time is over."""

import re

from twilio.base.exceptions import TwilioException

from integrations.messaging import ProviderError
from integrations.twilio import media
from integrations.twilio.client import TwilioAccess, asking, sdk_of

MOST_BYTES = 30_000_000
"""Over an hour of MP3; more is not fetched into a web process."""
CONTENT_TYPE = "audio/mpeg"
_ID = re.compile(r"[A-Za-z0-9]{1,64}")


def is_id(recording_id: str) -> bool:
    """Whether this may name a recording: it becomes part of an address."""
    return _ID.fullmatch(recording_id) is not None


def fetch(access: TwilioAccess, recording_id: str) -> bytes:
    """The sound, as MP3. Raises ProviderError, permanent where it is gone or too long."""
    if not is_id(recording_id):
        raise ProviderError("There is no such recording", permanent=True, accepted="no", code="no_recording")
    url = f"{access.base_url}/2010-04-01/Accounts/{access.account_sid}/Recordings/{recording_id}.mp3"
    return media.fetch(access, url, section="Recordings", most=MOST_BYTES)


def delete(access: TwilioAccess, recording_id: str) -> None:
    """Have it deleted; one that is gone is deleted. Raises ProviderError."""
    if not is_id(recording_id):
        return
    with asking() as http:
        try:
            sdk_of(access, http).recordings(recording_id).delete()
        except TwilioException as exc:
            if int(getattr(exc, "status", 0) or 0) != 404:
                raise
