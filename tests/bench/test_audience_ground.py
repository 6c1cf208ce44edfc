"""The generated customer base is such as the sync would have made it, and leaves the database as it was."""

import pytest
from django.db.models import F

from audiences import derived_contacts
from audiences.contact_search import find
from audiences.models import Contact, Invoice, Job
from bench import audience_ground
from bench.contact_search import _questions, contact_search_p95
from common import sql

pytestmark = pytest.mark.django_db(transaction=True)
INDEXES = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"


def test_generated_customers_are_such_as_the_sync_makes_them() -> None:
    before = sql.rows(INDEXES)
    account = audience_ground.lay(60)
    assert sql.rows(INDEXES) == before
    assert not sql.column("SELECT tgname FROM pg_trigger WHERE tgenabled = 'D'")
    people = Contact.objects.filter(account=account)
    latest = dict(people.values_list("pk", "last_job_at"))
    derived_contacts.note_last_jobs(account.pk, people.values_list("servicetitan_customer_id", flat=True))
    assert dict(people.values_list("pk", "last_job_at")) == latest
    assert len(latest) == 60 and any(latest.values())
    assert people.values("household").distinct().count() == 55  # 11, 21, 31, 41, 51 live with 10, 20 …
    assert Invoice.objects.filter(servicetitan_id=F("servicetitan_job_id")).count() > 100
    assert not Job.objects.exclude(lead_source__isnull=False, job_type__isnull=False).exists()
    assert audience_ground.lay(60) == account  # made once


def test_every_kind_of_question_finds_whom_it_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = contact_search_p95(contacts=60, rounds=3)
    assert (found.name, found.n, found.unit) == ("contact_search", 60, "ms p95")
    assert found.ratio == pytest.approx(found.baseline_value / found.value)
    account = audience_ground.lay(60)
    for kind, texts in _questions(account, 60, 3).items():
        assert kind == "nothing" or all(find(account, text).hits for text in texts), (kind, texts)
