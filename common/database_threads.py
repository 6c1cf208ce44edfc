"""A thread of its own for database work, beside an event loop that must not wait for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from django.db import Error, close_old_connections, connection

from common import sql

T = TypeVar("T")


class DatabaseThread:
    """One thread with a database connection of its own, whose server keeps plans for it (`sql.keep_plans`).

    What it is asked to do is done in that order.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name)

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` gives, done there. Raises what it raises."""

        def job() -> T:
            close_old_connections()
            with suppress(Error):  # where the database cannot be had, `work` finds that out, if it needs it
                sql.keep_plans()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    async def close(self) -> None:
        """Give the connection back and end the thread, once all is done that it was asked for."""
        await asyncio.get_running_loop().run_in_executor(self._thread, lambda: connection.close())
        self._thread.shutdown()
