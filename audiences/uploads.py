"""Reading what people upload: bytes of whatever program, as text, as rows, and in pieces of whole rows.

Nothing here is trusted: an encoding nobody declared, cells of megabytes, quotation marks that nobody closes.
Lists of opt-outs, consents and phones not to be called read themselves through here, and so do contacts.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import IO, NamedTuple, Protocol

MOST_LINES = 50  # of one row: notes have some
MOST_SHOWN = 60  # characters of a refused cell
PIECE = 1024 * 1024  # characters
LONGEST_LINE = 64 * 1024  # what a row needs, many times over
BROKEN = "\ufffd"  # what stands for characters that could not be read; the database keeps no NUL
_ENOUGH_TO_TELL = 4096
_AT_ONCE = 1024 * 1024
_DELIMITERS = ("\t", ";", ",", "|")
_BOMS_OF_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BREAK = re.compile(r"[\r\n]")
_REACHES_SOMEBODY = re.compile(r"(?:\d[ ().-]{0,3}){10}|\S@\S")


class Refusing(Protocol):
    """What keeps count of rows that cannot be taken."""

    def refuse(self, row: int, words: str) -> None:
        """Keep why."""


class Unreadable(Exception):
    """The upload as a whole cannot be read; the words say what to do."""


class Piece(NamedTuple):
    """Whole rows of an upload, as text."""

    first_row: int
    rows: int
    text: str


def open_text(source: IO[bytes], size: int, *, most: int, exact: bool = False) -> io.TextIOWrapper:
    """The characters of an upload of `size` bytes. Raises Unreadable where it is no text or beyond `most`.

    Lists of phones and mailboxes need ASCII alone, which looks alike in every encoding. `exact`: names are
    read, too, so the whole upload must be UTF-8, UTF-16 or else Windows-1252.
    """
    if size > most:
        raise Unreadable(
            f"The list has {size / 1024 / 1024:.1f} MB; at most {most // 1024 // 1024} MB are read. Split it."
        )
    encoding = _encoding(source)
    if exact:
        encoding = _proved(source, encoding)
    return io.TextIOWrapper(source, encoding=encoding, errors="replace", newline="")


def _encoding(source: IO[bytes]) -> str:
    """How the bytes begin to read."""
    head = source.read(_ENOUGH_TO_TELL)
    source.seek(0)
    if head.startswith(b"PK"):
        raise Unreadable(
            "This is a workbook, not a list. Save it as CSV in your spreadsheet, then import that."
        )
    if head.startswith(_BOMS_OF_UTF_16):
        return "utf-16"
    if b"\0" in head or head.startswith((b"%PDF", b"\x1f\x8b")):
        raise Unreadable("This is no text. Save the list as CSV or as plain text, then import that.")
    return "utf-8-sig"


def _proved(source: IO[bytes], encoding: str) -> str:
    """The encoding in which the whole upload can be read, a megabyte at a time."""
    for candidate in (encoding, "cp1252") if encoding == "utf-8-sig" else (encoding,):
        decoder = codecs.getincrementaldecoder(candidate)()
        try:
            while chunk := source.read(_AT_ONCE):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        finally:
            source.seek(0)
        return candidate
    raise Unreadable(
        "The file’s characters are neither UTF-8, UTF-16 nor Windows-1252. Save it as “CSV UTF-8” in your "
        "spreadsheet, then upload that. Nothing was taken from it."
    )


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


def lines(text: io.TextIOWrapper, *, whole: bool = False) -> Iterator[str]:
    """The lines of an upload, each of at most `LONGEST_LINE` characters: what is longer comes in parts.

    `whole`: what is longer is refused instead (Unreadable); parts of a row are no rows.
    """
    for number, line in enumerate(iter(lambda: text.readline(LONGEST_LINE), ""), 1):
        if whole and len(line) >= LONGEST_LINE:
            raise Unreadable(
                f"Line {number:,} has more than {LONGEST_LINE:,} characters: no contact needs them. Take "
                "that cell or column out, then upload the file again. Nothing was taken from it."
            )
        yield line


class _Noted:
    """Lines as a reader takes them, kept until they are taken away."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self._taken: list[str] = []
        self.size = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._taken.append(line)
            self.size += len(line)
            yield line

    def take(self) -> str:
        """The lines since the last time; the database keeps no NUL."""
        text = "".join(self._taken).replace("\0", BROKEN)
        self._taken, self.size = [], 0
        return text


def pieces(lines: Iterable[str], mark: str, *, most: int, size: int = PIECE) -> Iterator[Piece]:
    """The lines in pieces that end where a row ends, of about `size` characters.

    Raises Unreadable for more than `most` rows, and as `parsed` does.
    """
    noted = _Noted(lines)
    number = given = 0
    for number, _ in parsed(noted, mark):
        if number > most:
            raise Unreadable(f"The list has more than {most:,} rows. Split it.")
        if noted.size >= size:
            yield Piece(given + 1, number - given, noted.take())
            given = number
    if noted.size:
        yield Piece(given + 1, number - given, noted.take())


def swallowed(cells: Iterable[str]) -> bool:
    """Whether a cell of several lines may be rows that a quotation mark has swallowed."""
    return any(
        _REACHES_SOMEBODY.search(cell, first.start()) for cell in cells if (first := _BREAK.search(cell))
    )


def shown(cell: str) -> str:
    """A cell in quotation marks, short enough for a sentence."""
    text = " ".join(cell.replace("\0", " ").split())  # the database keeps no NUL
    return f"“{text[:MOST_SHOWN]}…”" if len(text) > MOST_SHOWN else f"“{text}”"
