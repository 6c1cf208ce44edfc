"""Reading lists of old opt-outs: a pasted text or a CSV of whatever program, row by row.

Nothing here is trusted: an encoding nobody declared, cells of megabytes, formulas, numbers that a
spreadsheet has shortened. A row is taken, or refused with words that say why.
"""

import io
import re
from dataclasses import dataclass, field
from typing import IO

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from audiences.uploads import Unreadable, delimiter, open_text, rows, shown, swallowed
from common.phone import e164_of

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 100_000
KEPT_REJECTED = 2_000  # rows whose reasons are kept in words; all are counted
LONGEST_MAILBOX = 254  # what mail servers take, and what an address holds
_ADDRESS_COLUMN = re.compile(r"phone|mobile|cell|\btel|sms|e-?mail|^number$|^contact$", re.IGNORECASE)
_PHONE_LIKE = re.compile(r"(tel:)?[\s\d().+\-/]+((ext\.?|x)\s*\d+)?", re.IGNORECASE)
_SHORTENED = re.compile(r"\d(\.\d+)?e\+?\d+", re.IGNORECASE)
_QUOTED_FORMULA = re.compile(r'="([^"]*)"')
_FEWEST_DIGITS = 7


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
    if over_lines := swallowed(cells):
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
            complaints.append(f"{shown(cell)} is no phone number")
    if taken and columns is None and not over_lines:
        return  # the other cells are dates, ids and the like
    if complaints or not taken:
        found.refuse(number, "; ".join(complaints) or f"no phone or email in {shown(' '.join(cells))}")


def _address(cell: str) -> str:
    """The phone (E.164) or mailbox in a cell; "" where it is neither. Raises _Refused for a broken one."""
    text = cell.strip().lstrip("'").strip()
    if wrapped := _QUOTED_FORMULA.fullmatch(text):
        text = wrapped[1].strip()  # a spreadsheet's way to keep a number as it is written
    if text[:1] in ("=", "@") or (text[:1] in ("+", "-") and not _PHONE_LIKE.fullmatch(text)):
        raise _Refused(f"{shown(cell)} is a formula")
    if "@" in text:
        return _mailbox(text)
    if _SHORTENED.fullmatch(text):
        raise _Refused(f"{shown(cell)} was shortened by a spreadsheet; format the column as text")
    if not _PHONE_LIKE.fullmatch(text) or sum(c.isdigit() for c in text) < _FEWEST_DIGITS:
        return ""
    return _phone(text)


def phone_in(cell: str) -> tuple[str, str]:
    """(E.164, "") of a cell that must be a phone, else ("", why it is none)."""
    try:
        value = _address(cell)
    except _Refused as refused:
        return "", str(refused)
    return (value, "") if value and "@" not in value else ("", f"{shown(cell)} is no phone number")


def _mailbox(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise _Refused(f"{shown(text)} is no email address") from None
    if len(text) > LONGEST_MAILBOX:
        raise _Refused(f"{shown(text)} is longer than any mailbox")
    return text.lower()


def _phone(text: str) -> str:
    phone = e164_of(text)
    if not phone:
        raise _Refused(f"{shown(text)} is no phone number")
    return phone
