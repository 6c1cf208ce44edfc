"""Pictures and files: those that the product sends are fetched as the provider would, those that customers
send have real bytes, some of them hostile."""

import asyncio
import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from PIL import Image

from sandbox.clock import rfc2822

if TYPE_CHECKING:
    from sandbox.world import World

MOST = 10
MOST_BYTES = 5_000_000
FETCH_SECONDS = 10.0
STORE = "/twilio-store"
SLOW_TRIES = 2  # answers of 503 before a late file is there


def picture(form: str, *, secret: bytes = b"") -> bytes:
    """A small picture; a JPEG's `secret` stands in its EXIF as the place it was taken at."""
    drawn = Image.linear_gradient("L").resize((320, 240)).convert("RGB")
    out, extra = io.BytesIO(), {}
    if secret:
        exif = Image.Exif()
        exif[0x010E] = secret.decode()  # a description
        exif.get_ifd(0x8825).update({1: "N", 2: (41.0, 52.0, 41.0), 3: "W", 4: (87.0, 37.0, 43.0)})
        extra["exif"] = exif
    drawn.save(out, form, **extra)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG of few bytes that claims 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>parent.document.title="broken"</script></svg>'
_PAGE = b"<!doctype html><script>document.location='https://evil.example/'</script>"
_CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Pat Example\r\nTEL:+13125550199\r\nEND:VCARD\r\n"
# What a customer can send: the type that the provider names, and the bytes.
KINDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "photo": ("image/jpeg", lambda: picture("JPEG", secret=b"taken at home")),
    "png": ("image/png", lambda: picture("PNG")),
    "gif": ("image/gif", lambda: picture("GIF")),
    "card": ("text/vcard", lambda: _CARD),
    "pdf": ("application/pdf", lambda: b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n"),
    "voice": ("audio/amr", lambda: b"#!AMR\n" + b"\x3c" * 400),
    "film": ("video/mp4", lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 800),
    # --- hostile -----------------------------------------------------------------------------------
    "page": ("image/jpeg", lambda: _PAGE),  # a page that calls itself a picture
    "svg": ("image/svg+xml", lambda: _SVG),
    "mixed": ("image/jpeg", lambda: picture("JPEG") + _PAGE),  # a picture with a page behind it
    "bomb": ("image/png", bomb),
    "big": ("image/jpeg", lambda: b"\xff\xd8\xff" + b"\0" * (MOST_BYTES + 1)),
    "empty": ("image/jpeg", lambda: b""),
    "late": ("image/png", lambda: picture("PNG")),  # 503 at first
    "gone": ("image/png", lambda: b""),  # 404
    "inward": ("image/png", lambda: b""),  # redirects to a machine that is nobody's business
    "astray": ("image/png", lambda: b""),  # redirects to another company
    "circle": ("image/png", lambda: b""),  # redirects to itself
}
_ELSEWHERE = {"inward": "http://169.254.169.254/latest/meta-data/", "astray": "https://evil.example/x.png"}


class Media:
    """What goes with texts, by message number and place."""

    def __init__(self, world: "World") -> None:
        self.world = world
        rows = world.store.read("SELECT n, COUNT(*) AS many FROM media GROUP BY n")
        self.counts: dict[int, int] = {row["n"]: row["many"] for row in rows}
        self._tasks: set[asyncio.Task[None]] = set()

    def clear(self) -> None:
        """Forget all of it."""
        self.counts.clear()
        self.world.store.write("DELETE FROM media")

    def take(self, n: int, urls: list[str]) -> None:
        """Keep what the product sends with message `n`, and fetch it as the provider does."""
        for place, url in enumerate(urls):
            self._keep(n, place, "", url)
        if urls:
            task = asyncio.create_task(self._fetch_all(n, urls))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def attach(self, n: int, kinds: list[str]) -> None:
        """Keep what a customer sends with message `n`."""
        for place, kind in enumerate(kinds):
            self._keep(n, place, kind, "")

    def _keep(self, n: int, place: int, kind: str, url: str) -> None:
        self.world.store.write(
            "INSERT INTO media (n, place, kind, url, tries) VALUES (?, ?, ?, ?, 0)", (n, place, kind, url)
        )
        self.counts[n] = self.counts.get(n, 0) + 1

    def went_to(self, phone: str) -> bool:
        """Whether the product has sent a file to this phone before."""
        found = "SELECT 1 FROM media JOIN messages USING (n) WHERE recipient = ? AND url <> '' LIMIT 1"
        return bool(self.counts) and bool(self.world.store.read(found, (phone,)))

    def of(self, n: int) -> list[Any]:
        """The rows of one message, in their order."""
        if n not in self.counts:
            return []
        return self.world.store.read("SELECT * FROM media WHERE n = ? ORDER BY place", (n,))

    def fields(self, n: int, sid: str) -> list[tuple[str, str]]:
        """The fields of an inbound webhook that name the media."""
        found = [("NumMedia", str(self.counts.get(n, 0)))]
        for row in self.of(n):
            found.append((f"MediaContentType{row['place']}", KINDS[row["kind"]][0]))
            found.append((f"MediaUrl{row['place']}", f"{self.world.base_url}{self.path(sid, row['place'])}"))
        return found

    def path(self, sid: str, place: int) -> str:
        """The address of one file of a message, below the API's own."""
        account = self.world.credentials["account_sid"]
        return f"/2010-04-01/Accounts/{account}/Messages/{sid}/Media/ME{sid[2:-2]}{place:02x}"

    async def _fetch_all(self, n: int, urls: list[str]) -> None:
        timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            for url in urls:
                self.world.ledger.append(
                    "media", sid=self.world.traffic.sid(n), url=url, **await _fetched(http, url)
                )
        await self.world.store.committed()


