"""Status callbacks of calls, recordings and machine detection: signed, numbered, unreliable as told."""

import asyncio
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

from sandbox.clock import rfc2822
from sandbox.traffic import attempt_of
from sandbox.voice import conduct
from sandbox.voice.leg import IN, OUT
from sandbox.webhooks import API_VERSION, RETRY_AFTER_SECONDS, failed

if TYPE_CHECKING:
    from sandbox.voice.leg import Leg
    from sandbox.world import World

SIP = {"busy": "486", "no-answer": "487", "failed": "404", "canceled": "487"}
STATUS_OF = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}
REVERSED_BY_SECONDS = 0.6


class News:
    """Durable timers of kind `call_news`, posted one by one."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.tasks: set[asyncio.Task[None]] = set()
        world.schedule.handlers["call_news"] = self._start

    def announce(self, leg: "Leg", event: str, *, seconds: int | None = None) -> None:
        """Plan the callback of a status change where the product asked for the event."""
        url = leg.wish.get("StatusCallback", "")
        if not url or event not in leg.wish.get("StatusCallbackEvent", ("completed",)):
            return
        status = STATUS_OF.get(event, leg.status)
        fields = [*call_fields(self.world, leg), ("CallStatus", status)]
        fields += [
            ("Timestamp", str(rfc2822(self.world.clock.wall()))),
            ("CallbackSource", "call-progress-events"),
            ("SequenceNumber", str(leg.sequence)),
        ]
        if event == "completed":
            whole = seconds or 0
            fields += [("CallDuration", str(whole)), ("Duration", str(-(-whole // 60)))]
            fields.append(("SipResponseCode", SIP.get(status, "200")))
            fields += self.world.voice.recordings.of_call(leg) if leg.direction == OUT else []
        if leg.answered_by:
            fields.append(("AnsweredBy", leg.answered_by))
        facts = {"sid": leg.sid, "to": leg.to, "phone": leg.phone, "status": status, "sequence": leg.sequence}
        self.plan(url, fields, facts, method=leg.wish.get("StatusCallbackMethod", "POST"), event=event)

    def detected(self, leg: "Leg", seconds: float) -> None:
        """Tell what asynchronous machine detection found."""
        url = leg.wish.get("AsyncAmdStatusCallback", "")
        if not url:
            return
        fields = [
            ("CallSid", leg.sid),
            ("AccountSid", self.world.credentials["account_sid"]),
            ("AnsweredBy", leg.answered_by),
            ("MachineDetectionDuration", str(round(seconds * 1000))),
        ]
        facts = {"sid": leg.sid, "to": leg.to, "phone": leg.phone, "status": f"amd {leg.answered_by}"}
        method = leg.wish.get("AsyncAmdStatusCallbackMethod", "POST")
        self.plan(url, fields, facts, method=method, event="amd")

    def plan(
        self, url: str, fields: list[tuple[str, str]], facts: dict[str, Any], *, method: str, event: str
    ) -> None:
        """One piece of news, with faults and magic."""
        world, trick = self.world, conduct.magic(facts["phone"])
        faults, conf = world.faults, world.faults.now["calls"]["callbacks"]
        lost = trick == conduct.NO_CALLBACKS or faults.hit(conf["drop"])
        if event == "completed":
            lost = lost or trick == conduct.NO_FINAL or faults.hit(conf["drop_final"])
        data: dict[str, Any] = {
            "url": url,
            "fields": fields,
            "facts": facts,
            "method": method,
            "event": event,
        }
        if lost:
            self._record(data, answer=None, error="dropped")
            return
        due = world.clock.real()
        if conf["reverse"] or trick == conduct.REVERSED:
            due += REVERSED_BY_SECONDS * max(0, 3 - int(facts.get("sequence", 3)))
        if conf["shuffle"]:
            due += faults.spread(conf["shuffle_seconds"])
        if faults.hit(conf["delay_rate"]):
            due += conf["delay_seconds"]
        if faults.hit(conf["unknown_field"]):
            fields.append(("FutureField", "added without notice"))
        if faults.hit(conf["bad_signature"]):
            data["bad_signature"] = True
        for _ in range(3 if trick == conduct.TRIPLED or faults.hit(conf["duplicate"]) else 1):
            world.schedule.add(due, "call_news", data)

    def _start(self, timer_id: int, data: dict[str, Any]) -> None:
        task = asyncio.create_task(self._deliver(timer_id, data))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _deliver(self, timer_id: int, data: dict[str, Any]) -> None:
        world, generation = self.world, self.world.generation
        token, tries = data.get("token") or str(uuid.uuid4()), data.get("tries", 0)
        fields = [(name, value) for name, value in data["fields"]]
        answer = await world.webhooks.post(
            data["url"],
            fields,
            token,
            bad_signature=bool(data.get("bad_signature")),
            method=data["method"],
        )
        if generation != world.generation:
            return
        self._record(data, tries=tries + 1, answer=answer.status, error=answer.error, seconds=answer.seconds)
        world.schedule.done(timer_id)
        if failed(answer) and tries < world.webhooks.retries(data["url"]):
            due = world.clock.real() + max(0.1, RETRY_AFTER_SECONDS / world.speed)
            world.schedule.add(due, "call_news", {**data, "token": token, "tries": tries + 1})

    def _record(self, data: dict[str, Any], **facts: Any) -> None:
        self.world.ledger.append(
            "call_callback",
            **data["facts"],
            event=data["event"],
            attempt=attempt_of(urldefrag(data["url"]).url),
            **facts,
        )


def call_fields(world: "World", leg: "Leg") -> list[tuple[str, str]]:
    """What every request about a call carries, but for its status."""
    fields = [
        ("CallSid", leg.sid),
        ("AccountSid", world.credentials["account_sid"]),
        ("From", leg.sender),
        ("To", leg.to),
        ("Caller", leg.sender),
        ("Called", leg.to),
        ("Direction", leg.direction),
        ("ApiVersion", API_VERSION),
    ]
    if leg.parent is not None:
        fields.append(("ParentCallSid", leg.parent.sid))
    for side in ("From", "To", "Caller", "Called"):
        fields += [(f"{side}City", "CHICAGO"), (f"{side}State", "IL"), (f"{side}Zip", "60601")]
        fields.append((f"{side}Country", "US"))
    if leg.direction == IN:
        fields.append(("StirVerstat", "TN-Validation-Passed-A"))
    return fields
