"""SendGrid's `mail/send`: letters to many, posted over one pooled session of the sender.

The SDK itself opens a connection for every call, has no timeout and no asynchronous client.
"""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import aiohttp
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from integrations import claimed_http
from integrations.claimed_http import ClaimTooOld, broken
from integrations.messaging import Letter, ProviderError, Recipient
from integrations.models import Connection
from integrations.sendgrid import errors, request

API_BASE_URL = "https://api.sendgrid.com"
_PATH = "/v3/mail/send"


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

    async def send(self, letter: Letter, people: Sequence[Recipient], *, not_after: float) -> str:
        """Hand a letter over for so many people, once: nothing here or below tries again. Returns the
        request's `X-Message-Id`.

        `not_after` is a `time.monotonic()` instant (claim + 3 s), checked when a connection is held. Raises
        ProviderError, which holds for everybody: `accepted="no"` where SendGrid refused (`errors.Refused`) or
        nothing left us; "unknown" for timeouts, resets, 408 and 5xx, after which only events that name the
        attempts can tell.
        """
        body = request.encoded(letter, people)
        if len(body) > request.MOST_BYTES:
            raise errors.too_large()
        with claimed_http.exchange(not_after) as exchange:
            try:
                async with self._session.post(
                    self._access.base_url + _PATH,
                    data=io.BytesIO(body),  # in pieces: the loop has others to serve
                    headers=self._access.headers,
                    allow_redirects=False,
                ) as answer:
                    exchange.status = answer.status
                    said = await answer.read()
            except ClaimTooOld:
                raise claimed_http.too_old() from None
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
                raise broken(exc, exchange, "SendGrid") from exc
            if not 200 <= answer.status < 300:
                raise errors.refusal(answer.status, said, answer.headers, wall=time.time())
            message_id = answer.headers.get("X-Message-Id", "")
            if not message_id:
                raise broken(ValueError("no X-Message-Id"), exchange, "SendGrid")
        return message_id


def try_sending(access: SendGridAccess, letter: Letter, person: Recipient, *, seconds: float) -> None:
    """Have SendGrid check an email as if it were to be sent, and send nothing. Raises ProviderError.

    That needs what sending needs: a key that may send, and a mailbox that may be sent from.
    """
    body = request.built(letter, [person])
    body["mail_settings"] = {"sandbox_mode": {"enable": True}}
    sdk = SendGridAPIClient(access.api_key, host=access.base_url)
    sdk.client.timeout = seconds  # it waits for ever unless told
    try:
        sdk.client.mail.send.post(request_body=body)
    except HTTPError as exc:
        raise errors.refusal(int(exc.status_code or 0), exc.body, exc.headers, wall=time.time()) from exc
    except OSError as exc:
        slow = isinstance(exc, TimeoutError) or isinstance(getattr(exc, "reason", None), TimeoutError)
        raise ProviderError(
            f"SendGrid did not answer: {type(exc).__name__}",
            permanent=False, accepted="no", code="timeout" if slow else "unreachable",
        ) from exc  # fmt: skip
