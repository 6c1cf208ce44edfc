"""A change of the schema lets the product that is running pass."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from common import sql
from config.prepare import patiently

pytestmark = pytest.mark.django_db(transaction=True)
CHANGE = "ALTER TABLE campaigns_playbook ALTER COLUMN name DROP DEFAULT"


def reader() -> psycopg.Connection:
    """Somebody who reads the table and does not end."""
    found = connection.settings_dict
    held = psycopg.connect(host=found["HOST"], port=found["PORT"], user=found["USER"], dbname=found["NAME"])
    held.execute("SELECT count(*) FROM campaigns_playbook")
    return held


def test_it_gives_way_and_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    tries = []
    with reader() as held:

        def change() -> None:
            tries.append(sql.value("SHOW lock_timeout"))
            if len(tries) == 3:
                held.rollback()
            sql.run(CHANGE)

        patiently(change, wait="50ms", pause=0.0)
    assert tries == ["50ms"] * 3
    assert capsys.readouterr().out.count("trying again") == 2
    assert sql.value("SHOW lock_timeout") == "0"


def test_where_each_waits_for_the_other_it_gives_way_too(capsys: pytest.CaptureFixture[str]) -> None:
    waiting: list[Future[None]] = []
    with reader() as held, ThreadPoolExecutor(1) as elsewhere:

        def change() -> None:
            with transaction.atomic():
                sql.run("SET LOCAL deadlock_timeout = '10ms'")
                sql.run("LOCK TABLE audiences_synccursor")
                if not waiting:
                    waiting.append(elsewhere.submit(read_on, held))
                    until_it_waits(held)
                sql.run(CHANGE)

        patiently(change, pause=0.0)
        waiting[0].result()
    assert capsys.readouterr().out.count("trying again") == 1


def read_on(held: psycopg.Connection) -> None:
    held.execute("SELECT count(*) FROM audiences_synccursor")
    held.rollback()


def until_it_waits(held: psycopg.Connection) -> None:
    of = [held.info.backend_pid]
    while not sql.value("SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted", of):
        time.sleep(0.005)


def test_it_does_not_try_for_ever() -> None:
    with reader(), pytest.raises(OperationalError, match="lock timeout"):
        patiently(lambda: sql.run(CHANGE), wait="50ms", tries=2, pause=0.0)


def test_another_error_is_raised_at_once() -> None:
    tries = []

    def change() -> None:
        tries.append(1)
        sql.run("SELECT 1 / 0")

    with pytest.raises(Exception, match="division by zero"):
        patiently(change)
    assert len(tries) == 1
