"""The pages of contact imports: from the upload to the audience, and what each refuses."""

import csv
import io
import re
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Account, Role
from audiences import segments
from audiences.imports import running
from audiences.models import Audience, Consent, Contact, ContactImport
from tests import factories
from tests.accounts.making import signed_in
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db
URL = reverse("audiences:imports")
FILE = "Kunde,Handy,Stadt\nAnn Lee,3125550101,Chicago\n=1+1,3125550102,Chicago\nBob,+12,Chicago\n"


@pytest.fixture
def account() -> Account:
    return factories.make_account("Acme")


@pytest.fixture
def csr(account: Account) -> Client:
    return signed_in(factories.make_user(account, Role.CSR))


def upload(client: Client, data: str | bytes) -> Any:
    raw = data.encode() if isinstance(data, str) else data
    return client.post(URL, {"file": SimpleUploadedFile("show.csv", raw)})


def page(name: str, listed: ContactImport, *args: Any) -> str:
    return reverse(f"audiences:{name}", args=[listed.pk, *args])


CHOSEN = {
    "names_columns": "on", "column_0": "full_name", "column_1": "phone", "column_2": "city",
    "ground": "customers",
}  # fmt: skip


def test_the_whole_way(account: Account, csr: Client) -> None:
    listed_url = upload(csr, FILE)["Location"]
    listed = ContactImport.objects.get()
    draft = csr.get(listed_url).content.decode()
    assert "Stadt" in draft and "Import 3 rows" in draft
    refused = csr.post(page("import_confirm", listed), {"ground": "customers"})
    assert refused.status_code == 422 and "No column is a phone or an email" in refused.content.decode()
    seen = csr.post(page("import_preview", listed), CHOSEN).content.decode()
    assert (
        "(312) 555-0101" in seen
        and "“=1+1” is a formula" in seen
        and "“+12” is no phone" in seen.replace("&#x27;", "'")
    )
    assert "Import 3 rows</hx-partial>" in seen
    unnamed = {key: value for key, value in CHOSEN.items() if key != "names_columns"}
    assert "Import 4 rows" in csr.post(page("import_preview", listed), unnamed).content.decode()
    assert not Contact.objects.exists()
    assert csr.post(page("import_confirm", listed), CHOSEN)["Location"] == listed_url
    assert "Being imported" in csr.get(listed_url).content.decode()
    running.import_waiting()
    done = csr.get(listed_url).content.decode()
    assert "Finished" in done and 'value="1">1</data>' in done
    added = csr.get(f"{reverse('audiences:contacts')}?import={listed.pk}&outcome=added").content.decode()
    assert "Ann Lee" in added and "1 contact" in added
    assert (
        "0 contacts"
        in csr.get(f"{reverse('audiences:contacts')}?import={listed.pk}&outcome=merged").content.decode()
    )
    for outcome, number in (("added", 1), ("merged", 0)):
        sought = {"import": listed.pk, "outcome": outcome, "q": "ann"}
        found = csr.get(reverse("audiences:contacts"), sought).content.decode()
        assert f"{number} contact{'' if number == 1 else 's'} for “ann”" in found
    made = csr.post(page("import_audience", listed))
    audience = Audience.objects.get()
    assert made["Location"] == reverse("audiences:edit", args=[audience.pk]) and audience.name == "show"
    assert segments.describe(account, audience.rules)[0].startswith("Imported with: show.csv")
    assert csr.post(page("import_audience", listed))["Location"] == made["Location"], "not twice"


def test_a_second_click_on_upload_makes_no_second_draft(csr: Client) -> None:
    token = re.search(r'name="token" value="([0-9a-f-]{36})"', csr.get(URL).content.decode())
    assert token
    files = [SimpleUploadedFile("show.csv", FILE.encode()) for _ in range(2)]
    twice = [csr.post(URL, {"file": file, "token": token[1]}) for file in files]
    assert ContactImport.objects.get() and twice[0]["Location"] == twice[1]["Location"]
    of, data = ContactImport.objects.get(), FILE.encode()
    with pytest.raises(IntegrityError), transaction.atomic():  # nor where neither sees the other
        running.take_in(
            of.account, io.BytesIO(data), len(data), name="x", by=of.by, now=NOON, token=UUID(token[1])
        )


