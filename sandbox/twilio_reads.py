"""Twilio's reading side: one message, the paged list, changes to a message, and the account's numbers."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from sandbox.clock import instant, rfc2822
from sandbox.messages import API, resource
from sandbox.twilio_api import TwilioApi, problem

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
NUMBER_PAGE_SIZE = 1000
SETTABLE = {
    "SmsUrl": "sms_url",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "voice_fallback_url",
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_callback_method",
}  # of a number


class TwilioReads:
    """Handlers that accept nothing new."""

    def __init__(self, api: TwilioApi) -> None:
        self.api = api
        self.world = api.world

    def _n(self, request: web.Request) -> int | None:
        sid = request.match_info["sid"]
        try:
            n = int(sid[18:], 16)
        except ValueError:
            return None
        known = sid[:18] == f"SM{self.world.traffic.prefix}"
        return n if known and self.world.store.read("SELECT 1 FROM messages WHERE n = ?", (n,)) else None

    async def fetch(self, request: web.Request) -> web.Response:
        """GET Messages/{sid}.json."""
        stranger = self.api.refuse_stranger(request)
        if stranger is not None:
            return stranger
        n = self._n(request)
        if n is None:
            return problem(20404, 404)
        return web.json_response(resource(self.world, self._row(n)))

    def _row(self, n: int) -> Any:
        return self.world.store.read("SELECT * FROM messages WHERE n = ?", (n,))[0]

    async def update(self, request: web.Request) -> web.Response:
        """POST Messages/{sid}.json: redact (`Body=`) or cancel (`Status=canceled`, while not sent)."""
        stranger = self.api.refuse_stranger(request)
        if stranger is not None:
            return stranger
        n = self._n(request)
        if n is None:
            return problem(20404, 404)
        form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        store, wall = self.world.store, self.world.clock.wall()
        if form.get("Status") == "canceled":
            if self._row(n)["status"] not in ("queued", "accepted", "scheduled"):
                return problem(30400, 400)
            self.world.traffic.cancel(n)
            store.write("UPDATE messages SET status = 'canceled', updated = ? WHERE n = ?", (wall, n))
        elif form.get("Body") == "" and "Status" not in form:
            store.write("UPDATE messages SET body = '', updated = ? WHERE n = ?", (wall, n))
        else:
            return problem(30400, 400)
        await store.committed()
        return web.json_response(resource(self.world, self._row(n)))

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE Messages/{sid}.json; the ledger keeps its entry."""
        stranger = self.api.refuse_stranger(request)
        if stranger is not None:
            return stranger
        n = self._n(request)
        if n is None:
            return problem(20404, 404)
        self.world.traffic.cancel(n)
        self.world.store.write("DELETE FROM messages WHERE n = ?", (n,))
        await self.world.store.committed()
        return web.Response(status=204)

    async def list(self, request: web.Request) -> web.Response:
        """GET Messages.json: newest first; a page token points at a message, so new ones shift nothing."""
        stranger = self.api.refuse_stranger(request)
        if stranger is not None:
            return stranger
        query = request.query
        try:
            size = int(query.get("PageSize", DEFAULT_PAGE_SIZE))
            page = int(query.get("Page", 0))
            where, params = filters(query)
        except ValueError:
            return problem(20001, 400)
        if not 1 <= size <= MAX_PAGE_SIZE:
            size = MAX_PAGE_SIZE if size > MAX_PAGE_SIZE else DEFAULT_PAGE_SIZE
        token = query.get("PageToken", "")
        if token:
            where.append("n < ?")
            params.append(int(token[-16:], 16))
        clause = f"WHERE {' AND '.join(where)}" if where else ""
        rows = self.world.store.read(
            f"SELECT * FROM messages {clause} ORDER BY n DESC LIMIT ?", (*params, size + 1)
        )
        more, rows = len(rows) > size, rows[:size]
        base = f"{API}/{self.world.credentials['account_sid']}/Messages.json"
        last = self.world.traffic.sid(rows[-1]["n"]) if rows and more else ""
        found = [resource(self.world, row) for row in rows]
        return web.json_response({"messages": found, **page_of(base, query, size, page, len(found), last)})

    # --- numbers ---------------------------------------------------------------------------------

    def _number(self, number: str) -> dict[str, Any]:
        account, kept = self.world.credentials["account_sid"], self.world.numbers[number]
        area = f"({number[2:5]}) {number[5:8]}-{number[8:]}"
        return {
            "sid": kept["sid"],
            "account_sid": account,
            "friendly_name": area,
            "phone_number": number,
            "api_version": "2010-04-01",
            "origin": "twilio",
            "beta": False,
            "status": "in-use",
            "type": "local",
            "capabilities": {"sms": True, "mms": True, "voice": True, "fax": False},
            "date_created": rfc2822(self.world.clock.wall()),
            "date_updated": rfc2822(self.world.clock.wall()),
            "sms_url": self.world.sms_url(number),
            "sms_method": "POST",
            "sms_fallback_url": "",
            "sms_fallback_method": "POST",
            "sms_application_sid": None,
            "voice_url": self.world.voice_url(number),
            "voice_method": kept.get("voice_method", "POST"),
            "voice_fallback_url": kept.get("voice_fallback_url", ""),
            "voice_fallback_method": "POST",
            "voice_application_sid": None,
            "voice_caller_id_lookup": False,
            "voice_receive_mode": "voice",
            "status_callback": self.world.voice_status_url(number),
            "status_callback_method": kept.get("status_callback_method", "POST"),
            "address_sid": None,
            "address_requirements": "none",
            "identity_sid": None,
            "trunk_sid": None,
            "bundle_sid": None,
            "emergency_status": "Inactive",
            "emergency_address_sid": None,
            "emergency_address_status": "unregistered",
            "uri": f"{API}/{account}/IncomingPhoneNumbers/{kept['sid']}.json",
        }

    async def numbers(self, request: web.Request) -> web.Response:
        """GET IncomingPhoneNumbers.json, filter `PhoneNumber`; one page holds them all."""
        stranger = self.api.refuse_stranger(request)
        if stranger is not None:
            return stranger
        wanted = request.query.get("PhoneNumber", "")
        found = [self._number(number) for number in self.world.numbers if wanted in number]
        base = f"{API}/{self.world.credentials['account_sid']}/IncomingPhoneNumbers.json"
        uri = f"{base}?PageSize={NUMBER_PAGE_SIZE}"
        return web.json_response(
            {
                "incoming_phone_numbers": found,
                "page": 0,
                "page_size": NUMBER_PAGE_SIZE,
                "start": 0,
                "end": max(0, len(found) - 1),
                "uri": f"{uri}&Page=0",
                "first_page_uri": f"{uri}&Page=0",
                "next_page_uri": None,
                "previous_page_uri": None,
            }
        )

    async def number(self, request: web.Request) -> web.Response:
        """GET or POST IncomingPhoneNumbers/{sid}.json; POST sets what `SETTABLE` names."""
        stranger = self.api.refuse_stranger(request)
        if stranger is not None:
            return stranger
        for number, kept in self.world.numbers.items():
            if kept["sid"] == request.match_info["sid"]:
                form = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
                if request.method == "POST":
                    kept |= {key: form[name] for name, key in SETTABLE.items() if name in form}
                    self.world.store.put("numbers", self.world.numbers)
                    await self.world.store.committed()
                return web.json_response(self._number(number))
        return problem(20404, 404)


