"""Emails that SendGrid has taken, and its news of them, signed as it signs."""

import base64
import json
import time
import uuid
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from accounts.models import Account
from audiences.models import Address
from common import clock, kept
from conversations.models import Attempt, Message
from integrations.models import Connection, SendingMailbox
from integrations.sendgrid import signatures
from tests import factories

PATH = "/webhooks/sendgrid/events"


class Signer:
    """A SendGrid account's signing key."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        der = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public = base64.b64encode(der).decode()

    def headers(self, body: bytes, *, at: int | None = None) -> dict[str, str]:
        """What signs these bytes."""
        stamp = str(int(clock.now().timestamp()) if at is None else at)
        signature = self._key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            signatures.SIGNATURE: base64.b64encode(signature).decode(), signatures.TIMESTAMP: stamp,
        }  # fmt: skip

    def post(self, client: Client, events: Sequence[dict[str, Any]] | bytes, **how: Any) -> int:
        """Post a batch, which ends as SendGrid's do; the answer's status."""
        body = events if isinstance(events, bytes) else json.dumps(events).encode() + b"\r\n"
        headers = self.headers(body, **how)
        return client.post(PATH, body, content_type="application/json", headers=headers).status_code


def connect(account: Account, signer: Signer) -> SendingMailbox:
    """The account's mailbox at the SendGrid account that signs so."""
    mailbox = factories.make_mailbox(account)
    Connection.objects.filter(pk=mailbox.connection_id).update(
        settings={**mailbox.connection.settings, signatures.KEY: signer.public}
    )
    signatures.forget()
    return mailbox


def emails(account: Account, count: int, *, state: str = "accepted", request: str = "req") -> list[Message]:
    """Emails to as many mailboxes, each with its attempt."""
    mailbox = SendingMailbox.objects.get(account=account)
    now, known = clock.now(), Address.objects.filter(account=account, channel="email").count()
    contact = factories.make_contact(account)
    addresses = Address.objects.bulk_create(
        Address(account=account, channel="email", value=f"pat{known + index}@example.org")
        for index in range(count)
    )
    accepted = state != "unknown"
    made = Message.objects.bulk_create(
        Message(
            account=account, contact=contact, address=address, mailbox=mailbox, provider="sendgrid",
            kind=Message.Kind.CAMPAIGN, subject="Hello", body="Hello there", state=state, state_at=now,
            accepted_at=now if accepted else None,
            provider_id=f"{request}.{known + index}" if accepted else None,
        )
        for index, address in enumerate(addresses)
    )  # fmt: skip
    Attempt.objects.bulk_create(
        Attempt(message=each, state="accepted" if accepted else "unknown") for each in made
    )
    return made


def news(message: Message, event: str, **fields: Any) -> dict[str, Any]:
    """An event of an email, as SendGrid tells it; None takes a field away."""
    told = {
        "email": message.address.value,
        "timestamp": int(clock.now().timestamp()),
        "event": event,
        "sg_event_id": uuid.uuid4().hex,
        "sg_message_id": f"{message.provider_id or 'req'}.recvd-1-2-3.0",
        "attempt": str(Attempt.objects.get(message=message).pk),
        **{name.replace("smtp_id", "smtp-id"): value for name, value in fields.items()},
    }
    return {name: value for name, value in told.items() if value is not None}


def bounced(message: Message, kind: str = "bounce", **fields: Any) -> dict[str, Any]:
    """A bounce of one of its types."""
    return news(message, "bounce", type=kind, **{"status": "5.1.1", "reason": "550 No such user", **fields})


def pause() -> None:
    """Let a kept key grow old."""
    time.sleep(kept.KEPT_SECONDS)