def test_what_was_rejected_comes_back_as_a_file_to_correct(account: Account, csr: Client) -> None:
    upload(csr, FILE)
    listed = ContactImport.objects.get()
    csr.post(page("import_confirm", listed), CHOSEN)
    running.import_waiting()
    assert "“=1+1” is a formula" in csr.get(page("import_rows", listed, "rejected")).content.decode()
    answer = csr.get(page("import_file", listed, "rejected"))
    assert answer["Content-Disposition"] == 'attachment; filename="show-rejected.csv"'
    text = b"".join(answer).decode("utf-8-sig")  # type: ignore[arg-type]
    rows = list(csv.reader(io.StringIO(text)))
    assert rows == [
        ["Kunde", "Handy", "Stadt", "Row of the file", "Why not imported"],
        ["'=1+1", "3125550102", "Chicago", "3", "“=1+1” is a formula"],
        ["Bob", "+12", "Chicago", "4", "“+12” is no phone number"],
    ]
    upload(csr, text.replace("+12,", "3125550103,"))
    again = ContactImport.objects.order_by("-pk")[0]
    csr.post(page("import_confirm", again), CHOSEN)
    running.import_waiting()
    again.refresh_from_db()
    assert (again.added, again.rejected) == (1, 1), "a quoted formula is one still"


def test_a_written_consent_needs_its_words_and_its_date(csr: Client) -> None:
    upload(csr, FILE)
    listed = ContactImport.objects.get()
    refused = csr.post(page("import_confirm", listed), {**CHOSEN, "ground": "texts"}).content.decode()
    assert "Write the words they agreed to" in refused and "Say when" in refused
    ahead = {**CHOSEN, "ground": "texts", "consent_proof": "Yes", "consent_on": "2999-01-01"}
    assert "lies ahead" in csr.post(page("import_confirm", listed), ahead).content.decode()
    assert (
        "Choose on what ground"
        in csr.post(page("import_confirm", listed), {**CHOSEN, "ground": ""}).content.decode()
    )
    csr.post(page("import_confirm", listed), {**ahead, "consent_on": "2026-03-14"})
    running.import_waiting()
    assert Consent.objects.get().proof == "Yes"


def test_what_is_no_list_says_so_on_the_form(csr: Client) -> None:
    answer = upload(csr, b"PK\x03\x04")
    assert answer.status_code == 422 and "This is a workbook" in answer.content.decode()
    assert not ContactImport.objects.exists()


def test_a_draft_may_be_discarded_and_a_running_one_cancelled_and_taken_back(csr: Client) -> None:
    upload(csr, FILE)
    first = ContactImport.objects.get()
    assert csr.post(page("import_discard", first))["Location"] == URL and not ContactImport.objects.exists()
    upload(csr, FILE)
    listed = ContactImport.objects.get()
    csr.post(page("import_confirm", listed), CHOSEN)
    csr.post(page("import_discard", listed))
    csr.post(page("import_cancel", listed))
    listed.refresh_from_db()
    assert listed.cancelled_at and "cancelled it" in csr.get(page("import", listed)).content.decode()
    upload(csr, FILE)
    second = ContactImport.objects.order_by("-pk")[0]
    csr.post(page("import_confirm", second), CHOSEN)
    running.import_waiting()
    csr.post(page("import_undo", second))
    assert "are being removed" in csr.get(page("import", second)).content.decode()
    running.import_waiting()
    back = csr.get(page("import", second)).content.decode()
    assert not Contact.objects.exists() and "Taken back" in back and "outcome=added" not in back


def test_who_may_not_import_looks_on(account: Account, csr: Client) -> None:
    upload(csr, FILE)
    listed = ContactImport.objects.get()
    marketer = signed_in(factories.make_user(account, Role.MARKETER))
    assert "Upload a file" not in marketer.get(URL).content.decode()
    draft = marketer.get(page("import", listed)).content.decode()
    assert "Not imported yet" in draft and "Ann Lee" not in draft
