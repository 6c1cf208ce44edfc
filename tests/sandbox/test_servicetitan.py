"""The ServiceTitan side: guards, throttles, exports that lose nothing, the office."""

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.sandbox_process import SandboxProcess, StartSandbox


@pytest.fixture
def tenant(start_sandbox: StartSandbox) -> SandboxProcess:
    return start_sandbox("--demo", "--demo-customers", "60", "--customers", "silent", speed=600)


def headers(sandbox: SandboxProcess) -> dict[str, str]:
    known = sandbox.credentials
    form = {
        "grant_type": "client_credentials",
        "client_id": known["client_id"],
        "client_secret": known["client_secret"],
    }
    answer = sandbox.http.post(f"{sandbox.base_url}/connect/token", data=form)
    return {"Authorization": f"Bearer {answer.json()['access_token']}", "ST-App-Key": known["app_key"]}


def get(sandbox: SandboxProcess, path: str, head: dict[str, str], **query: Any) -> httpx.Response:
    module, _, rest = path.partition("/")
    url = f"{sandbox.base_url}/{module}/v2/tenant/{sandbox.credentials['tenant_id']}/{rest}"
    return sandbox.http.get(url, headers=head, params=query)


def test_guards(tenant: SandboxProcess) -> None:
    head = headers(tenant)
    assert get(tenant, "crm/customers", head).status_code == 200
    missing = get(tenant, "crm/customers", {"Authorization": head["Authorization"]})
    assert missing.status_code == 401
    assert missing.headers["Content-Type"].startswith("application/problem+json")
    assert "ST-App-Key" in missing.json()["title"]
    assert get(tenant, "crm/customers", {**head, "Authorization": "Bearer x"}).status_code == 401
    assert tenant.http.get(f"{tenant.base_url}/crm/v2/tenant/1/customers", headers=head).status_code == 404
    tenant.set_faults(servicetitan={"token_seconds": 0})
    assert get(tenant, "crm/customers", headers(tenant)).status_code == 401  # an expired token


def test_sixty_requests_a_second_with_and_without_retry_after(tenant: SandboxProcess) -> None:
    head = headers(tenant)
    answers = [get(tenant, "jpm/job-types", head) for _ in range(200)]
    throttled = [answer for answer in answers if answer.status_code == 429]
    if not throttled:  # a slow machine: ask for a limit it can reach
        tenant.set_faults(servicetitan={"rate_limit": 5})
        throttled = [
            a for a in (get(tenant, "jpm/job-types", head) for _ in range(40)) if a.status_code == 429
        ]
    assert throttled[0].headers["Retry-After"] == "1"
    tenant.set_faults(servicetitan={"http_429": 1.0, "retry_after": False})
    assert "Retry-After" not in get(tenant, "jpm/job-types", head).headers
    tenant.set_faults(servicetitan={"http_429": 0.0, "html_502": 1.0})
    bad = get(tenant, "jpm/job-types", head)
    assert (bad.status_code, bad.headers["Content-Type"].split(";")[0]) == (502, "text/html")
    tenant.set_faults(servicetitan={"html_502": 0.0, "unreachable": True})
    with pytest.raises(httpx.TransportError):
        get(tenant, "jpm/job-types", head)


def test_token_endpoint_is_throttled_on_demand(tenant: SandboxProcess) -> None:
    tenant.set_faults(servicetitan={"token_limit_per_minute": 2})
    known = tenant.credentials
    form = {
        "grant_type": "client_credentials",
        "client_id": known["client_id"],
        "client_secret": known["client_secret"],
    }
    codes = [tenant.http.post(f"{tenant.base_url}/connect/token", data=form).status_code for _ in range(5)]
    assert 1 <= codes.count(429) <= 3  # fewer than three where a new minute began between
    assert 200 in codes


