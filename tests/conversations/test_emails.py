"""Emails beside texts: from the workflow to the sandbox, whose ledger is the judge."""

import threading
import uuid
from collections import Counter
from datetime import datetime, timedelta

import pytest

from audiences import suppression
from audiences.models import Address
from campaigns import engine
from campaigns.models import Enrollment, Step
from common import clock, loops
from conversations import (
    claim_words,
    claiming,
    delivery,
    email_leasing,
    opt_outs,
    reconciling,
    remedies,
    sender,
    threads,
    unsubscribing,
)
from conversations.models import Attempt, Message
from integrations.models import SendingMailbox
from integrations.sendgrid.request import provider_id
from tests import factories
from tests.conversations.conftest import Company, phone

NODES = [
    ("text", "send_sms", {"body": "Hi {{ first_name }}, time for a tune-up?"}),
    (
        "email",
        "send_email",
        {"subject": "{{ first_name }}, your furnace", "body": "Hi {{ first_name }},\n\nshall we?"},
    ),
    ("done", "end", {}),
]
EDGES = [("text", "next", "email"), ("email", "next", "done")]
EMAIL_FIRST = [("email", "next", "text"), ("text", "next", "done")]


@pytest.fixture
def mailbox(company: Company) -> SendingMailbox:
    """The account's own, at the sandbox."""
    return factories.make_mailbox(
        company.account, company.sandbox.base_url, company.sandbox.credentials["sendgrid_key"],
        postal_address="12 Elm Street, Springfield, IL 62701",
    )  # fmt: skip


def people(company: Company, count: int) -> None:
    """Customers with a phone and a mailbox each."""
    for index in range(count):
        contact = factories.make_contact(company.account, phone=phone(index))
        factories.give_mailbox(contact, f"pat{index}@example.org")


def emailed(company: Company) -> Counter[str]:
    return Counter(to for entry in company.sandbox.ledger("mail") for to in entry["to"])


def everybody(count: int) -> Counter[str]:
    return Counter(f"pat{index}@example.org" for index in range(count))


def run(company: Company) -> None:
    """Until the emails that follow the texts have left, too."""
    company.run()
    company.run()


def states(key: str) -> Counter[str]:
    return Counter(Step.objects.filter(node__key=key).values_list("state", flat=True))


