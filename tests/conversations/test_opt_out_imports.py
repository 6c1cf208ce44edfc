"""Importing old opt-outs: looked at first, recorded once whatever happens, through the door of every wish."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry
from audiences import consent, suppression
from audiences.models import Address, OptOut, OptOutImport
from common import clock
from conversations import opt_out_imports
from conversations.models import Thread
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
URL = reverse("conversations:opt_outs")


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(factories.make_user(account))


def upload(client: Client, data: bytes, name: str = "dnc.csv") -> Any:
    return client.post(URL, {"file": SimpleUploadedFile(name, data)})


def record(**kwargs: Any) -> int:
    return opt_out_imports.record_confirmed(now=clock.now(), **kwargs)


def draft_of(client: Client, data: bytes) -> OptOutImport:
    assert upload(client, data).status_code == 302
    return OptOutImport.objects.get(confirmed_at=None)


def confirm(client: Client, listed: OptOutImport) -> None:
    client.post(reverse("conversations:opt_out_import_confirm", args=[listed.pk]))


def test_a_list_is_shown_before_anything_is_recorded(account: Account, admin: Client) -> None:
    listed = draft_of(admin, b"Phone,Email\n3125550101,\n3125550102,<b>@x\n312 555 0101,a@b.com\n")
    assert not OptOut.objects.exists()
    page = admin.get(reverse("conversations:opt_out_import", args=[listed.pk])).content.decode()
    assert "Record 3 opt-outs" in page and "&lt;b&gt;@x" in page and "<b>@x" not in page
    assert (listed.phones, listed.emails, listed.duplicates, listed.rejected) == (2, 1, 1, 1)


def test_recording_goes_through_the_door_of_every_wish(account: Account, admin: Client) -> None:
    thread = factories.make_thread(account, "+13125550101")
    confirm(admin, draft_of(admin, b"312-555-0101\nAnn@Example.com"))
    assert record() == 2
    wish = OptOut.objects.get(address=thread.address)
    assert (wish.source, wish.channel, wish.lifted_at) == ("imported", "phone", None)
    assert "dnc.csv" in wish.evidence and wish.detector.startswith("import/")
    assert OptOut.objects.get(address__value="ann@example.com").channel == "email"
    thread.refresh_from_db()
    assert (thread.state, thread.closed_reason) == (Thread.State.CLOSED, "opted_out")
    assert AuditEntry.objects.filter(verb="imported_opt_outs").count() == 1


def test_the_same_list_again_records_nothing_new(account: Account, admin: Client) -> None:
    for _ in range(2):
        confirm(admin, draft_of(admin, b"3125550101\n3125550102"))
        record()
    assert OptOut.objects.count() == 2
    first, second = OptOutImport.objects.order_by("pk")
    assert (first.recorded, first.known, second.recorded, second.known) == (2, 0, 0, 2)
    assert (second.values, second.finished_at is not None) == ("", True)


def test_a_draft_says_how_many_are_known_already(account: Account, admin: Client) -> None:
    address = Address.objects.create(account=account, channel="phone", value="+13125550101")
    suppression.opt_out(address, channel="phone", source="text", now=clock.now())
    assert opt_out_imports.known_already(draft_of(admin, b"3125550101\n3125550102")) == 1


def test_a_recording_cut_short_goes_on_where_it_was(
    account: Account, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opt_out_imports, "BATCH", 2)
    confirm(admin, draft_of(admin, b"\n".join(b"312555010%d" % n for n in range(5))))
    turns = iter([True, False])
    assert record(go_on=lambda: next(turns)) == 2
    listed = OptOutImport.objects.get()
    assert (listed.done, listed.finished_at) == (2, None)
    assert "still being recorded: 2 of 5" in " ".join(_missing(account))
    assert record() == 3
    assert OptOut.objects.count() == 5
    assert record() == 0


def _missing(account: Account) -> list[str]:
    consent.declare(account, "existing", name="Ann", by=None, now=clock.now())
    return consent.missing(account, first_launch=False)


def test_a_second_worker_records_no_batch_twice(account: Account, admin: Client) -> None:
    confirm(admin, draft_of(admin, b"3125550101\n3125550102"))
    mine = OptOutImport.objects.get()
    record()
    stood, handled = opt_out_imports._record_batch(mine, ["+13125550101"], now=clock.now())
    assert (stood, handled) == (2, 0)


def test_confirming_twice_is_once(account: Account, admin: Client) -> None:
    listed = draft_of(admin, b"3125550101")
    confirm(admin, listed)
    confirm(admin, listed)
    assert AuditEntry.objects.filter(verb="imported_opt_outs").count() == 1


def test_another_companys_phone_is_its_own(account: Account, admin: Client) -> None:
    elsewhere = factories.make_contact(factories.make_account(), "+13125550101")
    confirm(admin, draft_of(admin, b"3125550101"))
    record()
    assert not suppression.in_force([factories.phone_of(elsewhere).pk])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "one of the two"),
        ({"pasted": "3125550101", "file": True}, "one of the two"),
        ({"pasted": "   \n "}, "one of the two"),
        ({"file": b""}, "The list is empty"),
        ({"file": b"PK\x03\x04"}, "This is a workbook"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_kept(
    admin: Client, data: dict[str, Any], words: str
) -> None:
    if "file" in data:
        raw = data["file"] if isinstance(data["file"], bytes) else b"3125550101"
        data = data | {"file": SimpleUploadedFile("list.csv", raw)}
    answer = admin.post(URL, data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not OptOutImport.objects.exists()


def test_a_pasted_list_is_as_good(admin: Client) -> None:
    answer = admin.post(URL, {"pasted": "Name\tPhone\nAnn\t312 555 0101"})
    assert answer.status_code == 302
    assert OptOutImport.objects.get().values == "+13125550101"


def test_a_list_without_an_address_cannot_be_recorded(admin: Client) -> None:
    listed = draft_of(admin, b"nobody\nnothing")
    assert (
        "nothing to record"
        in admin.get(reverse("conversations:opt_out_import", args=[listed.pk])).content.decode()
    )
    confirm(admin, listed)
    listed.refresh_from_db()
    assert listed.confirmed_at is None


def test_declaring_that_there_are_none_is_enough_and_once(account: Account, admin: Client) -> None:
    for _ in range(2):
        admin.post(reverse("conversations:opt_outs_none"))
    assert OptOutImport.objects.settled(account.pk)
    assert AuditEntry.objects.filter(verb="declared_no_opt_outs").count() == 1


def test_a_new_draft_takes_the_place_of_the_old(admin: Client) -> None:
    draft_of(admin, b"3125550101")
    assert draft_of(admin, b"3125550102").values == "+13125550102"


def test_whoever_may_not_sees_the_imports_but_no_form(account: Account) -> None:
    csr = signed_in(factories.make_user(account, "csr"))
    assert "Check the list" not in csr.get(URL).content.decode()
    assert upload(csr, b"3125550101").status_code == 403


def test_recording_is_shown_live(admin: Client) -> None:
    listed = draft_of(admin, b"3125550101")
    confirm(admin, listed)
    url = reverse("conversations:opt_out_import", args=[listed.pk])
    seen = admin.get(url, headers={"HX-Request": "true"})
    again = {"HX-Request": "true", "HX-PTag": seen["HX-PTag"]}
    assert admin.get(url, headers=again).status_code == 304
    record()
    after = admin.get(url, headers=again)
    assert after.status_code == 200 and "Finished" in after.content.decode()


def test_odd_cells_neither_break_a_list_nor_its_recording(admin: Client) -> None:
    """A NUL far down, a mailbox longer than any, and one that holds a line’s end."""
    odd = [b"Email"] + [b"fill%d@example.com" % n for n in range(300)]
    odd += [b"no\0body", b"a@" + b"b" * 60 + b"." + b"c" * 62 + b"." + b"d" * 62 + b"." + b"e" * 62 + b".com"]
    odd += [b'"""a\x1cb""@example.com"']
    listed = draft_of(admin, b"\n".join(odd))
    assert admin.get(reverse("conversations:opt_out_import", args=[listed.pk])).status_code == 200
    assert (listed.emails, listed.rejected) == (301, 2)
    confirm(admin, listed)
    assert record() == 301
    listed.refresh_from_db()
    assert listed.finished_at is not None and listed.recorded == 301
    assert OptOut.objects.filter(address__value='"a\x1cb"@example.com').exists()


