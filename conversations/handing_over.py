"""Handing a claimed message to its provider: the clients of one sender, and claims in the adapters' words."""

import logging
from typing import NamedTuple, TypeAlias

from django.conf import settings

from conversations import email_leasing, leasing
from conversations.claiming import Claim
from integrations.messaging import OutgoingEmail, OutgoingText, ProviderError, Receipt
from integrations.models import Connection
from integrations.sendgrid.client import EmailClient, SendGridAccess, SendGridPool
from integrations.twilio.client import TextClient, TwilioAccess, TwilioPool

log = logging.getLogger(__name__)
Client: TypeAlias = TextClient | EmailClient


class Source(NamedTuple):
    """What a message leaves from: the one of both that is set has the pace."""

    number_id: int | None
    mailbox_id: int | None


class Clients:
    """The clients of one sender, by connection, over two pools of at most so many connections each."""

    def __init__(self, *, texts: int, emails: int) -> None:
        self._texts, self._emails = TwilioPool(texts), SendGridPool(emails)
        self._known: dict[int, Client | ProviderError] = {}

    async def __aenter__(self) -> "Clients":
        await self._texts.__aenter__()
        await self._emails.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._texts.__aexit__(None, None, None)
        await self._emails.__aexit__(None, None, None)

    def forget(self) -> None:
        """Read credentials anew; calls under way keep theirs."""
        self._known.clear()

    def known(self, connection_id: int) -> Client | ProviderError | None:
        """What `read` found, where it was asked since the last `forget`."""
        return self._known.get(connection_id)

    def read(self, connection_id: int) -> Client | ProviderError:
        """The client of one connection, or why it cannot be used."""
        try:
            self._known[connection_id] = self._client(Connection.objects.get(pk=connection_id))
        except Exception:
            log.exception("connection %s cannot be used", connection_id)
            words = "The connection to the provider cannot be used; check it in Settings"
            refusal = ProviderError(words, permanent=False, accepted="no", code="not_connected")
            self._known[connection_id] = refusal
        return self._known[connection_id]

    def _client(self, stored: Connection) -> Client:
        if stored.provider == Connection.Provider.SENDGRID:
            return self._emails.client(SendGridAccess.of(stored))
        return self._texts.client(TwilioAccess.of(stored))


async def hand_over(client: Client, claim: Claim, *, not_after: float) -> Receipt:
    """Call the provider, once. `not_after` is monotonic. Raises ProviderError."""
    if isinstance(client, EmailClient):
        return await client.send_email(_email(claim), not_after=not_after)
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


def _email(claim: Claim) -> OutgoingEmail:
    """The claim in the adapters' words."""
    return OutgoingEmail(
        attempt_id=claim.attempt_id,
        to=claim.to,
        from_=claim.from_,
        from_name=claim.from_name,
        subject=claim.subject or "",
        body=claim.body,
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
    )
