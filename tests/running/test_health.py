"""What a load balancer is told while a server behind the product is away."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

pytestmark = pytest.mark.django_db


def test_ready_while_both_servers_answer() -> None:
    assert Client().get("/readyz").json() == {"database": "ok", "redis": "ok"}


def test_a_cursor_that_broke_is_503_and_not_a_fault() -> None:
    def break_first(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        context["cursor"].cursor.close()
        return execute(sql, params, many, context)  # InterfaceError, which is no DatabaseError

    with connection.execute_wrapper(break_first):
        answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "unreachable")
