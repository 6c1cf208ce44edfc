"""A lean HTTP/1.1 client for webhooks: one POST costs a third of a general client's processor time.

The sandbox posts two callbacks for every text, on the same core that takes the texts in.
"""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_BODY_BYTES = 1024 * 1024
IDLE_PER_HOST = 64

Target = tuple[bool, str, int]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class BadAnswer(Exception):
    """The peer spoke something else than HTTP/1.1, or hung up half-way."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back."""

    status: int
    body: bytes
    content_type: str = ""


class Poster:
    """Keeps idle connections per host; use it from one event loop."""

    def __init__(self) -> None:
        self._idle: dict[Target, deque[Connection]] = {}
        self._tls: ssl.SSLContext | None = None

    async def post(
        self,
        url: str,
        headers: bytes,
        body: bytes,
        *,
        connect_seconds: float,
        total_seconds: float,
        method: str = "POST",
    ) -> HttpAnswer:
        """POST `body`, or GET. `headers` are whole lines. Raises TimeoutError, OSError, BadAnswer."""
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        target = (tls, parts.hostname or "", parts.port or (443 if tls else 80))
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = (
            f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n"
            f"Content-Length: {len(body)}\r\n".encode()
            + headers
            + b"\r\n"
            + body
        )
        async with asyncio.timeout(total_seconds):
            idle = self._idle.setdefault(target, deque())
            while idle:
                connection = idle.pop()
                if connection[0].at_eof() or connection[1].is_closing():
                    connection[1].close()
                    continue
                try:
                    return await self._exchange(connection, request, idle)
                except (ConnectionError, asyncio.IncompleteReadError):
                    continue  # the server had closed an idle connection: ask again on another
            async with asyncio.timeout(connect_seconds):
                connection = await asyncio.open_connection(
                    target[1], target[2], ssl=self._tls if tls else None
                )
            try:
                return await self._exchange(connection, request, idle)
            except asyncio.IncompleteReadError as gone:
                raise BadAnswer("the connection closed before the answer was complete") from gone

    async def _exchange(self, connection: Connection, request: bytes, idle: deque[Connection]) -> HttpAnswer:
        reader, writer = connection
        keep = False
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status, fields = parse_head(head)
            body, keep = await read_body(reader, status, fields)
            return HttpAnswer(status, body, fields.get("content-type", ""))
        except asyncio.LimitOverrunError as wrong:
            raise BadAnswer("the head is too long") from wrong
        finally:
            if keep and len(idle) < IDLE_PER_HOST:
                idle.append(connection)
            else:
                writer.close()

    def close(self) -> None:
        """Drop the idle connections."""
        for idle in self._idle.values():
            while idle:
                idle.pop()[1].close()


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and lower-cased fields of a response head. Raises BadAnswer."""
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise BadAnswer(f"not HTTP: {lines[0][:80]}")
    fields = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    return int(rest[:3]), fields


async def read_body(reader: asyncio.StreamReader, status: int, fields: dict[str, str]) -> tuple[bytes, bool]:
    """The body, and whether the connection may be used again. Raises BadAnswer, IncompleteReadError."""
    keep = fields.get("connection", "").lower() != "close"
    if status in (204, 304):
        return b"", keep
    if fields.get("transfer-encoding", "").lower() == "chunked":
        parts: list[bytes] = []
        while True:
            size = int((await reader.readline()).split(b";")[0] or b"0", 16)
            chunk = await reader.readexactly(size + 2)
            if size == 0:
                return b"".join(parts), keep
            parts.append(chunk[:-2])
    if "content-length" in fields:
        length = int(fields["content-length"])
        if length > MAX_BODY_BYTES:
            raise BadAnswer("the body is too long")
        return (await reader.readexactly(length) if length else b""), keep
    return await reader.read(MAX_BODY_BYTES), False