async def _fetched(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    try:
        async with http.get(url) as answer:
            data = await answer.content.read(MOST_BYTES + 1)
            return {
                "status": answer.status,
                "type": answer.headers.get("Content-Type", ""),
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "nosniff": answer.headers.get("X-Content-Type-Options", "") == "nosniff",
            }
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return {"status": None, "error": type(error).__name__}


def valid_urls(urls: list[str]) -> bool:
    """Whether each could be fetched: http or https, and a host."""
    return all(urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname for url in urls)


class MediaApi:
    """Media resources of messages, and the store they redirect to."""

    def __init__(self, world: "World", stranger: Callable[[web.Request], web.Response | None]) -> None:
        self.world = world
        self._stranger = stranger

    def _n(self, request: web.Request) -> int:
        try:
            return int(request.match_info["sid"][18:], 16)
        except ValueError:
            raise web.HTTPNotFound from None

    async def list(self, request: web.Request) -> web.Response:
        """GET Messages/{sid}/Media.json."""
        if (refused := self._stranger(request)) is not None:
            return refused
        sid, n = request.match_info["sid"], self._n(request)
        wall = rfc2822(self.world.clock.wall())
        found = [
            {
                "sid": self.world.media.path(sid, row["place"]).rsplit("/", 1)[-1],
                "account_sid": self.world.credentials["account_sid"],
                "parent_sid": sid,
                "content_type": KINDS[row["kind"]][0] if row["kind"] else "application/octet-stream",
                "date_created": wall,
                "date_updated": wall,
                "uri": f"{self.world.media.path(sid, row['place'])}.json",
            }
            for row in self.world.media.of(n)
        ]
        body = {"media_list": found, "page": 0, "page_size": 50, "start": 0, "end": max(0, len(found) - 1)}
        return web.json_response(body | {"uri": request.path, "first_page_uri": request.path,
                                         "next_page_uri": None, "previous_page_uri": None})  # fmt: skip

    async def one(self, request: web.Request) -> web.StreamResponse:
        """GET Messages/{sid}/Media/{me}: a redirect to the store, where nobody asks who one is."""
        if (refused := self._stranger(request)) is not None:
            return refused
        n, place = self._n(request), int(request.match_info["me"][-2:], 16)
        row = next((row for row in self.world.media.of(n) if row["place"] == place), None)
        if row is None or row["kind"] in ("", "gone"):
            raise web.HTTPNotFound
        if row["kind"] == "late" and row["tries"] < SLOW_TRIES:
            self.world.store.write("UPDATE media SET tries = tries + 1 WHERE n = ? AND place = ?", (n, place))
            raise web.HTTPServiceUnavailable
        if row["kind"] == "circle":
            raise web.HTTPTemporaryRedirect(request.path)
        # By another name where there is one: whoever sends credentials there, too, is found out.
        store = self.world.base_url.replace("//127.0.0.1", "//localhost")
        where = _ELSEWHERE.get(row["kind"], f"{store}{STORE}/{row['kind']}")
        raise web.HTTPTemporaryRedirect(where)

    async def stored(self, request: web.Request) -> web.Response:
        """GET /twilio-store/{kind}: the bytes, under the type that whoever sent them claimed."""
        if request.headers.get("Authorization"):
            self.world.ledger.append("leak", what="credentials were sent to the store")
        kind = KINDS.get(request.match_info["kind"])
        if kind is None:
            raise web.HTTPNotFound
        return web.Response(body=kind[1](), headers={"Content-Type": kind[0]})