def test_recording_a_batch_takes_as_many_queries_whatever_its_size(
    account: Account, admin: Client, django_assert_max_num_queries: Any
) -> None:
    confirm(admin, draft_of(admin, b"\n".join(b"3125550%03d" % n for n in range(100, 200))))
    with django_assert_max_num_queries(30):
        assert record() == 100


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_record_every_address_once(
    account: Account, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opt_out_imports, "BATCH", 7)
    confirm(admin, draft_of(admin, b"\n".join(b"3125550%03d" % n for n in range(100, 200))))

    def work(_: int) -> int:
        try:
            return record()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        handled = list(threads.map(work, range(2)))
    listed = OptOutImport.objects.get()
    assert sum(handled) == listed.done == listed.recorded == OptOut.objects.count() == 100
    assert listed.finished_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_list_that_cannot_be_recorded_keeps_no_other_from_its_turn(account: Account, admin: Client) -> None:
    for data in (b"phone\n3125550101\n", b"phone\n3125550102\n"):
        confirm(admin, draft_of(admin, data))
    OptOutImport.objects.filter(pk=OptOutImport.objects.earliest("pk").pk).update(values="no phone at all")
    assert record() == 1
    assert [wish.address.value for wish in OptOut.objects.all()] == ["+13125550102"]
    assert OptOutImport.objects.unfinished().count() == 1
