"""ServiceTitan over HTTP: the token, exports, lists, single rows and bookings."""

import asyncio
import base64
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.clock import instant, iso
from sandbox.servicetitan_rows import EXPORT_ONLY, shown
from sandbox.twilio_api import drop
from sandbox.world import World

MODULES = ("crm", "jpm", "settings", "marketing", "jbce", "accounting", "memberships", "sales", "telecom")
RECENT_SECONDS = 300.0
MAX_PAGE_SIZE = 5000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# path below /tenant/{tenant} -> entity
EXPORTS = {
    "crm/export/customers": "customers",
    "crm/export/customers/contacts": "contacts",
    "crm/export/locations": "locations",
    "crm/export/bookings": "bookings",
    "jpm/export/jobs": "jobs",
    "jpm/export/appointments": "appointments",
    "dispatch/export/appointment-assignments": "appointment-assignments",
    "jpm/export/job-canceled-logs": "job-canceled-logs",
    "memberships/export/recurring-service-events": "recurring-service-events",
    "memberships/export/memberships": "memberships",
    "memberships/export/membership-types": "membership-types",
    "accounting/export/invoices": "invoices",
    "sales/export/estimates": "estimates",
    "telecom/export/calls": "calls",
    "settings/export/tag-types": "tag-types",
    "settings/export/business-units": "business-units",
}
LISTS = {
    "crm/customers": "customers",
    "crm/customers/contacts": "contacts",
    "crm/locations": "locations",
    "crm/bookings": "bookings",
    "crm/booking-provider-tags": "booking-provider-tags",
    "jpm/jobs": "jobs",
    "jpm/appointments": "appointments",
    "jpm/job-types": "job-types",
    "jpm/job-cancel-reasons": "job-cancel-reasons",
    "memberships/memberships": "memberships",
    "memberships/membership-types": "membership-types",
    "accounting/invoices": "invoices",
    "sales/estimates": "estimates",
    "settings/tag-types": "tag-types",
    "settings/business-units": "business-units",
    "marketing/campaigns": "campaigns",
    "jbce/call-reasons": "call-reasons",
}
# Query names that compare one field of the row.
EQUAL = {
    "externalId": "externalId",
    "bookingId": "bookingId",
    "customerId": "customerId",
    "locationId": "locationId",
    "jobId": "jobId",
    "campaignId": "campaignId",
    "businessUnitId": "businessUnitId",
    "jobTypeId": "jobTypeId",
    "jobStatus": "jobStatus",
    "status": "status",
    "number": "jobNumber",
}
BOUNDS = {
    "createdOnOrAfter": ("createdOn", ">="),
    "createdBefore": ("createdOn", "<"),
    "modifiedOnOrAfter": ("modifiedOn", ">="),
    "modifiedBefore": ("modifiedOn", "<"),
    "completedOnOrAfter": ("completedOn", ">="),
    "completedBefore": ("completedOn", "<"),
    "startsOnOrAfter": ("start", ">="),
    "startsBefore": ("start", "<"),
}


