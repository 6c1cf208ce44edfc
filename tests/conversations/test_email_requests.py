"""Emails in requests of many: who leaves with whom, and what becomes of those whose request is refused."""

import uuid
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from campaigns import engine
from campaigns.models import Step
from common import clock
from conversations import (
    claim_words,
    claiming,
    delivery,
    email_leasing,
    email_sender,
    letters,
    pausing,
    reconciling,
    sender,
)
from conversations.candidates import Claim, EmailPart
from conversations.emails import shells
from conversations.emails.identity import Identity
from conversations.models import Attempt, Message
from integrations.messaging import IN_PARTS
from integrations.models import SendingMailbox
from integrations.sendgrid.request import provider_id
from tests import factories
from tests.audiences.people import unit as unit_of
from tests.conversations.conftest import Company, phone
from tests.conversations.test_emails import emailed, everybody, mailbox, people, states

__all__ = ["mailbox"]
EMAIL = {"subject": "{{ first_name }}, it is time", "body": "Hi {{ first_name }}"}
NODES = [("email", "send_email", EMAIL), ("done", "end", {})]
EDGES = [("email", "next", "done")]
SHELL = shells.shell("letter", "en", Identity("Comfort Air"))


def claimed(number: int, **email: object) -> Claim:
    """A claim as `claiming` gives it."""
    part = EmailPart(SHELL, {"subject": "Hi", "body_html": "<p>Hi</p>", "body_text": "Hi"}, "Pat", "", "", 0)
    return Claim(
        number, uuid.uuid4(), 1, None, f"p{number}@example.org", "office@comfort.example", "Hi", 60, 1,
        "Comfort Air", "Hi", email=replace(part, **email),
    )  # fmt: skip


def emails(company: Company, *values: str, first: int = 0) -> None:
    """Customers who have these mailboxes."""
    for index, value in enumerate(values, first):
        factories.give_mailbox(factories.make_contact(company.account, phone=phone(index)), value)


def test_who_shares_sender_and_shell_leaves_together_and_each_in_a_request() -> None:
    spanish = shells.shell("letter", "es", Identity("Comfort Air"))
    claims = [claimed(n) for n in range(1100)]
    claims += [claimed(n, shell=spanish) for n in range(1100, 1110)]
    claims += [claimed(n, reply_to="desk@comfort.example") for n in range(1110, 1120)]
    claims += [replace(claimed(1120), from_="hvac@comfort.example"), replace(claimed(1121), connection_id=2)]
    made = letters.requests(claims)
    assert sorted(len(request.claims) for request in made) == [1, 1, 10, 10, 100, 1000]
    assert sorted(c.message_id for request in made for c in request.claims) == list(range(1122))
    for request in made:
        assert [c.attempt_id for c in request.claims] == [p.attempt_id for p in request.people]
        assert {c.connection_id for c in request.claims} == {request.connection_id}
        assert {c.from_ for c in request.claims} == {request.letter.from_}


def test_words_that_the_provider_would_not_fill_leave_alone_and_filled() -> None:
    long = {
        "subject": "Hi", "body_html": "<p>é</p>" + "é" * 5000, "body_text": "Hello",
        "unsubscribe_url": "https://truckroll.example/u/her-own/",
    }  # fmt: skip
    alone, together = sorted(
        letters.requests([claimed(1), claimed(2, slots=long), claimed(3)]), key=lambda one: len(one.claims)
    )
    assert [c.message_id for c in alone.claims] == [2] and alone.people[0].values == {}
    assert "é" * 5000 in alone.letter.html and "-tr-" not in alone.letter.html
    assert alone.letter.text.startswith("Hello") and "/u/her-own/" in alone.letter.text
    assert [c.message_id for c in together.claims] == [1, 3] and "-tr-body_html-" in together.letter.html


def test_an_email_of_an_earlier_release_leaves_as_it_was_written() -> None:
    [request] = letters.requests([claimed(1, shell=None, slots={})])
    assert (request.letter.text, request.letter.html) == ("Hi", "")


def test_each_refusal_for_somebody_elses_sake_halves_the_next_request() -> None:
    for divisions, sizes in ((0, [600]), (1, [500, 100]), (3, [125] * 4 + [100]), (12, [1] * 600)):
        made = letters.requests([claimed(n, divisions=divisions) for n in range(600)])
        assert [len(request.claims) for request in made] == sizes


def test_only_what_a_header_may_hold_is_named_as_answered() -> None:
    for given, kept in (
        ("<a.1@b.c>", "<a.1@b.c>"),
        ("<ä@b.c>", ""),
        ("<a\x01@b.c>", ""),
        ("<" + "x" * 990, ""),
    ):
        [request] = letters.requests([claimed(1, in_reply_to=given)])
        assert request.people[0].in_reply_to == kept


def test_a_name_that_the_provider_refuses_is_written_without_its_signs() -> None:
    [request] = letters.requests([claimed(1, to_name='Doe, Pat; "Patty" <pat@x.example>')])
    assert request.people[0].to_name == "Doe Pat Patty pat@x.example"


