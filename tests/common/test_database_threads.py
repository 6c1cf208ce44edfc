"""The threads that ask the database beside an event loop."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction

from common import sql
from common.database_threads import DatabaseThread

pytestmark = pytest.mark.django_db
_OF_IDS = "SELECT id FROM accounts_account WHERE id = ANY(%s::bigint[])"
_KEPT = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE %s"


def _in_thread(*works: Any) -> list[Any]:
    async def ask() -> list[Any]:
        thread = DatabaseThread("test")
        try:
            return [await thread.do(work) for work in works]
        finally:
            await thread.close()

    return asyncio.run(ask())


def _ask(often: bool) -> list[Any]:
    return sql.column(_OF_IDS, [sql.array([1, 2])], often=often)


def _plans() -> list[Any]:
    return sql.rows(_KEPT, ["SELECT id FROM accounts_account%"])


def test_the_server_keeps_the_plan_of_what_is_asked_often() -> None:
    *_, plans = _in_thread(lambda: _ask(True), lambda: _ask(True), lambda: _ask(True), _plans)
    assert plans == [(3, 0)]


def test_kept_plans_read_by_indexes_and_are_made_once() -> None:
    (kept,) = _in_thread(_planned)
    assert kept == ("off", "force_generic_plan")
    assert _planned() == ("on", "auto")


def _planned() -> tuple[Any, Any]:
    return sql.value("SHOW enable_seqscan"), sql.value("SHOW plan_cache_mode")


def test_nothing_is_kept_of_other_statements() -> None:
    *_, plans = _in_thread(lambda: _ask(True), lambda: _ask(False), _plans)
    assert plans == [(1, 0)]


def test_other_connections_keep_no_plans() -> None:
    assert _ask(True) == []
    assert _plans() == []


def test_plans_are_kept_anew_after_the_connection_was_lost() -> None:
    def lose() -> None:
        connection.close()

    *_, plans = _in_thread(lambda: _ask(True), lose, lambda: _ask(True), _plans)
    assert plans == [(1, 0)]


def test_plans_are_kept_anew_after_a_rollback() -> None:
    def fail() -> None:
        with suppress(ZeroDivisionError), transaction.atomic():
            assert _ask(True) == []
            raise ZeroDivisionError

    *_, plans = _in_thread(fail, lambda: _ask(True), _plans)
    assert plans == [(1, 0)]
