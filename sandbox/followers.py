"""Who follows the short links of a text: its reader after a while, the phone that draws a preview at once.

What happens is drawn from the seed, the phone and the words, so that a run repeats. Each is a durable timer,
and stands in the ledger as `click` with who it was and what the product answered. Readers of emails have a
module of their own.
"""

import asyncio
import random
import re
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from sandbox.world import World

LINK = re.compile(r"https?://[\w.:-]+/l/[0-9A-Za-z]{8}(?![0-9A-Za-z])")
PERSON, PREVIEW = "person", "preview"
FOLLOWS, DRAWS_PREVIEW = 0.22, 0.4  # of people, of phones
MEDIAN_SECONDS = 6 * 60.0
_EARLIEST_SECONDS = 3.0  # real ones: nobody reads and taps sooner, whatever the speed
AGENTS = {
    PERSON: (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/18.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0"
        " Mobile Safari/537.36",
    ),
    PREVIEW: (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko)"
        " Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "WhatsApp/2.24.9 A",
    ),
}


class Followers:
    """Everybody who may open a link of a text. Switched off, only who is told to."""

    def __init__(self, world: "World") -> None:
        self.world = world
        kept = world.store.get("links_followed")
        self.on: bool = world.options.demo if kept is None else bool(kept)
        self._tasks: set[asyncio.Task[None]] = set()
        world.schedule.handlers["follow"] = self._start

    @property
    def under_way(self) -> int:
        """How many links are being opened at this moment."""
        return len(self._tasks)

    def switch(self, on: bool) -> None:
        """Let people and previews follow links, or nobody."""
        self.on = on
        self.world.store.put("links_followed", on)

    def reached(self, n: int, phone: str) -> None:
        """A text reached a phone: decide now, follow later."""
        if not self.on:
            return
        body = self.world.store.read("SELECT body FROM messages WHERE n = ?", (n,))[0]["body"]
        for place, link in enumerate(links_in(body)):
            # The words without their codes, which are drawn anew in every run.
            rng = random.Random(f"{self.world.seed}:{phone}:{place}:{LINK.sub('', body)}")
            if rng.random() < DRAWS_PREVIEW:
                self._later(link, phone, PREVIEW, 0.2 + rng.random())
            if rng.random() < FOLLOWS:
                wait = MEDIAN_SECONDS * rng.lognormvariate(0.0, 1.0) / self.world.speed
                self._later(link, phone, PERSON, max(_EARLIEST_SECONDS, wait))

    def _later(self, link: str, phone: str, by: str, seconds: float) -> None:
        data = {"url": link, "phone": phone, "by": by}
        self.world.schedule.add(self.world.clock.real() + seconds, "follow", data)

    async def follow(self, link: str, phone: str, by: str = PERSON) -> int | None:
        """Follow a link now; the status of the answer, None without one."""
        agent = random.Random(f"{self.world.seed}:{phone}").choice(AGENTS[by])
        status, error = None, ""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15), trust_env=False) as http,
                http.get(link, headers={"User-Agent": agent}, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            error = type(problem).__name__
        self.world.ledger.append("click", url=link, to=phone, by=by, answer=status, error=error)
        return status

    async def stop(self) -> None:
        """Cancel what runs; durable timers bring it back at the next start."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, timer_id: int, data: dict[str, Any]) -> None:
        task = asyncio.create_task(self._follow(timer_id, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, timer_id: int, data: dict[str, Any]) -> None:
        generation = self.world.generation
        await self.follow(data["url"], data["phone"], data["by"])
        if generation == self.world.generation:  # else a reset came between: the row is gone
            self.world.schedule.done(timer_id)


def links_in(body: str) -> list[str]:
    """The short links of a text, each once."""
    return list(dict.fromkeys(LINK.findall(body)))
