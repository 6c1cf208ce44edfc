"""One short token for many rows: whether anything that a page shows of them has changed, in a single query.

PostgreSQL writes a new version of a row with every UPDATE, so (xmin, ctid) names the state of a whole row,
whatever its columns; a row lock alone leaves both. Values of other tables are named one by one.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from django.db import connection
from django.db.models import Expression, F, Func, Model, QuerySet, TextField

from common.htmx import version_of

Statement = tuple[str, list[Any]]  # with what stands in its places
_MOST_COMPILED = 500
_compiled: OrderedDict[Hashable, Statement] = OrderedDict()


class RowVersion(Expression):
    """The version of the row of the queryset's own table."""

    output_field = TextField()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        """The two system columns, as text."""
        table = connection.ops.quote_name(compiler.query.get_initial_alias())
        return f"({table}.xmin::text || {table}.ctid::text)", ()


def stamped(rows: QuerySet[Any], *others: str) -> QuerySet[Any]:
    """A text per row that changes with any column of it, and with these `others` (`campaign__name`)."""
    return _texts(rows, F("pk"), RowVersion(), *map(F, others))


def stamped_values(rows: QuerySet[Any], *shown: Any) -> QuerySet[Any]:
    """A text per row that changes with these fields and expressions alone, for rows that move much."""
    return _texts(rows, *(F(one) if isinstance(one, str) else one for one in shown))


def token(statement: Statement, *more: Any) -> str:
    """A token of these stamps, and of `more`, which needs a stable `repr`. One query.

    Take it before the rows are read: what changes in between is then seen by the next comparison.
    """
    return token_of(ask(statement), more)


def ask(statement: Statement | str) -> tuple[Any, ...]:
    """The one row that a statement gives, or a text in which its values stand; empty where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(*((statement,) if isinstance(statement, str) else statement))
        return tuple(cursor.fetchone() or ())


def token_of(found: tuple[Any, ...], more: tuple[Any, ...]) -> str:
    """The token of what stamps gave, and of `more`."""
    return version_of((found, more))


def both(first: Statement, second: Statement) -> str:
    """Two statements of one row and column each as one, of two columns; a missing row gives null.

    Values stand in the text: to be kept and asked often, since finding places in a text of some kilobytes
    costs as much as the rest of asking.
    """
    text, values = f"SELECT ({first[0]}), ({second[0]})", [*first[1], *second[1]]
    return str(connection.ops.compose_sql(text, values))  # type: ignore[attr-defined]


def compiled(key: Hashable, sources: Callable[[], Iterable[QuerySet[Any]]]) -> Statement:
    """The statement of these stamps; built once for a `key`, which names whatever their conditions hold.

    Writing it costs several times what asking it does.
    """
    found = _compiled.get(key)
    if found is None:
        found = _compiled[key] = _statement(sources())
        while len(_compiled) > _MOST_COMPILED:
            _compiled.popitem(last=False)
    return found


def _statement(sources: Iterable[QuerySet[Any]]) -> Statement:
    parts: list[str] = []
    parameters: list[Any] = []
    for number, source in enumerate(sources):
        sql, own = source.query.sql_with_params()
        parts.append(f"(SELECT {number}::text || stamp AS stamp FROM ({sql}) AS source)")
        parameters += own
    every = " UNION ALL ".join(parts)
    return f"SELECT md5(string_agg(stamp, ',' ORDER BY stamp)) FROM ({every}) AS every", parameters


def _texts(rows: QuerySet[Any], *expressions: Any) -> QuerySet[Any]:
    # An array keeps empty and missing apart, and no value can pass for two.
    array = Func(
        *expressions,
        function="jsonb_build_array",
        template="%(function)s(%(expressions)s)::text",
        output_field=TextField(),
    )
    found: QuerySet[Any] = rows.select_related(None).annotate(stamp=array).values("stamp")
    return found


def fields_of(row: Model) -> tuple[Any, ...]:
    """The stored values of a row that is at hand, for `token`."""
    return tuple(getattr(row, field.attname) for field in row._meta.concrete_fields)
