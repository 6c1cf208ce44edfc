"""Sync and corrections at once: no part of what a job brought is lost, and a correction stands."""

import threading
from random import Random
from typing import Any

import pytest

from accounts.models import User
from analytics import corrections, counters
from analytics.models import CreditCorrection, JobCredit
from analytics.recount import recount
from audiences import servicetitan_pages as pages
from audiences import servicetitan_work as work
from audiences.models import Job
from common import clock
from common.transactions import atomic_with_retry
from integrations.servicetitan import records
from tests.accounts.making import make_user
from tests.analytics.test_concurrency import in_threads
from tests.analytics.world import World, build, later

TURNS = 12


def bill(number: int, job: Job, cents: int) -> records.Invoice:
    stamp = f"2026-06-01T00:00:{number % 60:02}Z"
    row = {"id": 9_800_001 + number, "total": f"{cents / 100:.2f}", "job": {"id": job.servicetitan_id}}
    return records.Invoice.model_validate({**row, "modifiedOn": stamp, "invoiceDate": stamp})


def told(job: Job, status: str, second: int) -> records.Job:
    row: dict[str, Any] = {
        "id": job.servicetitan_id, "jobNumber": "1", "customerId": job.servicetitan_customer_id,
        "jobStatus": status, "createdOn": job.created_on.isoformat(),
        "bookingId": job.servicetitan_booking_id, "modifiedOn": f"2026-06-01T00:00:{second:02}Z",
    }  # fmt: skip
    return records.Job.model_validate(row)


def correct(job: Job, by: User, message: int, turn: int) -> None:
    verdict = ("touch", "none", "rule")[turn % 3]
    before = corrections.latest(job)
    corrections.correct(
        job, verdict=verdict, message_id=message, reason=f"turn {turn}", seen=before.pk if before else 0,
        by=by, now=clock.now(),
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_every_invoice_counts_and_the_last_correction_stands() -> None:
    world: World = build()
    contact = world.add_contact()
    older, newer = world.touch(contact, world.add_campaign(), at=later(1)), world.touch(contact, at=later(5))
    job = world.job(world.book(newer), at=later(60))
    old = corrections.touches(job)[1]
    assert old.step == older
    by = make_user()
    barrier = threading.Barrier(4)

    def bills(first: int) -> None:
        barrier.wait()
        for turn in range(TURNS):
            one = bill(first + turn, job, 100 + first + turn)
            atomic_with_retry(work.apply_invoices)(world.account, [one])

    def jobs() -> None:
        barrier.wait()
        for turn in range(TURNS):
            status = Random(turn).choice(["Scheduled", "Completed"]) if turn < TURNS - 1 else "Completed"
            atomic_with_retry(pages.apply_jobs)(world.account, [told(job, status, turn)])

    def says() -> None:
        barrier.wait()
        for turn in range(TURNS - 2):  # the last of them names the older message
            correct(Job.objects.get(pk=job.pk), by, old.message.pk, turn)

    in_threads(lambda: bills(0), lambda: bills(100), jobs, says)
    whole = sum(100 + first + turn for first in (0, 100) for turn in range(TURNS))
    credit = JobCredit.objects.get()
    assert (credit.revenue_cents, credit.completed, credit.invoiced) == (whole, True, True)
    last = CreditCorrection.objects.latest("pk")
    assert (last.verdict, CreditCorrection.objects.count()) == ("touch", TURNS - 2)
    assert (credit.link, credit.message_id) == ("correction", old.message.pk)
    found = counters.totals([older.campaign_id, newer.campaign_id])
    assert found[older.campaign_id, "first_text", "revenue"] == whole
    assert found[newer.campaign_id, "first_text", "booked"] == 0
    assert recount().differences == []
