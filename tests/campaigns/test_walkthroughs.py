"""Testing a workflow on oneself: every kind of step walked, and nothing of it happens."""

from datetime import timedelta
from threading import Event
from threading import Thread as Worker
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from audiences import suppression
from audiences.models import ContactTag, Job, OptOut
from campaigns import drawing, editing, workflow_drafts
from campaigns.models import Booking, Campaign, Enrollment, Step, Walkthrough
from campaigns.nodes import KINDS
from campaigns.walkthroughs import keeping, playing, scene, stage
from campaigns.walkthroughs.keeping import Stale, Unfit
from campaigns.walkthroughs.stage import NotNow
from common import clock
from conversations.models import CallSettings, ContactHold, Message, PlannedCall, SendingPause, Thread
from tests import factories
from tests.campaigns.walking import NOON, begun, company, counts, go, kinds, path, said

pytestmark = pytest.mark.django_db
Nodes = list[tuple[str, str, dict[str, Any]]]
DONE: Nodes = [("done", "end", {})]
TEXT: Nodes = [("text", "send_sms", {"body": "Hi {{ first_name }}, time for a tune-up?"})]


def workflow(account: Any, nodes: Nodes, edges: list[tuple[str, str, str]]) -> Any:
    return factories.make_workflow(account, [*nodes, *DONE], edges)


def plain(account: Any) -> Any:
    return workflow(account, TEXT, [("text", "next", "done")])


def asking(account: Any) -> Any:
    return factories.make_workflow(account)


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


def test_a_yes_is_read_by_the_reader_and_leads_to_a_booking_that_nobody_asks_for() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    go(walk, "reply", words="Yes please, book me in")
    reply = next(event for event in walk.shown["events"] if event["kind"] == "reply")
    assert (reply["label"], reply["reading"]) == ("booking_yes", "a yes to booking")
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


def test_a_sample_person_is_known_in_every_way() -> None:
    account, by, _ = company()
    body = "{{ first_name }}: {{ last_job_type }}, {{ open_estimate_amount }}, {{ next_appointment_date }}"
    words = {"body": body, "spanish": {"body": body}}
    version = workflow(account, [("text", "send_sms", words)], [("text", "next", "done")])
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


def test_who_opted_out_would_not_enter() -> None:
    account, by, ann = company()
    suppression.opt_out(factories.phone_of(ann), channel="phone", source="text", now=NOON, evidence="STOP")
    walk = begun(by, plain(account), ann)
    assert "would not enter the campaign: Opted out" in said(walk) and walk.shown["stands"]["over"]
    with pytest.raises(NotNow):
        go(walk, "next")


def test_a_refused_text_leaves_by_its_own_way() -> None:
    account, by, ann = company()
    nodes: Nodes = [*TEXT, ("mail", "send_email", {"subject": "Hi", "body": "Hello {{ first_name }}"})]
    edges = [("text", "next", "done"), ("text", "otherwise", "mail"), ("mail", "next", "done")]
    walk = begun(by, workflow(account, nodes, edges), ann)
    go(walk, "refuse")
    assert walk.shown["path"][0]["way"] == "otherwise" and path(walk)[-1] == "mail"
    assert walk.shown["events"][0]["refused"] is True


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


def test_a_split_sends_the_same_way_each_time_and_the_other_side_can_be_taken() -> None:
    account, by, ann = company()
    arms = {"arms": [{"label": "one", "weight": 1}, {"label": "two", "weight": 1}]}
    nodes: Nodes = [*TEXT, ("half", "split", arms), ("end_one", "end", {}), ("end_two", "end", {})]
    edges = [("text", "next", "half"), ("half", "one", "end_one"), ("half", "two", "end_two")]
    version = factories.make_workflow(account, nodes, edges)
    walk = begun(by, version, ann)
    go(walk, "next")
    first = path(walk)
    keeping.undo(walk, revision=walk.revision, by=by, now=NOON)
    go(walk, "next")
    assert path(walk) == first, "sticky"
    other = "two" if first[-1] == "end_one" else "one"
    keeping.other_side(walk, "half", other, revision=walk.revision, by=by, now=NOON)
    assert path(walk)[-1] == f"end_{other}"


