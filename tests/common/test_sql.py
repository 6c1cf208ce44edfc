"""The shorthand for one SQL statement."""

import contextlib
import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import transaction

from common import sql

pytestmark = pytest.mark.django_db


def test_rows_come_whole_and_columns_and_values_as_asked():
    two = "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, word) WHERE n >= %s ORDER BY n"
    assert sql.rows(two, [1]) == [(1, "a"), (2, "b")]
    assert sql.column(two, [1]) == [1, 2]
    assert sql.value(two, [2]) == 2


def test_no_row_gives_nothing():
    none = "SELECT 1 WHERE %(yes)s"
    assert (sql.rows(none, {"yes": False}), sql.column(none, {"yes": False})) == ([], [])
    assert sql.value(none, {"yes": False}) is None


def test_a_statement_without_parameters_may_hold_a_percent_sign():
    assert sql.value("SELECT 'ab' LIKE 'a%'") is True


def test_run_counts_the_rows_it_touched():
    sql.run("CREATE TEMPORARY TABLE marbles (n int) ON COMMIT DROP")
    assert sql.run("INSERT INTO marbles SELECT generate_series(1, %s)", [5]) == 5
    assert sql.run("UPDATE marbles SET n = 0 WHERE n > %s", [3]) == 2


def test_everything_belongs_to_the_callers_transaction():
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        sql.run("CREATE TEMPORARY TABLE gone (n int)")
        raise ZeroDivisionError
    assert sql.value("SELECT to_regclass('pg_temp.gone')") is None


def test_records_turn_into_columns():
    assert sql.columns([(1, "a"), (2, "b")]) == [[1, 2], ["a", "b"]]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([], "text"),
        (["plain", "", "NULL", None, '"', "\\", "{a,b}", "it's", " ", "é\n"], "text"),
        (["Ann", "O'Hara, Jr."], "text"),
        (["Ann", 'the "boss"'], "text"),
        ([1, -2, None], "bigint"),
        ([3, 1], "bigint"),
        ([True, False, None], "boolean"),
        ([uuid.UUID(int=7)], "uuid"),
        ([date(2026, 11, 1)], "date"),
        ([datetime(2026, 11, 1, 12, 30, 0, 5, tzinfo=UTC)], "timestamptz"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_array_arrives_as_it_was(values: list[Any], kind: str) -> None:
    assert sql.value(f"SELECT %s::{kind}[]", [sql.array(values)]) == values


def test_a_row_of_one_empty_word_is_copied():
    sql.run("CREATE TEMP TABLE copied (word text) ON COMMIT DROP")
    sql.copy("COPY copied (word) FROM STDIN", [("",)])
    assert sql.rows("SELECT word FROM copied") == [("",)]


def test_copied_rows_arrive_as_they_are():
    odd = ["plain", "", "a\tb", "a\\nb", "line\nbreak\r", "\\N", "\\.", "None", None, "“”", "\\"]
    sql.run("CREATE TEMP TABLE copied (n int, word text, flag bool) ON COMMIT DROP")
    sql.copy("COPY copied (n, word, flag) FROM STDIN", [(n, word, True) for n, word in enumerate(odd)])
    assert sql.rows("SELECT n, word, flag FROM copied ORDER BY n") == [
        (n, word, True) for n, word in enumerate(odd)
    ]
