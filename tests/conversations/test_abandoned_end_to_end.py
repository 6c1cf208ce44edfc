"""A campaign whose customers press 1 and find nobody: counted through real calls, and it rests at 3 in a
hundred."""

import time
from collections.abc import Callable

import pytest

from audiences.models import Contact
from campaigns.models import Campaign
from common import clock
from conversations import abandonment, call_draining, safety, sender
from conversations.models import Call, CallSettings, PlannedCall, SafetyPause
from tests import factories
from tests.accounts.making import make_member, signed_in
from tests.conversations.conftest import Company, phone
from tests.conversations.talking import agrees, place_all

pytestmark = pytest.mark.django_db(transaction=True)
OFFICE = "+12175550160"
PLAN = {"mode": "script", "words": {"en": "Hi {{ first_name }}, your plan ends soon."}}
NODES = [("call", "call", {"plan": PLAN}), ("done", "end", {})]
EDGES = [("call", "next", "done")]


def call_them(company: Company) -> None:
    """Everybody who is due, to the end of every call."""
    place_all()
    deadline = time.monotonic() + 30
    while True:
        call_draining.drain()
        if not Call.objects.filter(state__in=Call.LIVE).exists():
            break
        assert time.monotonic() < deadline, "calls that do not end"
        time.sleep(0.05)
    assert company.sandbox.ledger("call_error") == []


def await_(done: Callable[[], object], what: str) -> None:
    until = time.monotonic() + 20
    while not done():
        assert time.monotonic() < until, what
        time.sleep(0.03)


def one_more(company: Company, campaign: Campaign, index: int, **conduct: object) -> Contact:
    """One more customer of the campaign, who is to be called."""
    contact = factories.make_contact(company.account, phone(index))
    agrees(contact)
    if conduct:
        company.sandbox.steer(phone(index), **conduct)
    factories.plan_call(contact, mode="script", lane=campaign.lane)
    return contact


def test_a_campaign_with_nobody_to_talk_to_rests_at_three_in_a_hundred(company: Company) -> None:
    CallSettings.objects.create(
        account=company.account, office_line=OFFICE, ring_seconds=15, per_second=30, most_at_once=50
    )
    company.sandbox.http.post(f"{company.sandbox.base_url}/settings", json={"call_speed": 120})
    company.sandbox.steer(OFFICE, answers="no_answer")
    campaign = company.launch(34, NODES, EDGES)
    for contact in Contact.objects.filter(account=company.account):
        agrees(contact)
    company.run(30)
    call_them(company)
    assert Call.objects.filter(outcome="answered").count() == 34

    one_more(company, campaign, 34, answers="human", keys=["1"])
    call_them(company)
    assert safety.evaluate(now=clock.now()) == 0  # 1 of 35
    (share,) = abandonment.shares(now=clock.now())
    assert (share.abandoned, share.answered, share.lane_id) == (1, 35, campaign.lane_id)

    # Another presses 1 and hangs up while it rings: nobody said so at the time.
    company.sandbox.steer(OFFICE, by_hand=True)
    one_more(company, campaign, 35, by_hand=True)
    place_all()
    await_(lambda: company.sandbox.on_the_phone(phone(35), "answer").status_code == 200, "the ring")
    assert company.sandbox.on_the_phone(phone(35), "press", digits="1").status_code == 200
    await_(lambda: company.sandbox.calls(OFFICE)[0]["ended"] is None, "the office's ring")
    assert company.sandbox.on_the_phone(phone(35), "hangup").status_code == 200
    call_them(company)
    assert safety.evaluate(now=clock.now()) == 1
    pause = SafetyPause.objects.get()
    assert (pause.rule, pause.lane, pause.part, pause.whole) == ("abandoned", campaign.lane, 2, 36)

    placed = len(company.sandbox.ledger("call"))
    waits = one_more(company, campaign, 36)
    sender.run(5, concurrency=20, until_idle=True)
    assert len(company.sandbox.ledger("call")) == placed, "it rests"
    assert PlannedCall.objects.get(contact=waits).state == PlannedCall.State.QUEUED
    page = signed_in(make_member(company.account)).get("/settings/sending-problems/").content.decode()
    assert "nobody to talk to: 2 of 36" in page

    safety.lift(pause, by=make_member(company.account), reason="The office is staffed", now=clock.now())
    company.sandbox.steer(OFFICE, answers="human", talks=20)
    call_them(company)
    assert len(company.sandbox.ledger("call")) == placed + 1
    assert safety.evaluate(now=clock.now()) == 0, "it is counted anew"