def test_a_tag_is_noted_on_nobody() -> None:
    account, by, ann = company()
    nodes: Nodes = [*TEXT, ("note", "update_contact", {"add_tags": ["Asked"], "language": "es"}),
                    ("mail", "send_email", {"subject": "Hi", "body": "Hello",
                                            "spanish": {"subject": "Hola", "body": "Buenas"}})]  # fmt: skip
    edges = [("text", "next", "note"), ("note", "next", "mail"), ("mail", "next", "done")]
    walk = begun(by, workflow(account, nodes, edges), ann)
    go(walk, "next")
    go(walk, "next")
    assert "adds the tag Asked" in said(walk)
    assert [event["subject"] for event in walk.shown["events"] if event["kind"] == "email"] == ["Hola"]
    ann.refresh_from_db()
    assert ann.language == "en" and not ContactTag.objects.exists()


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


def test_a_job_of_theirs_ends_the_passage_of_who_has_booked() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    with clock.standing_at(NOON):
        go(walk, "book")
    assert walk.shown["events"][-1]["reason"] == "booked" and not Job.objects.exists()


CALL: dict[str, Any] = {"words": {"en": "Hello {{ first_name }}, shall we come by?"}}


def calling(account: Any, **plan: Any) -> Any:
    ends = ["answered", "voicemail", "no_answer", "busy", "booked", "call_back"]
    nodes: Nodes = [("call", "call", {"plan": CALL | plan}), *((f"was_{end}", "end", {}) for end in ends)]
    edges = [*(("call", end, f"was_{end}") for end in ends), ("call", "next", "done")]
    return workflow(account, nodes, edges)


@pytest.mark.parametrize("outcome", ["answered", "booked", "call_back"])
def test_an_agent_calls_and_says_what_came_of_it(outcome: str) -> None:
    account, by, ann = company()
    walk = begun(by, calling(account), ann)
    go(walk, "next")
    assert "Hello Ann, shall we come by?" in said(walk) and walk.shown["stands"]["call"] == "agent"
    with pytest.raises(NotNow):
        go(walk, "next")
    go(walk, "outcome", outcome=outcome)
    assert path(walk) == ["call", f"was_{outcome}"]
    assert not PlannedCall.objects.exists()


def test_a_busy_line_is_tried_again_as_the_plan_says() -> None:
    account, by, ann = company()
    walk = begun(by, calling(account, tries={"busy": 1, "busy_minutes": 15}), ann)
    go(walk, "next")
    go(walk, "outcome", outcome="busy")
    waits = walk.shown["events"][-1]
    assert (waits["kind"], waits["reason"]) == ("waits", "next_try") and path(walk) == ["call"]
    go(walk, "next")
    go(walk, "outcome", outcome="busy")
    assert path(walk) == ["call", "was_busy"] and kinds(walk).count("call") == 2


SCRIPT: dict[str, Any] = {"mode": "script", "voicemail": {"en": "We called about your tune-up."}}


def test_a_script_is_heard_and_nine_opts_nobody_out() -> None:
    account, by, _ = company()
    walk = begun(by, calling(account, **SCRIPT), sample="en")
    go(walk, "next")
    assert walk.shown["stands"]["call"] == "rings"
    go(walk, "answer", how="picks_up")
    assert "To stop calls and texts from us, press 9 at any time." in said(walk)
    assert "Hello Ann, shall we come by?" in said(walk)
    go(walk, "key", key="9")
    assert "You will get no more calls or texts" in said(walk)
    assert walk.shown["events"][-1]["reason"] == "opted_out" and not OptOut.objects.exists()


