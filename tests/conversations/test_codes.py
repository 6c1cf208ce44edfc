"""Every code of the text provider ends in its status and its consequence, by the provider's own answers."""

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from audiences.models import OptOut
from campaigns.models import Step
from common import clock
from conversations import draining, second_tries, sender
from conversations.models import ContactHold, Message, SafetyPause, SecondTry, SendingProblem, Thread
from integrations import consequences
from integrations.twilio import errors
from sandbox import magic
from tests import factories
from tests.conversations.conftest import Company

TEXT_NODES = [("text", "send_sms", {"body": "Hi {{ first_name }}, time for a tune-up."}), ("done", "end", {})]
TEXT_EDGES = [("text", "next", "done")]

# Status and consequence of each code, from the provider's dictionary and not from our own table.
INVALID, NO_TEXTS, ASKS, AGAIN = "invalid", "no texts", "asks somebody", "once more"
STOPS, REST, OPTED_OUT, HOLDS, TALK, ONE, PICTURES = (
    "stops the number", "rests a day", "opt-out", "holds", "stops the conversation", "first of two",
    "pictures",
)  # fmt: skip
EXPECTED = {
    **dict.fromkeys((21211, 21217, 21604), ("failed", INVALID)),
    **dict.fromkeys((21614, 30006), ("failed", NO_TEXTS)),
    21612: ("failed", ASKS),
    30003: ("failed", AGAIN),
    30005: ("failed", ONE),
    30008: ("failed", AGAIN),
    **dict.fromkeys((30011, 30019), ("failed", PICTURES)),
    **dict.fromkeys((30017, 30410), ("failed", AGAIN)),
    21610: ("rejected", OPTED_OUT),
    **dict.fromkeys((30004, 30007), ("rejected", ASKS)),
    **dict.fromkeys((30032, 30033, 30034, 30035), ("rejected", STOPS)),
    **dict.fromkeys((30022, 30023, 30027), ("rejected", REST)),
    30450: ("rejected", HOLDS),
    **dict.fromkeys((21408, 21606, 21703, 21212), ("rejected", ASKS)),
    **dict.fromkeys((21602, 21603, 21617, 21620, 21623), ("rejected", ASKS)),
    **dict.fromkeys((30002, 10001, 20003, 20404), ("rejected", STOPS)),
    14107: ("rejected", TALK),
    **dict.fromkeys((30001, 30036, 30047), ("expired", AGAIN)),
}
QUEUED = {20429, 21611}
PHONES = {code: magic.PREFIX + nn for nn, (code, _) in magic.REFUSED.items()} | {
    code: magic.PREFIX + nn for nn, (_, code) in magic.UNDELIVERED.items() if code in EXPECTED and nn != "52"
}


def launch_to(company: Company, codes: list[int]) -> dict[int, Message]:
    """One text to the phone of each code, and all the news of it."""
    contacts = {code: factories.make_contact(company.account, phone=PHONES[code]) for code in codes}
    company.launch(0, TEXT_NODES, TEXT_EDGES)
    company.run(4 if QUEUED & set(codes) else 20)
    late = sum(PHONES[code][10:] in magic.UNDELIVERED for code in codes)
    company.sandbox.wait_for("message", late)
    for status in ("undelivered", "failed"):
        wanted = [nn for nn, (final, _) in magic.UNDELIVERED.items() if final == status]
        there = sum(PHONES[code][10:] in wanted for code in codes)
        company.sandbox.wait_for("callback", there, status=status)
    draining.drain()
    return {code: Message.objects.get(contact=contact) for code, contact in contacts.items()}


def test_the_table_holds_every_code_and_says_what_it_does() -> None:
    assert set(errors.CODES) == {str(code) for code in (*EXPECTED, *QUEUED)}
    assert {row.code for row in consequences.table()} == set(errors.CODES)
    assert all(row.meaning and row.consequence for row in consequences.table())
    assert {row.code for row in consequences.calls()} > set(errors.CALL_CODES)
    assert all(row.meaning and row.consequence for row in consequences.calls())


# What SendGrid says of an email and its status, from SendGrid's reference and not from our own table.
SENDGRID = {
    "processed": "Sent",
    "deferred": "Sent",
    "delivered": "Delivered",
    "bounce, type bounce": "Bounced",
    "bounce, type blocked": "Blocked",
    "dropped: Bounced Address": "Failed",
    "dropped: Invalid": "Failed",
    "dropped: Unsubscribed Address": "Rejected",
    "dropped: Spam Reporting Address": "Rejected",
    "dropped: Spam Content": "Rejected",
    "dropped, for any other reason": "Rejected",
    "spamreport": "Spam reported",
    **dict.fromkeys(("unsubscribe", "group_unsubscribe", "group_resubscribe", "open", "click"), "As it was"),
    "400, naming a recipient": "Failed",
    "400 or 403, naming the sender": "Rejected",
    "401 or 403": "Rejected",
    "413": "Rejected",
    "400 and all others": "Rejected",
    "429": "Stays queued",
    "nothing: it was not asked": "Expired",
}