class ServiceTitanApi:
    """Guards every call as ServiceTitan does, then reads the tenant."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tenant = world.servicetitan
        self._second = (0, 0)
        self._minute = (0, 0)

    # --- token and guard -------------------------------------------------------------------------

    async def token(self, request: web.Request) -> web.StreamResponse:
        """POST /connect/token: form with client credentials → bearer for 900 s of real time."""
        world, conf = self.world, self.world.faults.now["servicetitan"]
        if conf["unreachable"]:
            return drop(request)
        form = dict(parse_qsl((await request.read()).decode()))
        minute = int(world.clock.real() // 60)
        self._minute = (minute, self._minute[1] + 1 if self._minute[0] == minute else 1)
        limit = conf["token_limit_per_minute"]
        if (limit and self._minute[1] > limit) or world.faults.hit(conf["token_429"]):
            world.ledger.append("token", status=429)
            return web.json_response({"error": "too_many_requests"}, status=429)
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        known = (world.credentials["client_id"], world.credentials["client_secret"])
        if (form.get("client_id"), form.get("client_secret")) != known:
            world.ledger.append("token", status=400)
            return web.json_response({"error": "invalid_client"}, status=400)
        seconds = int(conf["token_seconds"])
        token = secrets.token_urlsafe(32)
        tokens = {k: v for k, v in world.store.get("st_tokens", {}).items() if v > world.clock.real()}
        world.store.put("st_tokens", {**tokens, token: world.clock.real() + seconds})
        world.ledger.append("token", status=200)
        await world.store.committed()
        return web.json_response(
            {"access_token": token, "expires_in": seconds, "token_type": "Bearer", "scope": "sandbox"}
        )

    def guarded(self, handler: Handler) -> Handler:
        """Faults, app key, bearer, tenant, rate limit; then `handler`."""

        async def run(request: web.Request) -> web.StreamResponse:
            world, conf = self.world, self.world.faults.now["servicetitan"]
            if conf["unreachable"]:
                return drop(request)
            if conf["slow_seconds"]:
                await asyncio.sleep(conf["slow_seconds"])
            if world.faults.hit(conf["html_502"]):
                return self._refuse(
                    request,
                    web.Response(
                        status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html"
                    ),
                )
            if world.faults.hit(conf["http_500"]):
                return self._refuse(request, problem(500, "An unexpected error occurred."))
            if request.headers.get("ST-App-Key") != world.credentials["app_key"]:
                title = "Application key not present, check ST-App-Key header value."
                return self._refuse(request, problem(401, title))
            bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if world.store.get("st_tokens", {}).get(bearer, 0.0) <= world.clock.real():
                return self._refuse(request, problem(401, "Unauthorized"))
            if request.match_info["tenant"] != world.credentials["tenant_id"]:
                return self._refuse(
                    request, problem(404, "Tenant not found or not connected to this application.")
                )
            if self._over_rate(conf["rate_limit"]) or world.faults.hit(conf["http_429"]):
                answer = problem(429, "Rate limit is exceeded. Try again later.")
                if conf["retry_after"]:
                    answer.headers["Retry-After"] = "1"
                return self._refuse(request, answer)
            return await handler(request)

        return run

    def _refuse(self, request: web.Request, answer: web.Response) -> web.Response:
        self.world.ledger.append("st_refusal", path=request.path, status=answer.status)
        return answer

    def _over_rate(self, limit: int) -> bool:
        second = int(self.world.clock.real())
        self._second = (second, self._second[1] + 1 if self._second[0] == second else 1)
        return bool(limit) and self._second[1] > limit

    # --- exports ---------------------------------------------------------------------------------

    def export(self, entity: str) -> Handler:
        """GET …/export/{entity}: rows in change order after a token; inactive ones included."""

        async def run(request: web.Request) -> web.StreamResponse:
            world, conf = self.world, self.world.faults.now["servicetitan"]
            try:
                after, since = parse_from(request.query.get("from", ""))
            except ValueError:
                return problem(400, "The continuation token is not valid.", {"from": ["Invalid value."]})
            recent = request.query.get("includeRecentChanges", "").lower() == "true"
            size, seconds = int(conf["page_size"]), conf["recent_seconds"]
            settled = world.clock.real() - (RECENT_SECONDS / world.speed if seconds < 0 else seconds)
            rows = world.store.read(
                "SELECT seq, changed_at, data FROM st_rows WHERE entity = ? AND seq > ? AND modified >= ?"
                " AND (? OR changed_at <= ?) ORDER BY seq LIMIT ?",
                (entity, after, since, recent, settled, size + 1),
            )
            more, rows = len(rows) > size, rows[:size]
            position = rows[-1]["seq"] if rows else after
            if recent and not more:
                # The next call starts at the first row that is still recent, so recent rows repeat.
                steady = [row["seq"] for row in rows if row["changed_at"] <= settled]
                position = steady[-1] if steady else after
            head = json.dumps({"hasMore": more, "continueFrom": make_token(position, since)})
            body = f'{head[:-1]}, "data": [{",".join(row["data"] for row in rows)}]}}'
            return web.Response(text=body, content_type="application/json")

        return run

    # --- lists and rows --------------------------------------------------------------------------

    def listing(self, entity: str) -> Handler:
        """GET a list: paged, only active rows unless `active=Any|False`."""

        async def run(request: web.Request) -> web.StreamResponse:
            where, params = ["entity = ?"], [entity]
            provider = request.match_info.get("provider")
            if provider is not None:
                where.append("json_extract(data, '$.bookingProviderId') = ?")
                params.append(int(provider))  # type: ignore[arg-type]
            owner = request.match_info.get("owner")
            if owner is not None:
                where.append("json_extract(data, '$.customerId') = ?")
                params.append(int(owner))  # type: ignore[arg-type]
            hidden = EXPORT_ONLY.get(entity, ()) + (("customerId",) if owner is not None else ())
            return self.page(request, where, params, hidden)

        return run

    def page(
        self, request: web.Request, where: list[str], params: list[Any], hidden: tuple[str, ...]
    ) -> web.Response:
        """Answer one page of rows, without their `hidden` fields, after applying the query's filters."""
        query = request.query
        errors: dict[str, list[str]] = {}
        page, size = whole(query, "page", 1, errors), whole(query, "pageSize", 50, errors)
        if page < 1 or not 1 <= size <= MAX_PAGE_SIZE:
            errors["pageSize"] = [f"page starts at 1, pageSize is 1..{MAX_PAGE_SIZE}."]
        active = query.get("active", "True").lower()
        if active in ("true", "false"):
            where.append(f"active = {int(active == 'true')}")
        elif active != "any":
            errors["active"] = ["The value is not valid."]
        for name, value in query.items():
            if name in EQUAL:
                where.append(f"CAST(json_extract(data, '$.{EQUAL[name]}') AS TEXT) = ?")
                params.append(value)
            elif name in BOUNDS:
                field, sign = BOUNDS[name]
                where.append(f"json_extract(data, '$.{field}') {sign} ?")
                try:
                    params.append(iso(instant(value)))
                except ValueError:
                    errors[name] = [f"The value '{value}' is not valid."]
            elif name in ("ids", "customerIds"):
                ids = [int(part) for part in value.split(",") if part.strip().isdigit()]
                column = "id" if name == "ids" else "json_extract(data, '$.customerId')"
                where.append(f"{column} IN ({','.join(map(str, ids)) or 'NULL'})")
            elif name == "name":
                where.append("json_extract(data, '$.name') LIKE ?")
                params.append(f"%{value}%")
        if "externalDataKey" in query or "externalDataValues" in query:
            ids = self._of_external(query, errors)
            where.append(f"id IN ({','.join(map(str, ids)) or 'NULL'})")
        if errors:
            return problem(400, "One or more validation errors occurred.", errors)
        clause, store = " AND ".join(where), self.world.store
        sort = query.get("sort", "").lower().lstrip()
        column = "modified" if "modifiedon" in sort else "id"
        order = f"{column} {'DESC' if sort.startswith('-') else 'ASC'}, id"
        rows = store.read(
            f"SELECT {column_without(hidden)} AS data FROM st_rows WHERE {clause} ORDER BY {order}"
            " LIMIT ? OFFSET ?",
            (*params, size + 1, (page - 1) * size),
        )
        total = None
        if query.get("includeTotal", "").lower() == "true":
            total = store.read(f"SELECT COUNT(*) AS n FROM st_rows WHERE {clause}", params)[0]["n"]
        head = json.dumps({"page": page, "pageSize": size, "hasMore": len(rows) > size, "totalCount": total})
        return web.Response(
            text=f'{head[:-1]}, "data": [{",".join(row["data"] for row in rows[:size])}]}}',
            content_type="application/json",
        )

    def _of_external(self, query: Any, errors: dict[str, list[str]]) -> list[int]:
        """Ids of jobs by an application's data; key and values belong together."""
        names = ("externalDataApplicationGuid", "externalDataKey", "externalDataValues")
        guid, key, values = (query.get(name, "") for name in names)
        if not key or not values:
            errors["externalDataKey"] = ["externalDataKey and externalDataValues must be given together."]
        return self.tenant.jobs_of_external(guid, key, values.split(","))

    def single(self, entity: str) -> Handler:
        """GET one row by id."""

        async def run(request: web.Request) -> web.StreamResponse:
            row = self.tenant.get(entity, int(request.match_info["id"]))
            if row is None:
                return problem(
                    404, f"Object of type {entity} with ID {request.match_info['id']} is not found."
                )
            return web.json_response(shown(entity, row))

        return run


