"""What is shown of emails against what the sandbox's ledger says became of them, message by message."""

import time
import uuid

import pytest

from audiences.models import Address, OptOut
from campaigns.models import Step
from common import clock
from conversations import mail_events, threads
from conversations.models import Attempt, Message, Thread
from integrations.models import Connection, ProviderEvent
from integrations.sendgrid import signatures
from sandbox import mail_fates
from tests import factories
from tests.conversations.conftest import Company, phone

NODES = [
    ("email", "send_email", {"subject": "Your furnace", "body": "Hi {{ first_name }}"}),
    ("done", "end", {}),
]
EDGES = [("email", "next", "done")]
ORDINARY = 12


@pytest.fixture
def company_with_mail(company: Company) -> Company:
    credentials = company.sandbox.credentials
    mailbox = factories.make_mailbox(
        company.account, company.sandbox.base_url, credentials["sendgrid_key"],
        postal_address="12 Elm Street",
    )  # fmt: skip
    Connection.objects.filter(pk=mailbox.connection_id).update(
        settings={
            **mailbox.connection.settings, signatures.KEY: credentials["sendgrid_webhook_public_key"],
        }
    )  # fmt: skip
    signatures.forget()
    return company


def launch(company: Company) -> int:
    """A campaign to a mailbox of every fate, and to some of none."""
    named = [f"magic-{fate}@example.org" for fate in mail_fates.FATES if fate != mail_fates.DELIVERED_FATE]
    mailboxes = named + [f"pat{number}@example.org" for number in range(ORDINARY)]
    for index, value in enumerate(mailboxes):
        factories.give_mailbox(factories.make_contact(company.account, phone=phone(index)), value)
    company.launch(0, NODES, EDGES)
    return len(mailboxes)


def told_by_attempt(company: Company) -> dict[str, list[mail_fates.Happened]]:
    """What the product has taken in of each attempt, once nothing more is to come."""
    deadline, before = time.monotonic() + 90, -1
    while True:
        entries = company.sandbox.ledger("mail_news")
        health = company.sandbox.http.get(f"{company.sandbox.base_url}/healthz").json()
        waiting = [name for name in health["pending"] if name.startswith("mail_")]
        if entries and not waiting and len(entries) == before:
            break
        assert time.monotonic() < deadline, health
        before = len(entries)
        time.sleep(1.0)  # longer than a post takes that left the queue
    told: dict[str, list[mail_fates.Happened]] = {}
    for entry in entries:
        for attempt, _, _, event, kind, reason in entry["events"]:
            if entry["answer"] == 204:
                told.setdefault(attempt, []).append(mail_fates.Happened(event, kind, reason))
    return told


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_every_status_is_the_one_of_the_ledger(company_with_mail: Company, missing: float) -> None:
    company = company_with_mail
    company.sandbox.set_faults(
        sendgrid={
            "events": {
                "on": True, "shuffle": True, "shuffle_seconds": 0.8, "duplicate": 0.5, "category": 0.5,
                "unknown_field": 0.3, "bare_bounce": 0.5, "delay_rate": 0.1, "delay_seconds": 2.0,
                "bad_signature": 0.1, "drop": missing,
            }
        },
        seed=5,
    )  # fmt: skip
    count = launch(company)
    company.run()
    fates = {
        attempt: entry["status"]
        for entry in company.sandbox.ledger("mail_fates")
        for attempt in entry["attempts"]
    }
    assert len(fates) == count
    told = told_by_attempt(company)
    mail_events.drain()
    assert not ProviderEvent.objects.filter(kind="mail_event", applied_at=None).exists()
    shown, expected = {}, {}
    for attempt in Attempt.objects.select_related("message__address"):
        message: Message = attempt.message
        key = (message.address.value, str(attempt.pk))
        shown[key] = "spam_reported" if message.spam_reported_at else message.state
        expected[key] = mail_fates.status_of(told.get(str(attempt.pk), [])) or "accepted"
        if not missing:
            assert expected[key] == (fates[str(attempt.pk)] or "accepted")
    assert shown == expected
    if not missing:
        closed = set(OptOut.objects.filter(lifted_at=None).values_list("address__value", flat=True))
        dead = Address.objects.filter(unreachable_since__isnull=False).values_list("value", flat=True)
        fated = {value.removeprefix("magic-").partition("@")[0] for value in closed}
        assert fated - {"returns"} == {"unsubscribed", "reporting", "complains", "leaves", "leavesgroup"}
        assert {value.removeprefix("magic-").partition("@")[0] for value in dead} == {
            "bounce", "bare", "late", "bounced", "invalid",
        }  # fmt: skip


def test_a_reply_wakes_its_workflow_and_is_answered_by_an_agent(company_with_mail: Company) -> None:
    company = company_with_mail
    factories.give_mailbox(factories.make_contact(company.account, phone=phone(0)), "pat@example.org")
    waits = [NODES[0], ("reply", "wait_for_reply", {"timeout_minutes": 60}), NODES[1]]
    company.launch(
        0, waits, [("email", "next", "reply"), ("reply", "question", "done"), ("reply", "no_reply", "done")]
    )
    company.run()
    sent = Message.objects.get(mailbox__isnull=False)
    attempt = Attempt.objects.get(message=sent)
    letter = {
        "to": "office@comfort.example", "body": "Do you have Friday?", "subject": "Re: Your furnace",
        "in_reply_to": f"<{attempt.pk}@comfort.example>",
    }  # fmt: skip
    answer = company.sandbox.http.post(
        f"{company.sandbox.base_url}/mailboxes/pat@example.org/write", json=letter
    ).json()
    assert (answer["status"], answer["error"]) == (200, "")
    got = Message.objects.get(kind="inbound")
    assert (got.replies_to, got.body, got.reading.label) == (sent, "Do you have Friday?", "question")
    step = Step.objects.get(node__key="reply")
    assert (step.state, step.enrollment.reply) == ("waiting", got)
    company.run()
    step.refresh_from_db()
    assert (step.state, step.outcome) == ("completed", "question")
    me = factories.make_user(company.account)
    threads.reply(Thread.objects.get(), body="Yes, at nine.", by=me, now=clock.now(), token=uuid.uuid4())
    company.run()
    mail = company.sandbox.http.get(f"{company.sandbox.base_url}/mail.json").json()[0]
    (person,) = mail["personalizations"]
    assert mail["content"][0]["value"].startswith("Yes, at nine.")
    assert (person["subject"], person["to"][0]["email"]) == ("Re: Your furnace", "pat@example.org")
    assert person["headers"]["In-Reply-To"] == answer["message_id"]
