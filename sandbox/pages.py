"""Pages for people: the simulated customers, their conversations, the ledger, the outbox and the knobs."""

import json
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl, quote

from aiohttp import web

from sandbox import magic, mail_magic, personas
from sandbox.control import conversation
from sandbox.customers import MODES
from sandbox.faults import UnknownFault
from sandbox.outbox import Outbox
from sandbox.page_style import STYLE
from sandbox.voice.conduct import BEHAVIOURS as CALL_BEHAVIOURS
from sandbox.voice.conduct import PREFIX as CALL_PREFIX
from sandbox.voice.conduct import REFUSED as CALL_REFUSED
from sandbox.voice.conduct import WORDS as CALL_WORDS
from sandbox.voice.pages import CallPages
from sandbox.world import World

PEOPLE_LIMIT = 100
LEDGER_LIMIT = 200

TABS = (
    ("/", "Customers"),
    ("/calls", "Calls"),
    ("/ledger", "Ledger"),
    ("/outbox", "Outbox"),
    ("/knobs", "Knobs"),
)


class Pages:
    """Plain HTML without scripts or assets."""

    def __init__(self, world: World) -> None:
        self.world = world

    def add_routes(self, route: web.UrlDispatcher) -> None:
        """Register the pages."""
        route.add_get("/", self.people)
        route.add_get("/c/{phone}", self.talk)
        route.add_post("/c/{phone}", self.type_as)
        route.add_get("/ledger", self.ledger)
        outbox = Outbox(self.world, self._page, self._time)
        route.add_get("/outbox", outbox.requests)
        route.add_get("/outbox/{id}/{place:\\d+}", outbox.one)
        CallPages(self.world, self._page, self._time).add_routes(route)
        route.add_get("/knobs", self.knobs)
        route.add_post("/knobs", self.turn)

    def _page(
        self,
        title: str,
        body: str,
        path: str,
        *,
        images: bool = False,
        frames: bool = False,
        refresh: int = 0,
    ) -> web.Response:
        """A whole page; without a path only its body, for a frame. `refresh` is in seconds."""
        links = "".join(
            f'<a href="{href}"{" aria-current=page" if href == path else ""}>{name}</a>'
            for href, name in TABS
        )
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"{f'<meta http-equiv=refresh content={refresh}>' if refresh else ''}"
            f"<title>{escape(title)} · Provider sandbox</title><style>{STYLE}</style></head>"
            + (f"<body><nav>{links}</nav><main><h1>{escape(title)}</h1>" if path else "<body><main>")
            + f"{body}</main></body></html>"
        )
        policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"
        policy += "; img-src http: https: data:" if images else ""
        policy += "; frame-src 'self'" if frames else ""
        headers = {"Content-Security-Policy": policy}
        return web.Response(text=html, content_type="text/html", headers=headers)

    def _time(self, stamp: float) -> str:
        return datetime.fromtimestamp(stamp, UTC).strftime("%d %b %H:%M:%S")

    # --- customers -------------------------------------------------------------------------------

    async def people(self, request: web.Request) -> web.Response:
        """GET /?q=: customers of the tenant and strangers who were texted, those with conversations first."""
        wanted = request.query.get("q", "").strip()
        digits = "".join(c for c in wanted if c.isdigit()) or "-"
        rows = self.world.store.read(
            "SELECT phone, MAX(name) AS name, MAX(city) AS city, MAX(n) AS n, MAX(inbound) AS inbound FROM ("
            " SELECT phone, name, city, NULL AS n, NULL AS inbound FROM people"
            " UNION ALL SELECT recipient, NULL, NULL, MAX(n), NULL FROM messages WHERE direction <> 'inbound'"
            "  GROUP BY recipient"
            " UNION ALL SELECT sender, NULL, NULL, MAX(n), MAX(n) FROM messages WHERE direction = 'inbound'"
            "  GROUP BY sender)"
            " WHERE phone <> '' GROUP BY phone"
            " HAVING ? = '' OR MAX(name) LIKE ? OR phone LIKE ?"
            " ORDER BY MAX(n) DESC NULLS LAST, name LIMIT ?",
            (wanted, f"%{wanted}%", f"%{digits}%", PEOPLE_LIMIT),
        )
        lines = "".join(self._person(row) for row in rows) or '<tr><td colspan="4">Nobody matches.</td></tr>'
        form = (
            '<form class="row" role="search"><label class="grow">Name or phone '
            f'<input type="search" name="q" value="{escape(wanted)}"></label><button>Search</button></form>'
        )
        more = (
            f'<p class="quiet">The first {PEOPLE_LIMIT} are shown.</p>' if len(rows) == PEOPLE_LIMIT else ""
        )
        mode = "answer like people" if self.world.customers.mode == "demo" else "stay silent"
        intro = (
            f'<p class="quiet">Customers {mode}; time runs {self.world.speed:g} times as fast for delays. '
            f"Webhooks go to {escape(self.world.webhook_base)}.</p>"
        )
        table = (
            '<div class="scroll"><table class="stack"><thead>'
            "<tr><th>Name</th><th>Phone</th><th>City</th><th>Nature</th></tr>"
            f"</thead><tbody>{lines}</tbody></table></div>"
        )
        return self._page("Simulated customers", intro + form + table + more, "/")

    def _person(self, row: Any) -> str:
        phone = row["phone"]
        nature = personas.traits(self.world.seed, phone).kind.replace("_", " ")
        talked = " · wrote to us" if row["inbound"] else " · texted" if row["n"] else ""
        return (
            f'<tr><td><a href="/c/{quote(phone)}">{escape(row["name"] or "Stranger")}</a></td>'
            f"<td>{escape(phone)}</td><td>{escape(row['city'] or '')}</td><td>{nature}{talked}</td></tr>"
        )

    async def talk(self, request: web.Request) -> web.Response:
        """GET /c/{phone}: the conversation, and a form to type as this customer."""
        world, phone = self.world, request.match_info["phone"]
        items = []
        for said in conversation(world, phone):
            inbound = said["direction"] == "inbound"
            state = (
                said["intent"] if inbound else said["status"] + (f" {said['error']}" if said["error"] else "")
            )
            files = "".join(_file(one) for one in said["media"])
            items.append(
                f'<li class="{"in" if inbound else "out"}">{files}{escape(said["body"])}'
                f'<br><span class="quiet">{escape(said["number"])} · {self._time(said["wall"])} · '
                f"{escape(state or '')}</span></li>"
            )
        who = world.store.read("SELECT name, city FROM people WHERE phone = ?", (phone,))
        name = who[0]["name"] if who else "Stranger"
        answer = request.query.get("answer")
        note = f'<p class="note" role="status">The product answered: {escape(answer)}.</p>' if answer else ""
        opted = sorted(number for number, customer in world.traffic.optouts if customer == phone)
        if opted:
            note += f'<p class="note">Opted out at the provider from {escape(", ".join(opted))}.</p>'
        numbers = "".join(
            f"<option{' selected' if number == world.customers.last_number(phone) else ''}>{number}</option>"
            for number in world.numbers
        )
        form = (
            f'<form class="row" method="post"><label class="grow">Type as {escape(name)} '
            '<input class="grow" name="body" required autocomplete="off"></label>'
            f'<label>to <select name="to">{numbers}</select></label><button>Send</button></form>'
        )
        talk = f'<ol class="talk">{"".join(items)}</ol>' if items else "<p>Nothing said yet.</p>"
        traits = personas.traits(world.seed, phone)
        nature = f"{traits.kind.replace('_', ' ')}{', writes Spanish' if traits.spanish else ''}"
        nature += ", landline: texts fail" if traits.landline else ""
        place = escape(who[0]["city"] if who else "")
        phone_link = f'<a href="/phone/{quote(phone)}">{escape(phone)}</a>'
        facts = f'<p class="quiet">{phone_link} · {place} · {nature}</p>'
        return self._page(name, facts + note + talk + form, f"/c/{phone}")

    async def type_as(self, request: web.Request) -> web.Response:
        """POST /c/{phone}: the customer's text goes out now."""
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        phone, number = request.match_info["phone"], form.get("to", "")
        body = form.get("body", "").strip()
        if body:
            said = await self.world.customers.say(phone, body, number if number in self.world.numbers else "")
            answer = f"{said['status'] or said['error']} after {said['seconds']:.2f} s"
        else:
            answer = "nothing to send"
        raise web.HTTPSeeOther(f"/c/{quote(phone)}?answer={quote(answer)}")

    # --- ledger, outbox, knobs -------------------------------------------------------------------

    async def ledger(self, request: web.Request) -> web.Response:
        """GET /ledger?kind=: the newest entries."""
        kind, counts = request.query.get("kind", ""), self.world.ledger.counts()
        links = " · ".join(
            f'<a href="/ledger?kind={quote(name)}">{escape(name)} {count}</a>'
            for name, count in counts.items()
        )
        lines = "".join(
            f"<tr><td>{entry['id']}</td><td>{self._time(entry['wall'])}</td><td>{escape(entry['kind'])}</td>"
            f'<td class="text">{escape(_facts(entry))}</td></tr>'
            for entry in self.world.ledger.newest(LEDGER_LIMIT, kind)
        )
        table = (
            '<div class="scroll"><table class="stack"><thead>'
            "<tr><th>#</th><th>When (UTC)</th><th>Kind</th><th>Facts</th></tr>"
            f"</thead><tbody>{lines}</tbody></table></div>"
        )
        empty = "" if lines else "<p>No entries yet.</p>"
        shown = f'<p>{links} · <a href="/ledger">all</a> · <a href="/ledger.json">JSON</a></p>'
        return self._page("Ledger", shown + (table if lines else empty), "/ledger")

    async def knobs(self, request: web.Request) -> web.Response:
        """GET /knobs: faults and customers, editable."""
        wrong = request.query.get("wrong")
        note = f'<p class="note" role="alert">{escape(wrong)}</p>' if wrong else ""
        modes = "".join(
            f"<option{' selected' if mode == self.world.customers.mode else ''}>{mode}</option>"
            for mode in MODES
        )
        faults = escape(json.dumps(self.world.faults.now, indent=1))
        codes = {**{nn: f"refused with {c}" for nn, (c, _) in magic.REFUSED.items()}}
        codes |= {nn: f"{status} {code or ''}" for nn, (status, code) in magic.UNDELIVERED.items()}
        codes |= magic.BEHAVIOURS
        table = "".join(
            f"<tr><td>{magic.PREFIX}{nn}</td><td>{what}</td></tr>" for nn, what in sorted(codes.items())
        )
        called = {nn: f"refused with {code}" for nn, (code, _) in CALL_REFUSED.items()}
        called |= CALL_WORDS | CALL_BEHAVIOURS
        phones = "".join(
            f"<tr><td>{CALL_PREFIX}{nn}</td><td>{escape(what)}</td></tr>" for nn, what in called.items()
        )
        words = {word: f"refused with {r.status}: {r.message}" for word, r in mail_magic.REFUSED.items()}
        words |= mail_magic.BEHAVIOURS | mail_magic.FATES
        mailboxes = "".join(
            f"<tr><td>{mail_magic.PREFIX}{word}@…</td><td>{escape(what)}</td></tr>"
            for word, what in words.items()
        )
        body = (
            f'{note}<form class="row" method="post">'
            f'<label>Customers <select name="mode">{modes}</select></label>'
            '<button name="do" value="mode">Set</button></form>'
            '<form method="post"><h2>Faults</h2>'
            f'<textarea name="faults" rows="24" aria-label="Faults as JSON">{faults}'
            '</textarea><p><button name="do" value="faults">Apply</button> '
            '<button name="do" value="heal">Back to normal</button></p></form>'
            f"<h2>Magic recipients of texts</h2><table><tbody>{table}</tbody></table>"
            f"<h2>Magic phones</h2><table><tbody>{phones}</tbody></table>"
            f"<h2>Magic mailboxes</h2><table><tbody>{mailboxes}</tbody></table>"
        )
        return self._page("Knobs", body, "/knobs")

    async def turn(self, request: web.Request) -> web.Response:
        """POST /knobs."""
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        try:
            if form.get("do") == "heal":
                self.world.faults.clear()
            elif form.get("do") == "mode":
                self.world.customers.set_mode(form.get("mode", ""))
            else:
                self.world.faults.change(json.loads(form.get("faults", "{}")))
        except (UnknownFault, ValueError, AttributeError) as wrong:
            raise web.HTTPSeeOther(f"/knobs?wrong={quote(str(wrong))}") from wrong
        await self.world.store.committed()
        raise web.HTTPSeeOther("/knobs")


def _file(one: dict[str, str]) -> str:
    """A file of a text: what the product sent, or the kind that a customer did."""
    if not one["url"]:
        return f'<span class="quiet">[{escape(one["kind"])}]</span> '
    url = escape(one["url"])
    return f'<a href="{url}"><img src="{url}" alt="file" height="120"></a><br>'


def _facts(entry: dict[str, Any]) -> str:
    hidden = (
        "id",
        "at",
        "wall",
        "kind",
        "token",
        "callback",
        "received_at",
        "accepted_at",
        "sent_at",
        "answered_at",
    )
    return " · ".join(f"{k} {v}" for k, v in entry.items() if k not in hidden and v not in (None, "", []))
