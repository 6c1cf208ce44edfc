"""Moves that break off, meet others, or go between any workflows: nobody is lost, nothing is sent twice."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from analytics.recount import recount
from campaigns import engine, passages, version_moves
from campaigns.models import Enrollment, Step
from common import sql
from common.transactions import atomic_with_retry
from conversations import delivery
from conversations.models import Message
from tests import factories
from tests.campaigns.test_engine import launch
from tests.campaigns.test_lock_order import hold, is_free, waiting
from tests.campaigns.test_version_moves import EDGES, FIRST, SHORT, SHORT_EDGES, accept, changed, version_of

NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
REWORDED = "Good day, from {{ company }}."


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr("common.clock.now", lambda: NOON)


def check(campaign) -> None:
    """Everybody who is live stands at one node of the version they are on; counters agree with the rows."""
    live = Enrollment.objects.filter(campaign=campaign, state="active").values_list("pk", "version")
    open_steps = Step.objects.filter(campaign=campaign, state__in=Step.OPEN)
    stand = Counter(open_steps.values_list("enrollment", "node__version"))
    assert stand == Counter(dict.fromkeys(live, 1))
    assert not recount([campaign.pk]).differences


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("breaks", ["arrive", "_close_enrollments"])
def test_a_slice_that_breaks_off_in_the_middle_moved_nobody(monkeypatch, breaks):
    campaign = launch(factories.make_account(), contacts=4, nodes=FIRST, edges=EDGES)
    engine.run_round(now=NOON)
    first = campaign.version
    hello = first.nodes.get(key="hello")
    nodes = [("welcome", "send_sms", {"body": "Welcome."}), *FIRST[1:]]
    edges = [("welcome", "next", "pause"), *EDGES[1:]]
    do = "restart" if breaks == "arrive" else "exit"
    begun = version_moves.begin(
        campaign, version_of(campaign, nodes, edges), {str(hello.pk): {"do": do}}, by=None, now=NOON
    )
    with monkeypatch.context() as patch:
        patch.setattr(passages, breaks, lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            version_moves.go_on(begun.pk, now=NOON, size=3)
    assert set(Enrollment.objects.values_list("version", "state")) == {(first.pk, "active")}
    assert set(Message.objects.values_list("state", flat=True)) == {"queued"}
    begun.refresh_from_db()
    assert (begun.cursor, begun.seen, begun.counts) == (0, 0, {})
    while version_moves.go_on(begun.pk, now=NOON, size=3):
        pass
    begun.refresh_from_db()
    assert begun.counts[do] == 4
    check(campaign)


@pytest.mark.django_db(transaction=True)
def test_a_slice_waits_for_whoever_moves_somebody_on_and_takes_them_where_they_are_then():
    campaign = launch(factories.make_account(), contacts=2, nodes=FIRST, edges=EDGES)
    engine.run_round(now=NOON)
    texts = list(Message.objects.order_by("pk"))
    begun = version_moves.begin(
        campaign, version_of(campaign, changed("hello", body=REWORDED)), {}, by=None, now=NOON
    )
    with waiting(lambda: version_moves.go_on(begun.pk, now=NOON)) as begin:
        hold("conversations_message", texts[0].pk)  # as whoever records what the provider said
        Message.objects.filter(pk=texts[0].pk).update(state="calling", due_at=None, body="Hello")
        begin()
        assert is_free("campaigns_enrollment", Enrollment.objects.order_by("pk")[0].pk)
        delivery.advance([delivery.Move(texts[0].pk, "accepted", "SM1", "", "", 1)], now=NOON)
    stand = Step.objects.filter(state__in=Step.OPEN).values_list(
        "node__key", "node__version__number", "state"
    )
    assert sorted(stand) == [("hello", 2, "scheduled"), ("pause", 2, "waiting")]
    check(campaign)


@pytest.mark.django_db(transaction=True)
def test_ends_acceptances_and_slices_at_once_lose_nobody():
    campaign = launch(factories.make_account(), contacts=16, nodes=FIRST, edges=EDGES)
    engine.run_round(now=NOON)
    texts = list(Message.objects.order_by("pk"))
    Message.objects.filter(pk__in=[text.pk for text in texts[::2]]).update(
        state="calling", due_at=None, body="Hello"
    )
    ending = list(Enrollment.objects.order_by("-pk").values_list("pk", flat=True)[:6])
    begun = version_moves.begin(
        campaign, version_of(campaign, changed("hello", body=REWORDED)), {}, by=None, now=NOON
    )
    failed = list[BaseException]()

    def beside(work) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                failed.append(error)
            finally:
                connection.close()

        return threading.Thread(target=run)

    def move() -> None:
        while version_moves.go_on(begun.pk, now=NOON, size=2):
            pass

    def end() -> None:
        for enrollment in ending:
            _end(enrollment)

    def take() -> None:
        for text in texts[::2]:
            _advance(text.pk)

    threads = [beside(move), beside(end), beside(take)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert Enrollment.objects.filter(state="ended").count() == 6
    assert {
        e.version.number for e in Enrollment.objects.filter(state="active").select_related("version")
    } == {2}
    check(campaign)
    campaign.refresh_from_db()
    assert campaign.status == "active"
    engine.run_round(now=NOON)
    live = Message.objects.exclude(state="cancelled")
    assert Counter(live.values_list("contact", flat=True)).most_common(1)[0][1] == 1


def _end(enrollment: int) -> None:
    atomic_with_retry(passages.end)([enrollment], reason="opted_out", now=NOON)


def _advance(message: int) -> None:
    atomic_with_retry(delivery.advance)(
        [delivery.Move(message, "accepted", f"SM{message}", "", "", 1)], now=NOON
    )


VERSIONS = (
    (FIRST, EDGES),
    (SHORT, SHORT_EDGES),
    (changed("hello", body=REWORDED), EDGES),
    (changed("pause", minutes=5), EDGES),
    (changed("pause", until={"days": [1], "at": "10:00"}), EDGES),
    (  # a loop, and another first node
        [FIRST[1], *FIRST[:1], *FIRST[2:]],
        [("pause", "next", "hello"), ("hello", "next", "offer"), ("offer", "next", "answer"),
         ("answer", "no_reply", "pause"), ("answer", "next", "done")],
    ),
    (  # another kind
        [("offer", "wait", {"minutes": 3}), FIRST[0], ("done", "end", {})],
        [("offer", "next", "hello"), ("hello", "next", "done")],
    ),
)  # fmt: skip
DOES = st.sampled_from(["", "restart", "leave", "exit", "continue:hello", "continue:done", "same"])
STEPS = st.lists(st.sampled_from(["run", "accept", "slice"]), max_size=6)


@pytest.mark.django_db
@settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(VERSIONS), st.lists(DOES, min_size=5, max_size=5), STEPS),
        min_size=1, max_size=3,
    )
)  # fmt: skip
def test_between_any_versions_by_any_choices_everybody_stands_somewhere(moves):
    campaign = launch(factories.make_account(), contacts=3, nodes=FIRST, edges=EDGES)
    moment = NOON
    for (nodes, edges), does, steps in moves:
        for step in steps:
            moment += timedelta(minutes=45)
            if step == "run":
                engine.run_round(now=moment)
            elif step == "accept":
                accept()
        target = version_of(campaign, nodes, edges)
        choices = {}
        for drawn in version_moves.sources(campaign, target):
            for node, said in zip(drawn.nodes.values(), does, strict=False):
                do, _, to = said.partition(":")
                if do:
                    choices[str(node.id)] = {"do": do, "to": to}
        try:
            begun = version_moves.begin(campaign, target, choices, by=None, now=moment)
        except version_moves.MoveRefused:
            continue
        while version_moves.go_on(begun.pk, now=moment, size=2):
            pass
        campaign.refresh_from_db()
    check(campaign)
    for _ in range(4):
        engine.run_round(now=moment)
        accept()
        moment += timedelta(hours=9)
    check(campaign)
    queued_twice = sql.value(
        "SELECT count(*) FROM (SELECT 1 FROM conversations_message WHERE state = 'queued' AND lane_id = %s"
        " GROUP BY contact_id HAVING count(*) > 1) q",
        [campaign.lane_id],
    )
    assert queued_twice == 0
