"""Texts, emails and links in a walkthrough: shown as they would leave, and why they would not."""

from datetime import timedelta

import pytest

from audiences.models import OptOut
from campaigns.walkthroughs.stage import NotNow
from conversations.models import Thread
from tests.campaigns.walking import (
    NOON,
    TEXT,
    Nodes,
    begun,
    company,
    counts,
    go,
    kinds,
    path,
    plain,
    said,
    workflow,
)

pytestmark = pytest.mark.django_db


def test_a_text_is_shown_as_it_would_leave_and_its_passage_ends() -> None:
    account, by, ann = company()
    walk = begun(by, plain(account), ann)
    assert walk.drawn_as == "Version 1"
    assert kinds(walk) == [] and walk.shown["stands"]["next"] == "Send it"
    go(walk, "next")
    text = walk.shown["events"][0]
    assert text["body"] == "Hi Ann, time for a tune-up?\nReply STOP to opt out."
    assert (text["to"], text["segments"]) == ("+13125550101", 1)
    assert path(walk) == ["text", "done"] and walk.shown["events"][-1]["reason"] == "finished"
    assert walk.shown["stands"]["over"]


def test_a_sample_person_is_known_in_every_way() -> None:
    account, by, _ = company()
    body = "{{ first_name }}: {{ last_job_type }}, {{ open_estimate_amount }}, {{ next_appointment_date }}"
    words = {"body": body, "spanish": {"body": body}}
    version = workflow(account, [("text", "send_sms", words)], [("text", "next", "done")])
    begun(by, version, sample="en")  # whose account has its lanes from then on
    before = counts()
    walk = begun(by, version, sample="en")
    go(walk, "next")
    assert "Ann: Furnace tune-up, $4,250, Tuesday, November 24" in said(walk)
    spanish = begun(by, version, sample="es")
    go(spanish, "next")
    assert "martes 24 de noviembre" in said(spanish) and "Responda STOP" in said(spanish)
    after = counts()
    assert after.pop("campaigns_walkthrough") == before.pop("campaigns_walkthrough") + 2
    assert after == before


def test_what_is_not_known_of_a_customer_skips_them_and_says_so() -> None:
    account, by, ann = company()
    body = "Your {{ open_estimate_name }} is ready"
    version = workflow(account, [("text", "send_sms", {"body": body})], [("text", "next", "done")])
    walk = begun(by, version, ann)
    go(walk, "next")
    assert "was skipped: Nothing is known for" in said(walk)
    assert walk.shown["path"][0]["state"] == "skipped"


def test_a_closed_window_puts_the_text_off_and_next_goes_there() -> None:
    account, by, ann = company()
    walk = begun(by, plain(account), ann, now=NOON + timedelta(hours=9))  # 9 pm in Chicago
    go(walk, "next")
    waits = walk.shown["events"][-1]
    assert (waits["kind"], waits["reason"]) == ("waits", "window")
    assert waits["until"] == "2026-11-24T15:00:00+00:00"
    go(walk, "next")
    assert kinds(walk) == ["waits", "time", "text", "end"]
    assert walk.shown["now"] == "2026-11-24T15:00:00+00:00"


def test_a_phone_that_has_had_its_texts_waits() -> None:
    account, by, ann = company()
    texts: Nodes = [(f"text{n}", "send_sms", {"body": f"Text {n}"}) for n in range(4)]
    edges = [(f"text{n}", "next", f"text{n + 1}" if n < 3 else "done") for n in range(4)]
    walk = begun(by, workflow(account, texts, edges), ann)
    for _ in range(3):
        go(walk, "next")
    waits = next(event for event in walk.shown["events"] if event["kind"] == "waits")
    assert waits["reason"] == "household_cap"  # two touches a day and home
    assert kinds(walk).count("text") == 2


def test_a_refused_text_leaves_by_its_own_way() -> None:
    account, by, ann = company()
    nodes: Nodes = [*TEXT, ("mail", "send_email", {"subject": "Hi", "body": "Hello {{ first_name }}"})]
    edges = [("text", "next", "done"), ("text", "otherwise", "mail"), ("mail", "next", "done")]
    walk = begun(by, workflow(account, nodes, edges), ann)
    go(walk, "refuse")
    assert walk.shown["path"][0]["way"] == "otherwise" and path(walk)[-1] == "mail"
    assert walk.shown["events"][0]["refused"] is True


def test_an_email_is_shown_whole_and_answered() -> None:
    account, by, ann = company()
    nodes: Nodes = [
        (
            "mail",
            "send_email",
            {"subject": "Hi {{ first_name }}", "body": "See https://www.example.com/offer"},
        ),
        ("reply", "wait_for_reply", {"timeout_minutes": 60}),
    ]
    edges = [("mail", "next", "reply"), ("reply", "question", "done"), ("reply", "no_reply", "done")]
    walk = begun(by, workflow(account, nodes, edges), ann)
    go(walk, "next")
    mail = walk.shown["events"][0]
    assert (mail["kind"], mail["subject"], len(mail["links"])) == ("email", "Hi Ann", 1)
    html = walk.shown["mails"]["0"]
    assert mail["links"][0]["short"] in html and "/u/" not in html, "a real way out must not be shown"
    go(walk, "mail", words="What does it cost?")
    assert walk.shown["path"][1]["outcome"] == "question"


def test_unsubscribing_in_a_walkthrough_unsubscribes_nobody() -> None:
    account, by, ann = company()
    nodes: Nodes = [
        ("mail", "send_email", {"subject": "Hi", "body": "Hello"}), ("wait", "wait", {"minutes": 60}),
        ("again", "send_email", {"subject": "Again", "body": "Hello"}),
    ]  # fmt: skip
    edges = [("mail", "next", "wait"), ("wait", "next", "again"), ("again", "next", "done")]
    walk = begun(by, workflow(account, nodes, edges), ann)
    go(walk, "next")
    go(walk, "leave")
    go(walk, "next")
    assert "“Again” was skipped: This mailbox has opted out" in said(walk)
    assert not OptOut.objects.exists()


def test_a_followed_link_decides_a_branch() -> None:
    account, by, ann = company()
    clicked = {"label": "yes", "field": "clicked", "operator": "is", "value": True}
    nodes: Nodes = [
        ("text", "send_sms", {"body": "See https://www.example.com/offer"}),
        ("wait", "wait", {"minutes": 60}),
        ("who", "branch", {"conditions": [clicked]}), ("thanks", "handoff", {"reason": "Followed the offer"}),
    ]  # fmt: skip
    edges = [
        ("text", "next", "wait"), ("wait", "next", "who"), ("who", "yes", "thanks"),
        ("who", "otherwise", "done"), ("thanks", "next", "done"),
    ]  # fmt: skip
    version = workflow(account, nodes, edges)
    walk = begun(by, version, ann)
    go(walk, "next")
    go(walk, "click", n=0)
    go(walk, "next")
    assert path(walk) == ["text", "wait", "who", "thanks", "done"]
    assert "Handed to a person in the inbox: “Followed the offer”" in said(walk)
    assert not Thread.objects.exists()
    other = begun(by, version, ann)
    go(other, "next")
    go(other, "next")
    assert path(other) == ["text", "wait", "who", "done"]
    with pytest.raises(NotNow):
        go(other, "click", n=7)
