"""Pages of calls: who is on the phone now, and a phone in one's own hand."""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from aiohttp import web

from sandbox.voice import control, story
from sandbox.voice.callers import NotNow
from sandbox.voice.leg import IN, Leg

if TYPE_CHECKING:
    from sandbox.world import World

Page = Callable[..., web.Response]
SHOWN_CALLS = 60
LIVE_SECONDS, QUIET_SECONDS = 1, 5  # between two looks, while somebody is on the phone or not
KEYPAD = "123456789*0#"
DEEDS = (
    ("answer", "Answer"),
    ("decline", "Decline"),
    ("take", "Take over"),
    ("hangup", "Hang up"),
)


class CallPages:
    """Plain HTML without scripts: what is live asks for itself again every second, on a phone's page in a
    frame of its own, so that its buttons stay under the finger."""

    def __init__(self, world: "World", page: Page, stamp: Callable[[float], str]) -> None:
        self._world, self._page, self._stamp = world, page, stamp

    def add_routes(self, route: web.UrlDispatcher) -> None:
        """Register the pages."""
        route.add_get("/calls", self.calls)
        route.add_get("/calls/{sid}", self.one)
        route.add_get("/phone", self.open)
        route.add_get("/phone/{phone}", self.phone)
        route.add_get("/phone/{phone}/now", self.now)
        route.add_post("/phone/{phone}", self.act)

    async def calls(self, _request: web.Request) -> web.Response:
        """GET /calls: live legs first, then the latest."""
        voice = self._world.voice
        live = "".join(self._live(leg) for leg in reversed(tuple(voice.live.values())))
        rows = [row for row in story.calls(voice, limit=SHOWN_CALLS) if not row["live"]]
        ended = "".join(self._row(row) for row in rows)
        now = '<p class="quiet">Nobody is on the phone.</p>'
        if live:
            now = _table(live, ("Call", "From", "To", "State", "Last said"))
        before = _table(ended, ("When (UTC)", "From", "To", "End", "Seconds")) if ended else ""
        intro = (
            f'<p class="quiet">Seconds of a call pass {voice.speed:g} times as fast here. '
            '<a href="/phone">Hold a phone in your own hand</a>: it rings in real time until you answer.</p>'
        )
        body = f"{intro}<h2>Now</h2>{now}{f'<h2>Before</h2>{before}' if before else ''}"
        return self._page("Calls", body, "/calls", refresh=LIVE_SECONDS if live else QUIET_SECONDS)

    async def open(self, request: web.Request) -> web.Response:
        """GET /phone?number=: to the phone of a number, else the form that asks for one."""
        digits = "".join(c for c in request.query.get("number", "") if c.isdigit())
        if digits:
            raise web.HTTPSeeOther(f"/phone/{quote('+' + ('1' + digits if len(digits) == 10 else digits))}")
        form = (
            '<form class="row"><label class="grow">Phone number '
            '<input class="grow" name="number" type="tel" required placeholder="+1…"></label>'
            "<button>Open</button></form>"
        )
        return self._page("Hold a phone", form, "/calls")

    def _live(self, leg: Leg) -> str:
        said = leg.hearing or (leg.heard[-1]["words"] if leg.heard else "")
        state = f"{leg.status} {leg.seconds:.0f} s" if leg.answered_at is not None else leg.status
        talk = f" with {leg.peer.phone}" if leg.peer else ""
        return (
            f'<tr><td><a href="/calls/{leg.sid}">{"in" if leg.direction == IN else "out"}</a></td>'
            f"<td>{self._link(leg.sender)}</td><td>{self._link(leg.to)}</td>"
            f'<td>{escape(state + talk)}</td><td class="text">{escape(said)}</td></tr>'
        )

    def _row(self, row: Any) -> str:
        sid = self._world.voice.sid(row["n"])
        return (
            f'<tr><td><a href="/calls/{sid}">{self._stamp(row["created"])}</a></td>'
            f"<td>{self._link(row['sender'])}</td><td>{self._link(row['recipient'])}</td>"
            f"<td>{escape(row['status'])} {escape(row['answered_by'] or '')}</td>"
            f"<td>{row['seconds'] if row['seconds'] is not None else ''}</td></tr>"
        )

    def _link(self, phone: str) -> str:
        if phone in self._world.numbers:
            return f"{escape(phone)} (ours)"
        return f'<a href="/phone/{quote(phone)}">{escape(phone)}</a> {escape(self._name(phone))}'

    async def one(self, request: web.Request) -> web.Response:
        """GET /calls/{sid}: everything that happened on one leg."""
        voice = self._world.voice
        row = voice.find(request.match_info["sid"])
        if row is None:
            raise web.HTTPNotFound(text="There is no such call.")
        told = story.told(voice, row)
        facts = (
            f'<p class="quiet">{escape(told["direction"])} · from {self._link(told["from"])} to '
            f"{self._link(told['to'])} · {escape(told['status'])} {escape(told['answered_by'])}</p>"
        )
        if told["parent"]:
            facts += f'<p><a href="/calls/{told["parent"]}">The call that dialled it</a></p>'
        for child in voice.children(row["n"]):
            facts += (
                f'<p><a href="/calls/{voice.sid(child["n"])}">Dialled {escape(child["recipient"])}</a></p>'
            )
        lines = "".join(
            f'<tr><td>{self._stamp(event["wall"])}</td><td class="text">{escape(_words(event))}</td></tr>'
            for event in told["events"]
        )
        body = facts + (_table(lines, ("When (UTC)", "What")) if lines else "<p>Nothing happened yet.</p>")
        refresh = LIVE_SECONDS if told["live"] else 0
        return self._page(f"Call {told['sid'][-6:]}", body, "/calls", refresh=refresh)

    # --- a phone ---------------------------------------------------------------------------------

    async def phone(self, request: web.Request) -> web.Response:
        """GET /phone/{phone}: its call now, what its owner can do, its calls before."""
        world, phone = self._world, request.match_info["phone"]
        voice = world.voice
        wrong = request.query.get("wrong")
        note = f'<p class="note" role="alert">{escape(wrong)}</p>' if wrong else ""
        by_hand = bool((voice.phones.steered(phone)["always"] or {}).get("by_hand"))
        holding = (
            "You hold this phone: it rings until you answer."
            if by_hand
            else f"It answers for itself: {escape(voice.phones.nature(phone))}."
        )
        deed, label = ("let", "Let it answer for itself") if by_hand else ("hold", "Hold it in my hand")
        pad = "".join(_button(f"press {key}", key) for key in KEYPAD)
        body = (
            f'{note}<p class="quiet">{holding}</p>{_form(_button(deed, label))}'
            f'<iframe class="now" title="The call on this phone" src="/phone/{quote(phone)}/now"></iframe>'
            + _form("".join(_button(deed, label) for deed, label in DEEDS))
            + _form(pad, "pad")
            + self._call_us(phone)
        )
        rows = [row for row in story.calls(voice, phone, limit=20) if not row["live"]]
        if rows:
            lines = "".join(self._row(row) for row in rows)
            body += "<h2>Before</h2>" + _table(lines, ("When (UTC)", "From", "To", "End", "Seconds"))
        body += f'<p><a href="/c/{quote(phone)}">Texts of this phone</a></p>'
        return self._page(f"{self._name(phone)} {phone}".strip(), body, "/calls", frames=True)

    async def now(self, request: web.Request) -> web.Response:
        """GET /phone/{phone}/now: the live call, for the frame."""
        phone = request.match_info["phone"]
        try:
            leg = control.leg_of(self._world, phone)
        except NotNow:
            return self._page("", '<p class="quiet">Nobody is calling.</p>', "", refresh=LIVE_SECONDS)
        words = [one["words"] for one in leg.heard] + ([f"{leg.hearing} …"] if leg.hearing else [])
        heard = "".join(f"<li>{escape(one)}</li>" for one in words)
        other = leg.to if leg.direction == IN else leg.sender
        state = leg.status if leg.peer is None else f"talking with {leg.peer.phone}"
        listens = " · listens for keys" if leg.collecting else ""
        body = (
            f'<p><strong>{escape(state)}</strong> · {escape(other)}{listens} · <a href="/calls/{leg.sid}"'
            f' target="_top">all of it</a></p>'
        )
        body += f'<ol class="talk">{heard}</ol>' if heard else ""
        return self._page("", body, "", refresh=LIVE_SECONDS)

    def _call_us(self, phone: str) -> str:
        last = self._world.voice.callers.last_number(phone)
        numbers = "".join(
            f"<option{' selected' if number == last else ''}>{number}</option>"
            for number in self._world.numbers
        )
        return _form(f'<label>Call <select name="to">{numbers}</select></label>{_button("call", "Call us")}')

    def _name(self, phone: str) -> str:
        rows = self._world.store.read("SELECT name FROM people WHERE phone = ? LIMIT 1", (phone,))
        return str(rows[0]["name"] or "") if rows else ""

    async def act(self, request: web.Request) -> web.Response:
        """POST /phone/{phone}: whatever the button says."""
        world, phone = self._world, request.match_info["phone"]
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        deed, _, key = form.get("do", "").partition(" ")
        wrong = ""
        try:
            if deed == "hold":
                world.voice.phones.steer(phone, {"by_hand": True})
            elif deed == "let":
                world.voice.phones.release(phone)
            elif deed == "call":
                world.voice.callers.call(phone, form.get("to", ""), {"by_hand": True})
            else:
                control.act(world, phone, deed, key)
        except NotNow as refused:
            wrong = f"?wrong={quote(str(refused))}"
        await world.store.committed()
        raise web.HTTPSeeOther(f"/phone/{quote(phone)}{wrong}")


