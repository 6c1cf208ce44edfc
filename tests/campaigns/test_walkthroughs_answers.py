"""Waits, replies, bookings and STOP in a walkthrough."""

import pytest

from audiences import suppression
from audiences.models import Job, OptOut
from campaigns.models import Booking
from campaigns.walkthroughs import keeping
from campaigns.walkthroughs.stage import NotNow
from common import clock
from conversations.models import ContactHold
from tests import factories
from tests.campaigns.walking import NOON, TEXT, Nodes, asking, begun, company, go, kinds, path, said, workflow

pytestmark = pytest.mark.django_db


def test_a_yes_is_read_by_the_reader_and_leads_to_a_booking_that_nobody_asks_for() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    go(walk, "reply", words="Yes please, book me in")
    reply = next(event for event in walk.shown["events"] if event["kind"] == "reply")
    assert (reply["label"], reply["reading"]) == ("booking_yes", "a yes to booking")
    assert "A person has the thread" not in said(walk), "the workflow takes it on"
    go(walk, "next")
    assert walk.shown["stands"]["booking"] and "Nothing was asked" in said(walk)
    go(walk, "made")
    assert walk.shown["path"][-2] | {"way": ""} == {
        "key": "booking", "state": "completed", "outcome": "booked", "way": "",
    }  # fmt: skip
    assert walk.shown["events"][-1]["reason"] == "finished"
    assert not Booking.objects.exists() and not Job.objects.exists()


def test_a_request_may_be_dismissed_or_stay_without_an_answer() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    for act in ({"do": "next"}, {"do": "reply", "words": "Yes please, book me in"}, {"do": "next"}):
        go(walk, **act)
    before = walk.revision
    go(walk, "dismissed")
    assert walk.shown["path"][-2]["outcome"] == "not_booked"
    keeping.undo(walk, revision=walk.revision, by=by, now=NOON)
    assert walk.revision == before + 2 and walk.shown["stands"]["booking"]
    go(walk, "next")
    assert walk.shown["path"][-2]["outcome"] == "not_booked"
    assert "3 days later" in said(walk)


def test_silence_lets_the_time_pass() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    assert walk.shown["stands"]["next"].startswith("Say nothing")
    go(walk, "next")
    assert path(walk) == ["first_text", "reply", "done"] and "No reply in time" in said(walk)
    assert walk.shown["path"][1]["way"] == "no_reply"


def test_stop_ends_the_passage_and_opts_nobody_out() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    go(walk, "reply", words="STOP")
    assert walk.shown["events"][-1]["reason"] == "opted_out" and "Opted out" in said(walk)
    assert not OptOut.objects.exists()
    assert not suppression.in_force([factories.phone_of(ann).pk])
    with pytest.raises(NotNow):
        go(walk, "next")


def test_a_job_of_theirs_ends_the_passage_of_who_has_booked() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    with clock.standing_at(NOON):
        go(walk, "book")
    assert walk.shown["events"][-1]["reason"] == "booked" and not Job.objects.exists()


def test_a_question_nobody_expects_goes_to_a_person_and_holds_the_rest() -> None:
    account, by, ann = company()
    nodes: Nodes = [
        *TEXT,
        ("wait", "wait", {"minutes": 120}),
        ("again", "send_sms", {"body": "Still there?"}),
    ]
    edges = [("text", "next", "wait"), ("wait", "next", "again"), ("again", "next", "done")]
    walk = begun(by, workflow(account, nodes, edges), ann)
    go(walk, "next")
    go(walk, "reply", words="What does it cost?")
    assert "A person has the thread now" in said(walk) and "for 72 hours" in said(walk)
    go(walk, "next")
    waits = walk.shown["events"][-1]
    assert (waits["kind"], waits["reason"]) == ("waits", "hold")
    go(walk, "next")
    assert kinds(walk).count("text") == 2, "after the hold, in one step"
    assert not ContactHold.objects.exists()


def test_a_wait_says_how_long_it_was() -> None:
    account, by, ann = company()
    nodes: Nodes = [*TEXT, ("wait", "wait", {"until": {"days": [2], "at": "10:00"}}),
                    ("again", "send_sms", {"body": "Still there?"})]  # fmt: skip
    edges = [("text", "next", "wait"), ("wait", "next", "again"), ("again", "next", "done")]
    walk = begun(by, workflow(account, nodes, edges), ann)
    go(walk, "next")
    assert walk.shown["stands"]["due"] == "2026-11-25T16:00:00+00:00"  # Wednesday, 10 in Chicago
    go(walk, "next")
    assert "1 day 22 hours later" in said(walk) and kinds(walk).count("text") == 2
