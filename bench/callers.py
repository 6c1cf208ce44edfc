"""A provider that reports, or customers who follow links: over kept-alive connections, as fast as they are
answered.

`python -m bench.callers` reads one JSON object from standard input, prints `ready` once all requests are
made, begins at the next line, prints seconds, answers and the 99th percentile of waits in ms, and ends. The
object has the `url` of the server and a `path`; for signed status callbacks `public_url` that is signed,
`status`, and `texts` as pairs of attempt and MessageSid; for links `codes`.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator

CONNECTIONS = 64
ACCOUNT_SID = "ACbench"
SECRET = "secret"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1"
)
_LONGEST_SECONDS = 300


def form(sid: str, status: str) -> dict[str, str]:
    """What a callback says."""
    return {
        "AccountSid": ACCOUNT_SID, "ApiVersion": "2010-04-01", "From": "+17735550100", "MessageSid": sid,
        "MessageStatus": status, "SmsSid": sid, "SmsStatus": status, "To": "+13125550100",
    }  # fmt: skip


def requests(asked: dict[str, Any]) -> list[bytes]:
    """Every request as it goes over the wire."""
    if "codes" in asked:
        return [_follows(asked["url"], asked["path"], code) for code in asked["codes"]]
    signer = RequestValidator(SECRET)
    made = []
    for attempt, sid in asked["texts"]:
        told = form(sid, asked["status"])
        where = f"{asked['path']}/{attempt}"
        body = urlencode(told)
        made.append(
            f"POST {where} HTTP/1.1\r\nHost: {urlsplit(asked['url']).netloc}\r\n"
            f"X-Twilio-Signature: {signer.compute_signature(asked['public_url'] + where, told)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nUser-Agent: TwilioProxy/1.1\r\n"
            f"Accept: */*\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
    return made


def _follows(url: str, path: str, code: str) -> bytes:
    return (
        f"GET {path}/{code} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nUser-Agent: {PHONE}\r\n"
        "Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n"
    ).encode()


class _Caller(asyncio.Protocol):
    """One connection: the next request as soon as the last is answered."""

    def __init__(
        self, left: Iterator[bytes], answers: Counter[str], waits: list[float], over: "asyncio.Future[None]"
    ) -> None:
        self._left, self._answers, self._waits, self._over = left, answers, waits, over
        self._asked_at = 0.0
        self._seen = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._answers[head[9:12].decode()] += 1
            self._waits.append(time.perf_counter() - self._asked_at)
            self._seen = b""
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over.done():
            self._answers["lost"] += 1
            self._over.set_result(None)

    def _ask(self) -> None:
        assert self._transport is not None
        request = next(self._left, None)
        if request is not None:
            self._asked_at = time.perf_counter()
            self._transport.write(request)
        elif not self._over.done():
            self._over.set_result(None)
            self._transport.close()


def _length(head: bytes) -> int:
    _, named, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if named else 0


async def _call(url: str, made: Sequence[bytes]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    left, answers, waits = iter(made), Counter[str](), list[float]()
    host, _, port = urlsplit(url).netloc.partition(":")
    ends = [loop.create_future() for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    async with asyncio.timeout(_LONGEST_SECONDS):
        for over in ends:
            await loop.create_connection(partial(_Caller, left, answers, waits, over), host, int(port))
        await asyncio.gather(*ends)
    seconds, waits = time.perf_counter() - began, sorted(waits)
    p99 = 1000 * waits[len(waits) * 99 // 100] if waits else 0.0
    return {"seconds": seconds, "answers": dict(answers), "p99": p99}


def main() -> None:
    """Sign, wait for the word, call, tell."""
    asked = json.loads(sys.stdin.readline())
    made = requests(asked)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asyncio.run(_call(asked["url"], made))), flush=True)


if __name__ == "__main__":
    main()