def column_without(hidden: tuple[str, ...]) -> str:
    """SQL for a row's JSON without some top-level fields."""
    return f"json_remove(data, {', '.join(repr(f'$.{name}') for name in hidden)})" if hidden else "data"


def parse_from(text: str) -> tuple[int, str]:
    """(sequence, lowest modifiedOn) of a `from`: empty, a date, or a token. Raises ValueError."""
    if not text:
        return 0, ""
    if text[:2] == "20" and len(text) >= 10 and text[4] == "-":
        return 0, iso(instant(text))
    try:
        sequence, _, since = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
    except UnicodeDecodeError as problem_:
        raise ValueError("not a token") from problem_
    return int(sequence), since


def make_token(sequence: int, since: str) -> str:
    """An opaque, stable continuation token."""
    return base64.urlsafe_b64encode(f"{sequence}|{since}".encode()).decode()


def whole(query: Any, name: str, default: int, errors: dict[str, list[str]]) -> int:
    """An integer query parameter; notes an error and returns the default when it is none."""
    raw = query.get(name)
    if raw is None:
        return default
    if not raw.lstrip("-").isdigit():
        errors[name] = [f"The value '{raw}' is not valid."]
        return default
    return int(raw)


def problem(status: int, title: str, errors: dict[str, list[str]] | None = None) -> web.Response:
    """ServiceTitan's problem+json."""
    body = {
        "type": f"https://httpstatuses.io/{status}",
        "title": title,
        "status": status,
        "traceId": secrets.token_hex(16),
        "errors": errors or {},
        "data": {},
    }
    return web.Response(text=json.dumps(body), status=status, content_type="application/problem+json")
