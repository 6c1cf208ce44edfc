"""The exchange: every call, its row, its status, and who is told."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from sandbox.clock import rfc2822
from sandbox.messages import API
from sandbox.traffic import attempt_of
from sandbox.voice.callers import Callers
from sandbox.voice.conduct import ORDINARY
from sandbox.voice.documents import Documents
from sandbox.voice.leg import COMPLETED, FINAL, IN, IN_PROGRESS, OUT, QUEUED, Leg
from sandbox.voice.news import News
from sandbox.voice.phones import Phones
from sandbox.voice.recordings import Recordings

if TYPE_CHECKING:
    from sandbox.world import World

log = logging.getLogger(__name__)
CALLS_PER_SECOND = 1.0  # of an account whose profile nobody has approved
WATCHABLE = 6.0  # how much slower calls go than texts where people watch
PRICE_PER_MINUTE = 0.014


class Exchange:
    """Live legs in memory, all of them in the store."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.live: dict[str, Leg] = {}
        self._free_at = 0.0
        self._forced_speed = float(world.store.get("call_speed") or 0.0)
        self._tasks: set[asyncio.Task[None]] = set()
        self.phones = Phones(world)
        self.news = News(world)
        self.recordings = Recordings(self)
        self.documents = Documents(self)
        self.callers = Callers(self)

    @property
    def speed(self) -> float:
        """Seconds of a call in a real one: the sandbox's, a sixth of it with demo customers, so that people
        can watch; or as `POST /settings` says."""
        if self._forced_speed:
            return self._forced_speed
        return max(1.0, self.world.speed / (WATCHABLE if self.world.customers.mode == "demo" else 1.0))

    def set_speed(self, speed: float) -> None:
        """Let calls pass so many times as fast as life; 0: as the sandbox's own speed says."""
        self._forced_speed = max(0.0, speed)
        self.world.store.put("call_speed", self._forced_speed)

    def sid(self, n: int) -> str:
        """The public id of call `n`."""
        return self.world.traffic.sid(n, "CA")

    # --- making and keeping ----------------------------------------------------------------------

    def slot(self) -> float:
        """Real seconds until the account may place one more call; takes the place."""
        forced = float(self.world.faults.now["calls"]["per_second"])
        rate = forced if forced > 0 else CALLS_PER_SECOND * self.world.speed
        now = self.world.clock.real()
        free = max(now, self._free_at)
        self._free_at = free + 1.0 / rate
        return free - now

    def queue_seconds(self) -> float:
        """How long a call placed now would wait, in real seconds."""
        return max(0.0, self._free_at - self.world.clock.real())

    def make(
        self, direction: str, sender: str, to: str, wish: dict[str, Any], parent: Leg | None = None
    ) -> Leg:
        """A new leg and its row."""
        wall = self.world.clock.wall()
        conduct = wish.get("conduct") or (ORDINARY if direction == IN else self.phones.pick(to))
        kept = {key: value for key, value in wish.items() if key != "conduct"}
        n = self.world.store.write(
            "INSERT INTO calls (parent, direction, sender, recipient, status, created, updated, wish, live)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (parent.n if parent else None, direction, sender, to, QUEUED, wall, wall, json.dumps(kept)),
        ).lastrowid
        assert n is not None
        leg = Leg(
            self, n=n, direction=direction, sender=sender, to=to, wish=kept, parent=parent, conduct=conduct
        )
        self.live[leg.sid] = leg
        return leg

    def change(self, leg: Leg, event: str, status: str) -> None:
        """A leg goes on: `initiated`, `ringing` or `answered`."""
        leg.status = status
        wall = self.world.clock.wall()
        self.world.store.write(
            "UPDATE calls SET status = ?, updated = ?, started = COALESCE(started, ?),"
            " answered = COALESCE(answered, ?), answered_by = ?, sequence = ? WHERE n = ?",
            (
                status,
                wall,
                wall,
                wall if event == "answered" else None,
                leg.answered_by,
                leg.sequence + 1,
                leg.n,
            ),
        )
        self.note("call_status", leg, status=event if event == "initiated" else status, by="", seconds=0)
        self.news.announce(leg, event)
        leg.sequence += 1
        leg.poke()

    def end(self, leg: Leg, status: str, *, by: str) -> None:
        """A leg is over, by the phone, the product, the provider or time; once."""
        if leg.over:
            return
        leg.ended_at = asyncio.get_running_loop().time()
        leg.status = status
        leg.let_go()
        for n in tuple(leg.recordings):
            self.recordings.finish(leg, n)
        wall, seconds = self.world.clock.wall(), self.duration(leg)
        self.world.store.write(
            "UPDATE calls SET status = ?, updated = ?, ended = ?, seconds = ?, answered_by = ?, sequence = ?,"
            " live = 0 WHERE n = ?",
            (status, wall, wall, seconds, leg.answered_by, leg.sequence + 1, leg.n),
        )
        self.note("call_status", leg, status=status, by=by, seconds=seconds)
        if leg.tape:
            self.note("voicemail", leg, words=leg.tape)
        self.news.announce(leg, "completed", seconds=seconds)
        leg.sequence += 1
        self.live.pop(leg.sid, None)
        self.callers.missed(leg)
        for one in (leg, leg.peer, leg.parent):
            if one is not None:
                one.poke()

    @staticmethod
    def duration(leg: Leg) -> int | None:
        """Whole seconds since the answer, None where nobody answered."""
        return None if leg.answered_at is None else max(1, round(leg.seconds))

    def note(self, kind: str, leg: Leg, **facts: Any) -> None:
        """An entry of the ledger that names the leg."""
        self.world.ledger.append(
            kind,
            sid=leg.sid,
            parent=leg.parent.sid if leg.parent else "",
            attempt=attempt_of(leg.wish.get("StatusCallback", "")),
            direction=leg.direction,
            to=leg.to,
            **{"from": leg.sender},
            phone=leg.phone,
            **facts,
        )

    def heard(self, leg: Leg, by: str, words: str, seconds: float, whole: bool, tape: str) -> None:
        """Somebody, or their machine, was told something; `by` is say, play or provider."""
        entry = {
            "by": by,
            "words": words,
            "seconds": round(seconds, 2),
            "whole": whole,
            "answered_by": leg.conduct.answers,
            "tape": tape,
        }
        leg.heard.append(entry)
        self.note("heard", leg, **entry)

    # --- tasks -----------------------------------------------------------------------------------

    def spawn(self, life: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let a call live."""
        task = asyncio.create_task(life)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (wrong := task.exception()) is not None:
            log.error("a call failed inside the sandbox", exc_info=wrong)

    async def stop(self) -> None:
        """Cut every line; rows stay as they are."""
        for leg in tuple(self.live.values()):
            leg.let_go()
        tasks = (*self._tasks, *self.news.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.live.clear()

    async def reset(self) -> None:
        """Forget every call, recording and wish about phones."""
        await self.stop()
        self._free_at = 0.0
        for table in ("calls", "recordings", "phones"):
            self.world.store.write(f"DELETE FROM {table}")
        self.set_speed(0.0)

    def load(self) -> None:
        """After a restart queued calls go on; what rang or talked was cut by the provider's own failure."""
        from sandbox.voice import life

        for row in self.world.store.read("SELECT * FROM calls WHERE live = 1 ORDER BY n"):
            leg = Leg(
                self,
                n=row["n"],
                direction=row["direction"],
                sender=row["sender"],
                to=row["recipient"],
                wish=json.loads(row["wish"]),
                parent=None,
                conduct=self.phones.pick(row["recipient"]) if row["status"] == QUEUED else ORDINARY,
            )
            leg.status, leg.sequence = row["status"], row["sequence"]
            leg.answered_by = row["answered_by"] or ""
            self.live[leg.sid] = leg
            if row["status"] == QUEUED and row["direction"] == OUT and row["started"] is None:
                self.spawn(life.outbound(self, leg, self.slot()))
                continue
            if row["status"] == IN_PROGRESS:
                leg.answered_at = asyncio.get_running_loop().time() - 1.0 / leg.pace
            self.end(leg, COMPLETED if row["status"] == IN_PROGRESS else "failed", by="restart")

    # --- reading ---------------------------------------------------------------------------------

    def row(self, n: int) -> sqlite3.Row:
        """The stored call."""
        return self.world.store.read("SELECT * FROM calls WHERE n = ?", (n,))[0]

    def children(self, n: int) -> list[sqlite3.Row]:
        """The legs that a call dialled."""
        return self.world.store.read("SELECT * FROM calls WHERE parent = ? ORDER BY n", (n,))

    def find(self, sid: str) -> sqlite3.Row | None:
        """The stored call of an id."""
        if sid[:18] != f"CA{self.world.traffic.prefix}":
            return None
        try:
            rows = self.world.store.read("SELECT * FROM calls WHERE n = ?", (int(sid[18:], 16),))
        except ValueError:
            return None
        return rows[0] if rows else None

    def resource(self, row: sqlite3.Row) -> dict[str, Any]:
        """A call as Twilio's Call resource."""
        account, sid = self.world.credentials["account_sid"], self.sid(row["n"])
        uri = f"{API}/{account}/Calls/{sid}"
        over, inbound = row["status"] in FINAL, row["direction"] == IN
        number = self.world.numbers.get(row["recipient"] if inbound else row["sender"])
        cost = None if row["seconds"] is None else f"-{PRICE_PER_MINUTE * -(-row['seconds'] // 60):.5f}"
        names = ("notifications", "recordings", "payments", "events", "siprec", "streams", "transcriptions")
        return {
            "account_sid": account,
            "annotation": None,
            "answered_by": row["answered_by"] or None,
            "api_version": "2010-04-01",
            "caller_name": None,
            "date_created": rfc2822(row["created"]),
            "date_updated": rfc2822(row["updated"]),
            "direction": row["direction"],
            "duration": None if row["seconds"] is None else str(row["seconds"]),
            "end_time": rfc2822(row["ended"]) if over else None,
            "forwarded_from": None,
            "from": row["sender"],
            "from_formatted": formatted(row["sender"]),
            "group_sid": None,
            "parent_call_sid": self.sid(row["parent"]) if row["parent"] else None,
            "phone_number_sid": number["sid"] if number else None,
            "price": cost if over else None,
            "price_unit": "USD",
            "queue_time": str(row["queue_ms"] or 0),
            "sid": sid,
            "start_time": rfc2822(row["started"]),
            "status": row["status"],
            "subresource_uris": {name: f"{uri}/{name.capitalize()}.json" for name in names},
            "to": row["recipient"],
            "to_formatted": formatted(row["recipient"]),
            "trunk_sid": None,
            "uri": f"{uri}.json",
        }


def formatted(phone: str) -> str:
    """A phone as Twilio prints it to people."""
    return (
        f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}" if phone.startswith("+1") and len(phone) == 12 else phone
    )
