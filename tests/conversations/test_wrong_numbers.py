"""A phone that is not our customer's: their campaigns leave it, others who have it keep theirs."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, User
from audiences.models import Address, Consent, Contact, ContactAddress, OptOut, ReachLimits
from campaigns import engine
from campaigns.models import Enrollment, Exclusion
from common import clock
from conversations import claiming, inbound, leasing, wrong_numbers
from conversations.models import Message, Thread
from integrations.messaging import InboundText
from tests import factories
from tests.accounts.making import signed_in
from tests.conversations.conftest import Company, phone


@pytest.fixture
def agent(company: Company) -> User:
    return factories.make_user(company.account, "agent", name="Ana Agent")


def thread_of(company: Company, contact: Contact) -> Thread:
    address = factories.phone_of(contact)
    return Thread.objects.create(
        account=company.account, contact=contact, address=address, number=company.number, needs_reply=True
    )


def test_campaigns_of_that_customer_leave_the_phone_and_others_stay(company: Company, agent: User) -> None:
    ann, bob = (
        factories.make_contact(company.account, phone=phone(0), kind=kind)
        for kind in ("residential", "commercial")
    )
    for kind in ("residential", "commercial"):
        company.launch(0, targeting={"kind": kind})
    engine.run_round(now=clock.now())
    thread = thread_of(company, ann)
    assert wrong_numbers.mark(thread, by=agent, now=clock.now()) == []
    assert wrong_numbers.mark(thread, by=agent, now=clock.now()) == [], "twice is once"
    assert Enrollment.objects.get(contact=ann).ended_reason == "wrong_number"
    assert Enrollment.objects.get(contact=bob).state == "active"
    states = dict(Message.objects.filter(kind="campaign").values_list("contact", "state"))
    assert states == {ann.pk: "cancelled", bob.pk: "queued"}
    assert len(claiming.claim(leasing.lease(10, now=clock.now()), now=clock.now())) == 1
    thread.refresh_from_db()
    assert (thread.state, thread.closed_reason, thread.needs_reply) == ("closed", "wrong_number", False)
    assert not OptOut.objects.exists()
    assert AuditEntry.objects.filter(verb="marked_wrong_number", by=agent).count() == 1


def test_it_is_entered_nowhere_and_what_was_queued_all_the_same_is_refused(
    company: Company, agent: User
) -> None:
    ann = factories.make_contact(company.account, phone=phone(0))
    company.launch(0)
    engine.run_round(now=clock.now())
    ContactAddress.objects.update(wrong_number_at=clock.now())  # as if the mark came by another way
    assert claiming.claim(leasing.lease(10, now=clock.now()), now=clock.now()) == []
    assert Message.objects.get().code == "no_address"
    company.launch(0)
    assert Exclusion.objects.get().reason == "no_address"
    second = Address.objects.create(account=company.account, channel="phone", value=phone(1))
    ContactAddress.objects.create(contact=ann, address=second, position=1)
    later = company.launch(0)
    assert Enrollment.objects.get(campaign=later).address == second, "their next phone is taken"


def agree(address: Address, contact: Contact | None, kind: str, source: str = "form") -> Consent:
    return Consent.objects.create(
        account=address.account, address=address, contact=contact, kind=kind, source=source, proof="Yes.",
        given_at=clock.now() - timedelta(days=30), recorded_at=clock.now(),
    )  # fmt: skip


def test_what_they_agreed_to_for_somebody_elses_phone_ends(company: Company, agent: User) -> None:
    """Whoever has the phone has agreed to nothing; texts only with a consent do not reach it any more."""
    ann, bob = (
        factories.make_contact(company.account, phone=phone(0), kind=kind)
        for kind in ("residential", "commercial")
    )
    address = factories.phone_of(ann)
    agree(address, ann, "texts"), agree(address, None, "recorded_calls", "import")
    ReachLimits.objects.create(account=company.account, texts_need_consent=True)
    wrong_numbers.mark(thread_of(company, ann), by=agent, now=clock.now())
    assert set(Consent.objects.values_list("ended_why", flat=True)) == {"wrong_number"}
    company.launch(0, targeting={"kind": "commercial"})
    assert Exclusion.objects.get(contact=bob).reason == "no_consent"
    agree(address, bob, "texts")
    assert Consent.objects.in_force().count() == 1, "the owner of the phone may agree for themselves"


def test_what_the_owner_of_the_phone_agreed_to_stays(company: Company, agent: User) -> None:
    ann, bob = (
        factories.make_contact(company.account, phone=phone(0), kind=kind)
        for kind in ("residential", "commercial")
    )
    address = factories.phone_of(ann)
    agree(address, bob, "recorded_calls"), agree(address, None, "texts", "start")
    wrong_numbers.mark(thread_of(company, ann), by=agent, now=clock.now())
    assert Consent.objects.in_force().count() == 2


def test_who_writes_from_it_is_not_our_customer(company: Company, agent: User) -> None:
    ann = factories.make_contact(company.account, phone=phone(0))
    company.launch(0)
    company.run()
    thread = thread_of(company, ann)
    wrong_numbers.mark(thread, by=agent, now=clock.now())
    text = InboundText(provider_id="SM1", to=company.number.e164, from_=phone(0), body="Who is this?")
    received = inbound.receive(text, account=company.account, now=clock.now())
    assert received
    writer = Message.objects.get(pk=received.message_id).contact
    assert writer and writer != ann and writer.servicetitan_customer_id == 0
    thread.refresh_from_db()
    assert thread.state == "closed"


def test_one_click_marks_and_another_takes_it_back(company: Company, agent: User) -> None:
    ann = factories.make_contact(company.account, phone=phone(0), name="Ann Example")
    thread = thread_of(company, ann)
    browser, door = signed_in(agent), reverse("conversations:wrong_number", args=[thread.pk])
    address = reverse("conversations:thread", args=[thread.pk])
    page = browser.get(address).content.decode()
    assert f"{door}" in page and "Campaigns stop texting and calling it for this customer" in page
    marked = browser.post(door, follow=True).content.decode()
    assert "no campaign reaches Ann Example here" in marked and "It is theirs" in marked
    assert "Campaigns stop texting" not in marked
    back = browser.post(door, {"undo": "1"}, follow=True).content.decode()
    assert "no campaign reaches" not in back and "Campaigns stop texting" in back
    thread.refresh_from_db()
    assert thread.state == "open"
    assert not ContactAddress.objects.exclude(wrong_number_at=None).exists()


def stop_from(company: Company, sid: str, body: str = "STOP") -> None:
    text = InboundText(provider_id=sid, to=company.number.e164, from_=phone(0), body=body)
    assert inbound.receive(text, account=company.account, now=clock.now())


def test_a_wish_outranks_whose_phone_it_is(company: Company, agent: User) -> None:
    ann = factories.make_contact(company.account, phone=phone(0))
    thread = thread_of(company, ann)
    stop_from(company, "SM1")
    wrong_numbers.mark(thread, by=agent, now=clock.now())
    thread.refresh_from_db()
    assert (thread.state, thread.closed_reason) == ("closed", "opted_out"), "what shows the wish stays"
    wrong_numbers.unmark(thread, by=agent, now=clock.now())
    thread.refresh_from_db()
    assert (thread.state, thread.closed_reason) == ("closed", "opted_out")


def test_their_start_opens_no_thread_of_whose_phone_it_is_not(company: Company, agent: User) -> None:
    ann, bob = (
        factories.make_contact(company.account, phone=phone(0), kind=kind)
        for kind in ("residential", "commercial")
    )
    anns, bobs = thread_of(company, ann), thread_of(company, bob)
    wrong_numbers.mark(anns, by=agent, now=clock.now())
    stop_from(company, "SM1")
    stop_from(company, "SM2", "START")
    for thread, state in ((anns, ("closed", "wrong_number")), (bobs, ("open", ""))):
        thread.refresh_from_db()
        assert (thread.state, thread.closed_reason) == state
