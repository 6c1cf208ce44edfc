"""The demo company: made once, completed where a start was cut short, and never where it does not belong."""

import os
from collections.abc import Iterator

import pytest

from accounts.models import Account, AuditEntry, Membership, User
from audiences import segments
from audiences.models import AppointmentAssignment, Audience, Contact, Job
from campaigns import engine, enrolling, pools
from campaigns.models import Campaign, Enrollment, Step, WorkflowVersion
from common import clock
from config import providers
from config.demo import company
from integrations.models import Connection, SendingNumber
from integrations.servicetitan import client
from integrations.servicetitan.access import ServiceTitanAccess
from tests import factories
from tests.sandbox_process import SandboxProcess, StartSandbox, start_sandbox  # noqa: F401  (fixture)

CUSTOMERS = 250


@pytest.fixture
def source(start_sandbox: StartSandbox, db: None) -> Iterator[SandboxProcess]:  # noqa: F811
    """A sandbox with a smaller company, whose customers keep quiet."""
    yield start_sandbox("--demo", "--demo-customers", str(CUSTOMERS), "--customers", "silent")
    for connection in Connection.objects.filter(provider=Connection.Provider.SERVICETITAN):
        client.shared(ServiceTitanAccess.of(connection)).close()
    client.shared.cache_clear()


def environment(source: SandboxProcess) -> dict[str, str]:
    credentials = {"sendgrid_webhook_public_key": "none", **source.credentials}
    return providers.sandbox_env({}, credentials, source.base_url)


def everything() -> dict[str, int]:
    models = (
        Account, User, Membership, Connection, SendingNumber, Contact, Job, Audience, WorkflowVersion,
        Campaign, AuditEntry,
    )  # fmt: skip
    return {model.__name__: model._default_manager.count() for model in models}


def prepare(environ: dict[str, str], known_passwords: bool = True) -> str:
    return company.prepare(environ, now=clock.now(), known_passwords=known_passwords)


@pytest.mark.django_db
def test_a_newcomer_finds_a_company_at_work(source):
    said = prepare(environment(source))
    account = Account.objects.get()
    assert (account.name, account.timezone) == ("Prairie Home Comfort", "America/Chicago")
    assert "two campaigns under way" in said
    assert Contact.objects.filter(account=account).count() == CUSTOMERS
    assert Job.objects.filter(account=account).count() > 2 * CUSTOMERS
    roles = dict(Membership.objects.values_list("user__email", "role"))
    assert roles == {f"{role}@demo.example": role for role in ("admin", "marketer", "csr", "agent")}
    assert all(user.check_password("truckroll-demo") for user in User.objects.all())
    assert SendingNumber.objects.get(label="Main line").segments_per_second == 100
    assert SendingNumber.objects.filter(account=account, active=True).count() == 3
    assert AppointmentAssignment.objects.exclude(technician="").exists()
    reached, *others = Audience.objects.order_by("pk")
    for audience in (reached, *others):
        assert segments.count(account, audience.rules) > 0, audience.name
    assert [line.split()[3] for line in company.sign_ins()] == [email for email, *_ in company.PEOPLE]
    calls, campaign = Campaign.objects.order_by("pk")
    assert (campaign.status, campaign.audience) == ("active", reached)
    assert (len(pools.ids_of(campaign)), len(pools.ids_of(calls))) == (3, 1)
    enrolling.enroll(campaign, now=clock.now())
    assert Enrollment.objects.filter(campaign=campaign).count() > CUSTOMERS // 4
    enrolling.enroll(calls, now=clock.now())
    assert Enrollment.objects.filter(campaign=calls).exists()
    engine.run_round(now=clock.now())
    waiting = Step.objects.filter(campaign=calls).values_list("state", flat=True)
    assert set(waiting) <= {"queued", "scheduled"}  # by the hour at which the test runs


@pytest.mark.django_db
def test_a_second_start_changes_nothing(source):
    prepare(environment(source))
    before = everything()
    assert prepare(environment(source)) == ""
    assert everything() == before


@pytest.mark.django_db
def test_a_start_that_was_cut_short_is_completed(source):
    account = company.people.open_account(name=company.NAME, timezone=company.ZONE)
    company._people(account)
    User.objects.get(email="agent@demo.example").delete()
    with pytest.raises(company.NotPrepared, match="Twilio"):
        prepare(environment(source) | {"TWILIO_API_BASE_URL": "http://127.0.0.1:9"})
    assert "two campaigns under way" in prepare(environment(source))
    assert Membership.objects.filter(account=account).count() == 4
    assert Contact.objects.count() == CUSTOMERS


@pytest.mark.django_db
def test_nobody_gets_the_published_password_on_a_database_of_ones_own(source):
    prepare(environment(source), known_passwords=False)
    assert not User.objects.exists()
    assert set(Campaign.objects.values_list("launched_by", flat=True)) == {None}


@pytest.mark.django_db
def test_another_company_is_left_alone():
    factories.make_account("Somebody's own")
    before = everything()
    assert "no demo company" in prepare(dict(os.environ))
    assert company.sign_ins() == []
    assert everything() == before
