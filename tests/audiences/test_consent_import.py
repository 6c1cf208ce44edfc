"""Lists of written agreements: what is recorded, and what is refused with which words."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry
from audiences import suppression
from audiences.models import Address, Consent, ContactAddress
from common import clock
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
URL = reverse("audiences:consents_import")
HEAD = "Phone,Kind,Date,Proof,Source\n"


@pytest.fixture
def account() -> Account:
    return factories.make_account("Acme")


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(factories.make_user(account))


def bring(client: Client, text: str) -> Any:
    return client.post(URL, {"file": SimpleUploadedFile("agreed.csv", text.encode())})


def test_rows_become_consents_of_whoever_has_the_phone(account: Account, admin: Client) -> None:
    ann = factories.make_contact(account, "+13125550101")
    rows = "(312) 555-0101,texts,3/14/2026,I agree.,Order 17\n3125550102,Recorded_calls,2026-03-14,Yes,\n"
    assert bring(admin, HEAD + rows)["Location"] == reverse("audiences:consents")
    first, second = Consent.objects.order_by("address__value")
    assert (first.contact, first.kind, first.source, first.proof_at) == (ann, "texts", "import", "Order 17")
    assert first.given_at.astimezone(account.zone).isoformat().startswith("2026-03-14T00:00")
    assert (second.contact, second.kind) == (None, "recorded_calls")
    assert AuditEntry.objects.get(verb="imported_consents").summary == "Imported 2 consents from agreed.csv"


def test_a_phone_that_is_somebody_elses_by_now_agrees_to_nothing_old(account: Account, admin: Client) -> None:
    """Unless another contact has it, who is then the one who agreed."""
    ann = factories.make_contact(account, "+13125550101")
    ContactAddress.objects.filter(contact=ann).update(wrong_number_at=clock.now())
    row = HEAD + "3125550101,texts,2026-03-14,I agree.,\n"
    assert "Row 2: This phone turned out to be somebody else’s" in bring(admin, row).content.decode()
    assert not Consent.objects.exists()
    bob = factories.make_contact(account, "+13125550101", kind="commercial")
    bring(admin, row)
    assert Consent.objects.get().contact == bob


def test_the_rest_is_refused_with_its_reason(account: Account, admin: Client) -> None:
    gone = Address.objects.create(account=account, channel="phone", value="+13125550109")
    suppression.opt_out(gone, channel="phone", source="text", now=clock.now())
    ahead = clock.now() + timedelta(days=3)
    rows = [
        "3125550101,texts,2026-03-14,I agree.,",
        "3125550101,texts,2026-03-14,I agree.,",
        "nobody,texts,2026-03-14,I agree.,",
        "3125550102,letters,2026-03-14,I agree.,",
        "3125550102,texts,some day,I agree.,",
        "3125550102,texts,2026-03-14,,",
        f"3125550102,texts,{ahead:%Y-%m-%d},I agree.,",
        "3125550109,texts,2026-03-14,I agree.,",
    ]
    page = bring(admin, HEAD + "\n".join(rows)).content.decode()
    assert "1 recorded, 7 not" in page and Consent.objects.count() == 1
    for words in (
        "Row 3: This consent is on record",
        "Row 4: “nobody” is no phone number",
        "Row 5: “letters” is no kind",
        "Row 6: “some day” is no date",
        "Row 7: the words that were agreed to are missing",
        "Row 8: The date lies ahead",
        "Row 9: This phone has opted out",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), ("Phone,Kind\n3125550101,texts", "Missing: date, proof"), ("PK\x03", "workbook")],
)
def test_what_is_no_such_list_is_refused_whole(admin: Client, text: str, words: str) -> None:
    answer = bring(admin, text)
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not Consent.objects.exists()


def test_a_list_takes_as_many_queries_whatever_its_size(
    account: Account, admin: Client, django_assert_max_num_queries: Any
) -> None:
    rows = "".join(f"3125{n:06},texts,2026-03-14,I agree.,\n" for n in range(550100, 550400))
    with django_assert_max_num_queries(35):
        bring(admin, HEAD + rows)
    assert Consent.objects.count() == 300
