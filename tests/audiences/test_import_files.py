"""What a file of contacts may hold: what is understood, and what is refused with a reason."""

import pytest
from django.db.models import Count

from audiences.imports import running
from audiences.models import (
    Address,
    Contact,
    ContactAddress,
    ContactImport,
    ContactImportPart,
    Tag,
)
from audiences.uploads import Unreadable
from tests.audiences.importing import ANN, HEAD, counts, uploaded, values, whys
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("=HYPERLINK(1),3125550101,", "“=HYPERLINK(1)” is a formula"),
        ("@SUM(A1),3125550101,", "“@SUM(A1)” is a formula"),
        ("Ann,12345,", "“12345” is no phone number"),
        ("Ann,3.125550E+09,", "“3.125550E+09” was shortened by a spreadsheet; format the column as text"),
        ("Ann,312-555-0101 x12,", "“312-555-0101 x12” is behind an extension, where no text arrives"),
        ("Ann,312-555-0101 x0101,", "“312-555-0101 x0101” is behind an extension, where no text arrives"),
        ("Ann,,nobody@nowhere", "“nobody@nowhere” is no email address"),
        ("Ann,,", "the row has neither a phone nor an email"),
        (",3125550101,", "the row has no name"),
        (f"Ann,{';'.join(f'312555{n:04}' for n in range(51))},", "the row has more than 50 phones and "
         "emails"),
        ("Ann,3125550101,,too,many", "the row has 5 cells and the file 3 columns: is a quotation mark "
         "missing around a comma?"),
        ("An\ufffdn,3125550101,", "“An�n” holds a character that was lost in an earlier export"),
        (f"{'x' * 201},3125550101,", f"“{'x' * 60}…” has more than 200 characters"),
        ('"Ann\n3125550188,x@example.com",3125550101,', "a cell goes over several lines that hold phones or "
         "mailboxes: is a quotation mark not closed?"),
        (f'"{"y" * 140_000}",3125550101,', None),
    ],
)  # fmt: skip
def test_a_row_with_one_bad_cell_is_refused_whole(bring, account, by, cells: str, why: str | None) -> None:
    data = f"Name,Phone,Email\n{cells}\nBob Lee,3125550102,\n"
    if why is None:
        with pytest.raises(Unreadable, match="Line 2 has more than 65,536 characters"):
            uploaded(account, by, data)
        assert not ContactImport.objects.exists()
        return
    listed = bring(data)
    assert counts(listed) == {"added": 1, "rejected": 1} and whys(listed) == {2: why}
    assert Contact.objects.get().name == "Bob Lee" and Address.objects.count() == 1


def test_what_is_written_otherwise_is_understood(account, bring) -> None:
    rows = (
        "Full name;Mobile;E-mail;Address;Apt;State;Zip;Type;Tags;Language\n"
        'Müller, Jörg;"=""3125550101""";<J@Example.com>;5 Elm;4;illinois;2134;Home;VIP| Spring ;es\n'
        "Acme Heating;'+1 312 555 0102;;;;IL;;Business;vip;\n"
    )
    assert counts(bring(rows.encode("cp1252"))) == {"added": 2}
    joerg, acme = Contact.objects.order_by("pk")
    assert (joerg.first_name, joerg.last_name, joerg.zip, joerg.language) == ("Jörg", "Müller", "02134", "es")
    assert (joerg.street, joerg.household.key) == ("5 Elm, 4", "a:5 ELM #4 02134")
    assert values(joerg) == ["+13125550101", "j@example.com"]
    assert joerg.contact_addresses.first().address.line_type == "mobile"
    assert (acme.kind, acme.first_name, acme.household.key) == ("commercial", "", f"c:-{acme.pk}")
    tags = Tag.objects.annotate(n=Count("contacts")).order_by("name")
    assert list(tags.values_list("name", "n")) == [("Spring", 1), ("VIP", 2)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_usual_encoding_is_read(bring, encoding: str) -> None:
    data = (HEAD + ANN.replace("Ann", "Åsa")).encode(encoding)
    assert counts(bring(data)) == {"added": 1} and Contact.objects.get().first_name == "Åsa"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n\n ,\n", "empty"),
        (HEAD.encode(), "nobody below"),
        (b"PK\x03\x04workbook", "workbook"),
        (b"%PDF-1.7", "no text"),
        ("Name,Phone\nAnn,3125550101".encode("utf-16-le"), "no text"),
        (("Name,Phone\n" + "Ann,3125550101\n" * 300).encode() + b"\xc3\x28\x81\n", "neither UTF-8"),
        (b"<html><table>\n<tr>", "web page"),
        (('Name,Phone\n"Ann,3125550101\n' + "Bob,3125550102\n" * 60).encode(), "quotation mark"),
        (b"," * 300 + b"x\n", "columns"),
    ],
)
def test_what_is_no_list_is_refused_whole(account, by, data: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        uploaded(account, by, data)
    assert not ContactImport.objects.exists() and not ContactImportPart.objects.exists()


def test_too_many_rows_are_refused_whole(account, by, monkeypatch) -> None:
    monkeypatch.setattr(running, "MOST_ROWS", 3)
    with pytest.raises(Unreadable, match="more than 3 rows"):
        uploaded(account, by, HEAD + ANN * 3)
    assert not ContactImport.objects.exists()


def test_a_file_without_names_of_columns_and_one_without_people(account, by) -> None:
    listed = uploaded(account, by, "Ann Lee,3125550101\n")
    assert not listed.names_columns and listed.columns == ["Column 1", "Column 2"]
    listed.names_columns = False
    [(_, person)] = running.preview(listed, ["full_name", "phone"], now=NOON)
    assert person.phones == {"+13125550101": False} and not person.problems


def test_blank_rows_may_come_before_the_names_of_the_columns(account, bring, by) -> None:
    data = "\n , \n" + HEAD + ANN
    listed = uploaded(account, by, data)
    [(_, person)] = running.preview(listed, listed.meanings, now=NOON)
    assert (person.number, person.name) == (4, "Ann Lee")
    assert counts(bring(data)) == {"added": 1}


def test_one_id_for_every_row_makes_them_one_person_with_many_phones(account, bring, monkeypatch) -> None:
    monkeypatch.setattr("audiences.uploads.PIECE", 40)
    bring("ID,Name,Phone\n7,Ann,3125550101\n")
    ContactAddress.objects.update(position=32_766)
    listed = bring("ID,Name,Phone\n" + "".join(f"7,Ann,312555{n:04}\n" for n in range(102, 112)))
    assert counts(listed) == {"updated": 1, "repeated": 9} and listed.failed_at is None
    assert len(values(Contact.objects.get())) == 11
