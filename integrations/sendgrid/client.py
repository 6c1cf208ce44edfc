"""SendGrid's `mail/send`: emails built with its SDK, posted over one pooled session of the sender.

The SDK itself opens a connection for every call, has no timeout and no asynchronous client.
"""

import json
import time
from dataclasses import dataclass
from types import TracebackType

import aiohttp
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import (
    ClickTracking,
    Content,
    CustomArg,
    Email,
    Header,
    Mail,
    MailSettings,
    OpenTracking,
    SandBoxMode,
    To,
    TrackingSettings,
)

from integrations import claimed_http
from integrations.claimed_http import ClaimTooOld, broken
from integrations.messaging import DeliveryState, OutgoingEmail, ProviderError, Receipt
from integrations.models import Connection
from integrations.sendgrid import errors

API_BASE_URL = "https://api.sendgrid.com"
_PATH = "/v3/mail/send"
ATTEMPT = "attempt"  # our argument's name; events repeat it at their top level


@dataclass(frozen=True, slots=True)
class SendGridAccess:
    """What it takes to send for one SendGrid account."""

    api_key: str
    base_url: str = API_BASE_URL

    @classmethod
    def of(cls, connection: Connection) -> "SendGridAccess":
        """Read a stored connection."""
        return cls(
            api_key=connection.credentials["api_key"],
            base_url=(connection.settings.get("base_url") or API_BASE_URL).rstrip("/"),
        )

    @property
    def headers(self) -> dict[str, str]:
        """Of every request."""
        return {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}


class SendGridPool:
    """The connections of one sender process, shared by all its SendGrid accounts.

    Use it as `async with SendGridPool(concurrency) as pool` inside the sender's event loop.
    """

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "SendGridPool":
        self._session = claimed_http.session(self.concurrency)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def client(self, access: SendGridAccess) -> "EmailClient":
        """A sender for one account over these connections; cheap, keep one per account."""
        if self._session is None:
            raise RuntimeError("the pool is not open")
        return EmailClient(access, self._session)


class EmailClient:
    """Sends emails of one SendGrid account."""

    def __init__(self, access: SendGridAccess, session: aiohttp.ClientSession) -> None:
        self._access = access
        self._session = session

    async def send_email(self, email: OutgoingEmail, *, not_after: float) -> Receipt:
        """Hand one email to SendGrid, once: nothing here or below tries again.

        `not_after` is a `time.monotonic()` instant (claim + 3 s), checked when a connection is held. Raises
        ProviderError: `accepted="no"` where SendGrid refused (4xx, 429) or nothing left us; "unknown"
        for timeouts, resets, 408 and 5xx, after which only events that name the attempt can tell.
        """
        with claimed_http.exchange(not_after) as exchange:
            try:
                async with self._session.post(
                    self._access.base_url + _PATH,
                    data=json.dumps(build(email).get()),
                    headers=self._access.headers,
                    allow_redirects=False,
                ) as answer:
                    exchange.status = answer.status
                    body = await answer.read()
            except ClaimTooOld:
                raise claimed_http.too_old() from None
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
                raise broken(exc, exchange, "SendGrid") from exc
            if not 200 <= answer.status < 300:
                raise errors.refusal(answer.status, body, answer.headers, wall=time.time())
            message_id = answer.headers.get("X-Message-Id", "")
            if not message_id:
                raise broken(ValueError("no X-Message-Id"), exchange, "SendGrid")
        return Receipt(message_id, str(answer.status), DeliveryState.ACCEPTED, segments=0)


def build(email: OutgoingEmail) -> Mail:
    """SendGrid's form of one email, for one person.

    The attempt's id comes back with every event, and is the Message-ID that mail servers see. Nothing of the
    person is in it: SendGrid keeps arguments as plain text. Links are ours to count, so its tracking is off.
    """
    sender, to = Email(name=email.from_name or None), To()
    # Given one at once, the SDK reads “ann@example.org;” as the mailbox before the sign: another one of ours,
    # whose wishes and caps nobody has asked for.
    sender.email, to.email = email.from_, email.to
    mail = Mail(
        from_email=sender, subject=email.subject, plain_text_content=Content("text/plain", email.body)
    )
    mail.add_to(to)
    mail.personalizations[0].add_custom_arg(CustomArg(ATTEMPT, str(email.attempt_id)))
    mail.personalizations[0].add_header(Header("Message-ID", message_id(email)))
    tracking = TrackingSettings()
    tracking.click_tracking = ClickTracking(enable=False, enable_text=False)
    tracking.open_tracking = OpenTracking(enable=False)
    mail.tracking_settings = tracking
    return mail


def message_id(email: OutgoingEmail) -> str:
    """The Message-ID of an attempt, at the sender's own domain."""
    return f"<{email.attempt_id}@{email.from_.rpartition('@')[2]}>"


def try_sending(access: SendGridAccess, email: OutgoingEmail, *, seconds: float) -> None:
    """Have SendGrid check an email as if it were to be sent, and send nothing. Raises ProviderError.

    That needs what sending needs: a key that may send, and a mailbox that may be sent from.
    """
    mail = build(email)
    settings = MailSettings()
    settings.sandbox_mode = SandBoxMode(enable=True)
    mail.mail_settings = settings
    sdk = SendGridAPIClient(access.api_key, host=access.base_url)
    sdk.client.timeout = seconds  # it waits for ever unless told
    try:
        sdk.send(mail)
    except HTTPError as exc:
        raise errors.refusal(int(exc.status_code or 0), exc.body, exc.headers, wall=time.time()) from exc
    except OSError as exc:
        slow = isinstance(exc, TimeoutError) or isinstance(getattr(exc, "reason", None), TimeoutError)
        raise ProviderError(
            f"SendGrid did not answer: {type(exc).__name__}",
            permanent=False, accepted="no", code="timeout" if slow else "unreachable",
        ) from exc  # fmt: skip
