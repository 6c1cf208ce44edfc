"""The pages of compliance reports and of the register of opt-outs."""

import hashlib
from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry
from analytics.compliance import building
from analytics.models import ComplianceReport
from audiences import suppression
from audiences.models import OptOut
from common import clock
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
LIST, REGISTER = reverse("analytics:reports"), reverse("analytics:opt_out_register")


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(factories.make_user(account))


def opted_out(account: Account, phone: str, words: str = "STOP", **fields) -> OptOut:
    contact = factories.make_contact(account, phone, **fields)
    wish = suppression.opt_out(
        factories.phone_of(contact), channel="phone", source="text", now=clock.now(), contact=contact,
        evidence=words, detector="reader/7/keyword", provider_id="SM1",
    )  # fmt: skip
    assert wish is not None
    return wish


def page(client: Client, url: str = LIST, **query) -> str:
    return client.get(url, query).content.decode()


def test_an_empty_list_says_what_to_do(admin: Client) -> None:
    assert "No report made yet" in page(admin)


def test_a_report_from_asking_to_the_file(account: Account, admin: Client) -> None:
    number = factories.make_number(account, label="Main line")
    assert f'value="number-{number.pk}" selected' in page(admin, of=f"number-{number.pk}")
    data = {"of": f"number-{number.pk}", "first_day": "2026-11-01", "last_day": "2026-11-02"}
    assert admin.post(LIST, data).status_code == 302
    assert "Waiting" in page(admin) and "hx-ptag" in page(admin).lower()
    building.build_waiting(go_on=lambda: True)
    assert "Ready" in page(admin)
    report = ComplianceReport.objects.get()
    for form, kind, digest in (
        ("pdf", "application/pdf", report.pdf_sha256),
        ("csv", "text/csv", report.csv_sha256),
    ):
        answer = admin.get(reverse("analytics:report_file", args=[report.pk, form]))
        content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
        assert hashlib.sha256(content).hexdigest() == digest
        assert answer["Content-Type"].startswith(kind) and int(answer["Content-Length"]) == len(content)
        assert f'opt-outs-main-line-2026-11-01-2026-11-02.{form}"' in answer["Content-Disposition"]
    assert AuditEntry.objects.filter(verb="downloaded_compliance_report").count() == 2
    assert admin.get(reverse("analytics:report_file", args=[report.pk, "exe"])).status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"of": ""}, "Choose one."),
        ({"last_day": "2026-10-31"}, "ends before it begins"),
        ({"first_day": "2999-01-01", "last_day": "2999-01-01"}, "still to come"),
        ({"of": "number-999999"}, "not one of the available choices"),
    ],
)
def test_what_makes_no_sense_is_refused(account: Account, admin: Client, changes: dict, words: str) -> None:
    number = factories.make_number(account)
    data = {"of": f"number-{number.pk}", "first_day": "2026-11-01", "last_day": "2026-11-02", **changes}
    answer = admin.post(LIST, data)
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not ComplianceReport.objects.exists()


def test_nobody_takes_another_accounts_number(account: Account, admin: Client) -> None:
    theirs = factories.make_number(factories.make_account("Other Air"), "+13125550191")
    data = {"of": f"number-{theirs.pk}", "first_day": "2026-11-01", "last_day": "2026-11-02"}
    assert admin.post(LIST, data).status_code == 422


def test_a_failed_one_can_be_tried_again(account: Account, admin: Client) -> None:
    report = building.ask(
        account, number=factories.make_number(account), first_day=date(2026, 11, 1),
        last_day=date(2026, 11, 1), by=factories.make_user(account), now=clock.now(),
    )  # fmt: skip
    ComplianceReport.objects.update(state="failed", error="It broke.")
    assert "It broke." in page(admin) and "Try again" in page(admin)
    assert admin.get(reverse("analytics:report_file", args=[report.pk, "pdf"])).status_code == 404
    admin.post(reverse("analytics:report_again", args=[report.pk]))
    assert "Waiting" in page(admin)


def test_the_register_shows_evidence_and_filters(account: Account, admin: Client) -> None:
    assert "Nobody has opted out" in page(admin, REGISTER)
    opted_out(account, "+13125550101", "STOP", name="Zoë Ash")
    lifted = opted_out(account, "+13125550102", "No más, <b>please</b>", name="Bo Birch")
    suppression.lift(lifted.address, channel="phone", evidence="START again", now=clock.now())
    shown = page(admin, REGISTER)
    assert "Zoë Ash" in shown and "reader/7/keyword" in shown and "START again" in shown
    assert "No más, &lt;b&gt;please" in shown
    for query, names in (
        ({"state": "in_force"}, ["Zoë Ash"]),
        ({"state": "ended"}, ["Bo Birch"]),
        ({"q": "555-0102"}, ["Bo Birch"]),
        ({"q": "no más"}, ["Bo Birch"]),
        ({"q": "zoë"}, ["Zoë Ash"]),
        ({"door": "imported"}, []),
        ({"door": "text"}, ["Zoë Ash", "Bo Birch"]),
        ({"q": "%"}, []),
    ):
        found = page(admin, REGISTER, **query)
        assert [name for name in ("Zoë Ash", "Bo Birch") if name in found] == names, query
        assert names or "No opt-out matches" in found


def test_the_register_of_one_number(account: Account, admin: Client) -> None:
    thread = factories.make_thread(account, name="Cy Cedar")
    suppression.opt_out(
        thread.address, channel="phone", source="agent", now=clock.now(), contact=thread.contact
    )
    opted_out(account, "+13125550101", name="Zoë Ash")
    found = page(admin, REGISTER, number=thread.number_id)
    assert "Cy Cedar" in found and "Zoë Ash" not in found
    theirs = factories.make_number(factories.make_account("Other Air"), "+13125550191")
    assert admin.get(REGISTER, {"number": theirs.pk}).status_code == 422


def test_pages_of_the_register_miss_nobody(account: Account, admin: Client) -> None:
    """Many at one instant: an import's."""
    now = clock.now()
    contacts = [factories.make_contact(account, f"+1312555{n:04}", name=f"Person {n:03}") for n in range(120)]
    suppression.opt_out_all([factories.phone_of(each) for each in contacts], source="imported", now=now)
    suppression.lift(
        factories.phone_of(contacts[0]), channel="phone", evidence="", now=now + timedelta(hours=1)
    )
    seen, query = [], {}
    for _ in range(3):
        found = admin.get(REGISTER, query)
        seen += [line.pk for line, _ in found.context["lines"]]
        query = {"before": found.context["older"]}
    assert len(seen) == len(set(seen)) == 120 and query == {"before": ""}
    assert "119" in page(admin, REGISTER)


def test_links_lead_to_a_report(account: Account, admin: Client) -> None:
    number = factories.make_number(account)
    assert f"{LIST}?of=number-{number.pk}" in page(admin, reverse("campaigns:number", args=[number.pk]))
    assert REGISTER in page(admin, reverse("conversations:opt_outs"))
    csr = signed_in(factories.make_user(account, "csr"))
    assert csr.get(LIST).status_code == 403 and csr.get(REGISTER).status_code == 200