@pytest.mark.parametrize("magic", ["refused", "unnamed", "content", "argument"])
def test_one_refused_email_keeps_no_other(company: Company, mailbox: SendingMailbox, magic: str) -> None:
    people(company, 9)
    emails(company, f"magic-{magic}@example.org", "nobody@localhost", first=9)
    company.launch(0, NODES, EDGES)
    company.run()
    assert emailed(company) == everybody(9)
    assert states("email") == Counter(completed=9, failed=2)
    guilty = Message.objects.get(address__value__startswith="magic")
    assert (guilty.state, guilty.code) == (
        ("failed", "invalid_recipient") if magic == "refused" else ("rejected", "refused")
    )
    assert "(" in guilty.reason, "with the provider’s words"
    assert Attempt.objects.count() == 11, "all in one claim"
    assert Message.objects.get(address__value="nobody@localhost").code == "invalid_recipient"


def test_a_refused_request_without_time_left_comes_again_in_halves(
    company: Company, mailbox: SendingMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(company, 7)
    emails(company, "magic-unnamed@example.org", first=7)
    company.launch(0, NODES, EDGES)
    engine.run_round(now=clock.now())
    company.sandbox.set_faults(sendgrid={"latency_seconds": 0.4})
    monkeypatch.setattr(email_sender, "CLAIM_VALID_SECONDS", 0.2)
    monkeypatch.setattr("conversations.letters.MOST_RECIPIENTS", 8)
    for _ in range(8):
        sender.run(5, concurrency=8, until_idle=True)
        Message.objects.update(leased_until=None)
        SendingMailbox.objects.update(tat=None)
    assert emailed(company) == everybody(7)
    assert Attempt.objects.filter(state="refused", code=IN_PARTS).count() > 0
    assert states("email") == Counter(completed=7, failed=1)


def test_a_lost_request_is_settled_by_what_the_provider_tells_of_each(
    company: Company, mailbox: SendingMailbox
) -> None:
    people(company, 3)
    emails(company, "magic-drop@example.org", first=3)
    company.launch(0, NODES, EDGES)
    company.run()
    assert set(Message.objects.values_list("state", flat=True)) == {"unknown"}
    assert states("email") == Counter(waiting=4)
    [asked] = company.sandbox.ledger("mail")
    told = Attempt.objects.get(message__address__value="pat1@example.org")
    known = provider_id(asked["message_id"], told.pk)
    delivery.advance([delivery.Move(told.message_id, "delivered", known, "", "", 0)], now=clock.now())
    assert states("email") == Counter(waiting=3, completed=1)
    company.run()
    assert emailed(company).total() == 4, "none is repeated"


def test_a_pause_between_lease_and_claim_keeps_all_of_them(company: Company, mailbox: SendingMailbox) -> None:
    people(company, 5)
    company.launch(0, NODES, EDGES)
    engine.run_round(now=clock.now())
    leased = email_leasing.lease(100, now=clock.now())
    pausing.pause(company.account, by=factories.make_user(company.account), now=clock.now())
    assert len(leased) == 5
    assert claiming.claim(leased, now=clock.now()) == []
    company.run()
    assert not emailed(company) and set(Message.objects.values_list("state", flat=True)) == {"queued"}


def test_what_waits_for_a_sender_that_is_switched_off_leaves_from_the_accounts_own(
    company: Company, mailbox: SendingMailbox
) -> None:
    unit = unit_of(company.account)
    own = factories.make_mailbox(company.account, email="hvac@comfort.example", business_unit=unit)
    people(company, 4)
    company.launch(0, NODES, EDGES)
    engine.run_round(now=clock.now())
    Message.objects.update(mailbox=own)
    SendingMailbox.objects.filter(pk=own.pk).update(active=False)
    sender.run(5, concurrency=20, until_idle=True)
    assert emailed(company) == everybody(4)
    assert {entry["sender"] for entry in company.sandbox.ledger("mail")} == {"office@comfort.example"}
    assert set(Message.objects.values_list("mailbox", flat=True)) == {mailbox.pk}


def test_two_senders_of_one_account_leave_apart_and_neither_twice(
    company: Company, mailbox: SendingMailbox
) -> None:
    unit = unit_of(company.account)
    hvac = factories.make_mailbox(
        company.account, email="hvac@comfort.example", business_unit=unit, reply_to="desk@comfort.example"
    )
    people(company, 6)
    company.launch(0, NODES, EDGES)
    engine.run_round(now=clock.now())
    some = list(Message.objects.order_by("pk").values_list("pk", flat=True)[:2])
    Message.objects.filter(pk__in=some).update(mailbox=hvac)
    sender.run(5, concurrency=20, until_idle=True)
    assert emailed(company) == everybody(6)
    sizes = {entry["sender"]: entry["recipients"] for entry in company.sandbox.ledger("mail")}
    assert sizes == {"hvac@comfort.example": 2, "office@comfort.example": 4}
    [read] = company.sandbox.mails_to(Message.objects.get(pk=some[0]).address.value)
    assert read["reply_to"] == "desk@comfort.example"


def test_unknown_emails_are_given_up_together(company: Company, mailbox: SendingMailbox) -> None:
    people(company, 5)
    company.launch(0, NODES, EDGES)
    company.sandbox.set_faults(sendgrid={"drop_before_accept": 1.0})
    company.run()
    late = clock.now() + claim_words.EMAIL_VALIDITY
    for settled in (0, 5):
        Message.objects.update(claimed_at=clock.now() - timedelta(days=300))
        assert reconciling.reconcile_unknown(now=late) == settled
    assert set(Message.objects.values_list("state", "code")) == {("failed", "delivery_unknown")}
    assert Step.objects.filter(node__key="email", state="failed").count() == 5