def test_a_campaign_texts_and_emails_everybody_once(company: Company, mailbox: SendingMailbox) -> None:
    people(company, 12)
    company.launch(0, NODES, EDGES)
    run(company)
    assert emailed(company) == everybody(12)
    assert Counter(entry["to"] for entry in company.sandbox.ledger("message")).total() == 12
    assert states("text") == states("email") == Counter(completed=12)
    assert set(Enrollment.objects.values_list("ended_reason", flat=True)) == {"finished"}
    message = Message.objects.filter(mailbox=mailbox).first()
    assert message is not None
    assert (message.number, message.provider, message.subject) == (None, "sendgrid", "Pat, your furnace")
    named = {attempt for entry in company.sandbox.ledger("mail") for attempt in entry["attempts"]}
    mine = Attempt.objects.filter(message__mailbox=mailbox)
    assert named == {str(pk) for pk in mine.values_list("pk", flat=True)}
    [asked] = company.sandbox.ledger("mail")
    assert asked["recipients"] == 12, "all in one request"
    assert set(Message.objects.filter(mailbox=mailbox).values_list("provider_id", flat=True)) == {
        provider_id(asked["message_id"], attempt.pk) for attempt in mine
    }
    [read] = company.sandbox.mails_to("pat3@example.org")
    assert (read["sender"], read["subject"]) == ("Comfort Air <office@comfort.example>", "Pat, your furnace")
    theirs = Message.objects.get(address__value="pat3@example.org")
    leave = unsubscribing.url(theirs.address_id, theirs.pk)
    assert leave in read["text"]
    assert read["text"].replace(leave, unsubscribing.untold()) == theirs.body, "kept as read, but for that"
    assert read["text"].startswith("Hi Pat,\n\nshall we?")
    assert "12 Elm Street" in read["text"] and "Hi Pat," in read["html"] and "-tr-" not in read["html"]
    assert read["recipient"]["headers"] == {
        "Message-ID": f"<{theirs.attempts.get().pk}@comfort.example>",
        "List-Unsubscribe": f"<{leave}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert leave in read["text"] and leave in read["html"]
    assert read["recipient"]["args"] == {"attempt": str(theirs.attempts.get().pk)}


def test_a_throttled_email_waits_and_is_sent_once(company: Company, mailbox: SendingMailbox) -> None:
    people(company, 8)
    company.launch(0, NODES[1:2] + NODES[:1] + NODES[2:], EMAIL_FIRST)
    company.sandbox.set_faults(sendgrid={"http_429": 1.0, "reset_seconds": 0.0})
    engine.run_round(now=clock.now())
    sender.run(5, concurrency=50, until_idle=True)
    assert Attempt.objects.filter(state="refused", code="429").count() == 8
    assert states("email")["failed"] == 0 and not emailed(company)
    company.sandbox.clear_faults()
    Message.objects.update(leased_until=None)
    SendingMailbox.objects.update(tat=None)
    sender.run(5, concurrency=50, until_idle=True)
    assert emailed(company) == everybody(8)


@pytest.mark.parametrize("fault", ["accept_then_drop", "error_after_accept", "drop_before_accept"])
def test_an_email_whose_answer_was_lost_is_never_repeated(
    company: Company, mailbox: SendingMailbox, fault: str
) -> None:
    people(company, 3)
    company.launch(0, NODES[1:2] + NODES[:1] + NODES[2:], EMAIL_FIRST)
    company.sandbox.set_faults(sendgrid={fault: 1.0})
    company.run()
    assert set(Message.objects.values_list("state", flat=True)) == {"unknown"}
    assert states("email") == Counter(waiting=3)
    company.sandbox.clear_faults()
    company.run()
    assert emailed(company) == (Counter() if fault == "drop_before_accept" else everybody(3))
    age = {"claimed_at": clock.now() - timedelta(days=300)}
    Message.objects.update(**age)
    assert reconciling.reconcile_unknown(now=clock.now()) == 0, "its hour is not over"
    Message.objects.update(**age)
    assert reconciling.reconcile_unknown(now=clock.now() + claim_words.EMAIL_VALIDITY) == 3
    assert set(Message.objects.values_list("code", flat=True)) == {"delivery_unknown"}
    company.run()
    assert emailed(company).total() <= 3, "nobody is emailed a second time"


def test_a_sender_killed_after_its_claim_leaves_emails_that_nobody_repeats(
    company: Company, mailbox: SendingMailbox
) -> None:
    people(company, 4)
    company.launch(0, NODES[1:2] + NODES[:1] + NODES[2:], EMAIL_FIRST)
    engine.run_round(now=clock.now())
    claims = claiming.claim(email_leasing.lease(2, now=clock.now()), now=clock.now())
    assert len(claims) == 2  # and here the process dies
    company.run()
    assert emailed(company).total() == 2
    Message.objects.filter(state="calling").update(claimed_at=clock.now() - timedelta(days=300))
    delivery.sweep_abandoned(older_than_seconds=1, now=clock.now())
    company.run()
    assert emailed(company).total() == 2
    assert set(emailed(company)) == everybody(4).keys() - {claim.to for claim in claims}
    assert Counter(Message.objects.filter(mailbox=mailbox).values_list("state", flat=True)) == Counter(
        accepted=2, unknown=2
    )


def test_two_senders_share_the_emails(company: Company, mailbox: SendingMailbox) -> None:
    people(company, 40)
    company.launch(0, NODES, EDGES)
    company.run()
    engine.run_round(now=clock.now())
    both = [
        threading.Thread(target=sender.run, args=(20,), kwargs={"concurrency": 20, "until_idle": True})
        for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert emailed(company) == everybody(40)


def test_a_slow_mail_provider_holds_no_text_up(
    company: Company, mailbox: SendingMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(company, 20)
    company.launch(0, NODES[1:2] + NODES[:1] + NODES[2:], EMAIL_FIRST)
    engine.run_round(now=clock.now())
    company.sandbox.set_faults(sendgrid={"latency_seconds": 8.0})
    thread = factories.make_thread(company.account, phone(50))
    thread.number = company.number
    thread.save()
    me = factories.make_user(company.account)
    loop = threading.Thread(target=sender.run, args=(600,), kwargs={"concurrency": 8})
    loop.start()  # with two slots of mail
    try:
        company.sandbox.wait_for("mail", 1, seconds=7)
        threads.reply(thread, body="On our way", by=me, now=clock.now(), token=uuid.uuid4())
        company.sandbox.wait_for("message", 1, seconds=7)
    finally:
        monkeypatch.setattr(loops, "_stopping", True)
        loop.join()
    assert emailed(company) == everybody(20)


def test_a_mailbox_that_cannot_exist_is_not_tried_again(company: Company, mailbox: SendingMailbox) -> None:
    contact = factories.make_contact(company.account, phone=phone(0))
    bad = factories.give_mailbox(contact, "nobody@localhost")
    company.launch(0, NODES, EDGES)
    run(company)
    step = Step.objects.get(node__key="email")
    assert (step.state, step.reason) == ("failed", "failed:invalid_recipient")
    bad.refresh_from_db()
    assert bad.unreachable_reason == "The mailbox does not exist"
    Address.objects.filter(pk=bad.pk).update(unreachable_since=None)
    assert remedies.make_good(now=clock.now()) == 1, "a remedy lost with its process is made good"


def test_a_wrong_key_rejects_and_says_so(company: Company, mailbox: SendingMailbox) -> None:
    people(company, 1)
    mailbox.connection.credentials = {"api_key": "SG.old"}
    mailbox.connection.save()
    company.launch(0, NODES, EDGES)
    run(company)
    message = Message.objects.get(mailbox=mailbox)
    assert (message.state, message.code) == ("rejected", "unauthorised")
    assert Step.objects.get(node__key="email").state == "failed"


def test_an_opted_out_mailbox_skips_the_email_and_the_passage_goes_on(
    company: Company, mailbox: SendingMailbox, noon: datetime
) -> None:
    people(company, 3)
    campaign = company.launch(0, NODES[1:2] + NODES[:1] + NODES[2:], EMAIL_FIRST)
    queued, leased = Address.objects.filter(channel="email").order_by("pk")[:2]
    engine.run_round(now=clock.now())
    waiting = email_leasing.lease(50, now=clock.now())
    opt_outs.record([queued], contact=None, source="agent", now=clock.now())
    suppression.opt_out(leased, channel="email", source="agent", now=clock.now())  # seen by the claim alone
    assert len(claiming.claim(waiting, now=clock.now())) == 1
    found = Step.objects.filter(campaign=campaign, node__key="email", state="skipped")
    assert list(found.values_list("reason", flat=True)) == ["opted_out", "opted_out"]
    assert Enrollment.objects.filter(campaign=campaign, state="active").count() == 3
    assert Step.objects.filter(campaign=campaign, node__key="text", state="scheduled").count() == 2