@pytest.mark.parametrize(
    ("acts", "end"),
    [
        ([("answer", {"how": "voicemail"})], "voicemail"),
        ([("answer", {"how": "picks_up"}), ("hang_up", {})], "answered"),
        ([("answer", {"how": "picks_up"}), ("key", {"key": "2"})], "call_back"),
        ([("answer", {"how": "picks_up"}), ("key", {"key": "5"}), ("hang_up", {})], "answered"),
        (
            [("answer", {"how": "picks_up"}), ("key", {"key": "1"}), ("transfer", {"taken": "yes"})],
            "answered",
        ),
    ],
)  # fmt: skip
def test_a_scripts_call_ends_as_the_customer_has_it(acts: list[tuple[str, Any]], end: str) -> None:
    account, by, _ = company()
    CallSettings.objects.create(account=account, office_line="+13125550188", transfer_to="office")
    walk = begun(by, calling(account, **SCRIPT), sample="en")
    go(walk, "next")
    for do, act in acts:
        go(walk, do, **act)
    assert path(walk) == ["call", f"was_{end}"]


def test_nobody_who_takes_a_transfer_leaves_a_choice() -> None:
    account, by, _ = company()
    CallSettings.objects.create(account=account, office_line="+13125550188", transfer_to="office")
    walk = begun(by, calling(account, **SCRIPT), sample="en")
    go(walk, "next")
    go(walk, "answer", how="picks_up")
    go(walk, "key", key="1")
    assert walk.shown["stands"]["call"] == "transfer"
    go(walk, "transfer", taken="no")
    assert "nobody could take your call" in said(walk)
    go(walk, "key", key="2")
    assert path(walk) == ["call", "was_call_back"]


def test_who_gave_no_consent_to_recorded_calls_is_called_by_a_person() -> None:
    account, by, ann = company()
    walk = begun(by, calling(account, **SCRIPT), ann)
    go(walk, "next")
    assert "No written consent to recorded calls" in said(walk)
    assert walk.shown["stands"]["call"] == "agent"


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
    go(walk, "next")
    waits = walk.shown["events"][-1]
    assert (waits["kind"], waits["reason"]) == ("waits", "hold")
    go(walk, "next")
    assert kinds(walk).count("text") == 2, "after the hold, in one step"
    assert not ContactHold.objects.exists()


def test_a_pause_of_everything_is_said_and_nothing_is_noted() -> None:
    account, by, ann = company()
    walk = begun(by, plain(account), ann)
    SendingPause.objects.create(account=account, by=by, reason="Storm")
    with pytest.raises(NotNow, match="sending is paused"):
        go(walk, "next")
    walk.refresh_from_db()
    assert walk.acts == []


def test_a_draft_that_cannot_run_says_what_to_mend() -> None:
    account, by, ann = company()
    version = factories.make_workflow(account, [*TEXT, *DONE], [("text", "next", "done")], publish=False)
    assert begun(by, version, ann).drawn_as == "Draft of version 1"
    broken = factories.make_workflow(
        account, [("text", "send_sms", {"body": "{{ nothing }}"}), *DONE], [("text", "next", "done")],
        publish=False,
    )  # fmt: skip
    with pytest.raises(Unfit) as unfit:
        begun(by, broken, ann)
    assert [problem.key for problem in unfit.value.problems] == ["text"]
    assert Walkthrough.objects.count() == 1


def test_two_tabs_lose_nothing() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    other = Walkthrough.objects.get(pk=walk.pk)
    go(walk, "next")
    with pytest.raises(Stale):
        keeping.go_on(other, {"do": "next"}, revision=0, by=by, now=NOON)
    other.refresh_from_db()
    assert other.acts == [{"do": "next"}]
    # Seen alike, pressed at once: the one who writes second is told.
    late = Walkthrough.objects.get(pk=walk.pk)
    go(walk, "next")
    with pytest.raises(Stale):
        keeping.go_on(late, {"do": "next"}, revision=late.revision, by=by, now=NOON)


def test_undo_and_starting_over_go_back() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    go(walk, "reply", words="What does it cost?")
    keeping.undo(walk, revision=walk.revision, by=by, now=NOON)
    assert kinds(walk) == ["text"] and walk.acts == [{"do": "next"}]
    keeping.start_over(walk, revision=walk.revision, by=by, now=NOON)
    assert kinds(walk) == [] and walk.acts == []


