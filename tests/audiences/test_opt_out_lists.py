"""Lists of old opt-outs as people really have them: every encoding, every spreadsheet, every slip."""

import io

import pytest

from audiences import opt_out_lists
from audiences.opt_out_lists import OptOutList
from audiences.uploads import Unreadable


def read(data: bytes | str) -> OptOutList:
    raw = data.encode() if isinstance(data, str) else data
    return opt_out_lists.read(io.BytesIO(raw), len(raw))


def test_a_plain_list_is_read_line_by_line():
    found = read("312-555-0101\n\n(773) 555 0102\nAnn@Example.com\n+44 20 7946 0958\n1 312 555 0104")
    assert list(found.phones) == ["+13125550101", "+17735550102", "+442079460958", "+13125550104"]
    assert list(found.emails) == ["ann@example.com"]
    assert found.rejected == 0


def test_the_same_address_again_is_counted_once():
    found = read("3125550101\n+1 (312) 555-0101\na@b.com\nA@B.COM")
    assert (len(found.phones), len(found.emails), found.duplicates) == (1, 1, 2)


def test_without_a_header_other_cells_are_passed_over():
    found = read("Ann,2024-11-21,3125550101,8881\nBob,ann@example.com,yes")
    assert (list(found.phones), list(found.emails)) == (["+13125550101"], ["ann@example.com"])
    assert found.rejected == 0


def test_a_header_chooses_the_columns_and_makes_each_filled_cell_count():
    found = read("Id;Mobile;E-Mail\n3125550199;3125550101;\n7;no number;ann@example.com\n8;;")
    assert "+13125550199" not in found.phones, "an id is nobody's phone"
    assert (list(found.phones), list(found.emails)) == (["+13125550101"], ["ann@example.com"])
    assert found.rejected_rows == [
        "Row 3: “no number” is no phone number",
        "Row 4: no phone or email in “8”",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
def test_every_encoding_that_programs_write_is_read(encoding):
    found = read("Müller,(312) 555-0101\nJosé,jose@example.com".encode(encoding))
    assert (list(found.phones), list(found.emails)) == (["+13125550101"], ["jose@example.com"])


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_every_usual_delimiter_is_seen(mark):
    assert list(read(f"Name{mark}Phone\nAnn{mark}3125550101").phones) == ["+13125550101"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ('=HYPERLINK("http://x","3125550101")', "is a formula"),
        ("@SUM(1+1)", "is a formula"),
        ("+cmd|' /C calc'!A0", "is a formula"),
        ("3.12555E+09", "was shortened by a spreadsheet"),
        ("555-0101 99", "is no phone number"),
        ("not@mail", "is no email address"),
        ("911", "is no phone number"),
    ],
)
def test_a_slip_is_refused_with_its_reason(cell, words):
    found = read(f'Phone\n"{cell.replace(chr(34), chr(34) * 2)}"\n3125550101')
    assert list(found.phones) == ["+13125550101"]
    assert found.rejected == 1
    assert found.rejected_rows[0].startswith("Row 2: ")
    assert words in found.rejected_rows[0]


def test_a_number_kept_as_text_by_a_spreadsheet_is_taken():
    assert list(read('="3125550101"\n\'3125550102').phones) == ["+13125550101", "+13125550102"]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_of_megabytes_refuses_its_row_alone(quote):
    found = read(f"{quote}{'7' * (9 * 1024 * 1024)}{quote}\n3125550101")
    assert list(found.phones) == ["+13125550101"]
    assert (found.rejected, len(found.rejected_rows[0])) == (1, len(found.rejected_rows[0]))
    assert len(found.rejected_rows[0]) < 200


def test_a_quotation_mark_that_nobody_closes_loses_nobody_in_silence():
    """All that follows would be part of its cell."""
    others = [f"312555{number:04},Person {number}" for number in range(3000)]
    with pytest.raises(Unreadable, match="Row 2 goes over more than 50 lines"):
        read("\n".join(["Phone,Name", '3125559999,"Bob', *others]))


def test_a_few_swallowed_rows_are_said():
    found = read('Phone,Name\n3125550101,"Bob\n3125550102,Ann\n3125550103,Eve"\n3125550104,Joe')
    assert list(found.phones) == ["+13125550101", "+13125550104"]
    assert found.rejected == 1 and "quotation mark not closed" in found.rejected_rows[0]


def test_an_address_or_a_note_of_several_lines_is_no_slip():
    found = read(
        'Phone,Address,Note\n3125550101,"12 Main St\nSpringfield 62704-1234","Gate 4411\ncall first"'
    )
    assert (list(found.phones), found.rejected) == (["+13125550101"], 0)


def test_a_reason_never_repeats_a_long_cell():
    found = read("Email\n" + "a" * 5000 + "@" + "b" * 5000)
    assert len(found.rejected_rows[0]) < 200


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\n \n,,\n", "empty"),
        (b"PK\x03\x04 anything", "workbook"),
        (b"\x00\x01\x02\x03", "no text"),
    ],
)
def test_what_is_no_list_is_said(data, words):
    with pytest.raises(Unreadable, match=words):
        read(data)


def test_too_much_is_refused_before_it_is_read():
    with pytest.raises(Unreadable, match="10 MB"):
        opt_out_lists.read(io.BytesIO(b"3125550101"), opt_out_lists.MOST_BYTES + 1)
    with pytest.raises(Unreadable, match="100,000 rows"):
        read("1\n" * (opt_out_lists.MOST_ROWS + 1))


def test_all_rejected_rows_are_counted_and_the_first_kept_in_words():
    found = read("nothing\n" * 5_000)
    assert found.rejected == 5_000
    assert len(found.rejected_rows) == opt_out_lists.KEPT_REJECTED


@pytest.mark.parametrize("text", ["312 555 0101", "+1 312 555 0101", "+31 20 794 0958", "1-312-555-0101 x5"])
def test_the_quick_reading_agrees_with_the_thorough_one(text):
    from common.phone import parse_phone

    thorough = parse_phone(text)
    assert thorough is not None
    assert list(read(text).phones) == [thorough.e164]
