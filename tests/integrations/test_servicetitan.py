"""ServiceTitan's client over HTTP: tokens, repeats, exports, and bookings made once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from integrations.messaging import ProviderError
from integrations.servicetitan import tokens
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.client import ServiceTitanClient
from integrations.servicetitan.requests import BookingRequest, JobRequest

REQUEST = BookingRequest(external_id="tr-7", name="Ann Lee", summary="Tune-up", phone="+15125550142")
HTML = "<html><body>502 Bad Gateway</body></html>"


def ours_of(body: dict[str, Any]) -> dict[str, Any]:
    """What a booking, or a job, repeats of its request."""
    if "externalId" in body:
        return {"externalId": body["externalId"]}
    return {"customerId": body["customerId"], "externalData": body["externalData"]["externalData"]}


class Tenant:
    """A tenant behind the local server: hands out tokens, answers from a script, else from `rows`."""

    def __init__(self, server: Any) -> None:
        server.handler = self.answer
        self.server = server
        self.tokens = 0
        self.expires_in = 900
        self.script: list[web.Response | str] = []
        self.bookings: list[dict[str, Any]] = []
        self.bodies: dict[str, Any] = {}
        self.pauses: list[float] = []
        self.clients: list[ServiceTitanClient] = []

    def client(self, **changes: Any) -> ServiceTitanClient:
        fields: dict[str, Any] = {
            "client_id": "cid",
            "client_secret": "secret",
            "app_key": "app",
            "tenant_id": "42",
            "base_url": self.server.url,
            "auth_base_url": self.server.url,
            "booking_provider_id": 9,
        }
        made = ServiceTitanClient(ServiceTitanAccess(**fields | changes), pause=self.pauses.append)
        self.clients.append(made)
        return made

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/connect/token":
            self.tokens += 1
            return web.json_response(
                {"access_token": f"t{self.tokens}", "expires_in": self.expires_in, "token_type": "Bearer"}
            )
        step = self.script.pop(0) if self.script else None
        if request.method == "POST" and step in (None, "drop after", "502 after"):
            body = await request.json()
            made = {"id": 100 + len(self.bookings), "status": "New", **ours_of(body)}
            self.bookings.append(made)
            if step is None:
                return web.json_response(made)
        if step in ("drop", "drop after"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if step == "502 after":
            return web.Response(status=502, text=HTML)
        if isinstance(step, web.Response):
            return step
        if request.path.endswith("/bookings"):
            wanted = request.query.get("externalId")
            return self.page([row for row in self.bookings if row["externalId"] == wanted])
        if "externalDataKey" in request.query:  # one that does not filter: every job comes back
            return self.page(self.bookings)
        key = request.path.split("/tenant/42/")[1]
        return web.json_response(self.bodies[key](request.query) if key in self.bodies else {}, status=200)

    @staticmethod
    def page(rows: list[dict[str, Any]], more: bool = False) -> web.Response:
        return web.json_response({"page": 1, "pageSize": 50, "hasMore": more, "data": rows})

    def called(self) -> list[str]:
        return [path for path in self.server.paths() if "/connect/" not in path]


@pytest.fixture
def tenant(server: Any) -> Iterator[Tenant]:
    made = Tenant(server)
    yield made
    for client in made.clients:
        client.close()


def problem(status: int, title: str = "no", **headers: str) -> web.Response:
    return web.json_response({"title": title, "status": status}, status=status, headers=headers)


def test_an_export_is_followed_from_token_to_token(tenant: Tenant) -> None:
    pages = {
        "": {"hasMore": True, "continueFrom": "a", "data": [{"id": 1}]},
        "a": {"hasMore": True, "continueFrom": "b", "data": [{"id": 2}]},
        "b": {"hasMore": False, "continueFrom": "c", "data": []},
    }
    tenant.bodies["export/customers"] = lambda query: pages[query.get("from", "")]
    found = [
        ([row.id for row in page.records], page.continue_from)
        for page in tenant.client().export("customers", "")
    ]
    assert found == [([1], "a"), ([2], "b"), ([], "c")]
    assert tenant.called() == ["GET /crm/v2/tenant/42/export/customers"] * 3
    headers = tenant.server.requests[1].headers
    assert (headers["Authorization"], headers["ST-App-Key"]) == ("Bearer t1", "app")
    assert "from" not in tenant.server.requests[1].query


def test_an_export_that_leads_nowhere_is_an_error_and_not_an_endless_loop(tenant: Tenant) -> None:
    tenant.bodies["export/jobs"] = lambda _: {"hasMore": True, "continueFrom": "x", "data": []}
    with pytest.raises(ProviderError):
        list(tenant.client().export("jobs", "x"))


def test_records_survive_what_the_source_really_sends(tenant: Tenant) -> None:
    row = {
        "id": 5,
        "customerId": 1,
        "jobNumber": 77,
        "jobStatus": 3,
        "total": "129.50",
        "tagTypeIds": None,
        "modifiedOn": "2026-11-10T15:00:00",
        "completedOn": None,
        "brandNewField": {"x": 1},
    }
    tenant.bodies["export/jobs"] = lambda _: {"hasMore": False, "continueFrom": "x", "data": [row]}
    [page] = tenant.client().export("jobs")
    [job] = page.records
    assert (job.total, job.job_number, job.job_status, job.tag_type_ids) == (Decimal("129.50"), "77", "3", [])
    assert job.modified_on == datetime(2026, 11, 10, 15, 0, tzinfo=UTC)
    assert job.active


ODD: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("jobs", {"customerId": 1, "noCharge": None, "active": None, "jobStatus": None, "jobNumber": None},
     {"no_charge": False, "active": True, "job_status": "", "job_number": ""}),
    ("jobs", {"customerId": 1, "total": "", "completedOn": "0001-01-01T00:00:00", "tagTypeIds": [None, 3]},
     {"total": None, "completed_on": None, "tag_type_ids": [3]}),
    ("customers", {"type": None, "name": "Ann\0 \ud83d", "doNotService": None},
     {"type": "", "name": "Ann ", "do_not_service": False}),
    ("contacts", {"customerId": 1, "value": 3035550101, "active": None}, {"value": "3035550101"}),
    ("appointments", {"jobId": 1, "start": "2026-11-10T15:00:00Z", "end": None}, {"end": None}),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "row", "wanted"), ODD)
def test_odd_values_are_read_as_what_they_can_only_mean(
    tenant: Tenant, entity: str, row: dict[str, Any], wanted: dict[str, Any]
) -> None:
    tenant.bodies[f"export/{'customers/contacts' if entity == 'contacts' else entity}"] = lambda _: {
        "hasMore": False, "continueFrom": "x", "data": [{"id": 5, **row}],
    }  # fmt: skip
    [page] = tenant.client().export(entity)
    assert page.skipped == []
    assert {name: getattr(page.records[0], name) for name in wanted} == wanted


def test_a_zip_that_came_as_a_number_gets_its_zeros_back(tenant: Tenant) -> None:
    row = {"id": 5, "address": {"zip": 2139, "street": 9}}
    tenant.bodies["export/customers"] = lambda _: {"hasMore": False, "continueFrom": "x", "data": [row]}
    [page] = tenant.client().export("customers")
    assert (page.records[0].address.zip, page.records[0].address.street) == ("02139", "9")


@pytest.mark.parametrize(
    ("entity", "row"),
    [
        ("jobs", {"id": 5}),
        ("jobs", {"id": 2**70, "customerId": 1}),
        ("jobs", {"id": 5, "customerId": 1, "total": 1e12}),
        ("jobs", {"customerId": 1}),
        ("jobs", "no row at all"),
        ("appointments", {"id": 5, "jobId": 1, "end": "2026-11-10T15:00:00Z"}),
    ],
)
def test_a_row_that_cannot_be_kept_is_passed_over_and_told(tenant: Tenant, entity: str, row: Any) -> None:
    good = {"id": 6, "customerId": 1, "jobId": 1, "start": "2026-11-10T15:00:00Z"}
    body = {"hasMore": False, "continueFrom": "x", "data": [row, good]}
    tenant.bodies[f"export/{entity}"] = lambda _: body
    [page] = tenant.client().export(entity)
    assert [record.id for record in page.records] == [6] and page.continue_from == "x"
    [words] = page.skipped
    assert words.startswith(("Job ", "Appointment "))


def test_rows_of_which_none_can_be_read_stop_the_page(tenant: Tenant) -> None:
    rows = [{"id": number} for number in range(10)]
    tenant.bodies["export/jobs"] = lambda _: {"hasMore": False, "continueFrom": "x", "data": rows}
    with pytest.raises(ProviderError) as caught:
        list(tenant.client().export("jobs"))
    assert caught.value.code == "unreadable" and "none of 10 rows" in str(caught.value)


def test_reads_are_repeated_on_throttling_gateways_and_lost_answers(tenant: Tenant) -> None:
    tenant.bodies["jobs/5"] = lambda _: {"id": 5, "customerId": 1}
    tenant.script = [
        problem(429, **{"Retry-After": "3"}),
        web.Response(status=502, text=HTML),
        web.Response(status=200, text=HTML, content_type="text/html"),
        "drop",
    ]
    assert tenant.client().job(5).id == 5
    assert len(tenant.called()) == 5
    assert tenant.pauses[0] == 3.0, "the named pause is kept"
    assert all(0 < pause <= 15 for pause in tenant.pauses[1:])


def test_reads_give_up_in_the_end(tenant: Tenant) -> None:
    tenant.script = [problem(500) for _ in range(9)]
    with pytest.raises(ProviderError) as caught:
        tenant.client().job(5)
    assert len(tenant.called()) == 5
    assert not caught.value.permanent


def test_a_refusal_is_not_repeated_and_says_why(tenant: Tenant) -> None:
    tenant.script = [problem(404, "Job was not found")]
    with pytest.raises(ProviderError) as caught:
        tenant.client().job(5)
    assert (caught.value.permanent, caught.value.code, caught.value.message) == (
        True,
        "404",
        "Job was not found",
    )
    assert len(tenant.called()) == 1


def test_a_token_that_ran_out_is_renewed_and_the_request_signed_again(tenant: Tenant) -> None:
    tenant.bodies["jobs/5"] = lambda _: {"id": 5, "customerId": 1}
    client = tenant.client()
    client.job(5)
    tenant.script = [problem(401)]
    assert client.job(5).id == 5
    assert tenant.tokens == 2
    assert tenant.server.requests[-1].headers["Authorization"] == "Bearer t2"


def test_bad_credentials_wait_for_somebody_to_mend_them(tenant: Tenant) -> None:
    tenant.script = [problem(401) for _ in range(9)]
    with pytest.raises(ProviderError) as caught:
        tenant.client().create_booking(REQUEST)
    assert (caught.value.permanent, caught.value.accepted) == (False, "no")
    assert tenant.bookings == []


def test_one_token_serves_many_threads(tenant: Tenant) -> None:
    tenant.bodies["jobs/5"] = lambda _: {"id": 5, "customerId": 1}
    gate = threading.Barrier(8)

    def work(_: int) -> int:
        gate.wait(5)
        return tenant.client().job(5).id

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [5] * 8
    assert tenant.tokens == 1


def test_a_token_is_renewed_a_minute_early(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant.bodies["jobs/5"] = lambda _: {"id": 5, "customerId": 1}
    now = 1000.0
    monkeypatch.setattr(tokens.time, "monotonic", lambda: now)
    monkeypatch.setattr(tokens.time, "sleep", lambda _: None)
    client = tenant.client(client_id="early")
    client.job(5)
    now = 1839.0
    client.job(5)
    assert tenant.tokens == 1
    now = 1841.0
    client.job(5)
    assert tenant.tokens == 2


def test_a_refused_sign_in_is_not_hammered(tenant: Tenant) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "invalid_client"}, status=400)

    tenant.server.handler = refuse
    for _ in range(3):
        with pytest.raises(ProviderError) as caught:
            tenant.client(client_id="bad").job(5)
        assert not caught.value.permanent
    assert tenant.server.paths() == ["POST /connect/token"]


def test_requests_are_paced(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant.bodies["jobs/5"] = lambda _: {"id": 5, "customerId": 1}
    slept: list[float] = []
    monkeypatch.setattr(tokens.time, "monotonic", lambda: 50.0)
    monkeypatch.setattr(tokens.time, "sleep", slept.append)
    client = tenant.client(client_id="paced")
    for _ in range(16):
        client.job(5)
    waits = [wait for wait in slept if wait > 1e-9]
    assert len(waits) == 12, "a burst of three, one at its time, then twelve a second"
    assert waits[-1] == pytest.approx(1.0)
    at_once = [wait for wait in waits if wait < 1 - 1e-9]
    assert 4 + len(at_once) == 60 / 4, "in any second no more than its share"


def test_a_booking_is_asked_for_once(tenant: Tenant) -> None:
    booking = tenant.client().create_booking(REQUEST)
    assert (booking.id, booking.status, booking.external_id) == (100, "New", "tr-7")
    assert tenant.called() == ["POST /crm/v2/tenant/42/booking-provider/9/bookings"]


@pytest.mark.parametrize("fault", ["drop after", "502 after"])
def test_a_booking_whose_answer_was_lost_is_found_and_not_made_again(tenant: Tenant, fault: str) -> None:
    tenant.script = [fault]
    assert tenant.client().create_booking(REQUEST).id == 100
    assert len(tenant.bookings) == 1
    assert [path.split()[0] for path in tenant.called()] == ["POST", "GET"]


def test_a_booking_that_was_not_taken_is_asked_for_again_after_looking(tenant: Tenant) -> None:
    tenant.script = ["drop"]
    assert tenant.client().create_booking(REQUEST).id == 100
    assert [path.split()[0] for path in tenant.called()] == ["POST", "GET", "POST"]
    assert len(tenant.bookings) == 1


def test_a_throttled_booking_is_simply_repeated(tenant: Tenant) -> None:
    tenant.script = [problem(429)]
    assert tenant.client().create_booking(REQUEST).id == 100
    assert [path.split()[0] for path in tenant.called()] == ["POST", "POST"]


def test_a_booking_nobody_can_look_up_stays_unknown(tenant: Tenant) -> None:
    tenant.script = ["502 after", *(problem(500) for _ in range(9))]
    with pytest.raises(ProviderError) as caught:
        tenant.client().create_booking(REQUEST)
    assert caught.value.accepted == "unknown"
    assert len(tenant.bookings) == 1, "never a second one on a guess"


def test_a_refused_booking_says_which_field(tenant: Tenant) -> None:
    body = {"title": "Validation failed", "status": 400, "errors": {"Summary": ["required"]}}
    tenant.script = [web.json_response(body, status=400)]
    with pytest.raises(ProviderError) as caught:
        tenant.client().create_booking(REQUEST)
    assert (caught.value.permanent, caught.value.accepted) == (True, "no")
    assert "Summary" in caught.value.message


AT = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


def job_request(external_id: str) -> JobRequest:
    return JobRequest(
        external_id=external_id, customer_id=1, location_id=2, business_unit_id=3, job_type_id=4,
        campaign_id=5, starts_at=AT, ends_at=AT + timedelta(hours=4),
    )  # fmt: skip


@pytest.mark.parametrize("fault", ["drop after", "502 after"])
def test_a_job_whose_answer_was_lost_is_found_and_not_made_again(tenant: Tenant, fault: str) -> None:
    client = tenant.client()
    assert client.create_job(job_request("step-1")).id == 100
    tenant.script = [fault]
    assert client.create_job(job_request("step-2")).id == 101
    assert [path.split()[0] for path in tenant.called()] == ["POST", "POST", "GET"]
    assert len(tenant.bookings) == 2


def test_a_job_that_is_not_found_is_not_made_again_at_once_and_no_strangers_taken_for_it(
    tenant: Tenant,
) -> None:
    client = tenant.client()
    client.create_job(job_request("step-1"))
    tenant.script = ["drop"]
    with pytest.raises(ProviderError) as caught:
        client.create_job(job_request("step-2"))
    assert caught.value.accepted == "unknown"
    assert [path.split()[0] for path in tenant.called()] == ["POST", "POST", "GET"]
    assert client.jobs_by_external_id("step-2") == []
    assert client.create_job(job_request("step-2")).id == 101
    assert [job.id for job in client.jobs_by_external_id("step-2")] == [101]


def test_the_booking_provider_is_looked_up_once_where_not_configured(tenant: Tenant) -> None:
    tags = {"page": 1, "pageSize": 50, "hasMore": False, "data": [{"id": 3, "active": False}, {"id": 4}]}
    tenant.bodies["booking-provider-tags"] = lambda _: tags
    client = tenant.client(booking_provider_id=None)
    client.create_booking(REQUEST)
    client.create_booking(BookingRequest(external_id="tr-8", name="B", summary="C"))
    assert [path.split("/42/")[1] for path in tenant.called()] == [
        "booking-provider-tags",
        "booking-provider/4/bookings",
        "booking-provider/4/bookings",
    ]


def test_lists_are_read_to_the_end_inactive_rows_included(tenant: Tenant) -> None:
    def job_types(query: Any) -> dict[str, Any]:
        page = int(query["page"])
        return {"hasMore": page < 2, "data": [{"id": page, "name": f"T{page}", "active": page == 1}]}

    tenant.bodies["job-types"] = job_types
    assert [(t.id, t.active) for t in tenant.client().list_job_types()] == [(1, True), (2, False)]
    assert {r.query.get("active") for r in tenant.server.requests if "job-types" in r.path} == {"Any"}


def test_many_jobs_are_asked_for_fifty_at_a_time(tenant: Tenant) -> None:
    def jobs(query: Any) -> dict[str, Any]:
        rows = [{"id": int(pk), "customerId": 1} for pk in query["ids"].split(",")]
        return {"hasMore": False, "data": rows}

    tenant.bodies["jobs"] = jobs
    assert [job.id for job in tenant.client().jobs(ids=range(1, 121))] == list(range(1, 121))
    assert len(tenant.called()) == 3
