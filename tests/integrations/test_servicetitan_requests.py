"""What is asked of ServiceTitan, a booking or a job, is made once, whatever becomes of the answer."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from integrations.messaging import ProviderError
from integrations.servicetitan.requests import BookingRequest, JobRequest
from tests.integrations.tenant import Tenant, problem

REQUEST = BookingRequest(external_id="tr-7", name="Ann Lee", summary="Tune-up", phone="+15125550142")


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
