"""Waiting for a reply: a way for each intent, one for any other, one for silence."""

from datetime import timedelta

import pytest

from campaigns import engine
from campaigns.models import Enrollment, Step
from common import clock
from conversations import delivery, inbound
from conversations.models import ContactHold, Message, Reading
from integrations.messaging import InboundText
from tests import factories
from tests.campaigns.test_engine import launch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
ENDS = ["books", "asks", "moves", "says", "silent"]
NODES = [
    ("text", "send_sms", {"body": "Time for a tune-up?"}),
    ("reply", "wait_for_reply", {"timeout_minutes": 60}),
    *((end, "end", {}) for end in ENDS),
]
ANY = ("reply", "reply", "says")
EDGES = [
    ("text", "next", "reply"),
    ("reply", "booking_yes", "books"),
    ("reply", "question", "asks"),
    ("reply", "reschedule", "moves"),
    ("reply", "no_reply", "silent"),
]
WORDS = {
    "booking_yes": "Yes please, book me in",
    "question": "What does it cost?",
    "reschedule": "Can we reschedule to another day?",
    "complaint": "Your technician broke my door, this is unacceptable",
}


def asked(edges=(*EDGES, ANY)) -> Enrollment:
    """Somebody who has the text and is waited for."""
    ends = {target for _, _, target in edges}
    nodes = [node for node in NODES if node[0] in {"text", *ends}]
    campaign = launch(factories.make_account(), 1, nodes, edges)
    engine.run_round(now=clock.now())
    Message.objects.update(state="calling", body="Time for a tune-up?")
    delivery.advance([delivery.Move(Message.objects.get().pk, "accepted", "SM1", "", "", 1)], now=clock.now())
    related = ("campaign__account", "campaign__number", "address")
    return Enrollment.objects.select_related(*related).get(campaign=campaign)


def says(enrollment: Enrollment, body: str) -> str:
    """The customer writes; how it was read."""
    campaign = enrollment.campaign
    text = InboundText("SM2", to=campaign.number.e164, from_=enrollment.address.value, body=body)
    assert inbound.receive(text, account=campaign.account, now=clock.now())
    return Reading.objects.get().label


def way() -> str:
    return Step.objects.get(node__key="reply").outcome


@pytest.mark.parametrize("label", ["booking_yes", "question", "reschedule"])
def test_each_intent_has_its_own_way(label):
    assert says(asked(), WORDS[label]) == label
    engine.run_round(now=clock.now())
    assert way() == label
    ended = {"booking_yes": "books", "question": "asks", "reschedule": "moves"}[label]
    assert Step.objects.filter(node__key=ended, state="completed").exists()


def test_silence_has_its_own_way_and_not_before_its_time():
    asked()
    engine.run_round(now=clock.now() + timedelta(minutes=59))
    assert way() == ""
    engine.run_round(now=clock.now() + timedelta(minutes=61))
    assert way() == "no_reply" and Step.objects.filter(node__key="silent").exists()


def test_an_intent_without_a_way_takes_that_of_any_reply():
    enrollment = asked([edge for edge in (*EDGES, ANY) if edge[1] != "question"])
    assert says(enrollment, WORDS["question"]) == "question"
    engine.run_round(now=clock.now())
    assert way() == "reply" and Step.objects.filter(node__key="says").exists()


def test_an_intent_for_which_nothing_is_drawn_waits_for_a_person():
    enrollment = asked([edge for edge in EDGES if edge[1] != "question"])
    says(enrollment, WORDS["question"])
    engine.run_round(now=clock.now())
    assert way() == "" and Step.objects.get(node__key="reply").state == "waiting"
    engine.run_round(now=clock.now() + timedelta(minutes=61))
    assert way() == "no_reply", "and its clock runs on"


def test_what_needs_a_person_holds_the_passage_and_its_clock_runs_on():
    enrollment = asked()
    assert says(enrollment, WORDS["complaint"]) == "complaint"
    engine.run_round(now=clock.now())
    assert way() == "" and ContactHold.objects.get().except_lane is None
    engine.run_round(now=clock.now() + timedelta(minutes=61))
    assert way() == "no_reply"
