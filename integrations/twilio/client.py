"""Twilio's REST API through its SDK: what it takes to ask, and the asynchronous sender of texts.

Lists of texts: `lists`; of numbers: `numbers`; calls: `voice`, `live_calls`, `recordings`.

The SDK alone would hold 100 connections, ignore its timeout and read TWILIO_EDGE, TWILIO_REGION and
proxy variables from the environment; all of that is fixed here.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from integrations import claimed_http
from integrations.claimed_http import TOTAL_SECONDS, ClaimTooOld, broken
from integrations.messaging import OutgoingText, ProviderError, Receipt
from integrations.models import Connection
from integrations.twilio import errors, webhooks

MAX_VALIDITY_SECONDS = 36_000  # Twilio's limit, 10 hours
API_BASE_URL = "https://api.twilio.com"
# A non-empty mapping, because the SDK takes os.environ in place of an empty one.
_NO_ENVIRONMENT = {"TWILIO_ACCOUNT_SID": ""}


@dataclass(frozen=True, slots=True)
class TwilioAccess:
    """What it takes to speak for one Twilio account."""

    account_sid: str
    auth_token: str
    base_url: str = API_BASE_URL

    @classmethod
    def of(cls, connection: Connection) -> "TwilioAccess":
        """Read a stored connection."""
        return cls(
            account_sid=connection.settings["account_sid"],
            auth_token=connection.credentials["auth_token"],
            base_url=(connection.settings.get("base_url") or API_BASE_URL).rstrip("/"),
        )


class _TimedSession:
    """The session as the SDK calls it. The SDK passes `timeout=None`, which aiohttp takes for "none at
    all"; left out, the session's own times hold."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(self, **kwargs: Any) -> aiohttp.ClientResponse:
        """Send one request under the session's own timeouts."""
        kwargs.pop("timeout", None)
        return await self._session.request(**kwargs)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


