import threading
import time
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from common import loops


@pytest.fixture
def told_to_stop(monkeypatch):
    """Tell this process to stop, for one test."""
    monkeypatch.setattr(loops, "_stopping", False)
    return loops.request_stop


def test_loop_ends_when_its_time_is_over(told_to_stop):
    began = time.monotonic()
    lefts = [left for left in loops.loop_until(0.2) if not time.sleep(0.05)]
    assert 0.2 <= time.monotonic() - began < 2
    assert lefts[0] == 0.2
    assert lefts == sorted(lefts, reverse=True)


def test_loop_and_nap_end_when_told_to_stop(told_to_stop):
    began = time.monotonic()
    threading.Timer(0.2, told_to_stop).start()
    rounds = 0
    for _ in loops.loop_until(60):
        rounds += 1
        loops.nap(30)
    assert rounds == 1
    assert time.monotonic() - began < 5
    assert loops.should_stop()
    assert list(loops.loop_until(60)) == []


def held_elsewhere(name: str) -> bool:
    """Whether another connection is refused this work."""
    answers: list[bool] = []

    def ask() -> None:
        with loops.only_one(name) as mine:
            answers.append(mine)
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return answers == [False]


def test_only_one_connection_holds_the_work(db):
    with loops.only_one("squash") as first, loops.only_one("sync") as second:
        assert (first, second) == (True, True)
        assert held_elsewhere("squash")
        assert held_elsewhere("sync")
        assert not held_elsewhere("other")
    assert not held_elsewhere("squash")


def test_work_is_free_again_after_its_holder_lost_the_connection(transactional_db):
    def lose_it() -> None:
        with loops.only_one("squash") as held, connection.cursor() as cursor:
            assert held
            with psycopg.connect(**_address(), autocommit=True) as admin:
                admin.execute("select pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
            cursor.execute("select 1")

    with pytest.raises(OperationalError):
        lose_it()
    connection.close()
    assert not held_elsewhere("squash")


def _address() -> dict[str, Any]:
    parameters = connection.get_connection_params()
    return {name: parameters[name] for name in ("host", "port", "user", "dbname") if parameters.get(name)}
