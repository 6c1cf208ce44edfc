"""The life of a call from the queue to its end."""

from typing import TYPE_CHECKING

from sandbox.voice import conduct
from sandbox.voice.conduct import Conduct
from sandbox.voice.documents import Broken, Document
from sandbox.voice.leg import COMPLETED, IN_PROGRESS, QUEUED, RINGING, Leg, Over, Redirected
from sandbox.voice.telling import Telling, play

if TYPE_CHECKING:
    from sandbox.voice.exchange import Exchange

SETUP_SECONDS = 0.5  # from dialling to the first ring
DEFAULT_TIMEOUT_SECONDS = 60
PERSON_SECONDS, MACHINE_SECONDS, SILENCE_SECONDS = 2.6, 4.0, 5.0
DIGIT_SECONDS = 0.5


async def outbound(exchange: "Exchange", leg: Leg, queue_seconds: float) -> None:
    """A call the product has placed."""
    try:
        await leg.wait(queue_seconds, real=True)
        timeout = float(leg.wish.get("Timeout") or DEFAULT_TIMEOUT_SECONDS)
        outcome = await ring(exchange, leg, timeout)
        if outcome:
            exchange.end(leg, outcome, by="phone" if outcome == "busy" else "provider")
            return
        answered(exchange, leg)
        if limit := leg.wish.get("TimeLimit"):
            leg.later(float(limit), lambda: exchange.end(leg, COMPLETED, by="time limit"))
        if leg.wish.get("Record") == "true":
            _record(exchange, leg)
        if digits := leg.wish.get("SendDigits", ""):
            exchange.note("dtmf", leg, digits=digits)
            await leg.wait(DIGIT_SECONDS * len(digits))
        if leg.wish.get("MachineDetection") and leg.wish.get("AsyncAmd") != "true":
            found, seconds = detection(leg.conduct, leg.wish)
            await leg.wait(seconds)
            leg.answered_by = found
    except Over:
        return
    except Redirected:
        pass
    await play(exchange, leg, lambda: _first(exchange, leg))


async def _first(exchange: "Exchange", leg: Leg) -> Document:
    if leg.redirect is not None:
        raise Redirected
    url = leg.wish.get("Url", "")
    if not url:
        return exchange.documents.inline(leg, leg.wish["Twiml"])
    document = await exchange.documents.fetch(leg, url, leg.wish.get("Method") or "POST")
    leg.check()
    return document


async def ring(exchange: "Exchange", leg: Leg, patience: float) -> str:
    """Let a phone ring; nothing where it answered, else the final status."""
    exchange.change(leg, "initiated", QUEUED)
    await leg.wait(SETUP_SECONDS)
    kind = leg.conduct
    if kind.answers == conduct.FAILED:
        return "failed"
    if kind.by_hand and any(one.phone == leg.phone for one in exchange.live.values() if one is not leg):
        return "busy"  # a hand holds one call
    exchange.change(leg, "ringing", RINGING)
    if kind.by_hand:
        return "" if await leg.wait(patience, lambda: leg.lifted) else "no-answer"
    if kind.answers == conduct.NO_ANSWER or kind.rings > patience:
        await leg.wait(patience)
        return "no-answer"
    await leg.wait(kind.rings)
    return "busy" if kind.answers == conduct.BUSY else ""


def answered(exchange: "Exchange", leg: Leg) -> None:
    """Somebody, or something, picked up."""
    leg.picked_up()
    exchange.change(leg, "answered", IN_PROGRESS)
    if leg.wish.get("MachineDetection") and leg.wish.get("AsyncAmd") == "true":
        found, seconds = detection(leg.conduct, leg.wish)
        leg.later(seconds, lambda: _detected(exchange, leg, found, seconds))


def _detected(exchange: "Exchange", leg: Leg, found: str, seconds: float) -> None:
    leg.answered_by = found
    exchange.world.store.write("UPDATE calls SET answered_by = ? WHERE n = ?", (found, leg.n))
    exchange.note("detected", leg, answered_by=found, seconds=seconds)
    exchange.news.detected(leg, seconds)


def detection(kind: Conduct, wish: dict[str, str]) -> tuple[str, float]:
    """What machine detection finds, and after how many seconds."""
    patience = float(wish.get("MachineDetectionTimeout") or 30)
    whole = wish.get("MachineDetection") == "DetectMessageEnd"
    heard = kind.detected_as or kind.answers
    if heard == "human":
        return "human", PERSON_SECONDS
    if heard == "machine":
        if not whole:
            return (
                ("machine_start", MACHINE_SECONDS) if patience >= MACHINE_SECONDS else ("unknown", patience)
            )
        greeting = kind.greeting if kind.answers == conduct.MACHINE else MACHINE_SECONDS
        return (
            (f"machine_end_{kind.machine_ends}", greeting) if greeting <= patience else ("unknown", patience)
        )
    return heard, min(patience, MACHINE_SECONDS if heard == "fax" else SILENCE_SECONDS)


def _record(exchange: "Exchange", leg: Leg) -> None:
    exchange.recordings.begin(
        leg,
        "OutboundAPI",
        callback=leg.wish.get("RecordingStatusCallback", ""),
        method=leg.wish.get("RecordingStatusCallbackMethod") or "POST",
        events=leg.wish.get("RecordingStatusCallbackEvent") or [],
        channels=2 if leg.wish.get("RecordingChannels") == "dual" else 1,
    )


async def redirected(exchange: "Exchange", leg: Leg) -> None:
    """A dialled leg that the product took out of its bridge goes its own way."""
    document, leg.redirect = leg.redirect, None
    try:
        await Telling(exchange, leg).run(document)
        exchange.end(leg, COMPLETED, by="product")
    except (Over, Broken):
        return


async def inbound(exchange: "Exchange", leg: Leg) -> None:
    """A customer calls one of our numbers."""
    exchange.change(leg, "ringing", RINGING)
    number = exchange.world.numbers[leg.to]
    leg.wish["FallbackUrl"] = number.get("voice_fallback_url", "")
    if leg.conduct.gives_up_after is not None:
        leg.later(leg.conduct.gives_up_after, lambda: leg.hang_up() if leg.answered_at is None else None)
    url = exchange.world.voice_url(leg.to)
    method = number.get("voice_method", "POST")

    async def first() -> Document:
        document = await exchange.documents.fetch(leg, url, method)
        leg.check()
        return document

    await play(exchange, leg, first)
