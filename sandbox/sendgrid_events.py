"""SendGrid's Event Webhook: what became of mails, told in signed batches of up to two thousand events.

Several workers post at once, so nothing keeps its order. A batch that was not answered with 2xx is repeated
at growing intervals for 24 hours (divided by the speed). What was told, and how it was answered, is in the
ledger.
"""

import asyncio
import base64
import logging
import random
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox import mail_fates, mails
from sandbox.http_post import BadAnswer, Poster
from sandbox.mails import Mail
from sandbox.store import compact

if TYPE_CHECKING:
    from sandbox.world import World

log = logging.getLogger(__name__)
Told: TypeAlias = tuple[str, dict[str, Any]]  # of which attempt, which an event may fail to say
WORKERS = 4
MOST_EVENTS = 2000
GATHER_SECONDS = 0.03
TIMEOUT_SECONDS = 30.0
FIRST_RETRY_SECONDS = 30.0
GIVE_UP_SECONDS = 24 * 3600.0
_TYPED: dict[str, Callable[[str], Any]] = {
    "asm_group_id": int,
    "sg_machine_open": lambda value: value == "true",
}
_BETWEEN = ",\r\n"
SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"


@lru_cache(maxsize=4)
def _private(pem: str) -> ec.EllipticCurvePrivateKey:
    found = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(found, ec.EllipticCurvePrivateKey)
    return found


def draw_key() -> tuple[str, str]:
    """A new signing key: (private as PEM, public as SendGrid's settings page shows it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), base64.b64encode(public).decode()


def signed(world: "World", body: bytes, *, badly: bool = False) -> bytes:
    """The signature's header lines of a body, which is signed byte for byte."""
    stamp = str(int(world.clock.wall()))
    text = stamp.encode() + body + (b"!" if badly else b"")
    key = _private(world.credentials["sendgrid_webhook_private_key"])
    signature = base64.b64encode(key.sign(text, ec.ECDSA(hashes.SHA256()))).decode()
    return f"{SIGNATURE}: {signature}\r\n{TIMESTAMP}: {stamp}\r\n".encode()