def test_export_loses_no_row_while_rows_change(tenant: SandboxProcess) -> None:
    tenant.set_faults(servicetitan={"page_size": 7, "rate_limit": 0, "recent_seconds": 0})
    head, seen, token, edits = headers(tenant), {}, "", 0
    stop = threading.Event()

    def edit() -> None:
        nonlocal edits
        with httpx.Client(trust_env=False) as http:
            while not stop.is_set():
                body = {"id": 7_000_001 + edits % 60, "name": f"Renamed {edits}"}
                http.post(f"{tenant.base_url}/servicetitan/customers", json=body)
                edits += 1

    def pull(until: Callable[[bool], bool]) -> None:
        nonlocal token
        more = True
        while not until(more):
            page = get(tenant, "crm/export/customers", head, **({"from": token} if token else {})).json()
            seen.update({row["id"]: row["name"] for row in page["data"]})
            token, more = page["continueFrom"], page["hasMore"]

    editor = threading.Thread(target=edit)
    editor.start()
    pull(until=lambda _more: edits >= 100)
    stop.set()
    editor.join()
    pull(until=lambda more: not more)
    listed = get(tenant, "crm/customers", head, active="Any", pageSize=500).json()["data"]
    assert seen == {row["id"]: row["name"] for row in listed}


def test_recent_changes_come_early_and_repeat(tenant: SandboxProcess) -> None:
    tenant.set_faults(servicetitan={"recent_seconds": 60})
    head, path = headers(tenant), "crm/export/customers"
    token = get(tenant, path, head).json()["continueFrom"]
    tenant.put_servicetitan("customers", id=7_000_005, name="Just Edited")
    assert get(tenant, path, head, **{"from": token}).json()["data"] == []
    for _ in range(2):  # the same token, the same row: recent rows repeat
        page = get(tenant, path, head, includeRecentChanges="true", **{"from": token}).json()
        assert [row["name"] for row in page["data"]] == ["Just Edited"]
        token = page["continueFrom"]
    tenant.set_faults(servicetitan={"recent_seconds": 0})
    page = get(tenant, path, head, **{"from": token}).json()
    assert [row["name"] for row in page["data"]] == ["Just Edited"]
    assert get(tenant, path, head, **{"from": page["continueFrom"]}).json()["data"] == []


def test_booking_can_be_dismissed_or_stored_without_an_answer(tenant: SandboxProcess) -> None:
    head = headers(tenant)
    url = f"{tenant.base_url}/crm/v2/tenant/{tenant.credentials['tenant_id']}/booking-provider/901/bookings"
    wish = {"source": "Outreach", "name": "A", "summary": "x", "isFirstTimeClient": True, "externalId": "e1"}
    assert tenant.http.post(url, headers=head, json=wish).status_code == 400  # neither address nor contact
    wish["contacts"] = [{"type": "MobilePhone", "value": "2175550100"}]
    tenant.set_faults(servicetitan={"accept_then_drop": 1.0, "dismiss": 1.0})
    with pytest.raises(httpx.TransportError):
        tenant.http.post(url, headers=head, json=wish)
    found = get(tenant, "crm/booking-provider/901/bookings", head, externalId="e1").json()["data"]
    assert len(found) == 1
    assert tenant.wait_for("booking", 1, status="Dismissed")[0]["job"] is None


def test_demo_tenant_is_the_same_for_the_same_seed_and_day(start_sandbox: StartSandbox) -> None:
    def company() -> list[tuple[Any, ...]]:
        sandbox = start_sandbox("--demo", "--demo-customers", "80", "--seed", "9")
        head = headers(sandbox)
        rows = get(sandbox, "crm/export/customers/contacts", head).json()["data"]
        return [(row["id"], row["value"], row["phoneSettings"]["doNotText"]) for row in rows]

    first = company()
    assert first == company()
    phones = [value for _, value, _ in first if "@" not in value]
    assert all("55501" in "".join(c for c in value if c.isdigit()) for value in phones)
    assert all(value.endswith(("@example.com", "@example.org")) for _, value, _ in first if "@" in value)


def test_finished_appointments_become_revenue(tenant: SandboxProcess) -> None:
    head = headers(tenant)
    visits = get(tenant, "jpm/appointments", head, status="Scheduled", pageSize=200).json()["data"]
    assert visits
    tenant.put_servicetitan(
        "appointments",
        id=visits[0]["id"],
        start="2026-01-05T15:00:00.000000Z",
        end="2026-01-05T17:00:00.000000Z",
    )
    deadline = time.monotonic() + 25
    while (job := get(tenant, f"jpm/jobs/{visits[0]['jobId']}", head).json())["jobStatus"] != "Completed":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert job["total"] > 0
    assert job["invoiceId"] > 0