class _PooledHttpClient(AsyncTwilioHttpClient):
    """The SDK's own asynchronous client over our session; keeps what its exceptions drop."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(pool_connections=False)
        self.session = _TimedSession(session)

    async def request(self, *args: Any, **kwargs: Any) -> Response:
        """One request. Basic auth is written as a header, since aiohttp retires the class the SDK uses."""
        if auth := kwargs.pop("auth", None):
            credentials = aiohttp.encode_basic_auth(*auth)
            kwargs["headers"] = {**(kwargs.get("headers") or {}), "Authorization": credentials}
        response = await super().request(*args, **kwargs)
        if (exchange := claimed_http.current()) is not None:
            exchange.status = response.status_code
            exchange.retry_after = _seconds((response.headers or {}).get("Retry-After"))
        return response


class TwilioPool:
    """The connections of one sender process, shared by all its Twilio accounts.

    Use it as `async with TwilioPool(concurrency) as pool` inside the sender's event loop.
    """

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self._http: _PooledHttpClient | None = None

    async def __aenter__(self) -> "TwilioPool":
        self._http = _PooledHttpClient(claimed_http.session(self.concurrency))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    def client(self, access: TwilioAccess) -> "TextClient":
        """A sender for one account over these connections; cheap, keep one per account."""
        return TextClient(self.sdk(access))

    def sdk(self, access: TwilioAccess) -> Client:
        """The SDK for one account over these connections."""
        if self._http is None:
            raise RuntimeError("the pool is not open")
        return sdk_of(access, self._http)


class TextClient:
    """Sends texts of one Twilio account."""

    def __init__(self, sdk: Client) -> None:
        self._sdk = sdk

    async def send_text(self, text: OutgoingText, *, not_after: float) -> Receipt:
        """Hand one text to Twilio, once: nothing here or below tries again.

        `not_after` is a `time.monotonic()` instant (claim + 3 s), checked when a connection is held,
        immediately before bytes leave. Raises ProviderError: `accepted="no"` where Twilio refused
        (4xx, 429) or nothing left us (no connection, code `claim_too_old`); `accepted="unknown"` for
        timeouts, resets, 408 and 5xx, after which only callbacks and the list can tell.
        """
        with claimed_http.exchange(not_after) as exchange:
            try:
                created = await self._sdk.messages.create_async(
                    to=text.to,
                    from_=text.from_,
                    **_words_of(text),
                    status_callback=text.status_callback,
                    validity_period=min(max(text.validity_seconds, 1), MAX_VALIDITY_SECONDS),
                )
            except ClaimTooOld:
                raise claimed_http.too_old() from None
            except TwilioException as exc:
                raise refusal_of(exc, exchange.retry_after) from exc
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError) as exc:
                raise broken(exc, exchange, "Twilio") from exc
        if not created.sid:
            raise broken(ValueError("no sid"), exchange, "Twilio")
        return receipt_of(created)


def _words_of(text: OutgoingText) -> dict[str, Any]:
    """Body and pictures; what a text does not have is not sent as empty."""
    found: dict[str, Any] = {"body": text.body} if text.body or not text.media else {}
    return found | ({"media_url": list(text.media)} if text.media else {})


def sdk_of(access: TwilioAccess, http: AsyncTwilioHttpClient | TwilioHttpClient) -> Client:
    """The SDK for one account over these connections, deaf to the environment."""
    sdk = Client(access.account_sid, access.auth_token, http_client=http, environment=_NO_ENVIRONMENT)
    sdk.api.base_url = access.base_url
    return sdk


@contextmanager
def asking(seconds: float = TOTAL_SECONDS) -> Iterator[TwilioHttpClient]:
    """A synchronous client for one question; whatever can go wrong with it becomes ProviderError."""
    http = TwilioHttpClient(timeout=seconds)
    http.session.trust_env = False  # no proxies, no CA bundle from the environment
    try:
        yield http
    except TwilioException as exc:
        raise refusal_of(exc, None) from exc
    except (OSError, ValueError, KeyError) as exc:
        code = "timeout" if "Timeout" in type(exc).__name__ else "unreachable"
        raise ProviderError(
            f"Twilio did not answer: {type(exc).__name__}", permanent=False, accepted="no", code=code
        ) from exc
    finally:
        http.session.close()


def refusal_of(
    exc: TwilioException,
    retry_after: float | None,
    *,
    means: Callable[[int, str], errors.Verdict] = errors.of_request,
) -> ProviderError:
    """What an answer that is no success means: `means` reads status and code of whatever was asked for."""
    # Two SDK classes carry these; neither derives from the other.
    status = int(getattr(exc, "status", 0) or 0)
    code = str(getattr(exc, "code", "") or status)
    words = str(getattr(exc, "msg", "") or getattr(exc, "title", "") or exc)
    if not status and len(exc.args) > 1 and isinstance(exc.args[1], Response):
        status, code, words = _of_page(exc.args[1])
    if status == 408 or not 300 <= status < 500:
        return ProviderError(words, permanent=False, accepted="unknown", code=code)
    verdict = means(status, code)
    # What people read is ours where the code is known: Twilio writes for programmers, phone numbers included.
    return ProviderError(
        verdict.meaning if verdict.known else words,
        permanent=verdict.state is not None,
        accepted="no",
        code=code,
        retry_after=retry_after,
        state=verdict.state,
        remedy=verdict.remedy,
    )


def _of_page(response: Response) -> tuple[int, str, str]:
    """Status, code and words of a refused page of a list, which the SDK's exception only carries along."""
    status = int(response.status_code)
    try:
        body = json.loads(response.text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return status, str(status), f"Twilio answered {status}"
    return status, str(body.get("code") or status), str(body.get("message") or f"Twilio answered {status}")


def receipt_of(row: Any) -> Receipt:
    """What Twilio says of a text that it has, created or listed."""
    status, code = str(row.status), str(row.error_code or "")
    return Receipt(
        provider_id=str(row.sid),
        status=status,
        state=webhooks.report(str(row.sid), status, code).state,
        segments=int(row.num_segments or 0),
    )


def _seconds(value: str | None) -> float | None:
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None
