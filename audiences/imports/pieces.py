"""A piece of a file, understood; and the next one meanwhile, while the database is busy with this one."""

import csv
import gc
import io
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from django.db import connection

from audiences.imports.addresses import Made, make_ahead
from audiences.imports.homes import prepare
from audiences.imports.reading import Person, Reader
from audiences.models import ContactImport, ContactImportPart

Row = tuple[int, list[str] | None, int]  # number, cells, lines


class Text(NamedTuple):
    """What has to be known to understand a piece; equal ones are understood alike."""

    of: int
    first_row: int
    delimiter: str
    meanings: tuple[str, ...]
    names_columns: bool
    today: date


@dataclass
class Understood:
    """The people of a piece and those rows that cannot be taken, each with its cells; what was made ahead."""

    people: list[Person] = field(default_factory=list)
    refused: list[Person] = field(default_factory=list)
    cells: dict[int, list[str]] = field(default_factory=dict)
    made: Made | None = None


def rows(text: str, first_row: int, mark: str) -> Iterator[Row]:
    """(number of the row, its cells or None where it is none, the lines it takes up)."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    number, line = first_row, 0
    while True:
        try:
            cells: list[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        yield number, cells, reader.line_num - line
        number, line = number + 1, reader.line_num


def people(found: Iterable[Row], named: bool) -> Iterator[Row]:
    """Rows without the first that is not blank, where that one names the columns."""
    for number, cells, lines in found:
        if named and any(cell.strip() for cell in cells or ()):
            named = False
        else:
            yield number, cells, lines


def understand(piece: Text, text: str) -> Understood:
    """Read every row of a piece. Pure."""
    reader, found = Reader(piece.meanings, today=piece.today), Understood()
    for number, cells, lines in people(
        rows(text, piece.first_row, piece.delimiter), piece.first_row == 1 and piece.names_columns
    ):
        if person := reader.read(number, cells, lines):
            if person.problems:
                found.refused.append(person)
            else:
                prepare(person)
                found.people.append(person)
            found.cells[number] = cells or []
    return found


@contextmanager
def uncollected() -> Iterator[None]:
    """Without looking for cycles: of a piece's hundred thousand objects none is in one, and looking through
    them again and again took a third of our processor's time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Ahead:
    """Understands the piece behind the present one in a thread. Holds one piece; a lost one is read again.

    Where `making` is asked for, it also makes that piece's phones, mailboxes and homes, over a connection of
    its own: the database then works at two pieces at a time.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._piece: Text | None = None
        self._future: Future[Understood] | None = None

    def take(self, piece: Text, text: str) -> Understood:
        """This piece: what the thread made of it, where it was asked to, else read now."""
        if self._future is not None and self._piece == piece:
            future, self._future = self._future, None
            return future.result()
        return understand(piece, text)

    def ask(self, piece: Text, text: str, making: int | None) -> None:
        """Have this piece understood meanwhile; `making`: and begun, for this account."""
        if self._pool is None:  # not before: workers are forked
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="import-ahead")
        self._piece, self._future = piece, self._pool.submit(_begin, piece, text, making)

    def rest(self) -> None:
        """Let go of the thread's connection, once it is done."""
        if self._pool is not None:
            self._pool.submit(lambda: connection.close()).result()


def _begin(piece: Text, text: str, making: int | None) -> Understood:
    found = understand(piece, text)
    if making is not None:
        found.made = make_ahead(making, found.people)
    return found


ahead = Ahead()


def take(
    listed: ContactImport,
    part: ContactImportPart,
    following: ContactImportPart | None,
    today: date,
    *,
    making: bool,
) -> Understood:
    """A piece, understood; the one that follows is begun."""
    found = ahead.take(_text(listed, part, today), part.text)
    if following is not None:
        account_id = listed.account_id if making else None
        ahead.ask(_text(listed, following, today), following.text, account_id)
    return found


def _text(listed: ContactImport, part: ContactImportPart, today: date) -> Text:
    return Text(
        listed.pk, part.first_row, listed.delimiter, tuple(listed.meanings), listed.names_columns, today
    )
