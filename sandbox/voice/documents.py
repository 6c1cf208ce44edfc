"""Fetching the documents that steer a call, and noting what is wrong with them."""

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin

from sandbox.traffic import attempt_of
from sandbox.voice import markup
from sandbox.voice.leg import QUEUED, Leg
from sandbox.voice.news import call_fields

if TYPE_CHECKING:
    from sandbox.voice.exchange import Exchange
    from sandbox.webhooks import Answer

FETCH_FAILED, CONNECTION_FAILED = 11200, 11205
MOST_DOCUMENTS = 200  # of one call; ours, against scripts that redirect for ever
KEPT_CHARACTERS = 4000


class Broken(Exception):
    """No document to go on with: the call ends."""


@dataclass(frozen=True, slots=True)
class Document:
    """Verbs, and the address against which their relative ones resolve."""

    url: str
    verbs: tuple[markup.Verb, ...]


class Documents:
    """Signed requests with Twilio's 15 s, one retry of a failed connection, and the fallback URL."""

    def __init__(self, exchange: "Exchange") -> None:
        self.exchange = exchange

    def inline(self, leg: Leg, body: str) -> Document:
        """A document that came with the call itself. Raises Broken."""
        try:
            return Document("", markup.parse(body, "text/xml"))
        except markup.Refused as wrong:
            self.wrong(leg, "", wrong.code, wrong.message, body)
            raise Broken from wrong

    async def fetch(
        self, leg: Leg, url: str, method: str = "POST", extra: list[tuple[str, str]] | None = None
    ) -> Document:
        """The document at `url`, asked with the call's fields and `extra`. Raises Broken."""
        leg.documents += 1
        if leg.documents > MOST_DOCUMENTS:
            self.wrong(leg, url, FETCH_FAILED, "too many documents in one call", "")
            raise Broken
        try:
            return await self._ask(leg, url, method, extra or [])
        except markup.Refused as wrong:
            fallback = leg.wish.get("FallbackUrl", "")
            if not fallback or fallback == url:
                raise Broken from wrong
            also = [("ErrorCode", str(wrong.code)), ("ErrorUrl", url)]
            try:
                return await self._ask(leg, fallback, leg.wish.get("FallbackMethod", "POST"), also)
            except markup.Refused as again:
                raise Broken from again

    async def tell(self, leg: Leg, url: str, method: str, extra: list[tuple[str, str]]) -> None:
        """Ask without doing what is answered: the caller has gone."""
        answer, _ = await self._post(leg, url, method, extra)
        self._note(leg, url, extra, answer, None, "ignored: the call is over")

    async def _ask(self, leg: Leg, url: str, method: str, extra: list[tuple[str, str]]) -> Document:
        answer, repeated = await self._post(leg, url, method, extra)
        try:
            if answer.status is None:
                raise markup.Refused(CONNECTION_FAILED, f"HTTP connection failure: {answer.error}")
            if not 200 <= answer.status < 300:
                raise markup.Refused(FETCH_FAILED, f"HTTP retrieval failure: {answer.status}")
            verbs = markup.parse(answer.body, answer.content_type)
        except markup.Refused as wrong:
            self._note(leg, url, extra, answer, wrong.code, wrong.message, repeated)
            self.wrong(leg, url, wrong.code, wrong.message, answer.body)
            raise
        self._note(leg, url, extra, answer, None, "", repeated)
        return Document(urldefrag(url).url, verbs)

    async def _post(
        self, leg: Leg, url: str, method: str, extra: list[tuple[str, str]]
    ) -> tuple["Answer", bool]:
        world = self.exchange.world
        conf, token = world.faults.now["calls"], str(uuid.uuid4())
        status = "ringing" if leg.status == QUEUED else leg.status
        fields = [*call_fields(world, leg), ("CallStatus", status), *extra]
        if leg.answered_by and "AnsweredBy" not in dict(extra):
            fields.append(("AnsweredBy", leg.answered_by))
        if world.faults.hit(conf["callbacks"]["unknown_field"]):
            fields.append(("FutureField", "added without notice"))
        bad = world.faults.hit(conf["documents"]["bad_signature"])
        repeated = world.faults.hit(conf["documents"]["repeat"])
        post = world.webhooks.post
        if repeated:  # its answer is lost on the way back
            await post(url, fields, token, bad_signature=bad, method=method)
        answer = await post(url, fields, token, bad_signature=bad, method=method)
        if answer.status is None and answer.error != "timeout" and world.webhooks.retries(url):
            answer = await post(url, fields, token, bad_signature=bad, method=method)
        return answer, repeated

    def _note(
        self,
        leg: Leg,
        url: str,
        extra: list[tuple[str, str]],
        answer: "Answer",
        code: int | None,
        error: str,
        repeated: bool = False,
    ) -> None:
        self.exchange.note(
            "call_twiml",
            leg,
            url=url,
            of=attempt_of(urldefrag(url).url),
            fields=dict(extra),
            answer=answer.status,
            seconds=answer.seconds,
            sent_at=answer.sent_at,
            answered_at=answer.answered_at,
            code=code,
            error=error or answer.error,
            repeated=repeated,
            body=answer.body[:KEPT_CHARACTERS],
        )

    def wrong(self, leg: Leg, url: str, code: int, message: str, body: str = "", **facts: Any) -> None:
        """An error that Twilio would show in its debugger."""
        self.exchange.note(
            "call_error", leg, url=url, code=code, message=message, body=body[:KEPT_CHARACTERS], **facts
        )

    @staticmethod
    def join(base: str, url: str) -> str:
        """A relative address against the document it stands in; the document itself where there is none."""
        return urljoin(base, url) if url else base
