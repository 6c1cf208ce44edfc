"""Webhooks to the product: signed form posts with Twilio's timeouts, retry and idempotency token."""

import asyncio
import logging
import uuid
import xml.etree.ElementTree as ET
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urldefrag, urlencode

from sandbox import magic
from sandbox.http_post import BadAnswer, Poster
from sandbox.signing import twilio_signature

if TYPE_CHECKING:
    from sandbox.traffic import Live
    from sandbox.world import World

log = logging.getLogger(__name__)
WORKERS = 48
CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
RETRY_AFTER_SECONDS = 1.0
FINAL = frozenset({"delivered", "undelivered", "failed", "canceled", "read"})
REVERSED_BY_SECONDS = 0.3
API_VERSION = "2010-04-01"


@dataclass(frozen=True, slots=True)
class Answer:
    """How the product took a webhook: `status` None when no answer came, then `error` says why."""

    status: int | None
    error: str
    seconds: float
    body: str
    sent_at: float
    answered_at: float
    content_type: str = ""


class Webhooks:
    """Status callbacks through a pool of workers; inbound texts each on their own."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._queue: deque[tuple[int, dict[str, Any]]] = deque()
        self._ready = asyncio.Semaphore(0)
        self._poster = Poster()
        self._tasks: set[asyncio.Task[None]] = set()
        world.schedule.handlers["callback"] = self._enqueue
        world.schedule.handlers["inbound"] = self._start_inbound

    async def start(self) -> None:
        """Start the workers."""
        for _ in range(WORKERS):
            self._keep(asyncio.create_task(self._work()))

    async def stop(self) -> None:
        """Cancel what runs; durable timers bring it back at the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        self._poster.close()

    async def restart(self) -> None:
        """Cut what is under way, forget what waits, begin anew."""
        self._queue.clear()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._poster.close()
        self._ready = asyncio.Semaphore(0)
        await self.start()

    def announce(self, live: "Live", status: str, code: int | None) -> None:
        """Plan the callback(s) for a status change, faults and magic included."""
        world, faults = self.world, self.world.faults
        conf, trick = faults.now["callbacks"], magic.of(live.to).behaviour
        if trick == magic.NO_CALLBACKS or faults.hit(conf["drop"]):
            world.ledger.append(
                "callback", sid=live.sid, to=live.to, status=status, answer=None, error="dropped"
            )
            return
        if status in FINAL and faults.hit(conf["drop_final"]):
            world.ledger.append(
                "callback", sid=live.sid, to=live.to, status=status, answer=None, error="dropped"
            )
            return
        due = world.clock.real()
        if status == "sent" and live.plan and (conf["reverse"] or trick == magic.REVERSED):
            due = live.plan[0][0] + REVERSED_BY_SECONDS
        if conf["shuffle"]:
            due += faults.spread(conf["shuffle_seconds"])
        if faults.hit(conf["delay_rate"]):
            due += conf["delay_seconds"]
        data: dict[str, Any] = {
            "url": live.callback,
            "sid": live.sid,
            "status": status,
            "to": live.to,
            "from": live.sender,
            "code": code,
            "service": live.service,
            "done": world.clock.wall() if status in ("delivered", "undelivered") else None,
        }
        if faults.hit(conf["unknown_field"]):
            data["unknown"] = True
        if faults.hit(conf["bad_signature"]):
            data["bad_signature"] = True
        copies = 3 if trick == magic.TRIPLED or faults.hit(conf["duplicate"]) else 1
        for _ in range(copies):
            world.schedule.add(due, "callback", data)

    def callback_fields(self, data: dict[str, Any]) -> list[tuple[str, str]]:
        """The form of a status callback."""
        fields = [
            ("MessageSid", data["sid"]),
            ("SmsSid", data["sid"]),
            ("MessageStatus", data["status"]),
            ("SmsStatus", data["status"]),
            ("To", data["to"]),
            ("From", data["from"]),
            ("AccountSid", self.world.credentials["account_sid"]),
            ("ApiVersion", API_VERSION),
        ]
        if data.get("service"):
            fields.append(("MessagingServiceSid", data["service"]))
        if data["code"] is not None:
            fields.append(("ErrorCode", str(data["code"])))
        if data.get("done"):
            fields.append(
                ("RawDlrDoneDate", datetime.fromtimestamp(data["done"], UTC).strftime("%y%m%d%H%M"))
            )
        if data.get("unknown"):
            fields.append(("FutureField", "added without notice"))
        return fields

    async def post(
        self,
        url: str,
        fields: list[tuple[str, str]],
        token: str,
        *,
        bad_signature: bool = False,
        method: str = "POST",
    ) -> Answer:
        """POST a signed form, or GET with its fields in the signed query; never raises. The fragment of `url`
        is neither sent nor signed."""
        secret = "wrong" if bad_signature else self.world.credentials["auth_token"]
        target, form = urldefrag(url).url, urlencode(fields)
        if method == "GET" and form:
            target += ("&" if "?" in target else "?") + form
        if method == "GET":
            fields, form = [], ""
        headers = (
            f"X-Twilio-Signature: {twilio_signature(secret, target, fields)}\r\n"
            f"I-Twilio-Idempotency-Token: {token}\r\n"
            "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
            "Accept: */*\r\nUser-Agent: TwilioProxy/1.1\r\n"
        ).encode()
        clock, body, status, error, kind = self.world.clock, "", None, "", ""
        sent_at = clock.real()
        try:
            answer = await self._poster.post(
                target,
                headers,
                form.encode(),
                connect_seconds=CONNECT_SECONDS,
                total_seconds=READ_SECONDS,
                method=method,
            )
            status, body, kind = answer.status, answer.body.decode(errors="replace"), answer.content_type
        except TimeoutError:
            error = "timeout"
        except (BadAnswer, OSError, ValueError) as problem:
            error = f"{type(problem).__name__}: {problem}"[:200]
        answered_at = clock.real()
        return Answer(status, error, round(answered_at - sent_at, 6), body, sent_at, answered_at, kind)

    def retries(self, url: str) -> int:
        """How many retries a failed webhook gets: the fragment's `rc`, else the default."""
        values = parse_qs(urldefrag(url).fragment).get("rc")
        if values and values[0].isdigit():
            return min(5, int(values[0]))
        return int(self.world.faults.now["webhook_retries"])

    def _enqueue(self, timer_id: int, data: dict[str, Any]) -> None:
        self._queue.append((timer_id, data))
        self._ready.release()

    async def _work(self) -> None:
        while True:
            await self._ready.acquire()
            timer_id, data = self._queue.popleft()
            try:
                await self._deliver_callback(timer_id, data)
            except Exception:  # the durable timer stays; this worker goes on with the next callback
                log.exception("callback %s failed inside the sandbox", data)

    async def _deliver_callback(self, timer_id: int, data: dict[str, Any]) -> None:
        world = self.world
        token, tries = data.get("token") or str(uuid.uuid4()), data.get("tries", 0)
        answer = await self.post(
            data["url"], self.callback_fields(data), token, bad_signature=bool(data.get("bad_signature"))
        )
        world.ledger.append(
            "callback",
            sid=data["sid"],
            attempt=urldefrag(data["url"]).url.rsplit("/", 1)[-1],
            to=data["to"],
            status=data["status"],
            code=data["code"],
            tries=tries + 1,
            token=token,
            answer=answer.status,
            error=answer.error,
            seconds=answer.seconds,
        )
        world.schedule.done(timer_id)
        if failed(answer) and tries < self.retries(data["url"]):
            world.schedule.add(self._retry_at(), "callback", {**data, "token": token, "tries": tries + 1})

    def _retry_at(self) -> float:
        return self.world.clock.real() + max(0.1, RETRY_AFTER_SECONDS / self.world.speed)

    # --- inbound ---------------------------------------------------------------------------------

    def _start_inbound(self, timer_id: int, data: dict[str, Any]) -> None:
        self._keep(asyncio.create_task(self._inbound_task(timer_id, data)))

    async def _inbound_task(self, timer_id: int, data: dict[str, Any]) -> None:
        await self.deliver_inbound(timer_id, data)

    async def deliver_inbound(self, timer_id: int, data: dict[str, Any]) -> Answer:
        """Post one customer's text to the number's SmsUrl and record the answer; plans the retry."""
        world = self.world
        row = world.store.read("SELECT * FROM messages WHERE n = ?", (data["n"],))[0]
        number, phone = row["recipient"], row["sender"]
        url = world.numbers[number]["sms_url"] or f"{world.webhook_base}/webhooks/twilio/messages/inbound"
        token, tries = data.get("token") or str(uuid.uuid4()), data.get("tries", 0)
        fields = world.customers.inbound_fields(row, world.traffic.sid(row["n"]))
        generation = world.generation
        answer = await self.post(url, fields, token)
        if generation != world.generation:
            return answer  # a reset came between: the row is gone
        world.ledger.append(
            "inbound",
            sid=world.traffic.sid(row["n"]),
            **{"from": phone},
            to=number,
            body=row["body"],
            intent=row["intent"],
            tries=tries + 1,
            token=token,
            sent_at=answer.sent_at,
            answered_at=answer.answered_at,
            seconds=answer.seconds,
            answer=answer.status,
            error=answer.error,
        )
        world.schedule.done(timer_id)
        if failed(answer) and tries < self.retries(url):
            world.schedule.add(
                self._retry_at(), "inbound", {"n": row["n"], "token": token, "tries": tries + 1}
            )
        elif answer.status == 200:
            self._obey_twiml(answer.body, number, phone)
        return answer

    def _obey_twiml(self, body: str, number: str, phone: str) -> None:
        if not body.strip():
            return
        try:
            root = ET.fromstring(body)
        except ET.ParseError:
            self.world.ledger.append(
                "twiml", to=phone, code=12100, error="Document parse failure", body=body[:500]
            )
            return
        for message in root.iter("Message"):
            text = (message.findtext("Body") or message.text or "").strip()
            if (number, phone) not in self.world.traffic.optouts:
                self.world.traffic.provider_reply(number, phone, text, kind="twiml_reply")

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def failed(answer: Answer) -> bool:
    """Whether Twilio would try again: no answer, or a 5xx."""
    return answer.status is None or answer.status >= 500
