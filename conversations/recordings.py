"""Recordings of calls: kept at the provider under an id, heard through a page of ours, deleted with their
time."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from common.transactions import atomic_with_retry
from conversations import call_talk
from conversations.models import Call
from integrations.messaging import ProviderError
from integrations.twilio import recordings
from integrations.twilio.client import TwilioAccess

AT_ONCE = 50
"""Recordings deleted in one round: a request each."""


@atomic_with_retry
def stored(
    attempt: UUID, accounts: list[int], *, recording_id: str, seconds: int, status: str, now: datetime
) -> None:
    """The provider has a recording of this call. An empty one, or one whose call is not known, is nothing."""
    if not recordings.is_id(recording_id) or status not in ("", "completed"):
        return
    call = call_talk.locked(attempt, accounts)
    if call is not None:
        call_talk.note(call, recording_id=recording_id, recording_seconds=seconds)


def fetch(call: Call) -> bytes:
    """The sound of a call's recording, as MP3. A request to the provider: call it outside any transaction.
    Raises ProviderError."""
    return recordings.fetch(TwilioAccess.of(call.number.connection), call.recording_id)


def kept_days() -> int:
    """For how many days recordings are kept."""
    return int(settings.RECORDING_DAYS)


def delete_old(*, now: datetime) -> int:
    """Have recordings deleted that are older than the deployment keeps them; how many were.

    One that the provider cannot be asked about now is tried again the next time.
    """
    before = now - timedelta(days=kept_days())
    old = Call.objects.filter(created_at__lt=before).exclude(recording_id="")
    gone = 0
    for call in old.select_related("number__connection").order_by("pk")[:AT_ONCE]:
        try:
            recordings.delete(TwilioAccess.of(call.number.connection), call.recording_id)
        except ProviderError as refusal:
            if not refusal.permanent:
                continue
        # The provider's is gone; what says that there was one stays: its length.
        gone += Call.objects.filter(pk=call.pk, recording_id=call.recording_id).update(recording_id="")
    return gone
