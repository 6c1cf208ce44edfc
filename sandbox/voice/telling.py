"""Playing a document to a leg, verb by verb."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp

from sandbox.signing import twilio_signature
from sandbox.voice.conduct import MACHINE
from sandbox.voice.documents import FETCH_FAILED, Broken, Document
from sandbox.voice.leg import COMPLETED, IN, IN_PROGRESS, Leg, Over, Redirected
from sandbox.voice.markup import Verb

if TYPE_CHECKING:
    from sandbox.voice.exchange import Exchange

CHARACTERS_PER_SECOND = 15.0
PLAYED_SECONDS = 10.0  # of any file: nobody listens to what is in it
PLAY_FETCH_SECONDS = 15.0
APOLOGY = "An application error has occurred. Goodbye."
ENDLESS = 1000  # what loop="0" means


class Hung(Exception):
    """The document said so."""


class Telling:
    """One leg's script, through all the documents that follow one another."""

    def __init__(self, exchange: "Exchange", leg: Leg, *, may_dial: bool = True) -> None:
        self.exchange, self.leg, self.may_dial = exchange, leg, may_dial
        self.world = exchange.world
        self._verbs: dict[str, Callable[[Verb, str], Any]] = {
            "Say": self._say,
            "Play": self._play,
            "Pause": self._pause,
            "Gather": self._gather,
            "Record": self._record,
            "Dial": self._dial,
            "Redirect": self._redirect,
            "Hangup": self._hangup,
            "Reject": self._reject,
        }

    async def run(self, document: Document | None) -> bool:
        """Play it and whatever follows. True at its end, False where it ended by Hangup or an error.

        Raises Over when the leg ended meanwhile.
        """
        while document is not None:
            try:
                document = await self._perform(document)
            except Redirected:
                document, self.leg.redirect = self.leg.redirect, None
            except Hung:
                return False
            except Broken:
                await self.apologise()
                return False
        return True

    async def apologise(self) -> None:
        """What callers hear where no document can be played."""
        if self.leg.over:
            raise Over
        self.pick_up()
        await self._speak("provider", APOLOGY, len(APOLOGY) / CHARACTERS_PER_SECOND, False)

    async def _perform(self, document: Document) -> Document | None:
        for verb in document.verbs:
            self.leg.check()
            waits = verb.name == "Dial" and verb.get("answerOnBridge") == "true"
            if verb.name != "Reject" and not waits:
                self.pick_up()
            following: Document | None = await self._verbs[verb.name](verb, document.url)
            if following is not None:
                return following
        self.leg.check()
        return None

    def pick_up(self) -> None:
        """An inbound call is answered by the first verb that needs it."""
        if self.leg.direction == IN and self.leg.answered_at is None:
            self.leg.picked_up()
            self.exchange.change(self.leg, "answered", IN_PROGRESS)

    async def follow(self, base: str, verb: Verb, extra: list[tuple[str, str]]) -> Document:
        """The document of a verb's action."""
        url = self.exchange.documents.join(base, verb.get("action"))
        document = await self.exchange.documents.fetch(self.leg, url, verb.get("method", "POST"), extra)
        self.leg.check()
        return document

    # --- words -----------------------------------------------------------------------------------

    async def _say(self, verb: Verb, _base: str, until: Callable[[], Any] | None = None) -> None:
        for _ in range(_loops(verb)):
            if await self._speak("say", verb.text, len(verb.text) / CHARACTERS_PER_SECOND, until):
                return

    async def _play(self, verb: Verb, base: str, until: Callable[[], Any] | None = None) -> None:
        if verb.get("digits"):
            self.exchange.note("dtmf", self.leg, digits=verb.get("digits"))
            return
        url = self.exchange.documents.join(base, verb.text)
        status = await self._file(url)
        if status != 200:
            self.exchange.documents.wrong(
                self.leg, url, FETCH_FAILED, f"Play: HTTP retrieval failure: {status}"
            )
            return
        for _ in range(_loops(verb)):
            if await self._speak("play", url, PLAYED_SECONDS, until):
                return

    async def _file(self, url: str) -> int | None:
        signature = twilio_signature(self.world.credentials["auth_token"], url, [])
        timeout = aiohttp.ClientTimeout(total=PLAY_FETCH_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as http,
                http.get(url, headers={"X-Twilio-Signature": signature}) as answer,
            ):
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None

    async def _speak(self, by: str, words: str, seconds: float, until: Any) -> bool:
        """Let the far end hear something; True where `until()` cut it short."""
        leg, began, cut, whole = self.leg, self.leg.recorded_seconds, False, False
        leg.hearing = words
        try:
            cut = await leg.wait(seconds, until) if until else await leg.wait(seconds)
            whole = not cut
        finally:
            leg.hearing, tape = "", ""
            if leg.conduct.answers == MACHINE:
                tape = "whole" if began >= 0 else "part" if leg.recorded_seconds > 0 else "none"
                if tape != "none":
                    leg.tape.append(words if tape == "whole" else f"… {words}")
            self.exchange.heard(leg, by, words, seconds, whole, tape)
        return cut

    async def _pause(self, verb: Verb, _base: str, until: Callable[[], Any] | None = None) -> None:
        seconds = float(verb.number("length", 1))
        await (self.leg.wait(seconds, until) if until else self.leg.wait(seconds))

    # --- keys and recordings ---------------------------------------------------------------------

    async def _gather(self, verb: Verb, base: str) -> Document | None:
        leg, finish = self.leg, verb.attributes.get("finishOnKey", "#")
        most, timeout = verb.number("numDigits", ENDLESS), float(verb.number("timeout", 5))
        leg.keys.clear()
        leg.collecting = True
        leg.asked()
        digits, finished = "", ""
        try:
            for child in verb.children:
                await getattr(self, f"_{child.name.lower()}")(child, base, lambda: leg.keys)
                if leg.keys:
                    break
            while len(digits) < most and await leg.wait(timeout, lambda: leg.keys):
                key = leg.keys.popleft()
                if key == finish:
                    finished = key
                    break
                digits += key
        finally:
            leg.collecting = False
        self.exchange.note("gathered", leg, digits=digits)
        if "9" in digits and leg.phone not in self.world.numbers:
            self.exchange.phones.stopped(leg.phone)
        if not digits and verb.get("actionOnEmptyResult") != "true":
            return None
        extra = [("Digits", digits), ("msg", "Gather End")]
        if finished:
            extra.append(("FinishedOnKey", finished))
        return await self.follow(base, verb, extra)

    async def _record(self, verb: Verb, base: str) -> Document | None:
        leg, stops = self.leg, verb.attributes.get("finishOnKey", "1234567890*#")
        most, silence = float(verb.number("maxLength", 3600)), float(verb.number("timeout", 5))
        if leg.conduct.speaks <= 0 and not leg.conduct.by_hand:
            await leg.wait(silence)
            return None  # nothing was said: on to the next verb
        n = self.exchange.recordings.begin(
            leg,
            "RecordVerb",
            callback=self._callback(base, verb.get("recordingStatusCallback")),
            method=verb.get("recordingStatusCallbackMethod", "POST"),
            events=verb.get("recordingStatusCallbackEvent").split(),
            channels=1,
        )
        leg.keys.clear()
        leg.collecting = True
        speaks = most if leg.conduct.by_hand else min(most, leg.conduct.speaks)
        key = ""
        try:
            if await leg.wait(speaks, lambda: leg.keys and leg.keys[0] in stops):
                key = leg.keys.popleft()
            elif speaks < most:
                await leg.wait(silence)
        except Over:
            extra = [*self.exchange.recordings.fields(n), ("Digits", "hangup")]
            url = self.exchange.documents.join(base, verb.get("action"))
            await self.exchange.documents.tell(leg, url, verb.get("method", "POST"), extra)
            raise
        finally:
            leg.collecting = False
        self.exchange.recordings.finish(leg, n)
        return await self.follow(base, verb, [*self.exchange.recordings.fields(n), ("Digits", key)])

    def _callback(self, base: str, url: str) -> str:
        return self.exchange.documents.join(base, url) if url else ""

    # --- ways on ---------------------------------------------------------------------------------

    async def _dial(self, verb: Verb, base: str) -> Document | None:
        from sandbox.voice.dialing import Dialing

        if not self.may_dial:
            self.exchange.documents.wrong(self.leg, base, 13201, "Dial: Cannot Dial out from a Dial Segment")
            raise Broken
        return await Dialing(self, verb, base).run()

    async def _redirect(self, verb: Verb, base: str) -> Document:
        url = self.exchange.documents.join(base, verb.text)
        document = await self.exchange.documents.fetch(self.leg, url, verb.get("method", "POST"))
        self.leg.check()
        return document

    async def _hangup(self, _verb: Verb, _base: str) -> None:
        raise Hung

    async def _reject(self, verb: Verb, _base: str) -> None:
        if self.leg.direction == IN and self.leg.answered_at is None:
            busy = verb.get("reason") == "busy"
            self.exchange.end(self.leg, "busy" if busy else "no-answer", by="product")
            raise Over
        raise Hung


def _loops(verb: Verb) -> int:
    return verb.number("loop", 1) or ENDLESS if "loop" in verb.attributes else 1


async def play(exchange: "Exchange", leg: Leg, first: Any) -> None:
    """Fetch the first document (`first` is a coroutine function), play all, end the leg."""
    telling = Telling(exchange, leg)
    try:
        try:
            document: Document | None = await first()
        except Broken:
            await telling.apologise()
        except Redirected:
            document, leg.redirect = leg.redirect, None
            await telling.run(document)
        else:
            await telling.run(document)
        telling.pick_up()
        exchange.end(leg, COMPLETED, by="product")
    except Over:
        return