@pytest.mark.django_db
def test_the_page_holds_all_that_sendgrid_says_and_what_it_does(client: Client) -> None:
    assert {row.said: row.status for row in consequences.emails()} == SENDGRID
    client.force_login(factories.make_user(factories.make_account()))
    page = unescape(client.get(reverse("conversations:senders")).content.decode())
    for row in consequences.emails():
        line = page.partition(f'id="code-{row.code}"')[2].partition("</tr>")[0]
        assert all(words in line for words in (row.said, row.meaning, row.status, row.consequence)), row


def test_every_code_ends_in_its_status_and_consequence(company: Company) -> None:
    texts = launch_to(company, [code for code in (*EXPECTED, *QUEUED) if code in PHONES])
    assert {code for code in EXPECTED if code not in texts} == set(), "each has a phone that provokes it"
    assert {code: texts[code].state for code in QUEUED} == dict.fromkeys(QUEUED, "queued")
    found = {code: (text.state, text.code) for code, text in texts.items() if code in EXPECTED}
    assert found == {code: (state, str(code)) for code, (state, _) in EXPECTED.items()}
    noted = set(SendingProblem.objects.values_list("code", flat=True))
    for code, (_, consequence) in EXPECTED.items():
        text = Message.objects.select_related("address").get(pk=texts[code].pk)
        again = SecondTry.objects.filter(message=text, code=str(code), done_at=None).first()
        held = ContactHold.objects.filter(message=text, resolved_at=None).exists()
        gone = text.address.unreachable_since is not None
        assert gone == (consequence in (INVALID, NO_TEXTS)), code
        assert (again is not None) == (consequence in (AGAIN, REST, HOLDS)), code
        assert held == (consequence in (HOLDS, TALK)), code
        assert OptOut.objects.filter(address=text.address).exists() == (consequence == OPTED_OUT), code
        assert (str(code) in noted) == (consequence in (ASKS, STOPS)), code
    assert SafetyPause.objects.get(number=company.number, lifted_at=None).rule == "code"
    assert not Step.objects.filter(state="waiting").exists()


@pytest.mark.parametrize("code", [30034, 20003, 30027])
def test_a_refused_sender_rests(company: Company, code: int) -> None:
    """At once, for whoever writes: until an admin resumes it, or the carrier's next day."""
    launch_to(company, [code])
    pause = SafetyPause.objects.get(number=company.number)
    assert pause.code == str(code) and (pause.until is not None) == (code == 30027)
    company.launch(2, TEXT_NODES, TEXT_EDGES)
    before = len(company.sandbox.ledger("message"))
    company.run()
    assert len(company.sandbox.ledger("message")) == before, "nothing leaves from it"


def test_a_second_try_comes_once_and_may_arrive(company: Company) -> None:
    text = launch_to(company, [30003])[30003]
    past = clock.now() - timedelta(hours=4)
    SecondTry.objects.update(planned_at=past, due_at=past + timedelta(hours=3))
    assert second_tries.begin_due(now=clock.now()) == 1
    text.refresh_from_db()
    assert (text.state, text.provider_id) == ("queued", None) and text.accepted_at is not None
    sender.run(10, concurrency=5, until_idle=True)
    company.sandbox.wait_for("callback", 2, status="undelivered")
    draining.drain()
    text.refresh_from_db()
    assert (text.state, text.code) == ("failed", "30003") and text.attempts.count() == 2
    assert len(company.sandbox.ledger("message")) == 2
    assert second_tries.begin_due(now=clock.now() + timedelta(days=1)) == 0, "never a third"
    assert SecondTry.objects.get().begun


def test_a_phone_that_is_gone_twice_gets_no_more(company: Company) -> None:
    text = launch_to(company, [30005])[30005]
    assert text.address.unreachable_since is None
    company.launch(0, TEXT_NODES, TEXT_EDGES)
    company.run()
    company.sandbox.wait_for("callback", 2, status="undelivered")
    draining.drain()
    text.address.refresh_from_db()
    assert "no longer in use" in text.address.unreachable_reason


def test_a_loop_ends_in_a_person(company: Company) -> None:
    contact = factories.make_contact(company.account, phone=PHONES[14107])
    thread = Thread.objects.create(
        account=company.account, contact=contact, address=factories.phone_of(contact), number=company.number
    )
    company.launch(0, TEXT_NODES, TEXT_EDGES)
    company.run()
    company.sandbox.wait_for("callback", 1, status="failed")
    draining.drain()
    thread.refresh_from_db()
    assert thread.needs_reply and "person has to go on" in thread.escalated_reason
