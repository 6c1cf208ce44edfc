"""What the judge of faults is told comes from the real ledger and rows: each harm done there is seen."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Any, cast

import pytest
from django.db import connection

from analytics.recount import recount
from bench.faulted import Course, Database, Provider
from bench.judging import Facts, judge
from bench.product import Product
from campaigns import engine
from campaigns.models import Step
from common import clock, sql
from conversations import draining
from conversations.models import Message
from tests.conversations.conftest import Company, company, phone  # noqa: F401  (fixture)
from tests.product import wait_for
from tests.sandbox_process import sandbox  # noqa: F401  (fixture)

NODES = [("text", "send_sms", {"body": "Hi {{ first_name }}"}), ("pause", "wait", {"minutes": 1})]
COPY_ENTRY = "INSERT INTO ledger (at, wall, kind, data) SELECT at, wall, kind, data FROM ledger"
RECEIVE_LATER = "UPDATE ledger SET data = json_set(data, '$.received_at', (data ->> '$.received_at') + 600)"
TAKE_AT_NIGHT = "UPDATE ledger SET wall = wall + 10 * 3600"
EDGES = [("text", "next", "pause")]
ANN, BOB, EVE = (phone(index) for index in range(3))
CHICAGO = "America/Chicago"


class Here(Database):
    """The database of the tests in place of a product's."""

    def __init__(self) -> None:
        found = connection.get_connection_params()
        self.place = {name: found[name] for name in ("host", "user", "dbname", "port") if found.get(name)}


@pytest.fixture
def course(company: Company) -> Iterator[Course]:  # noqa: F811
    """Three people were texted, have got it, and their passages are over; EVE has said STOP amid hers."""
    course = Course(cast(Product, None), Here(), Provider(company.sandbox.base_url), Random(1), 3, 20)
    course.since = course.provider.skip_past()
    course.database.keep_history()
    campaign = company.launch(3, NODES, EDGES)
    course.campaigns, course.facts = [campaign.pk], Facts({ANN: CHICAGO, BOB: CHICAGO, EVE: CHICAGO})
    company.run()
    said = course.provider.say(EVE, "STOP", company.number.e164)
    assert said["status"] == 200
    course.facts.stopping = frozenset({EVE})

    def delivered() -> bool:
        draining.drain()
        return Message.objects.filter(state="delivered").count() == 3

    wait_for(delivered, what="three delivered")
    engine.run_round(now=clock.now() + timedelta(minutes=2))
    yield course
    course.provider.http.close()
    sql.run("DROP TRIGGER bench_turn ON conversations_message")
    sql.run("DROP FUNCTION note_bench_turn; DROP TABLE bench_turn")


def test_each_harm_is_seen_and_nothing_else(course: Course, company: Company) -> None:  # noqa: F811
    figures = verdict(course)
    assert not any(figures.values()), (figures, course.facts)

    def harm(figure: str, act: Callable[[], Any]) -> None:
        before = figures.copy()
        act()
        figures.update(verdict(course))
        assert {name for name, n in figures.items() if n != before[name]} == {figure}
        assert figures[figure] > before[figure]

    harm("counter_drift", lambda: sql.run("DELETE FROM analytics_counterdelta WHERE \"column\" = 'exits'"))
    harm("regressions", lambda: Message.objects.filter(address__value=ANN).update(state="sent"))
    harm("lost", lambda: Message.objects.filter(kind="inbound").update(provider_id="SM-another"))
    harm("lost", lambda: Step.objects.filter(enrollment__address__value=BOB, node__key="pause").update(
        state="waiting"))  # fmt: skip
    harm("duplicates", lambda: edit(company, COPY_ENTRY, BOB))
    harm("sends_after_stop", lambda: edit(company, RECEIVE_LATER, EVE))
    harm("outside_window", lambda: edit(company, TAKE_AT_NIGHT, ANN))


def edit(company: Company, statement: str, to: str) -> None:  # noqa: F811
    """Tamper with the sandbox's ledger."""
    with sqlite3.connect(company.sandbox.data / "sandbox.sqlite3", timeout=10) as ledger:
        assert (
            ledger.execute(f"{statement} WHERE kind = 'message' AND data ->> '$.to' = ?", [to]).rowcount == 1
        )
    ledger.close()


def verdict(course: Course) -> dict[str, int]:
    course._gather()
    course.facts.drift = [len(recount().differences)]
    return judge(course.facts)
