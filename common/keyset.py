"""Reading on in a long list from the row where a page ended: the last page costs what the first does.

A cursor says how many rows were before, how many there were in all, and what the last row is ordered by.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, F, Func, Model, Q, QuerySet, TextField, Value

_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Page:
    """Keys of the rows of a page, how many rows were before it, and the cursor of the next; blank on the
    last."""

    keys: list[int]
    before: int = 0
    following: str = ""

    @property
    def first(self) -> int:
        """The number of its first row."""
        return self.before + 1

    @property
    def last(self) -> int:
        """The number of its last row."""
        return self.before + len(self.keys)


@dataclass(frozen=True)
class _Cursor:
    before: int
    total: int
    values: tuple[Any, ...]


def page(rows: QuerySet[Any], after: str, size: int, total: int, *, skip: int = 0) -> Page:
    """The rows behind the cursor `after`, in their order, which names fields that are never null and tells
    all rows apart; a cursor without meaning is the beginning.

    `total` is how many rows there are. Where that many were passed, no further one is looked for, which
    might mean looking through all others. Without a cursor, `skip` rows are passed over one by one.
    """
    order = [(name.lstrip("-"), name.startswith("-")) for name in map(str, rows.query.order_by)]
    if each_once := rows.query.distinct_fields:  # what else orders them only chooses which is shown
        order = [each for each in order if each[0] in each_once]
    cursor = _read(after, len(order))
    if cursor is not None:
        try:
            return _page(rows.filter(_beyond(rows.model, order, cursor.values)), order, cursor, size, total)
        except (TypeError, ValueError, ValidationError):  # of another list
            pass
    return _page(rows, order, _Cursor(skip, total, ()), size, total, skip)


def _page(
    rows: QuerySet[Any], order: list[tuple[str, bool]], cursor: _Cursor, size: int, total: int, skip: int = 0
) -> Page:
    left = total - cursor.before if total == cursor.total else size + 1
    wanted = min(size + 1, max(left, 0))
    found = list(rows.values_list("pk", *(name for name, _ in order))[skip : skip + wanted])
    shown = found[:size]
    following = _written(cursor.before + size, total, shown[-1][1:]) if len(found) > size else ""
    return Page([row[0] for row in shown], cursor.before, following)


def _beyond(model: type[Model], order: list[tuple[str, bool]], values: tuple[Any, ...]) -> Any:
    """What comes after these values. Columns that all go one way are one comparison, which narrows an index
    of them by all; of others the first bound alone does. Raises for values that are none of these columns."""
    known = {field.name: field for field in model._meta.concrete_fields} | {"pk": model._meta.pk}
    ways, names = {descending for _, descending in order}, [name for name, _ in order]
    if len(ways) > 1 or len(names) < 2 or not known.keys() >= set(names):
        return _nested(order, values)
    read = [known[name].to_python(value) for name, value in zip(names, values, strict=True)]
    way = " < " if ways.pop() else " > "
    both = (_row(*map(F, names)), _row(*map(Value, read)))
    return Func(*both, template="%(expressions)s", arg_joiner=way, output_field=BooleanField())


def _row(*expressions: Any) -> Func:
    """Several as one, which PostgreSQL compares from the first to the last."""
    return Func(*expressions, function="ROW", output_field=TextField())


def _nested(order: list[tuple[str, bool]], values: tuple[Any, ...]) -> Q:
    (name, descending), *rest = order
    way = "lt" if descending else "gt"
    if not rest:
        return Q(**{f"{name}__{way}": values[0]})
    further = Q(**{f"{name}__{way}": values[0]}) | _nested(rest, values[1:])
    return Q(**{f"{name}__{way}e": values[0]}) & further


def _written(before: int, total: int, values: tuple[Any, ...]) -> str:
    said = (value.isoformat() if isinstance(value, datetime) else str(value) for value in values)
    return "~".join([str(before), str(total), *said])


def _read(cursor: str, values: int) -> _Cursor | None:
    parts = cursor.split("~")
    if len(parts) != values + 2:
        return None
    try:
        before, total, *read = map(_value, parts)
    except ValueError:
        return None
    if not (isinstance(before, int) and isinstance(total, int) and 0 <= before <= _LARGEST):
        return None
    return _Cursor(before, total, tuple(read))


def _value(text: str) -> int | datetime:
    if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit():
        number = int(text[:20])
        if len(text) > 20 or abs(number) > _LARGEST:
            raise ValueError(text)
        return number
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
