"""Twilio's REST API through its SDK: an asynchronous sender, and synchronous lists.

The SDK alone would hold 100 connections, ignore its timeout and read TWILIO_EDGE, TWILIO_REGION and
proxy variables from the environment; all of that is fixed here.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
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
from integrations.messaging import InboundText, ListedText, OutgoingText, ProviderError, Receipt
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
        return _receipt(created)


def _words_of(text: OutgoingText) -> dict[str, Any]:
    """Body and pictures; what a text does not have is not sent as empty."""
    found: dict[str, Any] = {"body": text.body} if text.body or not text.media else {}
    return found | ({"media_url": list(text.media)} if text.media else {})


def list_texts(access: TwilioAccess, *, to: str, created_after: datetime) -> list[ListedText]:
    """Outbound texts to `to` created at or after `created_after`, newest first as Twilio lists them.

    For adopting sends whose answer was lost. Filters by `To` alone: the sender may be a pool's, and
    Twilio's date filter looks at the sent date, which hides what is still queued. Reads on until a
    whole page is older. Raises ProviderError.
    """
    found: list[ListedText] = []
    with listing() as http:
        page = sdk_of(access, http).messages.page(to=to, page_size=1000)
        while page is not None:
            rows = [row for row in page if str(row.direction).startswith("outbound")]
            recent = [row for row in rows if created_at(row) >= created_after]
            found += [_listed(row) for row in recent]
            page = page.next_page() if recent or not rows else None
    return found


def list_received(access: TwilioAccess, *, to: str, created_after: datetime) -> list[InboundText]:
    """Texts people sent to our number `to`, created at or after `created_after`, newest first.

    For what its webhook could not deliver. Reads on until a whole page is older. Raises ProviderError.
    """
    found: list[InboundText] = []
    with listing() as http:
        page = sdk_of(access, http).messages.page(to=to, page_size=1000)
        while page is not None:
            rows = [row for row in page if str(row.direction) == "inbound"]
            recent = [row for row in rows if created_at(row) >= created_after]
            found += [_received(row, _media_of(row, access)) for row in recent]
            page = page.next_page() if recent or not rows else None
    return found


@dataclass(frozen=True, slots=True)
class PricedText:
    """What a sent text cost: a negative amount is money spent, as Twilio writes it."""

    provider_id: str
    price: Decimal
    unit: str


def list_prices(
    access: TwilioAccess, *, from_: str, created_after: datetime, created_before: datetime
) -> list[PricedText]:
    """Prices of texts sent from a number of ours and created in that span, of those that have one yet.

    Twilio filters by the day of sending: pages are read until one is older. Raises ProviderError.
    """
    found: list[PricedText] = []
    with listing() as http:
        page = sdk_of(access, http).messages.page(
            from_=from_, page_size=1000, date_sent_after=created_after - timedelta(days=1),
            date_sent_before=created_before + timedelta(days=2),
        )  # fmt: skip
        while page is not None:
            rows = list(page)
            found += [
                PricedText(str(row.sid), Decimal(str(row.price)), str(row.price_unit or "USD").upper())
                for row in rows
                if row.price is not None and created_after <= created_at(row) < created_before
            ]
            older = bool(rows) and created_at(rows[-1]) < created_after
            page = page.next_page() if rows and not older else None
    return found


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    """One phone number of a Twilio account."""

    sid: str
    e164: str
    label: str
    can_text: bool


def list_numbers(access: TwilioAccess, *, seconds: float = TOTAL_SECONDS) -> list[OwnedNumber]:
    """Every phone number the account owns; `seconds` bound each request. Raises ProviderError."""
    with listing(seconds) as http:
        return [
            OwnedNumber(
                sid=str(row.sid),
                e164=str(row.phone_number),
                label=str(row.friendly_name or row.phone_number),
                can_text=_can_text(row.capabilities),
            )
            for row in sdk_of(access, http).incoming_phone_numbers.stream(page_size=1000)
        ]


def update_call(
    access: TwilioAccess, call_id: str, *, seconds: float = TOTAL_SECONDS, **changes: str
) -> None:
    """Change a live call, within so many seconds. Raises ProviderError."""
    with listing(seconds) as http:
        sdk_of(access, http).calls(call_id).update(**changes)


def delete_recording(access: TwilioAccess, recording_id: str) -> None:
    """Have a recording deleted; one that is gone is deleted. Raises ProviderError."""
    with listing() as http:
        try:
            sdk_of(access, http).recordings(recording_id).delete()
        except TwilioException as exc:
            if int(getattr(exc, "status", 0) or 0) != 404:
                raise


def set_calls_address(access: TwilioAccess, number_sid: str, *, url: str, ended_url: str) -> None:
    """Have calls to a number of ours asked about at `url`, and their ends told to `ended_url`. Raises
    ProviderError."""
    with listing() as http:
        sdk_of(access, http).incoming_phone_numbers(number_sid).update(
            voice_url=url, voice_method="POST", status_callback=ended_url, status_callback_method="POST"
        )


def sdk_of(access: TwilioAccess, http: AsyncTwilioHttpClient | TwilioHttpClient) -> Client:
    """The SDK for one account over these connections, deaf to the environment."""
    sdk = Client(access.account_sid, access.auth_token, http_client=http, environment=_NO_ENVIRONMENT)
    sdk.api.base_url = access.base_url
    return sdk


@contextmanager
def listing(seconds: float = TOTAL_SECONDS) -> Iterator[TwilioHttpClient]:
    """A synchronous client for one reading; whatever can go wrong with it becomes ProviderError."""
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


def _receipt(row: Any) -> Receipt:
    status, code = str(row.status), str(row.error_code or "")
    return Receipt(
        provider_id=str(row.sid),
        status=status,
        state=webhooks.report(str(row.sid), status, code).state,
        segments=int(row.num_segments or 0),
    )


def _listed(row: Any) -> ListedText:
    return ListedText(
        receipt=_receipt(row),
        to=str(row.to),
        from_=str(row.from_ or ""),
        body=str(row.body or ""),
        created_at=created_at(row),
        code=str(row.error_code or ""),
    )


def _received(row: Any, media: list[tuple[str, str]]) -> InboundText:
    sid, to, from_, body = str(row.sid), str(row.to), str(row.from_ or ""), str(row.body or "")
    raw = {"MessageSid": sid, "To": to, "From": from_, "Body": body}
    return InboundText(
        provider_id=sid, to=to, from_=from_, body=body, raw=raw,
        media=tuple(url for url, _ in media), media_types=tuple(kind for _, kind in media),
    )  # fmt: skip


def _media_of(row: Any, access: TwilioAccess) -> list[tuple[str, str]]:
    """(address, type) of what came with a listed text. One request more where something did."""
    if not int(row.num_media or 0):
        return []
    listed = row.media.list(limit=webhooks.MOST_MEDIA)
    return [
        (f"{access.base_url}{str(one.uri).removesuffix('.json')}", str(one.content_type)) for one in listed
    ]


def created_at(row: Any) -> datetime:
    """When the provider made what this row is of. Raises ValueError where it does not say."""
    created = row.date_created
    if not isinstance(created, datetime):
        raise ValueError(f"{row.sid} has no creation date")
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _can_text(capabilities: Any) -> bool:
    if isinstance(capabilities, dict):
        return bool(capabilities.get("sms", capabilities.get("SMS", False)))
    return bool(getattr(capabilities, "sms", False))


def _seconds(value: str | None) -> float | None:
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None
