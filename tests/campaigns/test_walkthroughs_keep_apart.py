"""What only happens in a walkthrough is in nobody’s way, and nothing of it is left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from threading import Thread as Worker
from time import sleep
from typing import Any, TypeAlias

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from audiences import suppression
from audiences.models import Contact
from campaigns import drawing
from campaigns.models import Campaign, Enrollment, Step
from campaigns.walkthroughs import keeping, playing, stage
from campaigns.walkthroughs.stage import NotNow
from common import clock
from conversations import call_scripts, inbound, outbound
from conversations.models import CallScript, Lane, Message, MessageTemplate
from integrations.messaging import InboundText
from tests import factories
from tests.campaigns.walking import (
    TEXT,
    Nodes,
    asking,
    begun,
    company,
    counts,
    go,
    kinds,
    plain,
    workflow,
)

pytestmark = pytest.mark.django_db


def test_a_refusal_touches_neither_pace_nor_day_of_a_number() -> None:
    """Whoever leases waits for those rows: a look at what might be would hold up what is really sent."""
    account, by, ann = company()
    walk = begun(by, plain(account), ann)
    with CaptureQueriesContext(connection) as asked:
        go(walk, "refuse")
    statements = [query["sql"] for query in asked.captured_queries]
    assert any("conversations_attempt" in statement for statement in statements)
    for table in ("integrations_numberday", "integrations_numberpace"):
        assert not [one for one in statements if f"INSERT INTO {table}" in one or f"UPDATE {table}" in one]


@pytest.mark.django_db(transaction=True)
def test_in_a_real_transaction_too_nothing_is_left() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    before = counts()
    go(walk, "next")
    go(walk, "reply", words="STOP")
    assert not connection.in_atomic_block
    assert counts() == before
    for model in (Campaign, Enrollment, Step, Message):
        assert not model._default_manager.exists()
    assert drawing.read(walk.graph).first == "first_text"


@contextmanager
def watched(look: Callable[[int, str], None]) -> Iterator[None]:
    """Call `look` with each statement that a walkthrough has behind it, numbered."""
    number = count()

    def wrap(execute: Callable[..., Any], *statement: Any) -> Any:
        answer = execute(*statement)
        look(next(number), str(statement[0]))
        return answer

    with connection.execute_wrapper(wrap):
        yield


TAKEN = """
    SELECT ARRAY(SELECT 'home ' || id FROM audiences_household WHERE id NOT IN (SELECT id
                 FROM audiences_household FOR NO KEY UPDATE SKIP LOCKED))
        || ARRAY(SELECT 'address ' || id FROM audiences_address WHERE id NOT IN (SELECT id
                 FROM audiences_address FOR NO KEY UPDATE SKIP LOCKED))
        || ARRAY(SELECT classid::text FROM pg_locks
                 WHERE locktype = 'advisory' AND classid IN (7103, 7104, 7106)
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
"""Homes, addresses and locks of an account (pauses, jobs, papers) that somebody holds."""


@pytest.mark.django_db(transaction=True)
def test_neither_home_nor_address_nor_account_is_locked() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    other = connection.copy()
    seen = []

    def look(number: int, _statement: str) -> None:
        if number % 25 == 0:
            with other.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute(TAKEN)
                seen.append(cursor.fetchone()[0])
                cursor.execute("ROLLBACK")

    with watched(look):
        for act in (
            {"do": "next"}, {"do": "reply", "words": "Yes please, book me in"}, {"do": "next"},
            {"do": "made"}, {"do": "reply", "words": "STOP"},
        ):  # fmt: skip
            go(walk, **act)
    other.close()
    assert len(seen) > 20 and set(map(tuple, seen)) == {()}


Work: TypeAlias = Callable[[], object]


@contextmanager
def beside(statement: str, chosen: Callable[[], Work]) -> Iterator[list[bool]]:
    """Do the work that is chosen after the first of these statements in a connection of its own; whether it
    got done before the walkthrough was over."""
    done: list[bool] = []

    def run(work: Work) -> None:
        try:
            work()
        finally:
            connections.close_all()

    def look(_number: int, begun: str) -> None:
        if not done and statement in begun:
            worker = Worker(target=run, args=[chosen()], daemon=True)
            worker.start()
            worker.join(5)
            done.append(not worker.is_alive())

    with watched(look):
        yield done


@pytest.mark.django_db(transaction=True)
def test_a_stop_of_the_same_customer_waits_for_no_walkthrough() -> None:
    account, by, ann = company()
    walk = begun(by, plain(account), ann)
    text = InboundText("SM-stop", account.sending_numbers.get().e164, factories.phone_of(ann).value, "STOP")
    stop = partial(inbound.receive, text, account=account, now=clock.now())
    with beside("INSERT INTO conversations_attempt", lambda: stop) as stopped:  # claimed, as real texts are
        go(walk, "next")
    assert stopped == [True]
    assert suppression.in_force([factories.phone_of(ann).pk])


@pytest.mark.django_db(transaction=True)
def test_the_first_stop_of_another_customer_waits_for_no_walkthrough() -> None:
    """Both are answered in the account's one lane for that, which it has not had until now."""
    account, by, ann = company()
    bob = factories.make_contact(account, "+13125550102", first_name="Bob")
    walk = begun(by, plain(account), ann)
    go(walk, "next")
    Lane.objects.all().delete()
    number, phone = account.sending_numbers.get().e164, factories.phone_of(bob)
    text = InboundText("SM-stop", number, phone.value, "Please stop texting me")
    stop = partial(inbound.receive, text, account=account, now=clock.now())
    closes = 'INSERT INTO "conversations_thread"'  # the walkthrough's STOP has its answer by then
    with beside(closes, lambda: stop) as stopped:
        go(walk, "reply", words="Please stop texting me")
    assert stopped == [True]
    assert Message.objects.get(kind=Message.Kind.AUTOMATIC).address == phone
    assert suppression.in_force([phone.pk]) and not suppression.in_force([factories.phone_of(ann).pk])


def same_words(account: Account) -> Work:
    last = MessageTemplate.objects.latest("pk")
    return partial(outbound.template, account, last.body, last.subject, last.content)


def same_script(account: Account) -> Work:
    return partial(call_scripts.stored, account, call_scripts.read(CallScript.objects.latest("pk")))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "settings", "table", "same"),
    [
        ("send_sms", {"body": "Hi {{ first_name }}"}, "messagetemplate", same_words),
        ("send_email", {"subject": "Hi", "body": "Hi {{ first_name }}"}, "messagetemplate", same_words),
        ("call", {"plan": {"words": {"en": "Hello"}}}, "callscript", same_script),
    ],
)
def test_who_inserts_the_same_words_waits_for_no_walkthrough(
    kind: str, settings: dict[str, Any], table: str, same: Callable[[Account], Work]
) -> None:
    """And what a walkthrough finds, it uses."""
    account, by, ann = company()
    version = workflow(account, [("it", kind, settings)], [("it", "next", "done")])
    walk = begun(by, version, ann)
    insert = f'INSERT INTO "conversations_{table}"'
    with beside(insert, lambda: same(account)) as stored:
        go(walk, "next")
    assert stored == [True]
    with CaptureQueriesContext(connection) as asked:
        go(begun(by, version, ann), "next")
    assert not [query for query in asked.captured_queries if insert in query["sql"]]