def page_of(base: str, query: Any, size: int, page: int, many: int, last: str) -> dict[str, Any]:
    """A list's envelope: `last` is the id of this page's last row where there are more, else empty."""
    kept = [(key, value) for key, value in query.items() if key not in ("Page", "PageToken", "PageSize")]

    def uri(*extra: tuple[str, str]) -> str:
        return f"{base}?{urlencode([*kept, ('PageSize', str(size)), *extra])}"

    return {
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(0, many - 1),
        "uri": uri(("Page", str(page))),
        "first_page_uri": uri(("Page", "0")),
        "next_page_uri": uri(("Page", str(page + 1)), ("PageToken", f"PA{last}")) if last else None,
        "previous_page_uri": uri(("Page", str(page - 1))) if page else None,
    }


def filters(query: Any) -> tuple[list[str], list[Any]]:
    """SQL for To, From, DateSent, `DateSent<`, `DateSent>`; unsent messages match no date. ValueError."""
    where: list[str] = []
    params: list[Any] = []
    for name, column in (("To", "recipient"), ("From", "sender")):
        if query.get(name):
            where.append(f"{column} = ?")
            params.append(query[name])
    for name, value in query.items():
        if name == "DateSent":
            start = instant(value)
            day = start.replace(hour=0, minute=0, second=0, microsecond=0)
            where.append("sent >= ? AND sent < ?")
            params += [day.timestamp(), (day + timedelta(days=1)).timestamp()]
        elif name in ("DateSent<", "DateSent>"):
            where.append(f"sent {name[-1]}= ?")
            params.append(instant(value).timestamp())
    return where, params
