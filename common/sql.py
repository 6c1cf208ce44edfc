"""Sending one SQL statement and taking what it gives, for statements that the ORM cannot say.

Every function uses the default connection and so runs inside the transaction of its caller, where there is
one. Values always travel as parameters, never inside the statement.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from types import NoneType
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID
from weakref import WeakSet

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from psycopg.pq import Format

Params: TypeAlias = Sequence[Any] | Mapping[str, Any]
_COPIED_AT_ONCE = 500  # rows
_MOSTLY_ALIKE = {bool, NoneType, datetime}  # columns of these have few values, each said once
_PLANS_KEPT = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off"
_keeping: WeakSet[Any] = WeakSet()  # the driver's connections whose server keeps plans for us


class Query(NamedTuple):
    """A statement, or a part of one, with the values it names."""

    text: str
    params: Mapping[str, Any]


def keep_plans() -> None:
    """Have the server keep the plans of statements that are asked for `often`, while this connection lives.

    For a connection that says the same all the time, in loops that live for seconds. A plan for batches of a
    thousand takes as long to make as to follow, since each id of an array is weighed. Kept ones are made
    for arrays of any length, and must hold while a table grows under them: they read by indexes.
    """
    connection.ensure_connection()
    if connection.connection not in _keeping:
        run(_PLANS_KEPT)
        _keeping.add(connection.connection)


@contextmanager
def _cursor(often: bool) -> Iterator[Any]:
    driver = connection.connection
    if not often or driver is None or driver not in _keeping:
        with connection.cursor() as cursor:
            yield cursor
        return
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    bound: Any = ServerBindingCursor(driver)  # type: ignore[call-arg]  # its stub knows no base
    bound.format = Format.BINARY  # as text, Django has each instant read by Python, ten times as slowly
    with wrap(bound) as cursor:
        driver.prepare_threshold = 0  # for this statement alone: others carry their values in their words
        try:
            yield cursor
        finally:
            driver.prepare_threshold = None


def rows(statement: str, params: Params | None = None, *, often: bool = False) -> list[tuple[Any, ...]]:
    """Every row of the answer. `often`: the server may keep the plan (`keep_plans`).

    The words of such a statement are always the same few, and make plain of what type each value is. It
    answers with JSON as text alone (`::text`).
    """
    with _cursor(often) as cursor:
        cursor.execute(statement, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def column(statement: str, params: Params | None = None, *, often: bool = False) -> list[Any]:
    """The first column of every row: ids, mostly."""
    return [row[0] for row in rows(statement, params, often=often)]


def value(statement: str, params: Params | None = None) -> Any:
    """The first column of the first row; None where there is no row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        row = cursor.fetchone()
        return row[0] if row else None


def run(statement: str, params: Params | None = None, *, often: bool = False) -> int:
    """Execute a statement whose rows nobody needs; how many rows it touched."""
    with _cursor(often) as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


def columns(records: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Records turned into columns, as `unnest` takes them. At least one record is needed."""
    return [list(column) for column in zip(*records, strict=True)]


def array(values: Iterable[Any]) -> str:
    """Values as one PostgreSQL array, to be cast where it is used: `%s::bigint[]`.

    For long columns in busy loops: psycopg adapts a list element by element, ten times as slowly. Takes
    whatever `str` says as PostgreSQL reads it: text, numbers, booleans, UUIDs, dates, instants, None.
    """
    listed = values if isinstance(values, list | tuple) else list(values)
    kinds = set(map(type, listed))
    if kinds == {int}:
        return "{" + ",".join(map(str, listed)) + "}"
    if kinds <= _MOSTLY_ALIKE:
        said = {value: _element(value) for value in set(listed)}
        return "{" + ",".join([said[value] for value in listed]) + "}"
    if kinds == {UUID}:
        return "{" + ",".join([value.hex for value in listed]) + "}"
    if kinds == {str}:
        joined = '","'.join(listed)
        if "\\" not in joined and joined.count('"') == 2 * (len(listed) - 1):
            return '{"' + joined + '"}'
    return "{" + ",".join([_element(value) for value in listed]) + "}"


def arrays(records: Sequence[Sequence[Any]]) -> list[str]:
    """Records turned into columns, each an `array`. At least one record is needed."""
    return [array(column) for column in zip(*records, strict=True)]


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if type(value) is int:
        return str(value)
    text = value if type(value) is str else str(value)
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def copy(statement: str, records: Iterable[Sequence[Any]]) -> None:
    """Run a COPY … FROM STDIN of text: the fastest way in for rows that meet no other."""
    copy_lines(statement, map(line, records))


def copy_lines(statement: str, lines: Iterable[str]) -> None:
    """As `copy`, of rows that are a `line` each already.

    Some at a time: the server stores them while the next are being made.
    """
    coming = iter(lines)
    # Django's errors, not the driver's: whoever calls knows only those.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as into:
        while some := list(islice(coming, _COPIED_AT_ONCE)):
            some.append("")
            into.write("\n".join(some))


def line(record: Sequence[Any]) -> str:
    """A row, or neighbouring columns of one, as COPY reads them: text, whatever is in it."""
    said = "\t".join(map(str, record))
    plain = said.count("\t") == len(record) - 1 and not ("\\" in said or "\n" in said or "\r" in said)
    return said if plain and None not in record else "\t".join(map(_copied, record))


def _copied(value: Any) -> str:
    if value is None:
        return "\\N"
    text = str(value).replace("\\", "\\\\").replace("\t", "\\t")
    return text.replace("\n", "\\n").replace("\r", "\\r")
