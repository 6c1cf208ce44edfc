"""Credited revenue against the sandbox's own ledger, over HTTP: to the cent, whatever became of the jobs."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection

from analytics import counters, metrics
from analytics.models import JobCredit, JobStanding
from analytics.recount import recount
from audiences.models import Contact, Invoice, SyncCursor
from audiences.servicetitan_sync import sync
from campaigns.models import Booking, Campaign
from common import clock
from integrations.servicetitan.requests import BookingRequest
from tests.analytics.world import World, build
from tests.audiences.source import Tenant
from tests.sandbox_process import SandboxProcess, StartSandbox, start_sandbox

__all__ = ["start_sandbox"]
pytestmark = pytest.mark.django_db
# What the office does with each booked job, in turn.
FATES: tuple[tuple[str, ...], ...] = (
    (), ("complete",), ("complete", "refund"), ("complete", "adjust"), ("complete", "void"), ("cancel",),
    ("complete", "cancel"), ("complete", "adjust", "refund", "refund"), ("complete", "void", "refund"),
    ("complete", "refund", "cancel"),
)  # fmt: skip


@pytest.fixture
def tenant(start_sandbox: StartSandbox) -> Iterator[Tenant]:
    sandbox = start_sandbox("--demo", "--demo-customers", "40", "--customers", "silent", speed=3000)
    sandbox.set_faults(servicetitan={"rate_limit": 0, "dismiss": 0.0, "cancel": 0.0, "page_size": 7})
    client = Tenant(sandbox)
    yield client
    client.close()


def said(sandbox: SandboxProcess) -> dict[int, int]:
    """Cents by job as the ledger has them: active invoices by their last word, nothing for cancelled jobs."""
    bills = {entry["invoice"]: entry for entry in sandbox.ledger("invoice")}
    status = {entry["job"]: entry["status"] for entry in sandbox.ledger("job")}
    brought: dict[int, int] = {}
    for bill in bills.values():
        counts = bill["active"] and status.get(bill["job"]) != "Canceled"
        cents = round(float(bill["total"]) * 100) if counts else 0
        brought[bill["job"]] = brought.get(bill["job"], 0) + cents
    return brought


def credited(world: World) -> dict[int, int]:
    """Cents by ServiceTitan's id of the job."""
    credits = JobCredit.objects.filter(account=world.account)
    return dict(credits.values_list("job__servicetitan_id", "revenue_cents"))


def book(world: World, tenant: Tenant) -> list[int]:
    """Text some customers, book for each, and wait until the office has made jobs of it; their ids."""
    people = Contact.objects.filter(
        account=world.account, active=True, contact_addresses__address__channel="phone"
    )
    chosen = list(people.distinct().order_by("pk")[: len(FATES)])
    for number, contact in enumerate(chosen):
        step = world.touch(contact, at=clock.now() - timedelta(days=1))
        phone = contact.contact_addresses.filter(address__channel="phone").first().address.value  # type: ignore[union-attr]
        request = BookingRequest(
            external_id=f"ours-{number}", name=contact.name, summary="Tune-up", phone=phone,
            street=contact.street, city=contact.city, state=contact.state, zip=contact.zip,
            business_unit_id=None, job_type_id=None, customer_id=contact.servicetitan_customer_id,
        )  # fmt: skip
        answer = tenant.create_booking(request)
        Booking.objects.create(
            account=world.account, external_id=f"ours-{number}", contact=contact,
            enrollment=step.enrollment, state="sent", servicetitan_id=answer.id,
        )  # fmt: skip
    done = tenant.sandbox.wait_for("booking", len(FATES), status="Converted")
    return [entry["job"] for entry in sorted(done, key=lambda entry: entry["external_id"])]


def test_revenue_is_the_sources_to_the_cent_after_cancellations_and_refunds(tenant: Tenant) -> None:
    world = build()
    assert sync(world.account, client=tenant, now=clock.now()).error == ""
    jobs = book(world, tenant)
    Campaign.objects.update(launched_at=clock.now() - timedelta(days=2))
    waves = max(map(len, FATES))
    for wave in range(waves + 1):
        assert sync(world.account, client=tenant, now=clock.now()).error == ""
        ours = credited(world)
        expected = said(tenant.sandbox)
        assert ours == {job: expected.get(job, 0) for job in jobs}, wave
        assert metrics.tiles(world.account).revenue_cents == sum(ours.values())
        for job, fate in zip(jobs, FATES, strict=True):
            if wave < len(fate):
                tenant.sandbox._post("/office", {"act": fate[wave], "job": job})
    assert Invoice.objects.filter(account=world.account, total__lt=0, servicetitan_job_id=None).exists()
    assert Invoice.objects.filter(account=world.account, active=False).exists()
    assert sum(1 for cents in credited(world).values() if cents) >= 4
    stages = set(JobStanding.objects.filter(verdict="credited").values_list("stage", flat=True))
    assert {"booked", "invoiced", "cancelled"} <= stages
    standings = JobStanding.objects.filter(account=world.account)
    assert standings.count() == world.account.jobs.count()
    before = written()
    SyncCursor.objects.update(continue_from="")  # everything once more, from the beginning
    assert sync(world.account, client=tenant, now=clock.now()).error == ""
    assert written() == before and recount().differences == []
    counters.squash()
    assert recount().differences == []


def written() -> list[tuple[str, str]]:
    """Where every credit and standing lies: the same only if none was written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select 'credit ' || job_id, ctid::text from analytics_jobcredit"
            " union all select 'standing ' || job_id, ctid::text from analytics_jobstanding order by 1"
        )
        return list(cursor.fetchall())
