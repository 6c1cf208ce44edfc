"""The ground for texting: declared by a person, kept for ever, and asked for before a launch."""

import pytest
from django.urls import reverse

from accounts.models import Account, AuditEntry
from audiences import consent
from audiences.models import ConsentBasis
from common import clock
from integrations.models import Connection
from tests import factories
from tests.accounts import making
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
URL = reverse("audiences:consent")


@pytest.fixture
def account() -> Account:
    return making.make_account("Comfort Air")


def test_an_admin_declares_and_the_words_are_kept(account: Account) -> None:
    admin = factories.make_user(account, name="Ann Reed")
    answer = signed_in(admin).post(URL, {"kind": "existing", "name": "Ann B. Reed"})
    assert answer.status_code == 302
    basis = ConsentBasis.objects.get()
    assert (basis.kind, basis.declared_name, basis.declared_by) == ("existing", "Ann B. Reed", admin)
    assert basis.words == consent.STATEMENTS["existing"]
    assert AuditEntry.objects.get(verb="declared_consent").detail["words"] == basis.words
    assert "Ann B. Reed" in signed_in(admin).get(URL).content.decode()


def test_a_later_declaration_counts_and_the_earlier_stays(account: Account) -> None:
    client = signed_in(factories.make_user(account))
    for kind in ("existing", "mixed"):
        client.post(URL, {"kind": kind, "name": "Ann"})
    in_force = ConsentBasis.objects.in_force(account.pk)
    assert in_force is not None and in_force.kind == "mixed"
    assert ConsentBasis.objects.count() == 2
    assert "Earlier declarations" in client.get(URL).content.decode()


@pytest.mark.parametrize(
    "data", [{}, {"kind": "existing"}, {"name": "Ann"}, {"kind": "simulated", "name": "Ann"}]
)
def test_a_declaration_needs_both_and_a_ground_that_is_offered(
    account: Account, data: dict[str, str]
) -> None:
    answer = signed_in(factories.make_user(account)).post(URL, data)
    assert answer.status_code == 422 and "Nothing was declared" in answer.content.decode()
    assert not ConsentBasis.objects.exists()


@pytest.mark.parametrize("role", ["csr", "marketer", "agent"])
def test_others_see_it_and_cannot_declare(account: Account, role: str) -> None:
    client = signed_in(factories.make_user(account, role))
    assert "Not declared yet" in client.get(URL).content.decode()
    assert client.post(URL, {"kind": "existing", "name": "Ann"}).status_code == 403


def test_an_invented_company_needs_nothing_until_a_carrier_is_connected(account: Account) -> None:
    consent.declare_simulated(account)
    assert consent.missing(account, first_launch=True) == []
    Connection.objects.create(account=account, provider="twilio", settings={"base_url": "http://127.0.0.1:9"})
    assert consent.missing(account, first_launch=True) == []
    Connection.objects.update(settings={})
    assert consent.missing(account, first_launch=True) == [consent.MISSING]


def test_the_invented_declaration_never_takes_the_place_of_a_persons(account: Account) -> None:
    consent.declare(account, "written", name="Ann", by=None, now=clock.now())
    consent.declare_simulated(account)
    assert not consent.simulated(account)


def test_one_companys_declaration_is_not_anothers(account: Account) -> None:
    consent.declare(account, "written", name="Ann", by=None, now=clock.now())
    assert consent.missing(making.make_account(), first_launch=False) == [consent.MISSING]