class SendGridEvents:
    """Plans what becomes of accepted mails and tells it."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._queue: deque[tuple[int, dict[str, Any]]] = deque()
        self._ready = asyncio.Semaphore(0)
        self._poster = Poster()
        self._tasks: set[asyncio.Task[None]] = set()
        world.schedule.handlers["mail_step"] = self._happen
        world.schedule.handlers["mail_post"] = self._enqueue
        world.mails.listeners.append(self.accepted)

    @property
    def on(self) -> bool:
        """Whether the webhook is switched on: always so with --demo."""
        return self.world.options.demo or bool(self.world.faults.now["sendgrid"]["events"]["on"])

    async def start(self) -> None:
        """Start the workers."""
        for _ in range(WORKERS):
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Cut what is under way; durable timers bring it back."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._poster.close()

    async def restart(self) -> None:
        """Forget what waits and begin anew."""
        await self.stop()
        self._queue.clear()
        self._ready = asyncio.Semaphore(0)
        await self.start()

    def accepted(self, message_id: str, mail: Mail) -> None:
        """Decide what becomes of each recipient of an accepted request; recipients alike share their
        timers."""
        if not self.on:
            return
        world, demo = self.world, self.world.customers.mode == "demo"
        alike: dict[str, list[int]] = {}
        parts = mail["personalizations"]
        for index, part in enumerate(parts):
            fate = mail_fates.fate_of(part["to"][0]["email"], world.seed, demo=demo)
            alike.setdefault(fate, []).append(index)
        for fate, indexes in alike.items():
            world.ledger.append(
                "mail_fates", message_id=message_id, fate=fate, status=mail_fates.true_status(fate),
                attempts=[(parts[index].get("custom_args") or {}).get("attempt", "") for index in indexes],
            )  # fmt: skip
            self._plan(message_id, fate, 0, indexes)

    def _plan(self, message_id: str, fate: str, step: int, indexes: list[int]) -> None:
        steps = mail_fates.FATES[fate]
        if step < len(steps):
            due = self.world.clock.real() + steps[step][1] / self.world.speed
            data = {"id": message_id, "fate": fate, "step": step, "of": indexes}
            self.world.schedule.add(due, "mail_step", data)

    def _happen(self, timer_id: int, data: dict[str, Any]) -> None:
        """One step of a fate: its events are to be told, and the next step comes."""
        world, conf = self.world, self.world.faults.now["sendgrid"]["events"]
        mail = world.mails.load(data["id"])
        name, _, fields = mail_fates.FATES[data["fate"]][data["step"]]
        last = data["step"] == len(mail_fates.FATES[data["fate"]]) - 1
        world.schedule.done(timer_id)
        if mail is None:
            return
        told: dict[float, list[Told]] = {}
        for index in data["of"]:
            who = mails.recipient(data["id"], mail, index)
            event = (who.args.get("attempt", ""), self._event(mail, data, who, name, fields))
            if world.faults.hit(conf["drop"]) or (last and world.faults.hit(conf["drop_final"])):
                world.ledger.append("mail_news", answer=None, error="dropped", events=[brief(event)])
                continue
            for _ in range(2 if world.faults.hit(conf["duplicate"]) else 1):
                wait = world.faults.spread(conf["shuffle_seconds"]) if conf["shuffle"] else 0.0
                wait += conf["delay_seconds"] if world.faults.hit(conf["delay_rate"]) else 0.0
                told.setdefault(round(wait, 1), []).append(event)
        for wait, events in told.items():
            self._tell(events, wait)
        if name == "delivered":
            world.mail_readers.reached(data["id"], mail, data["of"])
        self._plan(data["id"], data["fate"], data["step"] + 1, data["of"])

    def _tell(self, events: list[Told], wait: float) -> None:
        """Split into posts of any size up to the most, so that one has one event and another two thousand."""
        size, now = int(self.world.faults.now["sendgrid"]["events"]["batch"]), self.world.clock.real()
        draw = random.Random(f"{self.world.seed}:{events[0][1]['sg_event_id']}")
        draw.shuffle(events)
        while events:
            many = size or draw.choice((1, 7, 100, 1000, MOST_EVENTS))
            some, events = events[:many], events[many:]
            self.world.schedule.add(now + wait, "mail_post", {"events": some, "tries": 0, "since": now})

    def _event(
        self, mail: Mail, data: dict[str, Any], who: mails.Recipient, name: str, fields: dict[str, str]
    ) -> dict[str, Any]:
        world, conf = self.world, self.world.faults.now["sendgrid"]["events"]
        at = f"{data['id']}-{who.index}-{data['step']}"
        event: dict[str, Any] = {
            "email": who.email,
            "timestamp": int(world.clock.wall()),
            "event": name,
            "sg_event_id": base64.urlsafe_b64encode(at.encode()).decode(),
            "sg_message_id": who.sg_message_id,
            **who.args,
            # Deferred events have an `attempt` of their own, the number of a try, above any argument.
            **{key: _TYPED.get(key, str)(value) for key, value in fields.items()},
        }
        if name in ("processed", "deferred", "delivered", "bounce", "dropped"):
            headers = {key.lower(): value for key, value in who.headers.items()}
            event["smtp-id"] = headers.get("message-id", f"<{data['id']}@geopod-ismtpd-1>")
        categories = mail.get("categories") or (["campaign"] if world.faults.hit(conf["category"]) else [])
        if categories:
            event["category"] = categories[0] if who.index % 2 else list(categories)
        bare = data["fate"] == "bare"
        if name == "bounce" and (bare or world.faults.hit(conf["bare_bounce"])):
            for key in (*who.args, "smtp-id"):
                event.pop(key, None)
            if bare or world.faults.hit(conf["bare_bounce_no_id"]):
                event.pop("sg_message_id")
        if world.faults.hit(conf["unknown_field"]):
            event["future_field"] = {"added": "without notice"}
        return event

    def _enqueue(self, timer_id: int, data: dict[str, Any]) -> None:
        self._queue.append((timer_id, data))
        self._ready.release()

    async def _work(self) -> None:
        while True:
            await self._ready.acquire()
            await asyncio.sleep(GATHER_SECONDS)
            taken = [self._queue.popleft()]
            count = len(taken[0][1]["events"])
            while self._queue and count + len(self._queue[0][1]["events"]) <= MOST_EVENTS:
                if self._ready.locked():
                    break
                await self._ready.acquire()
                taken.append(self._queue.popleft())
                count += len(taken[-1][1]["events"])
            try:
                await self._post(taken)
            except Exception:  # the durable timers stay; this worker goes on
                log.exception("a batch of events failed inside the sandbox")

    async def _post(self, taken: list[tuple[int, dict[str, Any]]]) -> None:
        world, conf = self.world, self.world.faults.now["sendgrid"]["events"]
        events = [event for _, data in taken for event in data["events"]]
        body = f"[{_BETWEEN.join(compact(event) for _, event in events)}]\r\n".encode()
        headers = b"Content-Type: application/json\r\nUser-Agent: SendGrid Event API\r\n"
        headers += signed(world, body, badly=world.faults.hit(conf["bad_signature"]))
        status, error, generation = None, "", world.generation
        try:
            answer = await self._poster.post(
                world.mail_events_url(), headers, body, connect_seconds=5.0, total_seconds=TIMEOUT_SECONDS
            )
            status = answer.status
        except (BadAnswer, OSError, ValueError, TimeoutError) as problem:
            error = f"{type(problem).__name__}: {problem}"[:200]
        if generation != world.generation:
            return
        world.ledger.append("mail_news", answer=status, error=error, events=[brief(each) for each in events])
        taken_well = status is not None and 200 <= status < 300
        for timer_id, data in taken:
            world.schedule.done(timer_id)
            if not taken_well:
                self._again(data)

    def _again(self, data: dict[str, Any]) -> None:
        world, tries = self.world, data["tries"]
        now = world.clock.real()
        if now - data["since"] < GIVE_UP_SECONDS / world.speed:
            wait = max(0.1, FIRST_RETRY_SECONDS * 2 ** min(tries, 10) / world.speed)
            world.schedule.add(now + wait, "mail_post", {**data, "tries": tries + 1})


def brief(told: Told) -> list[str]:
    """An event as the ledger has it: its attempt, whatever it said; then id, mailbox, name, type, reason."""
    attempt, event = told
    names = ("sg_event_id", "email", "event", "type", "reason")
    return [attempt, *(str(event.get(name, "")) for name in names)]
