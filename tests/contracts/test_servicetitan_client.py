"""What our ServiceTitan client asks for and reads, against the official descriptions."""

from datetime import UTC, datetime, timedelta

import jsonschema

from integrations.servicetitan import records
from integrations.servicetitan.entities import EXPORTS
from integrations.servicetitan.requests import (
    BookingRequest,
    JobRequest,
    booking_body,
    job_body,
    jobs_made_as,
)
from tests.contracts.specifications import SERVICETITAN, load

# Exports whose descriptions are not among the files: the fields that ServiceTitan's own document of May 2026
# requires of each row.
NOT_HELD = {
    "export/appointment-assignments": {
        "id", "technicianId", "technicianName", "assignedById", "assignedOn", "status", "isPaused", "jobId",
        "appointmentId", "createdOn", "modifiedOn", "active",
    },
}  # fmt: skip
REQUEST = BookingRequest(external_id="tr-7", name="Ann Lee", summary="Tune-up", phone="+15125550142")


def test_every_export_has_an_official_path_and_every_field_read_exists_there() -> None:
    for module, path, kind in EXPORTS.values():
        if path in NOT_HELD:
            assert {field.alias for field in kind.model_fields.values()} <= NOT_HELD[path]
            continue
        described = load(SERVICETITAN.get(module, f"servicetitan_{module}-v2.json")).document
        version = "/v2" if module == "telecom" else ""
        operation = described["paths"][f"{version}/tenant/{{tenant}}/{path}"]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        page = described["components"]["schemas"][schema.rsplit("/", 1)[1]]
        row = described["components"]["schemas"][
            page["properties"]["data"]["items"]["$ref"].rsplit("/", 1)[1]
        ]
        read = {field.alias for field in kind.model_fields.values()}
        missing = read - set(row["properties"])
        allowed = {records.Booking: {"active"}}.get(kind, set())
        assert missing <= allowed, f"{path}: {missing}"


def test_a_booking_request_is_what_the_official_schema_asks_for() -> None:
    described = load("servicetitan_crm-v2.json").document
    [name] = [n for n in described["components"]["schemas"] if n.endswith(".CreateBookingRequest")]
    full = BookingRequest(
        external_id="tr-7",
        name="Ann Lee",
        summary="Tune-up",
        phone="+15125550142",
        email="ann@example.com",
        street="1 Elm St",
        unit="2",
        city="Austin",
        state="TX",
        zip="78701",
        start=datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
        business_unit_id=1,
        job_type_id=2,
        customer_id=3,
    )
    for request in (full, REQUEST):
        body = booking_body(request)
        jsonschema.validate(body, {"$ref": f"#/components/schemas/{name}", **described})
    assert booking_body(full)["start"] == "2026-11-24T15:00:00Z"
    assert "customer 3" in booking_body(full)["summary"]


def test_a_job_request_and_its_look_up_are_what_the_official_description_asks_for() -> None:
    described = load("servicetitan_jpm-v2.json")
    at = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    body = job_body(
        JobRequest(
            external_id="truckroll-step-7", customer_id=1, location_id=2, business_unit_id=3, job_type_id=4,
            campaign_id=5, starts_at=at, ends_at=at + timedelta(hours=4), summary="Tune-up <soon>",
        )
    )  # fmt: skip
    described.check_request("POST", "/tenant/1/jobs", body)
    [appointment] = body["appointments"]
    assert appointment["arrivalWindowStart"] == appointment["start"] == "2026-11-24T14:00:00Z"
    assert body["summary"] == "Tune-up &lt;soon&gt;"
    described.check_query("/tenant/1/jobs", jobs_made_as("truckroll-step-7"))
