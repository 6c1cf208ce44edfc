"""Jobs that come while people enter campaigns and are written to: one of the two always sees the other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction

from audiences import servicetitan_pages
from audiences.models import Contact
from campaigns import engine, enrolling, launching
from campaigns.models import Enrollment, EnrollmentSnapshot
from common import clock
from integrations.servicetitan import records
from tests import factories
from tests.conversations.test_lock_order import wait_until_somebody_waits_for_us
from tests.conversations.test_rechecking import claimed, outcomes

pytestmark = pytest.mark.django_db
_ids = count(4_000_001)


def a_job(contact: Contact, **fields: Any) -> records.Job:
    fields = {"created_on": clock.now() + timedelta(minutes=1)} | fields
    return records.Job(
        id=next(_ids), customer_id=contact.servicetitan_customer_id, job_status="Scheduled", **fields
    )


def test_the_claim_itself_looks_for_a_job_made_since_entry(
    noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever should have taken the text back: the gate knows."""
    account = factories.make_account()
    contact = factories.make_contact(account)
    factories.make_contact(account, factories.reserved(1))
    draft = launching.Draft(
        name="Tune-up", version=factories.make_workflow(account), audience=factories.make_audience(account),
        number=factories.make_number(account),
    )  # fmt: skip
    campaign = launching.launch(account, draft, by=None, now=noon)
    enrolling.enroll(campaign, now=noon)
    engine.run_round(now=noon)
    monkeypatch.setattr(servicetitan_pages.jobs_changed, "send", lambda **_: None)
    servicetitan_pages.apply_jobs(account, [a_job(contact)])
    assert len(claimed()) == 1
    assert outcomes() == [("skipped", "booked"), ("queued", "")]
    assert Enrollment.objects.get(contact=contact).ended_reason == "booked"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", ["job", "entry"])
def test_a_job_and_an_entry_at_the_same_instant_see_one_another(noon: datetime, first: str) -> None:
    """The job is news to the enrollment, or known to the audience: never neither."""
    account = factories.make_account()
    contact = factories.make_contact(account)
    draft = launching.Draft(
        name="Tune-up", version=factories.make_workflow(account), audience=factories.make_audience(account),
        number=factories.make_number(account),
    )  # fmt: skip
    campaign = launching.launch(account, draft, by=None, now=noon)
    job = a_job(contact, created_on=noon - timedelta(minutes=5))

    def apply() -> None:
        servicetitan_pages.apply_jobs(account, [job])

    def enter() -> None:
        enrolling.enroll(campaign, now=noon - timedelta(seconds=1))

    def apart(work: Any) -> None:
        try:
            with transaction.atomic():
                work()
        finally:
            connection.close()

    ours, theirs = (apply, enter) if first == "job" else (enter, apply)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            ours()
            other = pool.submit(apart, theirs)
            wait_until_somebody_waits_for_us(cursor)
        other.result(60)
    enrollment = Enrollment.objects.get()
    known = EnrollmentSnapshot.objects.get().data.get("job_ids", [])
    assert (enrollment.ended_reason, known) == (("", [job.id]) if first == "job" else ("booked", []))
