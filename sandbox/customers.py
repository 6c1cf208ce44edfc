"""Simulated customers: who reacts to a delivered text, when, and with what words."""

import json
import random
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sandbox import personas, replies
from sandbox.traffic import START_WORDS, STOP_WORDS

if TYPE_CHECKING:
    from sandbox.webhooks import Answer
    from sandbox.world import World

MODES = ("silent", "demo")
MAX_REACTIONS = 2
# A text within this time of the customer's own (at speed 1) counts as an answer to it.
ANSWER_WINDOW_SECONDS = 24 * 3600.0


class Customers:
    """All phones. In mode `silent` nobody answers and every text is delivered; `say` works in both."""

    def __init__(self, world: "World", mode: str = "") -> None:
        self.world = world
        kept = world.store.get("customers_mode")
        self.mode: str = mode or kept or ("demo" if world.options.demo else "silent")
        self.service_sid: str = world.store.get("service_sid") or "MG" + world.credentials["account_sid"][2:]
        world.store.put("service_sid", self.service_sid)
        world.schedule.handlers["reply"] = self._reply

    def set_mode(self, mode: str) -> None:
        """Switch everybody. Raises ValueError for an unknown mode."""
        if mode not in MODES:
            raise ValueError(f"mode is one of {', '.join(MODES)}")
        self.mode = mode
        self.world.store.put("customers_mode", mode)

    def state(self, phone: str) -> dict[str, Any]:
        """What a customer remembers."""
        rows = self.world.store.read("SELECT state FROM customers WHERE phone = ?", (phone,))
        fresh = {"texts": 0, "reactions": 0, "last": "out", "last_at": 0.0, "stopped": False, "replies": 0}
        return {**fresh, **json.loads(rows[0]["state"])} if rows else fresh

    def _keep(self, phone: str, state: dict[str, Any]) -> None:
        self.world.store.write(
            "INSERT OR REPLACE INTO customers (phone, state) VALUES (?, ?)", (phone, json.dumps(state))
        )

    def name(self, phone: str) -> str:
        """The first name behind a phone, as ServiceTitan has it, else a stranger's."""
        rows = self.world.store.read("SELECT name FROM people WHERE phone = ? LIMIT 1", (phone,))
        return str(rows[0]["name"]).split()[0] if rows and rows[0]["name"] else "Pat"

    def reached(self, n: int, number: str, phone: str) -> None:
        """A text reached a phone: decide now, answer later."""
        if self.mode != "demo":
            return
        world = self.world
        body = world.store.read("SELECT body FROM messages WHERE n = ?", (n,))[0]["body"]
        who, state = personas.traits(world.seed, phone), self.state(phone)
        rng = random.Random(f"{world.seed}:{phone}:{state['texts']}:{state['replies']}")
        since = world.clock.real() - state["last_at"]
        answering = state["last"] == "in" and since < ANSWER_WINDOW_SECONDS / world.speed
        if not answering:
            state["reactions"] = 0
        key = self._decide(who, state, rng, body, answering)
        if not answering:
            state["texts"] += 1
        state["last"] = "out"
        if key is not None and state["reactions"] < MAX_REACTIONS:
            state["reactions"] += 1
            state["replies"] += 1
            intent = replies.label(key)
            state["stopped"] = state["stopped"] or intent == "optout"
            due = self.world.clock.real() + personas.delay_seconds(who, rng) / self.world.speed
            text = personas.wording(key, who, rng, self.name(phone))
            self.world.schedule.add(
                due, "reply", {"phone": phone, "number": number, "body": text, "intent": intent}
            )
        self._keep(phone, state)

    @staticmethod
    def _decide(
        who: personas.Traits, state: dict[str, Any], rng: random.Random, body: str, answering: bool
    ) -> str | None:
        if state["stopped"]:
            return "optout_again" if rng.random() < 0.5 else None
        if answering:
            return personas.follow_up(who, rng, body)
        if personas.CONFIRMATION.search(body):
            return "thanks" if rng.random() < 0.2 else None
        return personas.first_wording(who, rng, state["texts"])

    def _reply(self, timer_id: int, data: dict[str, Any]) -> None:
        world = self.world
        world.schedule.done(timer_id)
        state = self.state(data["phone"])
        if state["stopped"] and data["intent"] != "optout":
            return  # said stop meanwhile: never a yes afterwards
        state["last"], state["last_at"] = "in", world.clock.real()
        self._keep(data["phone"], state)
        n = world.traffic.receive(
            phone=data["phone"], number=data["number"], body=data["body"], intent=data["intent"]
        )
        self._post(n)

    def _post(self, n: int) -> None:
        faults, due = self.world.faults, self.world.clock.real()
        conf = faults.now["inbound"]
        for _ in range(2 if faults.hit(conf["duplicate"]) else 1):
            self.world.schedule.add(due + conf["delay_seconds"], "inbound", {"n": n})

    async def say(
        self, phone: str, body: str, number: str = "", intent: str = "", media: Sequence[str] = ()
    ) -> dict[str, Any]:
        """A customer types `body` now, with these kinds of files (`sandbox.media`); returns how the product's
        inbound webhook answered, with timings."""
        world = self.world
        number = number or self.last_number(phone)
        state, word = self.state(phone), body.strip().upper()
        state["last"], state["last_at"] = "in", world.clock.real()
        state["stopped"] = (
            state["stopped"] or word in STOP_WORDS or intent == "optout"
        ) and word not in START_WORDS
        self._keep(phone, state)
        said_at = world.clock.real()
        n = world.traffic.receive(
            phone=phone, number=number, body=body, intent=intent or "typed", media=media
        )
        # Only the row, no heap entry: it speaks after a restart, when nobody else will deliver this text.
        data = {"n": n}
        cursor = world.store.write(
            "INSERT INTO timers (due, kind, data) VALUES (?, 'inbound', ?)", (said_at, json.dumps(data))
        )
        await world.store.committed()
        answer: Answer = await world.webhooks.deliver_inbound(cursor.lastrowid or 0, data)
        if world.faults.hit(world.faults.now["inbound"]["duplicate"]):
            world.schedule.add(world.clock.real(), "inbound", {"n": n})
        await world.store.committed()
        return {
            "sid": world.traffic.sid(n),
            "status": answer.status,
            "error": answer.error,
            "seconds": answer.seconds,
            "sent_at": answer.sent_at,
            "answered_at": answer.answered_at,
            "body": answer.body,
        }

    def last_number(self, phone: str) -> str:
        """The number that wrote to this phone last, else the first demo number."""
        rows = self.world.store.read(
            "SELECT sender FROM messages WHERE recipient = ? AND direction <> 'inbound'"
            " ORDER BY n DESC LIMIT 1",
            (phone,),
        )
        return rows[0]["sender"] if rows else next(iter(self.world.numbers))

    def inbound_fields(self, row: sqlite3.Row, sid: str) -> list[tuple[str, str]]:
        """The form of the inbound webhook, every field that Twilio sends."""
        world = self.world
        people = world.store.read("SELECT city FROM people WHERE phone = ? LIMIT 1", (row["sender"],))
        city = str(people[0]["city"]).upper() if people and people[0]["city"] else "CHICAGO"
        fields = [
            ("ToCountry", "US"),
            ("ToState", "IL"),
            ("SmsMessageSid", sid),
            *world.media.fields(row["n"], sid),
            ("ToCity", "CHICAGO"),
            ("FromZip", "60601"),
            ("SmsSid", sid),
            ("FromState", "IL"),
            ("SmsStatus", "received"),
            ("FromCity", city),
            ("Body", row["body"]),
            ("FromCountry", "US"),
            ("To", row["recipient"]),
            ("ToZip", "60601"),
            ("NumSegments", str(row["segments"])),
            ("MessageSid", sid),
            ("AccountSid", world.credentials["account_sid"]),
            ("From", row["sender"]),
            ("ApiVersion", "2010-04-01"),
        ]
        if world.faults.now["opt_out_type"]:
            fields.append(("MessagingServiceSid", self.service_sid))
            kind = world.traffic.opt_out_type(row["body"])
            if kind:
                fields.append(("OptOutType", kind))
        return fields
