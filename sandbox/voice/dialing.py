"""Dial: other phones ring at once, the first to answer is bridged, the product learns how it ended."""

import asyncio
from typing import TYPE_CHECKING, Any

from sandbox.voice import life
from sandbox.voice.documents import Broken, Document
from sandbox.voice.leg import COMPLETED, DIALED, IN, Leg, Over
from sandbox.voice.markup import Verb

if TYPE_CHECKING:
    from sandbox.voice.telling import Telling

INVALID_CALLER, INVALID_NUMBER = 13214, 13223
DEFAULT_TIMEOUT_SECONDS = 30
STAR = "*"


class Dialing:
    """One Dial of one leg."""

    def __init__(self, telling: "Telling", verb: Verb, base: str) -> None:
        self.telling, self.verb, self.base = telling, verb, base
        self.exchange, self.leg = telling.exchange, telling.leg
        self.legs: list[Leg] = []
        self.winner: Leg | None = None
        self.bridged_from: float | None = None
        self.recording: int | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> Document | None:
        """Ring, bridge, wait; the document of the action, None to go on with the next verb. Raises Over."""
        gone: Over | None = None
        try:
            if self._call_all():
                await self._ring_and_talk()
        except Over as over:
            gone = over
        finally:
            self._let_go()
        if not self.verb.get("action"):
            if gone is not None:
                raise gone
            self.telling.pick_up()
            return None
        extra = self._result()
        if gone is not None:
            url = self.exchange.documents.join(self.base, self.verb.get("action"))
            await self.exchange.documents.tell(self.leg, url, self.verb.get("method", "POST"), extra)
            raise gone
        return await self.telling.follow(self.base, self.verb, extra)

    # --- ringing ---------------------------------------------------------------------------------

    def _call_all(self) -> bool:
        world = self.exchange.world
        passed_on = self.leg.sender if self.leg.direction == IN else self.leg.to
        caller = self.verb.get("callerId") or self.leg.sender
        if caller not in world.numbers and caller != passed_on:
            self.exchange.documents.wrong(
                self.leg, self.base, INVALID_CALLER, f"Dial: Invalid callerId {caller}"
            )
            return False
        for number in self.verb.children or (Verb("Number", {}, self.verb.text),):
            to = plain(number.text)
            if not to:
                message = f"Dial: Invalid phone number format {number.text}"
                self.exchange.documents.wrong(self.leg, self.base, INVALID_NUMBER, message)
                continue
            leg = self.exchange.make(DIALED, caller, to, self._wish(number), self.leg)
            self.exchange.note("leg", leg)
            self.legs.append(leg)
        return bool(self.legs)

    def _wish(self, number: Verb) -> dict[str, Any]:
        join = self.exchange.documents.join
        wish: dict[str, Any] = {"NumberUrl": number.get("url"), "Method": number.get("method", "POST")}
        if number.get("statusCallback"):
            wish["StatusCallback"] = join(self.base, number.get("statusCallback"))
            wish["StatusCallbackMethod"] = number.get("statusCallbackMethod", "POST")
            wish["StatusCallbackEvent"] = number.get("statusCallbackEvent", "completed").split()
        if number.get("machineDetection"):
            wish["MachineDetection"] = number.get("machineDetection")
            wish["MachineDetectionTimeout"] = number.get("machineDetectionTimeout", "30")
            wish["AsyncAmd"] = "true"  # a dialled leg is never held back
            url = number.get("amdStatusCallback")
            wish["AsyncAmdStatusCallback"] = join(self.base, url) if url else ""
            wish["AsyncAmdStatusCallbackMethod"] = number.get("amdStatusCallbackMethod", "POST")
        return {key: value for key, value in wish.items() if value}

    async def _ring_and_talk(self) -> None:
        timeout = float(self.verb.number("timeout", DEFAULT_TIMEOUT_SECONDS))
        for leg in self.legs:
            self._tasks.append(self.exchange.spawn(self._ring(leg, timeout)))
        await self.leg.wait(None, lambda: self.winner or all(leg.over for leg in self.legs))
        if self.winner is None:
            return
        for leg in self.legs:
            if leg is not self.winner:
                self.exchange.end(leg, "canceled", by="provider")
        if await self._whisper(self.winner):
            self.telling.pick_up()
            await self._talk(self.winner)

    async def _ring(self, leg: Leg, patience: float) -> None:
        try:
            outcome = await life.ring(self.exchange, leg, patience)
            if outcome:
                self.exchange.end(leg, outcome, by="phone" if outcome == "busy" else "provider")
                return
            if self.winner is None:
                self.winner = leg
            life.answered(self.exchange, leg)
            self.leg.poke()
        except Over:
            self.leg.poke()

    async def _whisper(self, child: Leg) -> bool:
        """What only the answering side hears before the bridge; False where it did not stay."""
        url = child.wish.get("NumberUrl")
        if not url:
            return True
        done: list[bool] = []
        self._tasks.append(self.exchange.spawn(self._whispering(child, str(url), done)))
        await self.leg.wait(None, lambda: done)
        return done[0]

    async def _whispering(self, child: Leg, url: str, done: list[bool]) -> None:
        from sandbox.voice.telling import Telling

        stays = False
        try:
            documents = self.exchange.documents
            document = await documents.fetch(child, documents.join(self.base, url), child.wish["Method"])
            child.check()
            stays = await Telling(self.exchange, child, may_dial=False).run(document)
        except (Over, Broken):
            stays = False
        if not stays:
            self.exchange.end(child, COMPLETED, by="product")
        done.append(stays and not child.over)
        self.leg.poke()

    # --- talking ---------------------------------------------------------------------------------

    async def _talk(self, child: Leg) -> None:
        leg, star = self.leg, self.verb.get("hangupOnStar") == "true"
        if child.over:
            return
        leg.peer, child.peer, self.bridged_from = child, leg, child.seconds
        self.exchange.note("bridge", leg, change="begin", other=child.sid, phones=[leg.phone, child.phone])
        self._record(child)
        self._later_hang_up(child)
        leg.keys.clear()
        try:
            await leg.wait(
                float(self.verb.number("timeLimit", 14_400)),
                lambda: child.over or child.redirect is not None or (star and STAR in leg.keys),
            )
        finally:
            leg.peer = child.peer = None
            if self.recording is not None:
                self.exchange.recordings.finish(leg, self.recording)
            facts = {"other": child.sid, "phones": [leg.phone, child.phone], "seconds": self._talked(child)}
            self.exchange.note("bridge", leg, change="end", **facts)
            if child.redirect is not None and not child.over:
                self.exchange.spawn(life.redirected(self.exchange, child))

    def _record(self, child: Leg) -> None:
        wish = self.verb.get("record", "do-not-record")
        if wish in ("false", "do-not-record"):
            return
        callback = self.verb.get("recordingStatusCallback")
        self.recording = self.exchange.recordings.begin(
            self.leg,
            "DialVerb",
            callback=self.exchange.documents.join(self.base, callback) if callback else "",
            method=self.verb.get("recordingStatusCallbackMethod", "POST"),
            events=self.verb.get("recordingStatusCallbackEvent").split(),
            channels=2 if wish.endswith("dual") else 1,
        )

    def _later_hang_up(self, child: Leg) -> None:
        """Each side ends the talk when it has said all, unless a person holds one of the phones."""
        if self.leg.conduct.by_hand or child.conduct.by_hand:
            return
        for one in (self.leg, child):
            if one.conduct.talks is not None:
                one.later(one.conduct.talks, one.end_talk)

    def _talked(self, child: Leg) -> float:
        return round(child.seconds - (self.bridged_from or 0.0), 2)

    def _let_go(self) -> None:
        for leg in self.legs:
            if leg.redirect is None or leg.over:
                self.exchange.end(
                    leg, COMPLETED if leg.answered_at is not None else "canceled", by="provider"
                )
        for task in self._tasks:
            if not task.done():
                task.cancel()

    def _result(self) -> list[tuple[str, str]]:
        """How it went, in the fields of the action."""
        last = self.winner or (self.legs[-1] if self.legs else None)
        if last is None:
            return [("DialCallStatus", "failed"), ("DialBridged", "false")]
        statuses = {leg.status for leg in self.legs}
        status = last.status
        if self.winner is None and len(statuses) > 1:
            status = "no-answer" if "no-answer" in statuses else "busy"
        extra = [("DialCallStatus", COMPLETED if self.winner else status), ("DialCallSid", last.sid)]
        if self.winner is not None:
            extra.append(("DialCallDuration", str(self.exchange.duration(last) or 0)))
        extra.append(("DialBridged", "true" if self.bridged_from is not None else "false"))
        if self.recording is not None:
            extra += self.exchange.recordings.fields(self.recording)
        return extra


def plain(number: str) -> str:
    """A phone in E.164; US numbers may be written as people do. Nothing where it is none."""
    digits = "".join(c for c in number if c.isdigit())
    if number.startswith("+"):
        return f"+{digits}" if 7 <= len(digits) <= 15 else ""
    if len(digits) == 10:
        return f"+1{digits}"
    return f"+{digits}" if len(digits) == 11 and digits.startswith("1") else ""
