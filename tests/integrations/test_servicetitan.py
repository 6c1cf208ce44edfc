"""ServiceTitan's client over HTTP: tokens, repeats and exports."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from django.db import connection

from integrations.messaging import ProviderError
from integrations.servicetitan import tokens
from integrations.servicetitan.requests import BookingRequest
from tests.integrations.tenant import HTML, Tenant, problem


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
        tenant.client().create_booking(BookingRequest(external_id="tr-7", name="Ann", summary="Tune-up"))
    assert (caught.value.permanent, caught.value.accepted) == (False, "no")
    assert tenant.bookings == []


@pytest.mark.django_db(transaction=True)
def test_one_token_serves_many_threads(tenant: Tenant) -> None:
    tenant.bodies["jobs/5"] = lambda _: {"id": 5, "customerId": 1}
    gate = threading.Barrier(8)

    def work(_: int) -> int:
        gate.wait(5)
        try:
            return tenant.client().job(5).id
        finally:
            connection.close()

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
