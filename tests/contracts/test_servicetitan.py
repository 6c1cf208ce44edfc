"""ServiceTitan over httpx, as the product speaks it; requests and responses against its descriptions."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.contracts.specifications import SERVICETITAN as SPECIFICATION
from tests.contracts.specifications import Specification, load
from tests.sandbox_process import SandboxProcess

Call = Callable[..., httpx.Response]
EXPORTS = [
    ("crm", "export/customers"),
    ("crm", "export/customers/contacts"),
    ("crm", "export/locations"),
    ("crm", "export/bookings"),
    ("jpm", "export/jobs"),
    ("jpm", "export/appointments"),
    ("jpm", "export/job-canceled-logs"),
    ("memberships", "export/recurring-service-events"),
    ("memberships", "export/memberships"),
    ("memberships", "export/membership-types"),
    ("accounting", "export/invoices"),
    ("sales", "export/estimates"),
    ("telecom", "export/calls"),
    ("settings", "export/tag-types"),
    ("settings", "export/business-units"),
]
LISTS = [
    ("crm", "customers"),
    ("crm", "customers/contacts"),
    ("crm", "locations"),
    ("crm", "bookings"),
    ("crm", "booking-provider-tags"),
    ("jpm", "jobs"),
    ("jpm", "appointments"),
    ("jpm", "job-types"),
    ("jpm", "job-cancel-reasons"),
    ("memberships", "memberships"),
    ("memberships", "membership-types"),
    ("accounting", "invoices"),
    ("sales", "estimates"),
    ("settings", "tag-types"),
    ("settings", "business-units"),
    ("marketing", "campaigns"),
    ("jbce", "call-reasons"),
]


def spec(module: str) -> Specification:
    return load(SPECIFICATION.get(module, f"servicetitan_{module}-v2.json"))


@pytest.fixture
def call(contract_sandbox: SandboxProcess) -> Call:
    """Authorised calls below `/{module}/v2/tenant/{tenant}/`, each checked against the description."""
    known = contract_sandbox.credentials
    form = {
        "grant_type": "client_credentials",
        "client_id": known["client_id"],
        "client_secret": known["client_secret"],
    }
    token = contract_sandbox.http.post(f"{contract_sandbox.base_url}/connect/token", data=form).json()
    assert (token["expires_in"], token["token_type"]) == (900, "Bearer")
    headers = {"Authorization": f"Bearer {token['access_token']}", "ST-App-Key": known["app_key"]}
    contract_sandbox.set_faults(servicetitan={"rate_limit": 0})

    def run(method: str, module: str, path: str, **kwargs: Any) -> httpx.Response:
        tenant = f"/tenant/{known['tenant_id']}/{path}"
        url = f"{contract_sandbox.base_url}/{module}/v2{tenant}"
        answer = contract_sandbox.http.request(method, url, headers=headers, **kwargs)
        described = spec(module)
        tenant = f"/v2{tenant}" if module == "telecom" else tenant
        if "json" in kwargs:
            described.check_request(method, tenant, kwargs["json"])
        if "params" in kwargs:
            described.check_query(tenant, kwargs["params"])
        if answer.status_code < 500 and answer.status_code not in (401, 422, 429):
            described.check_response(
                method, tenant, answer.status_code, answer.json() if answer.content else None
            )
        return answer

    return run


def everything(call: Call, module: str, path: str, **params: Any) -> list[dict[str, Any]]:
    rows, token = [], ""
    while True:
        page = call("GET", module, path, params={**params, **({"from": token} if token else {})}).json()
        rows += page["data"]
        token = page["continueFrom"]
        if not page["hasMore"]:
            return rows


@pytest.mark.parametrize(("module", "path"), EXPORTS)
def test_export_fits_its_description(call: Call, module: str, path: str) -> None:
    rows = everything(call, module, path)
    if path not in ("export/bookings", "export/job-canceled-logs", "export/recurring-service-events"):
        assert rows


@pytest.mark.parametrize(("module", "path"), LISTS)
def test_list_fits_its_description(call: Call, module: str, path: str) -> None:
    answer = call("GET", module, path, params={"page": "1", "pageSize": "20"}).json()
    assert answer["page"] == 1
    assert answer["totalCount"] is None


def test_lists_hide_inactive_rows_and_filter(call: Call) -> None:
    every = call(
        "GET", "crm", "customers", params={"active": "Any", "pageSize": "500", "includeTotal": "true"}
    ).json()
    shown = call("GET", "crm", "customers", params={"pageSize": "500", "includeTotal": "true"}).json()
    assert every["totalCount"] == 120
    assert len(shown["data"]) == shown["totalCount"] < 120
    some = ",".join(str(row["id"]) for row in shown["data"][:3])
    assert len(call("GET", "crm", "customers", params={"ids": some}).json()["data"]) == 3
    contacts = call(
        "GET", "crm", "customers/contacts", params={"customerIds": some, "pageSize": "50"}
    ).json()["data"]
    assert {str(c["customerId"]) for c in contacts} <= set(some.split(","))
    none = call("GET", "jpm", "jobs", params={"createdOnOrAfter": "2100-01-01T00:00:00Z"}).json()
    assert none["data"] == []


def test_bad_paging_is_a_described_400(call: Call) -> None:
    assert call("GET", "crm", "customers", params={"pageSize": "5001"}).status_code == 400
    assert call("GET", "crm", "export/customers", params={"from": "rubbish"}).status_code == 400
    assert call("GET", "crm", "customers/123456789").status_code == 404


def test_booking_goes_its_way_to_a_job(call: Call, contract_sandbox: SandboxProcess) -> None:
    contract_sandbox.set_faults(servicetitan={"rate_limit": 0, "dismiss": 0.0})
    person = call("GET", "crm", "customers/contacts", params={"pageSize": "1"}).json()["data"][0]
    wish = {
        "source": "Outreach",
        "name": "Adele Alvarado",
        "summary": "AC tune-up, said yes by text",
        "isFirstTimeClient": False,
        "externalId": "enrollment-77",
        "contacts": [{"type": "MobilePhone", "value": person["value"]}],
        "jobTypeId": 501,
        "businessUnitId": 301,
        "priority": "Normal",
    }
    booking = call("POST", "crm", "booking-provider/901/bookings", json=wish).json()
    assert (booking["status"], booking["jobId"]) == ("New", None)
    contract_sandbox.wait_for("booking", 1, status="Converted", booking=booking["id"])
    found = call(
        "GET", "crm", "booking-provider/901/bookings", params={"externalId": "enrollment-77"}
    ).json()["data"]
    assert [(b["id"], b["status"]) for b in found] == [(booking["id"], "Converted")]
    job = call("GET", "jpm", f"jobs/{found[0]['jobId']}").json()
    assert (job["bookingId"], job["customerId"]) == (booking["id"], person["customerId"])
    assert (
        call("GET", "jpm", "jobs", params={"bookingId": str(booking["id"])}).json()["data"][0]["id"]
        == job["id"]
    )
    (appointment,) = call("GET", "jpm", "appointments", params={"jobId": str(job["id"])}).json()["data"]
    assert appointment["status"] == "Scheduled"
    assert booking["id"] in [
        b["id"] for b in everything(call, "crm", "export/bookings", includeRecentChanges="true")
    ]


def test_booking_without_what_is_required_is_refused(call: Call, contract_sandbox: SandboxProcess) -> None:
    with pytest.raises(AssertionError):  # the description refuses it before the sandbox does
        call("POST", "crm", "booking-provider/901/bookings", json={"name": "x"})


def test_write_backs_fit(call: Call) -> None:
    customer = call("GET", "crm", "customers", params={"pageSize": "1"}).json()["data"][0]
    note = call("POST", "crm", f"customers/{customer['id']}/notes", json={"text": "Asked not to be texted"})
    assert note.status_code == 200
    tagged = call("POST", "crm", f"customers/{customer['id']}/tags/405").json()
    assert 405 in tagged["tagTypeIds"]
    assert call("DELETE", "crm", f"customers/{customer['id']}/tags/405").status_code == 200
    assert call("PATCH", "crm", f"customers/{customer['id']}", json={"doNotMail": True}).json()["doNotMail"]
    job = {
        "customerId": customer["id"],
        "locationId": 7500001,
        "businessUnitId": 301,
        "jobTypeId": 501,
        "priority": "Normal",
        "campaignId": 606,
        "appointments": [{"start": "2027-01-04T15:00:00Z", "end": "2027-01-04T17:00:00Z"}],
    }
    made = call("POST", "jpm", "jobs", json=job).json()
    moved = {"start": "2027-01-05T15:00:00Z", "end": "2027-01-05T17:00:00Z"}
    visit = call("PATCH", "jpm", f"appointments/{made['firstAppointmentId']}/reschedule", json=moved).json()
    assert visit["start"].startswith("2027-01-05T15:00")
    assert (
        call("PUT", "jpm", f"jobs/{made['id']}/cancel", json={"reasonId": 1001, "memo": "x"}).status_code
        == 200
    )
    assert call("GET", "jpm", f"jobs/{made['id']}").json()["jobStatus"] == "Canceled"


def test_a_job_is_found_by_what_an_application_keeps_on_it(call: Call) -> None:
    place = call("GET", "crm", "locations", params={"pageSize": "1"}).json()["data"][0]
    mine = {"applicationGuid": "6b1d1c0e-5f0b-4c1e-9d37-2f6f3f0a7c52"}
    hours = {"start": "2027-01-04T15:00:00Z", "end": "2027-01-04T19:00:00Z"}
    window = {"arrivalWindowStart": hours["start"], "arrivalWindowEnd": hours["end"]}
    job = {
        "customerId": place["customerId"],
        "locationId": place["id"],
        "businessUnitId": 301,
        "jobTypeId": 501,
        "priority": "Normal",
        "campaignId": 606,
        "summary": "Tune-up",
        "appointments": [{**hours, **window}],
        "externalData": {**mine, "externalData": [{"key": "ours", "value": "step-1"}]},
    }
    made = call("POST", "jpm", "jobs", json=job).json()

    def found(value: str, guid: str) -> list[int]:
        query = {"externalDataApplicationGuid": guid, "externalDataKey": "ours", "externalDataValues": value}
        return [row["id"] for row in call("GET", "jpm", "jobs", params=query).json()["data"]]

    assert found("step-1", mine["applicationGuid"]) == [made["id"]]
    assert found("step-2", mine["applicationGuid"]) == []
    assert found("step-1", "00000000-0000-0000-0000-000000000000") == []
    assert call("GET", "jpm", "jobs", params={"externalDataKey": "ours"}).status_code == 400
    elsewhere = job | {"locationId": place["id"] + 999_999}
    assert call("POST", "jpm", "jobs", json=elsewhere).status_code == 400
    assert call("GET", "marketing", "campaigns/606").json()["id"] == 606


def test_capacity_says_which_windows_are_left(call: Call) -> None:
    wish = {
        "startsOnOrAfter": "2026-11-23T00:00:00Z", "endsOnOrBefore": "2026-11-29T00:00:00Z",
        "businessUnitIds": [301], "jobTypeId": 501, "skillBasedAvailability": False,
    }  # fmt: skip
    rows = call("POST", "dispatch", "capacity", json=wish).json()["availabilities"]
    assert rows and all(row["endUtc"] > row["startUtc"] for row in rows)
    assert {row["isAvailable"] for row in rows} <= {True, False} and any(row["isAvailable"] for row in rows)
    late = {**wish, "endsOnOrBefore": "2026-11-22T00:00:00Z"}
    assert call("POST", "dispatch", "capacity", json=late).status_code == 400
