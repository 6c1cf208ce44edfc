"""One leg of a call: between the provider and one phone."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.voice.conduct import MACHINE, Conduct

if TYPE_CHECKING:
    from sandbox.voice.documents import Document
    from sandbox.voice.exchange import Exchange

OUT, IN, DIALED = "outbound-api", "inbound", "outbound-dial"
QUEUED, RINGING, IN_PROGRESS, COMPLETED = "queued", "ringing", "in-progress", "completed"
FINAL = frozenset({COMPLETED, "busy", "no-answer", "failed", "canceled"})


class Over(Exception):
    """The leg has ended while its script was waiting."""


class Redirected(Exception):
    """The product gave the leg another document."""


def _never() -> bool:
    return False


class Leg:
    """Where it stands, what its far end does, and what was said on it."""

    def __init__(
        self,
        exchange: "Exchange",
        *,
        n: int,
        direction: str,
        sender: str,
        to: str,
        wish: dict[str, Any],
        parent: "Leg | None",
        conduct: Conduct,
    ) -> None:
        self.exchange = exchange
        self.n, self.direction, self.sender, self.to = n, direction, sender, to
        self.wish, self.parent, self.conduct = wish, parent, conduct
        self.sid = exchange.sid(n)
        self.status, self.sequence = QUEUED, 0
        self.answered_by = ""
        self.answered_at: float | None = None  # event loop's time
        self.ended_at: float | None = None
        self.keys: deque[str] = deque()
        self.to_press = deque(conduct.keys)
        self.lifted = False  # a person has picked up by hand
        self.redirect: Document | None = None
        self.hearing = ""  # what is being said to it now
        self.heard: list[dict[str, Any]] = []
        self.tape: list[str] = []
        self.peer: Leg | None = None
        self.recordings: dict[int, float] = {}  # under way -> since which of its seconds
        self.documents = 0
        self.collecting = False  # keys are being listened for
        self._woken = asyncio.Event()
        self._handles: list[asyncio.TimerHandle] = []

    @property
    def phone(self) -> str:
        """The far end."""
        return self.sender if self.direction == IN else self.to

    @property
    def pace(self) -> float:
        """The sandbox's seconds in a real one; where a person holds the phone they are real."""
        return 1.0 if self.conduct.by_hand else self.exchange.speed

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in FINAL

    @property
    def seconds(self) -> float:
        """How long it has been answered, in the sandbox's seconds."""
        if self.answered_at is None:
            return 0.0
        return (self._now(self.ended_at) - self.answered_at) * self.pace

    @property
    def recorded_seconds(self) -> float:
        """Seconds since a machine's beep, below 0 before it; always 0 with anybody else."""
        return self.seconds - self.conduct.greeting if self.conduct.answers == MACHINE else 0.0

    @staticmethod
    def _now(at: float | None = None) -> float:
        return asyncio.get_running_loop().time() if at is None else at

    def poke(self) -> None:
        """Let whoever waits on this leg look again."""
        self._woken.set()

    def check(self) -> None:
        """Raises Over or Redirected."""
        if self.over:
            raise Over
        if self.redirect is not None:
            raise Redirected

    async def wait(
        self, seconds: float | None, until: Callable[[], Any] = _never, *, real: bool = False
    ) -> bool:
        """True once `until()`, False after `seconds` of the sandbox. Raises Over, Redirected."""
        limit = None if seconds is None else self._now() + seconds / (1.0 if real else self.pace)
        while True:
            self.check()
            if until():
                return True
            left = None if limit is None else limit - self._now()
            if left is not None and left <= 0:
                return False
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), left)
            except TimeoutError:
                continue

    def later(self, seconds: float, act: Callable[[], Any]) -> asyncio.TimerHandle:
        """Something the far end does in so many of the sandbox's seconds, unless the leg ends before."""
        handle = asyncio.get_running_loop().call_later(
            max(0.0, seconds) / self.pace, lambda: None if self.over else act()
        )
        self._handles.append(handle)
        return handle

    def let_go(self) -> None:
        """Drop what was to come."""
        for handle in self._handles:
            handle.cancel()

    # --- the far end -----------------------------------------------------------------------------

    def picked_up(self) -> None:
        """From now on the far end may press keys and hang up."""
        self.answered_at = self._now()
        if self.conduct.by_hand:
            return
        if self.conduct.hangs_up_after is not None:
            self.later(self.conduct.hangs_up_after, self.hang_up)
        for key in [key for key in self.to_press if isinstance(key, dict)]:
            self.to_press.remove(key)
            self.later(float(key.get("at", 0.0)), partial(self.press, key["digits"]))

    def asked(self) -> None:
        """A Gather begins: press the next key after a moment's thought."""
        if self.to_press and not self.conduct.by_hand:
            digits = self.to_press.popleft()
            self.later(self.conduct.thinks, lambda: self.press(digits))

    def press(self, digits: str) -> None:
        """The far end presses keys."""
        self.keys.extend(digits)
        self.exchange.note("digits", self, digits=digits, seconds=round(self.seconds, 2))
        self.poke()

    def hang_up(self) -> None:
        """The far end hangs up, or gives up ringing us."""
        if not self.over:
            talking = self.status == IN_PROGRESS
            self.exchange.end(self, COMPLETED if talking else "no-answer", by="phone")

    def end_talk(self) -> None:
        """The far end has said all, if it still talks to somebody."""
        if self.peer is not None:
            self.hang_up()

    def decline(self) -> None:
        """The far end lets the caller know that it does not want to talk."""
        if not self.over and self.answered_at is None:
            self.exchange.end(self, "busy", by="phone")
