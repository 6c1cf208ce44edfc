"""Sending one SQL statement and taking what it gives, for statements that the ORM cannot say.

Every function uses the default connection and so runs inside the transaction of its caller, where there is
one. Values always travel as parameters, never inside the statement.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from django.db import connection

Params: TypeAlias = Sequence[Any] | Mapping[str, Any]
_COPIED_AT_ONCE = 500  # rows


class Query(NamedTuple):
    """A statement, or a part of one, with the values it names."""

    text: str
    params: Mapping[str, Any]


def rows(statement: str, params: Params | None = None) -> list[tuple[Any, ...]]:
    """Every row of the answer."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def column(statement: str, params: Params | None = None) -> list[Any]:
    """The first column of every row: ids, mostly."""
    return [row[0] for row in rows(statement, params)]


def value(statement: str, params: Params | None = None) -> Any:
    """The first column of the first row; None where there is no row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        row = cursor.fetchone()
        return row[0] if row else None


def run(statement: str, params: Params | None = None) -> int:
    """Execute a statement whose rows nobody needs; how many rows it touched."""
    with connection.cursor() as cursor:
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
    """Run a COPY … FROM STDIN of text: the fastest way in for rows that meet no other.

    Some at a time: the server stores them while the next are being made.
    """
    coming = iter(records)
    # Django's errors, not the driver's: whoever calls knows only those.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as into:
        while lines := "".join([f"{_line(record)}\n" for record in islice(coming, _COPIED_AT_ONCE)]):
            into.write(lines)


def _line(record: Sequence[Any]) -> str:
    line = "\t".join(map(str, record))
    plain = line.count("\t") == len(record) - 1 and not ("\\" in line or "\n" in line or "\r" in line)
    return line if plain and None not in record else "\t".join(map(_copied, record))


def _copied(value: Any) -> str:
    if value is None:
        return "\\N"
    text = str(value).replace("\\", "\\\\").replace("\t", "\\t")
    return text.replace("\n", "\\n").replace("\r", "\\r")
