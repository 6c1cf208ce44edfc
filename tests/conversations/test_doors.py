"""Every door through which an opt-out comes in, at the provider's own hand: what is kept, and who answers."""

from typing import Any

import pytest

from audiences.models import OptOut
from campaigns.models import Enrollment
from conversations import draining, sender
from conversations.models import Message, Thread
from tests import factories
from tests.conversations.conftest import Company, phone

REFUSED_AT_ONCE = "+13615550106"  # the sandbox answers with 21610
REFUSED_LATER = "+13615550152"  # the sandbox accepts, then reports 21610


def texts_to(company: Company, number: str, kind: str = "message") -> list[dict[str, Any]]:
    return [entry for entry in company.sandbox.ledger(kind) if entry["to"] == number]


@pytest.mark.parametrize("number", [REFUSED_AT_ONCE, REFUSED_LATER])
def test_an_opt_out_that_the_provider_holds_becomes_ours(company: Company, number: str) -> None:
    contact = factories.make_contact(company.account, phone=number)
    Thread.objects.create(
        account=company.account, contact=contact, address=factories.phone_of(contact), number=company.number
    )
    company.launch(0)
    company.run()
    if number == REFUSED_LATER:
        company.sandbox.wait_for("callback", 2)
        draining.drain()
    text = Message.objects.get()
    assert (text.state, text.code) == ("rejected", "21610")
    wish = OptOut.objects.get()
    assert (wish.address, wish.contact, wish.source) == (text.address, contact, "provider")
    assert wish.detector == "provider/21610" and "21610" in wish.evidence
    assert Enrollment.objects.get().ended_reason == "opted_out"
    assert Thread.objects.get().closed_reason == "opted_out"
    assert not Message.objects.filter(kind="automatic").exists(), "nothing is confirmed to them"


def test_one_confirmation_reaches_them_whoever_gives_it(company: Company) -> None:
    """The provider answers its own word, we a wish in other words; START likewise."""
    company.launch(2)
    company.run()
    for index, wish in enumerate(("STOP", "please stop texting me")):
        company.sandbox.say(phone(index), wish, to=company.number.e164)
        sender.run(10, concurrency=5, until_idle=True)
    theirs, ours = ([e["body"] for e in texts_to(company, phone(i))][1:] for i in range(2))
    assert theirs == [] and len(ours) == 1 and "You're opted out of texts" in ours[0]
    assert len(texts_to(company, phone(0), "provider_reply")) == 1
    assert not texts_to(company, phone(1), "provider_reply")
    for index in range(2):
        company.sandbox.say(phone(index), "START", to=company.number.e164)
        sender.run(10, concurrency=5, until_idle=True)
    assert len(texts_to(company, phone(0), "provider_reply")) == 2
    assert len(texts_to(company, phone(0))) == 1
    assert ["You'll get texts" in entry["body"] for entry in texts_to(company, phone(1))] == [
        False,
        False,
        True,
    ]
    assert not OptOut.objects.filter(lifted_at=None).exists()


def test_what_the_provider_names_is_taken_over_and_answered_by_it_alone(company: Company) -> None:
    company.sandbox.set_faults(opt_out_type=True)
    company.launch(1)
    company.run()
    for word in ("STOP", "START", "HELP"):
        company.sandbox.say(phone(0), word, to=company.number.e164)
        sender.run(10, concurrency=5, until_idle=True)
    wish = OptOut.objects.get()
    assert wish.detector.endswith("/provider") and wish.lifted_evidence == "START"
    assert (wish.provider_id, wish.lifted_provider_id) == tuple(
        Message.objects.filter(kind="inbound").order_by("pk").values_list("provider_id", flat=True)[:2]
    )
    assert len(texts_to(company, phone(0))) == 1, "none but the campaign's"
    assert len(texts_to(company, phone(0), "provider_reply")) == 3
