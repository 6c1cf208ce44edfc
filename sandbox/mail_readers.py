"""Simulated readers of mails: who follows a link, unsubscribes by the mail program's button, or answers.

They use what stands in the mail itself: its links, its List-Unsubscribe header, its Reply-To. Beside them
work the scanners of some mail servers, which follow every link the moment a mail comes.
"""

import asyncio
import random
import re
from email.utils import parseaddr
from html import unescape
from typing import TYPE_CHECKING, Any

import aiohttp

from sandbox import mail_fates, mails, personas, replies
from sandbox.mails import Mail, Shown
from sandbox.sendgrid_inbound import Letter

if TYPE_CHECKING:
    from sandbox.world import World

SCANNED_SHARE, CLICKS, UNSUBSCRIBES, ANSWERS = 0.15, 0.36, 0.008, 0.25  # clicks: of those who open
_ON_THE_ROAD = 0.2  # of those who answer: an automatic reply comes instead
AWAY = "I am out of the office and will answer when I am back."
WROTE = "On Mon, Nov 23, 2026 at 10:04 AM {} wrote:"
HUMAN = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148"
)
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"
_HREF = re.compile(r"https?://[^\s\"'<>)]+")


class MailReaders:
    """Acts for whoever has got a mail; in mode `silent` nobody does anything."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._tasks: set[asyncio.Task[Any]] = set()
        world.schedule.handlers["mail_act"] = self._act

    async def stop(self) -> None:
        """Cut what is under way."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def reached(self, message_id: str, mail: Mail, indexes: list[int]) -> None:
        """These recipients have got the mail: decide now, act later."""
        if self.world.customers.mode != "demo":
            return
        for index in indexes:
            email = mail["personalizations"][index]["to"][0]["email"]
            rng = random.Random(f"{self.world.seed}:reader:{email}:{message_id}")
            if rng.random() < SCANNED_SHARE:
                self._plan("scan", message_id, index, 2.0)
            opens = mail_fates.fate_of(email, self.world.seed, demo=True) == "opens"
            if opens and rng.random() < CLICKS:
                self._plan("click", message_id, index, 600 * rng.lognormvariate(0.0, 1.0))
            if rng.random() < UNSUBSCRIBES:
                self._plan("unsubscribe", message_id, index, 900 * rng.lognormvariate(0.0, 1.0))
            elif rng.random() < ANSWERS:
                self._plan("answer", message_id, index, 1200 * rng.lognormvariate(0.0, 1.0))

    def _plan(self, do: str, message_id: str, index: int, seconds: float) -> None:
        due = self.world.clock.real() + seconds / self.world.speed
        self.world.schedule.add(due, "mail_act", {"do": do, "id": message_id, "index": index})

    def _act(self, timer_id: int, data: dict[str, Any]) -> None:
        self.world.schedule.done(timer_id)
        mail = self.world.mails.load(data["id"])
        if mail is not None:
            task = asyncio.create_task(
                self._do(data["do"], mail, mails.shown(data["id"], mail, data["index"]))
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _do(self, do: str, mail: Mail, shown: Shown) -> None:
        try:
            if do == "answer":
                await self._answer(mail, shown)
            elif do == "unsubscribe":
                await self._unsubscribe(shown)
            else:
                await self._follow(shown, scanner=do == "scan")
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            self._note(do, shown, error=type(problem).__name__)

    async def _follow(self, shown: Shown, *, scanner: bool) -> None:
        ours = [url for url in links(shown) if url.startswith(f"{self.world.webhook_base}/l/")]
        for url in ours if scanner else ours[:1]:
            headers = {"User-Agent": SCANNER if scanner else HUMAN}
            async with _session() as http, http.get(url, headers=headers, allow_redirects=False) as answer:
                self._note("scan" if scanner else "click", shown, url=url, answer=answer.status)

    async def _unsubscribe(self, shown: Shown) -> None:
        named = _header(shown, "list-unsubscribe")
        found = re.search(rf"<({re.escape(self.world.webhook_base)}/[^>]+)>", named)
        if found:
            form = {"List-Unsubscribe": "One-Click"}
            async with _session() as http, http.post(found[1], data=form, allow_redirects=False) as answer:
                self._note("unsubscribe", shown, url=found[1], answer=answer.status)

    async def _answer(self, mail: Mail, shown: Shown) -> None:
        world, email = self.world, shown.recipient.email
        who = personas.traits(world.seed, email)
        rng = random.Random(f"{world.seed}:{shown.recipient.sg_message_id}")
        to = parseaddr(shown.reply_to or shown.sender)[1]
        said, intent, subject = AWAY, "automatic", f"Automatic reply: {shown.subject}"
        headers = {"Auto-Submitted": "auto-replied"}
        if rng.random() >= _ON_THE_ROAD:
            key = personas.first_wording(who, rng, 0)
            if key is None:
                return
            name = (shown.recipient.name or "Pat").split()[0]
            said, intent = personas.wording(key, who, rng, name), replies.label(key)
            subject, headers = f"Re: {shown.subject}", {}
        ours = _header(shown, "message-id")
        quoted = "".join(f"> {line}\n" for line in shown.text.splitlines())
        letter = Letter(
            from_=email, to=to, subject=subject, in_reply_to=ours, references=ours, headers=headers,
            intent=intent, body=f"{said}\n\nSent from my iPhone\n\n{WROTE.format(to)}\n{quoted}",
        )  # fmt: skip
        await world.mail_inbound.deliver(letter)

    def _note(self, do: str, shown: Shown, **more: Any) -> None:
        to, attempt = shown.recipient.email, shown.recipient.args.get("attempt", "")
        self.world.ledger.append("mail_act", do=do, to=to, attempt=attempt, **more)


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15), trust_env=False)


def _header(shown: Shown, wanted: str) -> str:
    return next((str(value) for name, value in shown.recipient.headers.items() if name.lower() == wanted), "")


def links(shown: Shown) -> list[str]:
    """Every address in the mail, once, in order."""
    found = _HREF.findall(f"{shown.text}\n{unescape(shown.html)}")
    return list(dict.fromkeys(url.rstrip(".,") for url in found))
