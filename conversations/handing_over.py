"""Handing a claimed message to its provider: the clients of one sender, and claims in the adapters' words."""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, NamedTuple, TypeVar

from django.conf import settings

from conversations import call_urls, email_leasing, leasing
from conversations.call_candidates import CallClaim
from conversations.candidates import Claim
from integrations.messaging import OutgoingCall, OutgoingText, ProviderError, Receipt
from integrations.models import Connection
from integrations.sendgrid.client import EmailClient, SendGridAccess, SendGridPool
from integrations.twilio.client import TextClient, TwilioAccess, TwilioPool
from integrations.twilio.voice import CallClient

log = logging.getLogger(__name__)
C = TypeVar("C", TextClient, EmailClient, CallClient)


class Source(NamedTuple):
    """What a message leaves from: the one of both that is set has the pace."""

    number_id: int | None
    mailbox_id: int | None


class Clients(Generic[C]):
    """The clients of one sender, by connection, over one pool. `async with` it inside an event loop."""

    def __init__(self, pool: AbstractAsyncContextManager[object], client: Callable[[Connection], C]) -> None:
        self._pool = pool
        self._client: Callable[[Connection], C] = client
        self._known: dict[int, C | ProviderError] = {}

    async def __aenter__(self) -> None:
        await self._pool.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self._pool.__aexit__(None, None, None)

    def forget(self) -> None:
        """Read credentials anew; calls under way keep theirs."""
        self._known.clear()

    def known(self, connection_id: int) -> C | ProviderError | None:
        """What `read` found, where it was asked since the last `forget`."""
        return self._known.get(connection_id)

    def read(self, connection_id: int) -> C | ProviderError:
        """The client of one connection, or why it cannot be used."""
        try:
            self._known[connection_id] = self._client(Connection.objects.get(pk=connection_id))
        except Exception:
            log.exception("connection %s cannot be used", connection_id)
            words = "The connection to the provider cannot be used; check it in Settings"
            refusal = ProviderError(words, permanent=False, accepted="no", code="not_connected")
            self._known[connection_id] = refusal
        return self._known[connection_id]


def text_clients(most: int) -> Clients[TextClient]:
    """Clients for texts, over a pool of at most so many connections."""
    pool = TwilioPool(most)
    return Clients(pool, lambda stored: pool.client(TwilioAccess.of(stored)))


def email_clients(most: int) -> Clients[EmailClient]:
    """Clients for emails, over a pool of at most so many connections."""
    pool = SendGridPool(most)
    return Clients(pool, lambda stored: pool.client(SendGridAccess.of(stored)))


def call_clients(most: int) -> Clients[CallClient]:
    """Clients for calls, over a pool of at most so many connections."""
    pool = TwilioPool(most)
    return Clients(pool, lambda stored: CallClient(pool.sdk(TwilioAccess.of(stored))))


async def hand_over(client: TextClient, claim: Claim, *, not_after: float) -> Receipt:
    """Call the provider of texts, once. `not_after` is monotonic. Raises ProviderError."""
    return await client.send_text(_text(claim), not_after=not_after)


def source_of(claim: Claim) -> Source:
    """What the claim leaves from."""
    return Source(claim.number_id, claim.mailbox_id)


def slow_down(source: Source, seconds: float) -> None:
    """Hold a number or mailbox back, for all senders: its provider said that we are too fast."""
    if source.number_id is not None:
        leasing.slow_down(source.number_id, seconds)
    if source.mailbox_id is not None:
        email_leasing.slow_down(source.mailbox_id, seconds)


def outgoing_call(claim: CallClaim) -> OutgoingCall:
    """A claimed call in the adapters' words; every address carries the attempt."""
    return OutgoingCall(
        attempt_id=claim.attempt_id,
        to=claim.to,
        from_=claim.from_,
        answer_url=call_urls.of("answer", claim.attempt_id),
        status_callback=call_urls.of("status", claim.attempt_id),
        ring_seconds=claim.ring_seconds,
        machine_callback=call_urls.of("amd", claim.attempt_id) if claim.listens_for_machines else "",
    )


def _text(claim: Claim) -> OutgoingText:
    """The claim in the adapters' words; the callback's address carries the attempt."""
    return OutgoingText(
        attempt_id=claim.attempt_id,
        to=claim.to,
        from_=claim.from_,
        body=claim.body,
        status_callback=f"{settings.PUBLIC_URL}/webhooks/twilio/messages/status/{claim.attempt_id}",
        validity_seconds=claim.validity_seconds,
        media=claim.media,
    )