def test_what_no_longer_fits_is_left_out_and_said() -> None:
    account, by, ann = company()
    walk = begun(by, asking(account), ann)
    go(walk, "next")
    suppression.opt_out(factories.phone_of(ann), channel="phone", source="text", now=NOON, evidence="STOP")
    told = go(walk, "reply", words="Yes please")
    assert "Something has changed" in told and walk.acts == []
    assert "would not enter" in said(walk)


def test_a_walkthrough_takes_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    account, by, ann = company()
    walk = begun(by, plain(account), ann)
    monkeypatch.setattr(stage, "MOST_STEPS", 2)
    with pytest.raises(stage.TooLong):
        go(walk, "next")
    monkeypatch.setattr(keeping.acts, "MOST", 0)
    with pytest.raises(NotNow, match="at most"):
        go(walk, "next")


def test_without_a_number_nothing_is_walked() -> None:
    account, by, ann = company()
    account.sending_numbers.update(active=False)
    with pytest.raises(playing.NoNumber):
        begun(by, plain(account), ann)
    assert not Walkthrough.objects.exists()


def test_old_walkthroughs_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    account, by, ann = company()
    version = plain(account)
    monkeypatch.setattr(keeping, "KEPT", 2)
    walks = [begun(by, version, ann, now=NOON + timedelta(minutes=n)) for n in range(3)]
    assert set(Walkthrough.objects.values_list("pk", flat=True)) == {walk.pk for walk in walks[1:]}


def test_an_edited_draft_is_noticed_and_walked_anew() -> None:
    account, by, ann = company()
    version = plain(account)
    workflow_drafts.apply(
        version.workflow, lambda drawn: editing.change(drawn, "text", settings={"body": "One"}), said="",
        revision=0, by=by, now=NOON,
    )  # fmt: skip
    walk = begun(by, version, ann)
    assert walk.drawn_as == "Draft of version 2" and not keeping.is_behind(walk)
    draft = workflow_drafts.of(version.workflow)
    workflow_drafts.apply(
        version.workflow, lambda drawn: editing.change(drawn, "text", settings={"body": "Two"}), said="",
        revision=draft.revision, by=by, now=NOON,
    )  # fmt: skip
    assert keeping.is_behind(walk)
    keeping.start_over(walk, revision=walk.revision, by=by, now=NOON)
    go(walk, "next")
    assert "Two" in said(walk)


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


@pytest.mark.django_db(transaction=True)
def test_somebody_who_is_being_written_to_is_not_waited_for() -> None:

    account, by, ann = company()
    walk = begun(by, plain(account), ann)
    held, done = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            suppression.lock_households([ann.household_id])
            held.set()
            done.wait(10)
        connections.close_all()

    worker = Worker(target=hold)
    worker.start()
    held.wait(10)
    try:
        with pytest.raises(playing.Busy):
            go(walk, "next")
    finally:
        done.set()
        worker.join()
    go(walk, "next")
    assert "text" in kinds(walk)


def test_the_arms_of_a_split_are_the_node_kinds_own() -> None:
    """The id that is looked for sends the contact where it says."""
    account, by, ann = company()
    arms = {"arms": [{"label": "one", "weight": 1}, {"label": "two", "weight": 99}]}
    version = factories.make_workflow(
        account, [("half", "split", arms), *TEXT, *DONE],
        [("half", "one", "text"), ("half", "two", "done"), ("text", "next", "done")],
    )  # fmt: skip
    walk = begun(by, version, ann)
    keeping.other_side(walk, "half", "one", revision=walk.revision, by=by, now=NOON)
    assert path(walk)[:2] == ["half", "text"]
    node = drawing.read(walk.graph).by_key["half"].node
    assert scene.arm_of(KINDS["split"], walk.places["campaign"], node, ann.pk) == "one"
