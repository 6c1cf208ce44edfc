"""What we ask ServiceTitan to make: bookings and jobs, as its requests have them."""

import html
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# Ours among all applications that keep data on a job: who looks a job up must name the same.
APPLICATION_GUID = "6b1d1c0e-5f0b-4c1e-9d37-2f6f3f0a7c52"
EXTERNAL_KEY = "truckroll-booking"
PRIORITIES = ("Low", "Normal", "High", "Urgent")


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """A booking to ask for. `external_id` is ours, never changes, and finds it again."""

    external_id: str
    name: str
    summary: str
    phone: str = ""
    email: str = ""
    street: str = ""
    unit: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    start: datetime | None = None
    business_unit_id: int | None = None
    job_type_id: int | None = None
    # ServiceTitan's bookings name no customer; the number goes into the summary for its staff.
    customer_id: int | None = None
    source: str = "Truckroll"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job to make, with one appointment whose arrival window is all of it. `external_id` is ours, never
    changes, and finds it again."""

    external_id: str
    customer_id: int
    location_id: int
    business_unit_id: int
    job_type_id: int
    campaign_id: int  # ServiceTitan's, to which its reports attribute the job
    starts_at: datetime
    ends_at: datetime
    summary: str = ""
    priority: str = "Normal"


def booking_body(request: BookingRequest) -> dict[str, Any]:
    """A booking-create request as ServiceTitan takes it."""
    summary = request.summary
    if request.customer_id:
        summary = f"{summary} (ServiceTitan customer {request.customer_id})".strip()
    contacts = [("MobilePhone", request.phone), ("Email", request.email)]
    body: dict[str, Any] = {
        "source": request.source,
        "name": request.name,
        "summary": summary,
        "isFirstTimeClient": False,
        "externalId": request.external_id,
        "contacts": [{"type": kind, "value": value} for kind, value in contacts if value],
        "start": instant(request.start) if request.start else None,
        "businessUnitId": request.business_unit_id,
        "jobTypeId": request.job_type_id,
        "isSendConfirmationEmail": False,
    }
    if request.street:
        body["address"] = {
            "street": request.street,
            "unit": request.unit or None,
            "city": request.city,
            "state": request.state,
            "zip": request.zip,
            "country": "USA",
        }
    return {name: value for name, value in body.items() if value is not None}


def job_body(request: JobRequest) -> dict[str, Any]:
    """A job-create request as ServiceTitan takes it."""
    start, end = instant(request.starts_at), instant(request.ends_at)
    return {
        "customerId": request.customer_id,
        "locationId": request.location_id,
        "businessUnitId": request.business_unit_id,
        "jobTypeId": request.job_type_id,
        "campaignId": request.campaign_id,
        "priority": request.priority,
        "summary": html.escape(request.summary, quote=False),  # ServiceTitan shows it as HTML
        "appointments": [
            {"start": start, "end": end, "arrivalWindowStart": start, "arrivalWindowEnd": end},
        ],
        "externalData": {
            "applicationGuid": APPLICATION_GUID,
            "externalData": [{"key": EXTERNAL_KEY, "value": request.external_id}],
        },
    }


def jobs_made_as(external_id: str) -> dict[str, str]:
    """The query that finds the job made under our id."""
    return {
        "externalDataApplicationGuid": APPLICATION_GUID,
        "externalDataKey": EXTERNAL_KEY,
        "externalDataValues": external_id,
    }


def instant(at: datetime) -> str:
    """An instant as ServiceTitan writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
