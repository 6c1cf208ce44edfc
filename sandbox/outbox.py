"""The outbox: what was mailed to whom, and each mail as its reader sees it."""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox import mails

if TYPE_CHECKING:
    from sandbox.world import World

REQUESTS = 50
NAMED = 25  # people of one request that are listed
Frame = Callable[..., web.Response]


class Outbox:
    """Pages of requests and of one recipient's mail. `frame` lays a page out, `stamp` writes an instant."""

    def __init__(self, world: "World", frame: Frame, stamp: Callable[[float], str]) -> None:
        self._world, self._frame, self._stamp = world, frame, stamp

    async def requests(self, _request: web.Request) -> web.Response:
        """GET /outbox: what the product asked SendGrid to send, newest first."""
        parts = []
        for message_id, wall, mail in self._world.mails.newest(REQUESTS):
            people = mail["personalizations"]
            first = mails.shown(message_id, mail, 0)
            links = ", ".join(
                f'<a href="/outbox/{message_id}/{place}">{escape(part["to"][0]["email"])}</a>'
                for place, part in enumerate(people[:NAMED])
            )
            more = f" and {len(people) - NAMED:,} more" if len(people) > NAMED else ""
            parts.append(
                f"<h2>{escape(first.subject)}</h2>"
                f'<p class="quiet">{self._stamp(wall)} · from {escape(first.sender)} · to {links}{more}</p>'
                f'<p class="words">{escape(first.text)}</p>'
            )
        return self._frame("Outbox", "".join(parts) or "<p>No mail yet.</p>", "/outbox")

    async def one(self, request: web.Request) -> web.Response:
        """GET /outbox/{id}/{place}: one recipient's mail, both parts. Its HTML runs nothing."""
        message_id, place = request.match_info["id"], int(request.match_info["place"])
        mail = self._world.mails.load(message_id)
        if mail is None or place >= len(mail["personalizations"]):
            raise web.HTTPNotFound(text="There is no such mail.")
        seen, last = mails.shown(message_id, mail, place), len(mail["personalizations"]) - 1
        facts = [
            ("From", seen.sender),
            ("Reply to", seen.reply_to),
            ("To", f"{seen.recipient.name} <{seen.recipient.email}>".strip()),
            ("Message", seen.recipient.sg_message_id),
            *seen.recipient.headers.items(),
            *seen.recipient.args.items(),
        ]
        rows = "".join(
            f'<tr><td>{escape(name)}</td><td class="text">{escape(str(value))}</td></tr>'
            for name, value in facts
            if value
        )
        ways = " · ".join(
            f'<a href="/outbox/{message_id}/{other}">{word}</a>'
            for word, other in (("Previous", place - 1), ("Next", place + 1))
            if 0 <= other <= last
        )
        html = (
            # No scripts, no forms, no way out of the frame but a link in a tab of its own.
            '<iframe class="mail" title="The mail as HTML"'
            ' sandbox="allow-popups allow-popups-to-escape-sandbox"'
            f' srcdoc="{escape(_in_tabs(seen.html))}"></iframe>'
            if seen.html
            else "<p>This mail has no HTML part.</p>"
        )
        body = (
            f'<p class="quiet">Mail {place + 1:,} of {last + 1:,} in this request. {ways}</p>'
            f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'
            f'<h2>HTML</h2>{html}<h2>Text</h2><p class="words">{escape(seen.text)}</p>'
        )
        return self._frame(seen.subject or "Mail", body, "/outbox", images=True)


def _in_tabs(html: str) -> str:
    """Links open in a tab of their own: a frame without scripts leads nowhere."""
    return f'<base target="_blank">{html}'
