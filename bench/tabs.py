"""Open tabs: each asks for its live region at its own pace over a kept-alive connection, with the version it
has, as `static/js/app.js` does.

`python -m bench.tabs` reads one JSON object from standard input (`port`, `cookie`, `seconds`, `tabs` as pairs
of address and pace in seconds), fetches every tab once, prints `ready`, and at the next line polls for so
many seconds; then it prints its answers by status.
"""

import asyncio
import json
import random
import sys
import urllib.request
from collections import Counter
from typing import Any


class Tab:
    """One connection that asks the same address again and again."""

    def __init__(self, port: int, path: str, pace: float, cookie: str) -> None:
        self.path, self.pace, self.cookie, self.port = path, pace, cookie, port
        self.version = ""

    async def open(self) -> None:
        """Connect, and fetch the region once."""
        await self._connect()
        await self.ask()

    async def _connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self) -> str:
        """The status of one poll. Connects again, as browsers do, where the server closed what lay idle."""
        try:
            return await self._ask()
        except (asyncio.IncompleteReadError, ConnectionError):
            await self._connect()
            return await self._ask()

    async def _ask(self) -> str:
        tag = f"HX-PTag: {self.version}\r\n" if self.version else ""
        self.writer.write(
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n"
            f"HX-Request: true\r\nX-Poll: 1\r\n{tag}\r\n".encode()
        )
        head = await self.reader.readuntil(b"\r\n\r\n")
        length, chunked = 0, False
        for line in head.decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            match name.lower():
                case "content-length":
                    length = int(value)
                case "transfer-encoding":
                    chunked = "chunked" in value
                case "hx-ptag":
                    self.version = value.strip()
        if chunked:
            await self._chunks()
        elif length:
            await self.reader.readexactly(length)
        return head[9:12].decode()

    async def _chunks(self) -> None:
        while size := int(await self.reader.readline(), 16):
            await self.reader.readexactly(size + 2)
        await self.reader.readline()

    async def poll(self, until: float, told: Counter[str]) -> None:
        """Ask at the pace, beginning anywhere in it, until then."""
        loop = asyncio.get_running_loop()
        at = loop.time() + random.random() * self.pace
        while at < until:
            wait = at - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            elif wait < -0.5:
                told["late"] += 1
            told[await self.ask()] += 1
            at += self.pace


def answers(port: int) -> bool:
    """Whether the web process is there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def _run(asked: dict[str, Any]) -> dict[str, Any]:
    tabs = [Tab(asked["port"], path, pace, asked["cookie"]) for path, pace in asked["tabs"]]
    for tab in tabs:
        await tab.open()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    told: Counter[str] = Counter()
    until = asyncio.get_running_loop().time() + asked["seconds"]
    await asyncio.gather(*(tab.poll(until, told) for tab in tabs))
    return {"answers": {status: n for status, n in told.items() if status != "late"}, "late": told["late"]}


def main() -> None:
    """Open, wait for the word, poll, tell."""
    asked = json.loads(sys.stdin.readline())
    print(json.dumps(asyncio.run(_run(asked))), flush=True)


if __name__ == "__main__":
    main()
