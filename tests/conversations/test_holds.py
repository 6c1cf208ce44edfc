"""What a reply holds for 72 hours: the contact's other campaigns; its own too where a person must decide."""

from datetime import timedelta

import pytest

from audiences.models import Address, Contact, ContactAddress
from campaigns import engine
from campaigns.models import Enrollment, Step
from common import clock
from conversations import claiming, inbound, leasing, opt_outs, threads, touches
from conversations.models import ContactHold, Lane, Message, Thread
from integrations.messaging import InboundText
from tests import factories
from tests.conversations.conftest import Company, phone

THREE_DAYS = timedelta(hours=72)
ASK_AND_REMIND = (
    [
        ("ask", "send_sms", {"body": "Shall we come by?"}),
        ("reply", "wait_for_reply", {"timeout_minutes": 30}),
        ("remind", "send_sms", {"body": "Still interested?"}),
        ("booking", "book_job", {"summary": "Tune-up"}),
    ],
    [("ask", "next", "reply"), ("reply", "booking_yes", "booking"), ("reply", "no_reply", "remind")],
)
# What is said → whether the campaign that asked is held too.
SAID = {
    "Yes please": False,
    "Worst service I have had": True,
    "Wrong number": True,
    "How much is it?": True,  # a question, for which nothing is drawn
    "qwx zzt": True,  # nobody knows
}


def says(company: Company, index: int, body: str, sid: str = "") -> None:
    text = InboundText(provider_id=sid or f"SM{index}", to=company.number.e164, from_=phone(index), body=body)
    assert inbound.receive(text, account=company.account, now=clock.now())


def held(index: int, *lanes: Lane, after: timedelta = timedelta()) -> list[bool]:
    """Whether a hold keeps each of these lanes from who has this phone, so much later."""
    contact = Contact.objects.get(contact_addresses__address__value=phone(index))
    found = touches.holds([(contact.pk, lane.pk) for lane in lanes], clock.now() + after)
    return [(contact.pk, lane.pk) in found for lane in lanes]


def test_every_reply_holds_others_and_what_needs_a_person_its_own(company: Company) -> None:
    nodes, edges = ASK_AND_REMIND
    campaign = company.launch(len(SAID), nodes, edges)
    other = factories.make_campaign_lane(company.account)
    company.run()
    for index, (body, own) in enumerate(SAID.items()):
        says(company, index, body)
        assert held(index, campaign.lane, other) == [own, True], body
        assert held(index, campaign.lane, other, after=THREE_DAYS) == [False, False], body
        assert Thread.objects.get(address__value=phone(index)).needs_reply is own, body
    assert not ContactHold.objects.exclude(until__lte=clock.now() + THREE_DAYS).exists()


def test_the_clock_of_a_held_campaign_runs_on_and_its_text_waits_until_the_thread_is_closed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, edges = ASK_AND_REMIND
    company.launch(1, nodes, edges)
    company.run()
    says(company, 0, "How much is it?")
    before = clock.now
    monkeypatch.setattr(clock, "now", lambda: before() + timedelta(minutes=31))
    engine.run_round(now=clock.now())
    company.run()
    assert Step.objects.get(node__key="reply").state == "completed"
    step = Step.objects.get(node__key="remind")
    assert step.state == "scheduled" and len(company.sandbox.ledger("message")) == 1
    thread = Thread.objects.get()
    threads.close(thread, by=factories.make_user(company.account, "agent"), now=clock.now())
    Step.objects.filter(pk=step.pk).update(due_at=clock.now())
    company.run()
    assert len(company.sandbox.ledger("message")) == 2


def test_a_wish_for_mail_closes_the_phone_and_keeps_the_mailbox(company: Company) -> None:
    company.launch(1)
    company.run()
    contact = Contact.objects.get()
    mailbox = Address.objects.create(account=company.account, channel="email", value="pat@example.com")
    contact.contact_addresses.create(address=mailbox, position=1)
    says(company, 0, "stop texting me, email me instead")
    assert list(contact.account.opt_outs.values_list("address__value", "channel")) == [(phone(0), "phone")]


def test_everybody_on_a_phone_leaves_every_campaign_and_every_thread_of_it_closes(company: Company) -> None:
    """A household with one phone: a STOP of one of them ends it for all."""
    kinds = ("residential", "commercial")
    both = [factories.make_contact(company.account, phone=phone(0), kind=kind) for kind in kinds]
    for kind in kinds:
        company.launch(0, targeting={"kind": kind})
    engine.run_round(now=clock.now())
    address = factories.phone_of(both[0])
    for contact in both:
        Thread.objects.create(
            account=company.account, contact=contact, address=address, number=company.number, needs_reply=True
        )
    says(company, 0, "STOP")
    assert set(Enrollment.objects.values_list("state", "ended_reason")) == {("ended", "opted_out")}
    assert set(Thread.objects.values_list("state", "closed_reason", "needs_reply")) == {
        ("closed", opt_outs.REASON, False)
    }
    assert set(Message.objects.filter(kind="campaign").values_list("state", flat=True)) <= {"cancelled"}
    leased = leasing.lease(10, now=clock.now())
    assert claiming.claim(leased, now=clock.now()) == []


def test_closing_one_thread_leaves_what_is_held_for_another(company: Company) -> None:
    ann = factories.make_contact(company.account, phone=phone(0))
    second = Address.objects.create(account=company.account, channel="phone", value=phone(1))
    ContactAddress.objects.create(contact=ann, address=second, position=1)
    lane = factories.make_campaign_lane(company.account)
    agent = factories.make_user(company.account, "agent")
    for index in range(2):
        says(company, index, "Worst service I have had")
    first, other = Thread.objects.order_by("pk")
    threads.close(first, by=agent, now=clock.now())
    assert held(0, lane) == [True], "the complaint from the other phone is not dealt with"
    threads.close(other, by=agent, now=clock.now())
    assert held(0, lane) == [False]
