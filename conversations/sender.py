"""The sender: one event loop that claims, calls the providers and records, all at the same time.

Texts, emails and scripted calls have a loop each (`text_sender`, `email_sender`, `call_sender`), with slots
and database threads of their own, so that none waits for another. Database work runs in those threads: what
leases and claims ahead
while calls are under way, and what records how they ended. Vendors are called between the commits of
`claiming.claim` and `recorder.record`, never inside a transaction.
"""

import asyncio
import time

from django.conf import settings

from conversations.call_sender import CallSender
from conversations.email_sender import EmailSender
from conversations.text_sender import TextSender

EMAIL_SHARE = 4  # one email request at a time for so many texts
CALL_SHARE = 8  # and one request for a call


def run(seconds: float, *, concurrency: int | None = None, until_idle: bool = False) -> int:
    """Send for at most `seconds` (or until the process is asked to end); returns the messages called.

    Ends when the last call has ended. `until_idle` ends as soon as nothing is due and nothing is in flight,
    for tests and drains.
    """

    async def send() -> int:
        async with Sender(concurrency or settings.SENDER_CONCURRENCY) as sender:
            await sender.send(seconds, until_idle=until_idle)
        return sender.calls

    return asyncio.run(send())


class Sender:
    """One process's calls.

    `async with` it inside an event loop; leaving it waits for what is under way and records it.
    """

    def __init__(self, concurrency: int) -> None:
        self._texts = TextSender(concurrency)
        self._emails = EmailSender(max(1, concurrency // EMAIL_SHARE))
        self._placed = CallSender(max(1, concurrency // CALL_SHARE))

    @property
    def calls(self) -> int:
        """Messages whose calls have ended."""
        return self._texts.calls + self._emails.calls + self._placed.calls

    async def __aenter__(self) -> "Sender":
        await self._texts.__aenter__()
        await self._emails.__aenter__()
        await self._placed.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._texts.__aexit__()
        finally:
            try:
                await self._emails.__aexit__()
            finally:
                await self._placed.__aexit__()

    async def send(self, seconds: float, *, until_idle: bool = False) -> int:
        """Claim and call until the time is over; returns the messages called. What is under way goes on.

        Raises the database's errors; what was called is recorded all the same.
        """
        deadline, before = time.monotonic() + seconds, self.calls
        # Neither is cut off where the other breaks: what it has claimed has to be called.
        ends = await asyncio.gather(
            self._texts.send(deadline, until_idle=until_idle),
            self._emails.send(deadline, until_idle=until_idle),
            self._placed.send(deadline, until_idle=until_idle),
            return_exceptions=True,
        )
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return self.calls - before
