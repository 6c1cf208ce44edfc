"""The tasks beat rings."""

import pytest

from audiences import contact_search, derived_contacts, hours, tasks
from audiences.models import Contact, Opening, SyncCursor
from common import clock, loops
from integrations.models import Connection
from integrations.servicetitan import client
from tests.audiences import people

pytestmark = pytest.mark.django_db


def test_contacts_older_than_the_count_of_jobs_are_counted_slice_by_slice(monkeypatch):
    account, other = people.account("one"), people.account("two")
    monkeypatch.setattr(derived_contacts, "NOTED_AT_ONCE", 2)
    made = [people.contact(of) for of in (account, account, account, other)]
    for jobs, contact in enumerate(made):
        for _ in range(jobs):
            people.job(contact, total=100)
    assert tasks.count_jobs() == 3
    counted = Contact.objects.order_by("pk").values_list("job_count", "job_total")
    assert list(counted) == [(at, at * 100) for at in range(4)]
    assert tasks.count_jobs() == 0


def connect(account, sandbox, **secrets):
    keys = sandbox.credentials
    Connection.objects.create(
        account=account,
        provider=Connection.Provider.SERVICETITAN,
        credentials={name: keys[name] for name in ("client_id", "client_secret", "app_key")} | secrets,
        settings={
            "tenant_id": keys["tenant_id"],
            "base_url": sandbox.base_url,
            "auth_base_url": sandbox.base_url,
        },
    )


@pytest.fixture
def demo(start_sandbox):
    yield start_sandbox("--demo", "--demo-customers", "40", "--customers", "silent")
    for access_client in list(_clients):
        access_client._http.close()
    _clients.clear()
    client.shared.cache_clear()


_clients = []


@pytest.fixture(autouse=True)
def remember_clients(monkeypatch):
    """The process keeps its clients for ever; a test gives their connections back."""
    real = client.shared

    def remembering(access):
        _clients.append(real(access))
        return _clients[-1]

    monkeypatch.setattr(tasks, "shared", remembering)


def test_every_account_is_synced_whatever_befalls_another(demo):
    wrong, broken, right = people.account("wrong"), people.account("broken"), people.account("right")
    connect(wrong, demo, client_secret="no")
    connect(broken, demo)
    Connection.objects.filter(account=broken).update(settings={})  # no tenant
    connect(right, demo)
    people.contact(right)
    assert contact_search.file_words() > 0 == contact_search.file_words()
    assert tasks.sync_servicetitan() > 40
    assert contact_search.file_words() == 0, "no search reads what waits to be filed"
    assert set(Contact.objects.values_list("account__slug", flat=True)) == {"right"}
    assert SyncCursor.objects.get(account=wrong).error


def test_time_over_leaves_the_rest_for_the_next_ring(demo, monkeypatch):
    account = people.account()
    connect(account, demo)
    demo.set_faults(servicetitan={"page_size": 15})
    rung, runs = [], 0
    monkeypatch.setattr(tasks, "ring", rung.append)
    monkeypatch.setattr(loops, "LONGEST_LOOP_SECONDS", 0.0)
    for _ in range(50):
        rung.clear()
        runs += 1
        tasks.sync_servicetitan()
        if not rung:
            break
    assert runs > 10 and rung == [] and Contact.objects.count() == 40
    assert SyncCursor.objects.get(entity="appointments").rows > 0


def test_openings_are_kept_ahead():
    row, window = hours.zone_set_for(state="CO", zip_code="80202"), hours.default_window()
    hours.ensure_openings([(row.pk, window.pk)], "text", clock.now())
    Opening.objects.order_by("-opens_at").first().delete()
    assert tasks.keep_openings() == 1
