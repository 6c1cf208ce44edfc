"""Pictures and files that customers send: their text is here at once, they follow.

Each is fetched outside any transaction, known by its bytes and not by what somebody calls it, and drawn anew
where it is a picture. Whatever else it is may be played or downloaded, never run.
"""

import logging
from datetime import datetime

from django.db import transaction

from common import clock, loops, sql
from common.doorbell import ring
from conversations import media, media_types
from conversations.media_types import OTHER, NotTaken, Taken
from conversations.models import Message, ReceivedMedia
from integrations.messaging import InboundText, ProviderError
from integrations.twilio.client import TwilioAccess
from integrations.twilio.media import fetch

log = logging.getLogger(__name__)
BATCH = 20
MOST_TRIES = 8
FIRST_WAIT_SECONDS = 5.0  # doubled with every further try: the last comes after some twenty minutes
LEASE_SECONDS = 120.0
_URL_LENGTH: int = ReceivedMedia._meta.get_field("url").max_length or 0
_PLAYED = ("audio/", "video/")


def announce(message: Message, text: InboundText) -> None:
    """Note what came with a text, in the webhook's transaction; the bell is rung once it has committed."""
    from conversations.tasks import fetch_media  # tasks import this module

    if not text.media:
        return
    ReceivedMedia.objects.bulk_create(
        ReceivedMedia(
            message=message, position=place, url=url[:_URL_LENGTH],
            declared_type=(text.media_types[place] if place < len(text.media_types) else "")[:100],
        )
        for place, url in enumerate(text.media[: media.MOST])
    )  # fmt: skip
    transaction.on_commit(lambda: ring(fetch_media))


def fetch_waiting(seconds: float) -> int:
    """Fetch what is due for at most so many seconds; how many were settled, for good or ill."""
    settled = 0
    for _ in loops.loop_until(seconds):
        ids = _lease()
        if not ids:
            break
        settled += sum(_settle(pk) for pk in ids)
    return settled


def _lease() -> list[int]:
    """Attachments that are due, set aside for this process; each further try comes later."""
    return sql.column(
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM conversations_receivedmedia
            WHERE state = 'waiting' AND next_at <= clock_timestamp()
            ORDER BY next_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE conversations_receivedmedia r SET tries = r.tries + 1,
            next_at = clock_timestamp() + greatest(%s, %s * power(2, least(r.tries, 8))) * interval '1 second'
        FROM due WHERE r.id = due.id RETURNING r.id
        """,
        [BATCH, FIRST_WAIT_SECONDS, FIRST_WAIT_SECONDS],
    )


def _settle(pk: int) -> int:
    waiting = ReceivedMedia.objects.select_related("message__account", "message__number__connection")
    one = waiting.filter(pk=pk, state=ReceivedMedia.State.WAITING).first()
    if one is None or one.message.number is None:
        return 0
    try:
        data = fetch(TwilioAccess.of(one.message.number.connection), one.url)
    except ProviderError as error:
        log.warning("attachment %s not fetched: %s", pk, error.code)
        if error.permanent or one.tries >= MOST_TRIES:
            return _close(one, reason=error.message)
        return 0
    except KeyError:
        return _close(one, reason="The connection to the provider lacks its credentials")
    return _keep(one, data, clock.now())


def _keep(one: ReceivedMedia, data: bytes, now: datetime) -> int:
    taken = neutral(data)
    name = f"attachment-{one.message_id}-{one.position + 1}"
    with transaction.atomic():
        kept = media.store(one.message.account, taken, name, received=True, now=now)
        return ReceivedMedia.objects.filter(pk=one.pk, state=ReceivedMedia.State.WAITING).update(
            state=ReceivedMedia.State.FETCHED, file=kept
        )


def neutral(data: bytes) -> Taken:
    """What customers sent, harmless: pictures are pixels and nothing else, what may be played is played, all
    else is bytes to download."""
    kind = media_types.sniff(data)
    if kind.startswith("image/"):
        try:
            return media_types.redrawn(data, "The picture")
        except NotTaken:
            return Taken(data, OTHER)
    if kind.startswith(_PLAYED) or kind in ("application/pdf", "text/vcard"):
        return Taken(data, kind)
    return Taken(data, OTHER)


def _close(one: ReceivedMedia, *, reason: str) -> int:
    return ReceivedMedia.objects.filter(pk=one.pk, state=ReceivedMedia.State.WAITING).update(
        state=ReceivedMedia.State.REFUSED, reason=reason[:200]
    )
