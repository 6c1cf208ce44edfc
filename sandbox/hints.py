"""ServiceTitan's webhooks: every change of a row is told, signed, and told again where nobody took it.

With `--demo`, or where the fault `hints` asks for it. The envelope is ours: none is published.
"""

import asyncio
import hashlib
import hmac
import json
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.clock import iso
from sandbox.http_post import BadAnswer, Poster

if TYPE_CHECKING:
    from sandbox.world import World

RETRY_SECONDS = (10.0, 30.0, 60.0, 300.0)
CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 15.0
AT_ONCE = 8
# Entity -> what its events are called. Nobody is told of lists that hardly ever change.
NAMES = {
    "customers": "customer",
    "contacts": "customer-contact",
    "locations": "location",
    "jobs": "job",
    "appointments": "appointment",
    "bookings": "booking",
    "invoices": "invoice",
    "estimates": "estimate",
    "memberships": "membership",
}


class Hints:
    """Posts to `{webhook_base}/webhooks/servicetitan`, some at a time."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._poster = Poster()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        world.schedule.handlers["hint"] = self._start

    def tell(self, entity: str, row: dict[str, Any]) -> None:
        """Plan the webhook of a change that was just written."""
        world = self.world
        if entity not in NAMES or not (world.options.demo or world.faults.now["servicetitan"]["hints"]):
            return
        body = {
            "eventId": str(uuid.uuid4()),
            "eventType": f"{NAMES[entity]}.changed",
            "tenantId": int(world.credentials["tenant_id"]),
            "occurredOn": iso(world.clock.now()),
            "data": {"id": row["id"]} | {k: row[k] for k in ("customerId", "jobId") if row.get(k)},
        }
        world.schedule.add(world.clock.real(), "hint", {"body": json.dumps(body), "tries": 0})

    async def stop(self) -> None:
        """Cut what is under way; durable timers bring it back at the next start."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._poster.close()

    def _start(self, timer_id: int, data: dict[str, Any]) -> None:
        task = asyncio.create_task(self._post(timer_id, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _post(self, timer_id: int, data: dict[str, Any]) -> None:
        world, body = self.world, data["body"].encode()
        signature = hmac.new(world.credentials["webhook_key"].encode(), body, hashlib.sha256).hexdigest()
        headers = f"X-ServiceTitan-Signature: {signature}\r\nContent-Type: application/json\r\n".encode()
        status, error = None, ""
        try:
            async with self._room:
                answer = await self._poster.post(
                    f"{world.webhook_base}/webhooks/servicetitan", headers, body,
                    connect_seconds=CONNECT_SECONDS, total_seconds=TOTAL_SECONDS,
                )  # fmt: skip
            status = answer.status
        except TimeoutError:
            error = "timeout"
        except (BadAnswer, OSError, ValueError) as problem:
            error = f"{type(problem).__name__}: {problem}"[:200]
        world.ledger.append("hint", body=data["body"], tries=data["tries"] + 1, answer=status, error=error)
        world.schedule.done(timer_id)
        if (status is None or status >= 400) and data["tries"] < len(RETRY_SECONDS):
            wait = RETRY_SECONDS[data["tries"]] / world.speed
            world.schedule.add(world.clock.real() + wait, "hint", {**data, "tries": data["tries"] + 1})