def noting(account: Any) -> Any:
    nodes: Nodes = [*TEXT, ("note", "update_contact", {"add_tags": [], "language": "es"})]
    return workflow(account, nodes, [("text", "next", "note"), ("note", "next", "done")])


@contextmanager
def held(contact: Contact) -> Iterator[None]:
    """Somebody else is writing this contact."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM audiences_contact WHERE id = %s FOR UPDATE", [contact.pk])
            yield
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_what_somebody_is_writing_is_not_waited_for() -> None:
    account, by, ann = company()
    walk = begun(by, noting(account), ann)
    with held(ann), pytest.raises(playing.Busy):
        go(walk, "next")
    go(walk, "next")
    assert "text" in kinds(walk)


@pytest.mark.django_db(transaction=True)
def test_after_its_two_seconds_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    account, by, ann = company()
    walk = begun(by, noting(account), ann)
    usual = stage.MOST_HELD
    monkeypatch.setattr(stage, "MOST_HELD", 0.0)
    with pytest.raises(stage.TooLong):
        go(walk, "next")
    monkeypatch.setattr(stage, "MOST_HELD", 1.0)
    monkeypatch.setattr(stage, "_LOCK_WAIT", 30)
    with held(ann), pytest.raises(stage.TooLong):  # one statement of a quarter of that
        go(walk, "next")
    monkeypatch.setattr(stage, "MOST_HELD", usual)
    assert walk.acts == [] and not connection.in_atomic_block
    go(walk, "next")
    assert "text" in kinds(walk)


@pytest.mark.django_db(transaction=True)
def test_a_process_that_stalls_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    account, by, ann = company()
    walk = begun(by, noting(account), ann)
    stalled: list[bool] = []

    def look(_number: int, statement: str) -> None:
        if not stalled and "INSERT INTO conversations_attempt" in statement:
            stalled.append(True)
            sleep(1)

    monkeypatch.setattr(stage, "MOST_HELD", 2.0)
    with watched(look), pytest.raises(playing.Busy):
        go(walk, "next")
    assert stalled and walk.acts == [] and not connection.in_atomic_block
    monkeypatch.undo()
    go(walk, "next")
    assert "text" in kinds(walk)


def test_what_nobody_else_knows_has_more_time_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    account, by, ann = company()
    sample, real = begun(by, asking(account), sample="en"), begun(by, asking(account), ann)
    monkeypatch.setattr(stage, "MOST_HELD", 0.0)
    for walk in (sample, real):
        go(walk, "next")
    go(sample, "reply", words="STOP")
    with pytest.raises(stage.TooLong):
        go(real, "reply", words="STOP")
    monkeypatch.setattr(stage, "LONGEST_SECONDS", 0.0)
    with pytest.raises(stage.TooLong):
        go(sample, "reply", words="Hello?")


def test_openings_far_ahead_are_not_stored() -> None:
    """Whoever fills the same gap would wait for them."""
    account, by, ann = company()
    nodes: Nodes = [("wait", "wait", {"minutes": 40 * 24 * 60}), *TEXT]
    walk = begun(by, workflow(account, nodes, [("wait", "next", "text"), ("text", "next", "done")]), ann)
    with CaptureQueriesContext(connection) as asked:
        go(walk, "next")
    assert walk.shown["events"][-1]["at"].startswith("2027-01-02") and "text" in kinds(walk)
    assert not [query for query in asked.captured_queries if 'INTO "audiences_opening"' in query["sql"]]


def test_nothing_is_left_and_no_bell_rings(django_capture_on_commit_callbacks: Any) -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    before = counts()
    with django_capture_on_commit_callbacks() as rung:
        for act in (
            {"do": "next"}, {"do": "reply", "words": "Yes please, book me in"}, {"do": "next"},
            {"do": "made"}, {"do": "reply", "words": "Stop texting me"},
        ):  # fmt: skip
            go(walk, **act)
    assert rung == []
    assert counts() == before
    assert "end" in kinds(walk)


def test_a_walkthrough_takes_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    account, by, ann = company()
    walk = begun(by, plain(account), ann)
    monkeypatch.setattr(stage, "MOST_STEPS", 2)
    with pytest.raises(stage.TooLong):
        go(walk, "next")
    monkeypatch.setattr(keeping.acts, "MOST", 0)
    with pytest.raises(NotNow, match="at most"):
        go(walk, "next")
