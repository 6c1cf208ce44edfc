"""Twilio's reading side of calls: one call, the paged list, its requests, recordings and their media."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from sandbox.clock import instant, rfc2822
from sandbox.messages import API
from sandbox.twilio_api import TwilioApi, problem
from sandbox.twilio_reads import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, page_of
from sandbox.voice.recordings import mp3, wav
from sandbox.world import World

Where = tuple[list[str], list[Any]]
Requests = list[dict[str, Any]]
SHOWN_AFTER_SECONDS = 900.0  # since a call's end, until its requests are shown


class CallsReads:
    """Handlers that place nothing."""

    def __init__(self, world: World, twilio: TwilioApi) -> None:
        self.world, self.twilio, self.exchange = world, twilio, world.voice
        self.account = world.credentials["account_sid"]

    async def fetch(self, request: web.Request) -> web.Response:
        """GET Calls/{sid}.json."""
        stranger = self.twilio.refuse_stranger(request)
        if stranger is not None:
            return stranger
        row = self.exchange.find(request.match_info["sid"])
        return problem(20404, 404) if row is None else web.json_response(self.exchange.resource(row))

    async def list(self, request: web.Request) -> web.Response:
        """GET Calls.json: newest first; filters To, From, Status, ParentCallSid, StartTime, EndTime."""
        stranger = self.twilio.refuse_stranger(request)
        if stranger is not None:
            return stranger
        try:
            where, params = dated(request.query, {"StartTime": "started", "EndTime": "ended"})
        except ValueError:
            return problem(20001, 400)
        for name, column in (("To", "recipient"), ("From", "sender"), ("Status", "status")):
            if request.query.get(name):
                where.append(f"{column} = ?")
                params.append(request.query[name])
        if parent := request.query.get("ParentCallSid"):
            row = self.exchange.find(parent)
            where.append("parent = ?")
            params.append(row["n"] if row else -1)
        base = f"{API}/{self.account}/Calls.json"
        return self._page(request, "calls", base, (where, params), self.exchange.resource, "CA")

    async def events(self, request: web.Request) -> web.Response:
        """GET Calls/{sid}/Events.json: the request that placed it, then those for its documents. Empty until
        a quarter of an hour (divided by the speed) after its end; one page."""
        stranger = self.twilio.refuse_stranger(request)
        if stranger is not None:
            return stranger
        sid = request.match_info["sid"]
        row = self.exchange.find(sid)
        if row is None:
            return problem(20404, 404)
        shown_at = (row["ended"] or float("inf")) + SHOWN_AFTER_SECONDS / self.exchange.speed
        hidden = self.world.faults.now["calls"]["hides_requests"] or self.world.clock.wall() < shown_at
        shown = [] if hidden else self._requests(row, sid)
        base = f"{API}/{self.account}/Calls/{sid}/Events.json"
        page = page_of(base, request.query, max(DEFAULT_PAGE_SIZE, len(shown)), 0, len(shown), "")
        return web.json_response({"events": shown, **page})

    def _requests(self, row: Any, sid: str) -> Requests:
        placed = {
            "method": "POST",
            "url": self.exchange.resource(row)["uri"],
            "parameters": {snake_case(name): value for name, value in json.loads(row["wish"]).items()},
        }
        asked = self.world.store.read(
            "SELECT wall, data FROM ledger WHERE kind = 'call_twiml' AND json_extract(data, '$.sid') = ?"
            " ORDER BY id",
            (sid,),
        )
        return [
            _request(placed, row["created"], 201, json.dumps({"sid": sid}), "application/json"),
            *(self._asked(one["wall"], json.loads(one["data"])) for one in asked),
        ]

    @staticmethod
    def _asked(wall: float, told: dict[str, Any]) -> dict[str, Any]:
        fields = {snake_case(name): value for name, value in told["fields"].items()}
        asked = {"method": "POST", "url": told["url"], "parameters": {**fields, "call_sid": told["sid"]}}
        return _request(asked, wall, told["answer"] or 0, told["body"], "text/xml")

    async def recordings(self, request: web.Request) -> web.Response:
        """GET Recordings.json of the account (filter CallSid) or of a call; newest first."""
        stranger = self.twilio.refuse_stranger(request)
        if stranger is not None:
            return stranger
        try:
            where, params = dated(request.query, {"DateCreated": "started"})
        except ValueError:
            return problem(20001, 400)
        base, call = f"{API}/{self.account}/Recordings.json", request.query.get("CallSid", "")
        if "call" in request.match_info:
            call = request.match_info["call"]
            base = f"{API}/{self.account}/Calls/{call}/Recordings.json"
        if call:
            row = self.exchange.find(call)
            where.append("call = ?")
            params.append(row["n"] if row else -1)
        recorded = self.exchange.recordings.resource
        return self._page(request, "recordings", base, (where, params), recorded, "RE")

    def _page(
        self,
        request: web.Request,
        table: str,
        base: str,
        found: Where,
        resource: Callable[[Any], dict[str, Any]],
        letters: str,
    ) -> web.Response:
        query, (where, params) = request.query, found
        try:
            size, page = int(query.get("PageSize", DEFAULT_PAGE_SIZE)), int(query.get("Page", 0))
            if token := query.get("PageToken", ""):
                where.append("n < ?")
                params.append(int(token[-16:], 16))
        except ValueError:
            return problem(20001, 400)
        size = min(size, MAX_PAGE_SIZE) if size >= 1 else DEFAULT_PAGE_SIZE
        clause = f"WHERE {' AND '.join(where)}" if where else ""
        rows = self.world.store.read(
            f"SELECT * FROM {table} {clause} ORDER BY n DESC LIMIT ?", (*params, size + 1)
        )
        more, rows = len(rows) > size, rows[:size]
        last = self.world.traffic.sid(rows[-1]["n"], letters) if rows and more else ""
        listed = [resource(row) for row in rows]
        return web.json_response({table: listed, **page_of(base, query, size, page, len(listed), last)})

    async def recording(self, request: web.Request) -> web.Response:
        """GET or DELETE of a recording's resource (`.json`), GET of its media (`.wav`, `.mp3`, no ending)."""
        stranger = self.twilio.refuse_stranger(request)
        if stranger is not None:
            return stranger
        name, _, ending = request.match_info["recording"].partition(".")
        row = self.exchange.recordings.find(name)
        if row is None or ending not in ("", "json", "wav", "mp3"):
            return problem(20404, 404)
        if request.method == "DELETE":
            self.exchange.recordings.delete(row["n"])
            await self.world.store.committed()
            return web.Response(status=204)
        if ending == "json":
            return web.json_response(self.exchange.recordings.resource(row))
        if row["seconds"] is None:
            return problem(20404, 404)
        if ending == "mp3":
            return web.Response(body=mp3(row["seconds"]), content_type="audio/mpeg")
        return web.Response(body=wav(row["seconds"]), content_type="audio/x-wav")


def snake_case(name: str) -> str:
    """`StatusCallback` as the requests of a call are shown: `status_callback`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _request(asked: dict[str, Any], wall: float, code: int, body: str, kind: str) -> dict[str, Any]:
    answer = {"response_code": code, "content_type": kind, "response_body": body, "request_duration": 50}
    return {"request": asked, "response": {**answer, "date_created": rfc2822(wall)}}


def dated(query: Any, columns: dict[str, str]) -> Where:
    """SQL for `Name`, `Name<`, `Name>` of dates: a bare name is its whole day. Raises ValueError."""
    where: list[str] = []
    params: list[Any] = []
    for name, value in query.items():
        column = columns.get(name.rstrip("<>"))
        if column is None:
            continue
        start = instant(value)
        if name[-1] in "<>":
            where.append(f"{column} {name[-1]}= ?")
            params.append(start.timestamp())
        else:
            day = start.replace(hour=0, minute=0, second=0, microsecond=0)
            where.append(f"{column} >= ? AND {column} < ?")
            params += [day.timestamp(), (day + timedelta(days=1)).timestamp()]
    return where, params
