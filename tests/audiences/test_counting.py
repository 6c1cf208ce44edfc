"""A count ends when nobody waits for it any more: after its time, or for the next of the same page."""

import threading
import time

import pytest
from django.db import connection, transaction

from audiences import counting
from common import sql

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
    waiting = threading.Event()

    def count() -> None:
        try:
            with counting.within(20, asked_by=first):
                waiting.set()
                sql.run("SELECT pg_sleep(1.2)")
            told.append("counted")
        except counting.Superseded:
            told.append("superseded")
        finally:
            connection.close()

    thread = threading.Thread(target=count)
    thread.start()
    assert waiting.wait(5)
    while not sql.value("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1.2)'"):
        time.sleep(0.01)
    with counting.within(5, asked_by=second):
        assert sql.value("SELECT 1") == 1
    thread.join()
    assert told == ["superseded" if ended else "counted"]