def _button(deed: str, label: str) -> str:
    return f'<button name="do" value="{escape(deed)}">{escape(label)}</button>'


def _form(inside: str, kind: str = "row") -> str:
    return f'<form class="{kind}" method="post">{inside}</form>'


def _table(lines: str, names: tuple[str, ...]) -> str:
    head = "".join(f"<th>{name}</th>" for name in names)
    return (
        f'<div class="scroll"><table class="stack"><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _words(event: dict[str, Any]) -> str:
    """One event of a call as a sentence."""
    seconds = event.get("seconds")
    match event["kind"]:
        case "call_status":
            by = f", by {event['by']}" if event["by"] else ""
            return f"{event['status']}{by}{f' after {seconds} s' if seconds else ''}"
        case "heard":
            who = "A machine was told" if event["answered_by"] == "machine" else "Heard"
            cut = "" if event["whole"] else " (cut short)"
            tape = {"whole": " — on its tape", "part": " — its end on the tape"}.get(event["tape"], "")
            return f"{who}: {event['words']}{cut}{tape}"
        case "digits":
            return f"Pressed {event['digits']}"
        case "gathered":
            return f"The product got {event['digits']}" if event["digits"] else "The product got no keys"
        case "bridge":
            other = event["phones"][-1]
            return (
                f"Talks with {other}"
                if event["change"] == "begin"
                else f"Talked with {other} for {seconds} s"
            )
        case "voicemail":
            return f"The machine kept: {' '.join(event['words'])}"
        case "call_error":
            return f"Error {event['code']}: {event['message']}"
        case "detected":
            return f"Machine detection after {seconds} s: {event['answered_by']}"
        case "recording":
            return f"Recorded {seconds} s ({event['source']})"
    return f"Keys were sent: {event.get('digits', '')}"
