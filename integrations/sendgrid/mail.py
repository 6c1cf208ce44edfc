"""Account mail through SendGrid, as Django's EMAIL_BACKEND: password resets and the like.

Campaign mail does not come this way. The key is the deployment's own (`SENDGRID_API_KEY`), because the
person who resets a password may belong to several accounts.
"""

import logging
import os
from collections.abc import Sequence
from email.utils import parseaddr

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Bcc, Cc, Content, Email, Mail, ReplyTo, To

from integrations.messaging import ProviderError

logger = logging.getLogger(__name__)

API_BASE_URL = "https://api.sendgrid.com"
TIMEOUT_SECONDS = 10


class EmailBackend(BaseEmailBackend):
    """Posts each message to SendGrid; `fail_silently` logs a failure instead of raising ProviderError."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send; how many SendGrid accepted. A message without recipients is skipped."""
        return sum(self._send_one(message) for message in email_messages if message.recipients())

    def _send_one(self, message: EmailMessage) -> bool:
        try:
            deliver(message)
        except ProviderError as error:
            logger.error("account mail not sent: %s", error)
            if not self.fail_silently:
                raise
            return False
        return True


def deliver(message: EmailMessage) -> None:
    """Hand one message to SendGrid, once. Raises ProviderError."""
    key = os.environ.get("SENDGRID_API_KEY", "")
    if not key:
        raise ProviderError(
            "SENDGRID_API_KEY is not set, so account mail cannot be sent",
            permanent=True,
            accepted="no",
            code="not_configured",
        )
    host = os.environ.get("SENDGRID_API_BASE_URL", "") or API_BASE_URL
    client = SendGridAPIClient(key, host=host.rstrip("/"))
    client.client.timeout = TIMEOUT_SECONDS  # the SDK waits for ever unless told
    try:
        client.send(build(message))
    except HTTPError as exc:
        status = int(exc.status_code or 0)
        refused = 300 <= status < 500 and status != 408
        raise ProviderError(
            f"SendGrid refused the mail with {status}",
            permanent=refused and status != 429,
            accepted="no" if refused else "unknown",
            code=str(status),
        ) from exc
    except OSError as exc:
        raise ProviderError(
            f"SendGrid did not answer: {type(exc).__name__}",
            permanent=False,
            accepted="unknown",
            code="unreachable",
        ) from exc


def build(message: EmailMessage) -> Mail:
    """SendGrid's form of a Django message: plain text first, then its HTML alternative if any."""
    mail = Mail(subject=message.subject)
    mail.from_email = Email(*_parts(message.from_email))
    for address in message.to:
        mail.add_to(To(*_parts(address)))
    for address in message.cc:
        mail.add_cc(Cc(*_parts(address)))
    for address in message.bcc:
        mail.add_bcc(Bcc(*_parts(address)))
    for address in message.reply_to[:1]:
        mail.reply_to = ReplyTo(*_parts(address))
    subtype = "html" if message.content_subtype == "html" else "plain"
    mail.add_content(Content(f"text/{subtype}", str(message.body)))
    if isinstance(message, EmailMultiAlternatives):
        for content, mimetype in message.alternatives:
            mail.add_content(Content(str(mimetype), str(content)))
    return mail


def _parts(address: str) -> tuple[str, str | None]:
    name, mailbox = parseaddr(address)
    return mailbox, name or None
