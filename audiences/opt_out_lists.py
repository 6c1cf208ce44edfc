"""Reading lists of old opt-outs: a pasted text or a CSV of whatever program, row by row.

Nothing here is trusted: an encoding nobody declared, cells of megabytes, formulas, numbers that a
spreadsheet has shortened. A row is taken, or refused with words that say why.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import IO, Protocol

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from common.phone import parse_phone

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 100_000
KEPT_REJECTED = 2_000  # rows whose reasons are kept in words; all are counted
LONGEST_MAILBOX = 254  # what mail servers take, and what an address holds
MOST_SHOWN = 60  # characters of a refused cell
_ENOUGH_TO_TELL = 4096
_DELIMITERS = ("\t", ";", ",")
_ADDRESS_COLUMN = re.compile(r"phone|mobile|cell|\btel|sms|e-?mail|^number$|^contact$", re.IGNORECASE)
_NORTH_AMERICAN = re.compile(r"1?([2-9]\d{2}[2-9]\d{6})")
_PHONE_LIKE = re.compile(r"(tel:)?[\s\d().+\-/]+((ext\.?|x)\s*\d+)?", re.IGNORECASE)
_SHORTENED = re.compile(r"\d(\.\d+)?e\+?\d+", re.IGNORECASE)
_QUOTED_FORMULA = re.compile(r'="([^"]*)"')
_FEWEST_DIGITS = 7
MOST_LINES = 50  # of one row: notes have some
_SWALLOWED = re.compile(r"[\r\n].*?(?:(?:\d[ ().-]{0,3}){10}|\S@\S)", re.DOTALL)


class Refusing(Protocol):
    """What keeps count of rows that cannot be taken."""

    def refuse(self, row: int, words: str) -> None:
        """Keep why."""


class Unreadable(Exception):
    """The list as a whole cannot be read; the words say what to do."""


@dataclass
class OptOutList:
    """What a list holds: every address once, and why the other rows were refused."""

    phones: dict[str, None] = field(default_factory=dict)  # E.164, in the order of the list
    emails: dict[str, None] = field(default_factory=dict)  # lower case
    duplicates: int = 0
    rejected: int = 0
    rejected_rows: list[str] = field(default_factory=list)

    def take(self, value: str) -> None:
        """Add a phone or mailbox, or count it as a repetition."""
        known = self.emails if "@" in value else self.phones
        if value in known:
            self.duplicates += 1
        known[value] = None

    def refuse(self, row: int, words: str) -> None:
        """Count a row that cannot be taken; the first of them are kept in words."""
        self.rejected += 1
        if len(self.rejected_rows) < KEPT_REJECTED:
            self.rejected_rows.append(f"Row {row:,}: {words}")


class _Refused(Exception):
    """One cell is no address; the words say why."""


def read(source: IO[bytes], size: int) -> OptOutList:
    """Read a list of `size` bytes. Raises Unreadable where it is no text, too big or empty."""
    text = open_text(source, size, most=MOST_BYTES)
    try:
        return _read_rows(text)
    finally:
        text.detach()  # the upload closes its own file


def open_text(source: IO[bytes], size: int, *, most: int) -> io.TextIOWrapper:
    """The characters of an upload of `size` bytes. Raises Unreadable where it is no text or beyond `most`."""
    if size > most:
        raise Unreadable(
            f"The list has {size / 1024 / 1024:.1f} MB; at most {most // 1024 // 1024} MB are read. Split it."
        )
    return io.TextIOWrapper(source, encoding=_encoding(source), errors="replace", newline="")


def _encoding(source: IO[bytes]) -> str:
    """How the bytes are to be read. Only ASCII matters: digits and mailboxes look alike in the others."""
    head = source.read(_ENOUGH_TO_TELL)
    source.seek(0)
    if head.startswith(b"PK"):
        raise Unreadable(
            "This is a workbook, not a list. Save it as CSV in your spreadsheet, then import that."
        )
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        raise Unreadable("This is no text. Save the list as CSV or as plain text, then import that.")
    return "utf-8-sig"


def _read_rows(text: io.TextIOWrapper) -> OptOutList:
    found = OptOutList()
    columns: list[int] | None = None
    begun = False
    for number, cells in rows(text, found, delimiter(text)):
        if number > MOST_ROWS:
            raise Unreadable(f"The list has more than {MOST_ROWS:,} rows. Split it.")
        if not any(cell.strip() for cell in cells):
            continue
        if not begun:
            begun = True
            columns = header(cells)
            if columns is not None:
                continue
        read_row(found, number, cells, columns)
    if not begun:
        raise Unreadable("The list is empty.")
    return found


def rows(
    lines: Iterable[str], found: Refusing, mark: str, *, first: int = 1
) -> Iterator[tuple[int, list[str]]]:
    """(number of the row, its cells), counted from `first`; a row that is none is refused.

    Raises Unreadable as `parsed` does.
    """
    for number, cells in parsed(lines, mark, first=first):
        if cells is None:
            found.refuse(number, "it holds a cell of more than 130,000 characters")
        else:
            yield number, cells


def parsed(lines: Iterable[str], mark: str, *, first: int = 1) -> Iterator[tuple[int, list[str] | None]]:
    """(number of the row, its cells, or None where it is none), counted from `first`.

    Raises Unreadable where a row takes up more lines than one can: a quotation mark that nobody closes makes
    all that follows part of its cell, and everybody in there would be lost without a word.
    """
    reader = csv.reader(lines, delimiter=mark)
    for number in count(first):
        before = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        if reader.line_num - before > MOST_LINES:
            raise Unreadable(
                f'Row {number:,} goes over more than {MOST_LINES} lines: a quotation mark (") in it is not '
                "closed, or it holds a very long note. Close it or take that column out, then upload the "
                "list again. Nothing was taken from it."
            )
        yield number, cells


def delimiter(text: io.TextIOWrapper) -> str:
    """What parts the cells, by the first line that holds anything; the text is at its beginning again."""
    head = text.read(_ENOUGH_TO_TELL)
    text.seek(0)
    first = next((line for line in head.splitlines() if line.strip()), "")
    return next((mark for mark in _DELIMITERS if mark in first), ",")


def header(cells: list[str]) -> list[int] | None:
    """The columns that a first row names as phones and mailboxes; None where it is no such row."""
    for cell in cells:
        try:
            if _address(cell):
                return None
        except _Refused:
            return None
    return [index for index, cell in enumerate(cells) if _ADDRESS_COLUMN.search(cell.strip())] or None


def read_row(found: OptOutList, number: int, cells: list[str], columns: list[int] | None) -> None:
    """Take every address of a row. In columns that a header names, each filled cell must be one.

    A cell of several lines with phones or mailboxes in later ones may be rows that a quotation mark has
    swallowed: that is said, whatever else the row holds.
    """
    chosen = cells if columns is None else [cells[index] for index in columns if index < len(cells)]
    taken, complaints = 0, []
    if swallowed := any(_SWALLOWED.search(cell) for cell in cells):
        complaints.append(
            "a cell goes over several lines that hold phones or mailboxes, which were not taken; is a "
            "quotation mark not closed?"
        )
    for cell in chosen:
        try:
            value = _address(cell)
        except _Refused as refused:
            complaints.append(str(refused))
            continue
        if value:
            found.take(value)
            taken += 1
        elif columns is not None and cell.strip():
            complaints.append(f"{_shown(cell)} is no phone number")
    if taken and columns is None and not swallowed:
        return  # the other cells are dates, ids and the like
    if complaints or not taken:
        found.refuse(number, "; ".join(complaints) or f"no phone or email in {_shown(' '.join(cells))}")


def _address(cell: str) -> str:
    """The phone (E.164) or mailbox in a cell; "" where it is neither. Raises _Refused for a broken one."""
    text = cell.strip().lstrip("'").strip()
    if wrapped := _QUOTED_FORMULA.fullmatch(text):
        text = wrapped[1].strip()  # a spreadsheet's way to keep a number as it is written
    if text[:1] in ("=", "@") or (text[:1] in ("+", "-") and not _PHONE_LIKE.fullmatch(text)):
        raise _Refused(f"{_shown(cell)} is a formula")
    if "@" in text:
        return _mailbox(text)
    if _SHORTENED.fullmatch(text):
        raise _Refused(f"{_shown(cell)} was shortened by a spreadsheet; format the column as text")
    if not _PHONE_LIKE.fullmatch(text) or sum(c.isdigit() for c in text) < _FEWEST_DIGITS:
        return ""
    return _phone(text)


def phone_in(cell: str) -> tuple[str, str]:
    """(E.164, "") of a cell that must be a phone, else ("", why it is none)."""
    try:
        value = _address(cell)
    except _Refused as refused:
        return "", str(refused)
    return (value, "") if value and "@" not in value else ("", f"{_shown(cell)} is no phone number")


def _mailbox(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise _Refused(f"{_shown(text)} is no email address") from None
    if len(text) > LONGEST_MAILBOX:
        raise _Refused(f"{_shown(text)} is longer than any mailbox")
    return text.lower()


def _phone(text: str) -> str:
    digits = "".join(c for c in text if c.isdigit())
    plain = _NORTH_AMERICAN.fullmatch(digits)
    if plain and text.isascii() and (digits.startswith("1") or "+" not in text):
        return f"+1{plain[1]}"  # what parse_phone says too, many times as fast
    phone = parse_phone(text)
    if phone is None:
        raise _Refused(f"{_shown(text)} is no phone number")
    return phone.e164


def _shown(cell: str) -> str:
    text = " ".join(cell.replace("\0", " ").split())  # the database keeps no NUL
    return f"“{text[:MOST_SHOWN]}…”" if len(text) > MOST_SHOWN else f"“{text}”"
