"""Messages in motion: accepting, queueing per sender, and the way from `queued` to a final status."""

import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox import magic, personas, segments

if TYPE_CHECKING:
    from sandbox.world import World

SENT_SECONDS = 2.0
DELIVERED_SECONDS = 5.0
LATE_SECONDS = 3600.0
READ_AFTER_SECONDS = 30.0
UNSUBSCRIBED_TEXT = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe."
)
RESUBSCRIBED_TEXT = (
    "You have successfully been re-subscribed to messages from this number. Reply STOP to unsubscribe."
)
HELP_TEXT = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."
STOP_WORDS = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"})
START_WORDS = frozenset({"START", "YES", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})

PlanStep = tuple[float, str, int | None]


class Refusal(Exception):
    """A request that Twilio refuses, with its error code and HTTP status."""

    def __init__(self, code: int, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass(slots=True)
class Live:
    """A message on its way; `plan` holds the status changes still to come, in real time."""

    n: int
    sid: str
    sender: str
    to: str
    callback: str
    service: str | None
    plan: list[PlanStep] = field(default_factory=list)


def attempt_of(callback: str) -> str:
    """The last segment of the StatusCallback's path: the product's attempt id."""
    return urlsplit(callback).path.rstrip("/").rsplit("/", 1)[-1] if callback else ""


class Traffic:
    """Owns every message that is not final yet, and the senders' queues."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.live: dict[int, Live] = {}
        self._free_at: dict[str, float] = {}
        store = world.store
        # A fresh folder gets a fresh prefix, so that sids never repeat across data folders.
        self.prefix = store.get("sid_prefix") or os.urandom(8).hex()
        store.put("sid_prefix", self.prefix)
        self.optouts = {
            (row["sender"], row["phone"]) for row in store.read("SELECT sender, phone FROM optouts")
        }
        world.schedule.handlers["progress"] = self._progress

    def sid(self, n: int, letters: str = "SM") -> str:
        """The public id of message `n`."""
        return f"{letters}{self.prefix}{n:016x}"

    def load(self) -> None:
        """Take up the messages that an earlier process left unfinished."""
        for row in self.world.store.read("SELECT * FROM messages WHERE plan IS NOT NULL ORDER BY n"):
            plan = [(due, status, code) for due, status, code in json.loads(row["plan"])]
            live = Live(
                row["n"],
                self.sid(row["n"]),
                row["sender"],
                row["recipient"],
                row["callback"],
                row["service"],
                plan,
            )
            self.live[live.n] = live
            self.world.schedule.push(plan[0][0], "progress", {"n": live.n})
            if plan[0][1] == "sent":
                waiting = plan[0][0] - SENT_SECONDS / self.world.speed
                self._free_at[live.sender] = max(self._free_at.get(live.sender, 0.0), waiting)

    def clear(self) -> None:
        """Forget what is under way, the senders' queues and the opt-outs."""
        self.live.clear()
        self._free_at.clear()
        self.optouts.clear()

    def rate(self, sender: str) -> tuple[float, float]:
        """A sender's (effective, nominal) segments per second."""
        forced = float(self.world.faults.now["segments_per_second"])
        if forced > 0:
            return forced, forced
        nominal = float(self.world.numbers[sender]["segments_per_second"])
        return nominal * self.world.speed, nominal

    def accept(
        self,
        *,
        sender: str,
        to: str,
        body: str,
        callback: str,
        validity: int,
        service: str | None,
        received: float,
        media: list[str],
    ) -> sqlite3.Row:
        """Store a valid message and plan its life. Raises Refusal when its sender's queue is full (21611)."""
        world, now = self.world, self.world.clock.real()
        wall, parts = world.clock.wall(), 1 if media else segments.count(body)
        effective, nominal = self.rate(sender)
        free = max(now, self._free_at.get(sender, 0.0))
        if (free - now) * effective + parts > world.faults.now["queue_seconds"] * nominal:
            raise Refusal(21611)
        if free - now > validity:
            plan: list[PlanStep] = [(now + validity, "failed", 30036)]
        else:
            self._free_at[sender] = free + parts / effective
            plan = self._plan(free, to, bool(media))
        initial = "accepted" if service else "queued"
        attempt = attempt_of(callback)
        n = world.store.write(
            "INSERT INTO messages (prefix, direction, sender, recipient, body, status, segments, callback,"
            " service, created, updated, plan) VALUES ('SM', 'outbound-api', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (sender, to, body, initial, parts, callback, service, wall, wall, json.dumps(plan)),
        ).lastrowid
        assert n is not None
        world.media.take(n, media)
        live = Live(n, self.sid(n), sender, to, callback, service, plan)
        self.live[n] = live
        world.schedule.push(plan[0][0], "progress", {"n": n})
        world.ledger.append(
            "message",
            sid=live.sid,
            attempt=attempt,
            callback=callback,
            to=to,
            **{"from": sender},
            body=body,
            **({"media": media} if media else {}),
            segments=parts,
            validity=validity,
            received_at=received,
            accepted_at=wall,
        )
        return world.store.read("SELECT * FROM messages WHERE n = ?", (n,))[0]

    def _plan(self, free: float, to: str, with_media: bool) -> list[PlanStep]:
        world, trick = self.world, magic.of(to)
        jitter = 0.6 + world.faults.spread(0.8)
        sent = free + SENT_SECONDS * jitter / world.speed
        final = free + DELIVERED_SECONDS * jitter / world.speed
        if trick.behaviour == magic.NO_RECEIPT:
            return [(sent, "sent", None)]
        if trick.behaviour == magic.LATE_RECEIPT:
            final += LATE_SECONDS / world.speed
        status, code = trick.final or ("delivered", None)
        if code in magic.MEDIA_ONLY and not with_media and self.world.media.went_to(to):
            status, code = "delivered", None
        if trick.final is None and world.faults.hit(world.faults.now["undelivered"]):
            status, code = "undelivered", 30003
        elif trick.final is None and world.customers.mode == "demo":
            reached = personas.traits(world.seed, to).delivery_error
            status, code = ("undelivered", reached) if reached else ("delivered", None)
        if status == "failed":
            return [(sent, "failed", code)]
        plan: list[PlanStep] = [(sent, "sent", None), (final, status, code)]
        if world.faults.now["callbacks"]["sending"]:
            plan.insert(0, (free, "sending", None))
        if trick.behaviour == magic.READ:
            plan.append((final + READ_AFTER_SECONDS / world.speed, "read", None))
        return plan

    def _progress(self, _timer_id: int, data: dict[str, Any]) -> None:
        live = self.live.get(data["n"])
        if live is None or not live.plan:
            return
        world = self.world
        _, status, code = live.plan.pop(0)
        wall = world.clock.wall()
        world.store.write(
            "UPDATE messages SET status = ?, error = ?, updated = ?, plan = ?, sent = COALESCE(sent, ?)"
            " WHERE n = ?",
            (
                status,
                code,
                wall,
                json.dumps(live.plan) if live.plan else None,
                None if status in ("sending", "failed") else wall,
                live.n,
            ),
        )
        if live.callback:
            world.webhooks.announce(live, status, code)
        if live.plan:
            world.schedule.push(live.plan[0][0], "progress", {"n": live.n})
        else:
            del self.live[live.n]
        if status == "delivered":
            world.customers.reached(live.n, live.sender, live.to)
            world.followers.reached(live.n, live.to)

    def cancel(self, n: int) -> None:
        """Forget what was planned for message `n`."""
        self.live.pop(n, None)
        self.world.store.write("UPDATE messages SET plan = NULL WHERE n = ?", (n,))

    def receive(self, *, phone: str, number: str, body: str, intent: str, media: Sequence[str] = ()) -> int:
        """A customer's text arrives at a number: opt-out words act at once. Returns its `n`."""
        world, wall = self.world, self.world.clock.wall()
        n = world.store.write(
            "INSERT INTO messages (prefix, direction, sender, recipient, body, status, segments, created,"
            " updated, sent, intent) VALUES ('SM', 'inbound', ?, ?, ?, 'received', ?, ?, ?, ?, ?)",
            (phone, number, body, segments.count(body), wall, wall, wall, intent),
        ).lastrowid
        assert n is not None
        world.media.attach(n, list(media))
        word, pair = body.strip().upper(), (number, phone)
        if word in STOP_WORDS and pair not in self.optouts:
            self.optouts.add(pair)
            world.store.write("INSERT OR IGNORE INTO optouts VALUES (?, ?, ?)", (number, phone, wall))
            world.ledger.append("optout", phone=phone, number=number, word=word, change="stop")
            self.provider_reply(number, phone, UNSUBSCRIBED_TEXT)
        elif word in START_WORDS and pair in self.optouts:
            self.optouts.discard(pair)
            world.store.write("DELETE FROM optouts WHERE sender = ? AND phone = ?", pair)
            world.ledger.append("optout", phone=phone, number=number, word=word, change="start")
            self.provider_reply(number, phone, RESUBSCRIBED_TEXT)
        elif word in HELP_WORDS:
            self.provider_reply(number, phone, HELP_TEXT)
        return n

    def provider_reply(self, number: str, phone: str, body: str, kind: str = "provider_reply") -> None:
        """A text that Twilio sends by itself (keyword answers), or that the product's TwiML asked for."""
        wall = self.world.clock.wall()
        n = self.world.store.write(
            "INSERT INTO messages (prefix, direction, sender, recipient, body, status, segments, created,"
            " updated, sent) VALUES ('SM', 'outbound-reply', ?, ?, ?, 'delivered', ?, ?, ?, ?)",
            (number, phone, body, segments.count(body), wall, wall, wall),
        ).lastrowid
        self.world.ledger.append(kind, sid=self.sid(n or 0), to=phone, **{"from": number}, body=body)

    def opt_out_type(self, body: str) -> str | None:
        """What advanced opt-out would put into the inbound webhook for this body."""
        word = body.strip().upper()
        if word in STOP_WORDS:
            return "STOP"
        return "START" if word in START_WORDS else "HELP" if word in HELP_WORDS else None
