"""A count ends when nobody waits for it any more: after its time, or for the next of the same page."""

import threading

import pytest
from django.db import connection, transaction

from audiences import counting
from common import sql
from tests.product import wait_for

WAITING_FOR_US = "SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_count_is_given_up_after_its_time_and_leaves_no_limit_behind():
    with pytest.raises(counting.TakesLonger) as late, counting.within(0.05):
        sql.run("SELECT pg_sleep(5)")
    assert late.value.seconds == 0.05
    with counting.within(5, asked_by="1-page"):
        assert sql.value("SHOW statement_timeout") == "5s"
    limits = [sql.value(f"SHOW {name}") for name in ("statement_timeout", "work_mem", "application_name")]
    assert limits[:2] == ["0", "8MB"] and "counts" not in limits[2]
    with transaction.atomic(), counting.within(5):
        pass
    assert sql.value("SHOW statement_timeout") == "0"


def test_any_other_error_stays_what_it_is():
    with pytest.raises(ZeroDivisionError), counting.within(5, asked_by="1-page"):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("first", "second", "ended"),
    [
        ("1-page", "1-page", True),
        ("1-page/effects", "1-page", True),
        ("1-page", "1-page/effects", False),
        ("1-page", "2-page", False),
        ("1-page", "1-pag", False),
    ],
)
def test_the_next_count_of_a_page_ends_the_one_under_way(first, second, ended):
    told: list[str] = []

    def count() -> None:
        try:
            with counting.within(60, asked_by=first):
                sql.run("SELECT pg_advisory_xact_lock(7)")  # ours: this count takes as long as we like
            told.append("counted")
        except counting.Superseded:
            told.append("superseded")
        finally:
            connection.close()

    thread = threading.Thread(target=count)
    sql.run("SELECT pg_advisory_lock(7)")
    try:
        thread.start()
        wait_for(lambda: sql.value(WAITING_FOR_US), seconds=30, what="count under way")
        with counting.within(5, asked_by=second):
            assert sql.value("SELECT 1") == 1
        thread.join(30 if ended else 0)
    finally:
        sql.run("SELECT pg_advisory_unlock(7)")
    thread.join()
    assert told == ["superseded" if ended else "counted"]
