"""Emails from customers: who may post them, whose they are, what is read and what follows."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from audiences import suppression
from audiences.models import Address, Contact, OptOut
from common import clock
from conversations import mail_webhooks, threads
from conversations.models import Attempt, ContactHold, Message, Reading, ReceivedEmail, Thread
from integrations.models import ProviderEvent, SendingMailbox
from integrations.sendgrid import inbound, registering
from sandbox.sendgrid_inbound import Letter, fields_of, form
from tests import factories
from tests.conversations.mail_news import Signer, connect

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
OFFICE = "office@comfort.example"
QUOTED = f"\n\nOn Mon, Nov 23, 2026 at 10:04 AM Comfort Air <{OFFICE}> wrote:\n> Reply STOP to leave\n> Hi"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def mailbox() -> SendingMailbox:
    return factories.make_mailbox(factories.make_account())


@pytest.fixture
def pat(mailbox: SendingMailbox) -> Contact:
    contact = factories.make_contact(mailbox.account)
    factories.give_mailbox(contact, "pat@example.org")
    return contact


@pytest.fixture
def sent(mailbox: SendingMailbox, pat: Contact) -> tuple[Message, str]:
    """A campaign's email to Pat, and its Message-ID."""
    message = Message.objects.create(
        account=mailbox.account, contact=pat, address=Address.objects.get(value="pat@example.org"),
        mailbox=mailbox, lane=factories.make_campaign_lane(mailbox.account), provider="sendgrid",
        kind=Message.Kind.CAMPAIGN, subject="Your furnace", body="Time for a tune-up?", state="delivered",
        accepted_at=NOON - timedelta(days=1), created_at=NOON - timedelta(days=1), provider_id="req.1",
    )  # fmt: skip
    attempt = Attempt.objects.create(message=message, state="accepted")
    return message, f"<{attempt.pk}@comfort.example>"


def post(client: Client, letter: Letter, path: str = "", *, cut: int | None = None, **headers: str) -> int:
    letter.message_id = letter.message_id or f"<{uuid.uuid4()}@mail.example.org>"
    body = form(fields_of(letter, "Mon, 23 Nov 2026 18:00:00 +0000"), "xYz")[:cut]
    path = path or registering.inbound_url(SendingMailbox.objects.first().connection)  # type: ignore[union-attr]
    return client.post(
        path, body, content_type="multipart/form-data; boundary=xYz", headers=headers
    ).status_code


def say(client: Client, body: str, **fields: Any) -> Message | None:
    given = {"from_": "pat@example.org", "to": OFFICE, "subject": "Re: Your furnace", **fields}
    before = set(Message.objects.filter(kind="inbound").values_list("pk", flat=True))
    assert post(client, Letter(body=body, **given)) == 200
    return Message.objects.filter(kind="inbound").exclude(pk__in=before).first()


# --- the door ---------------------------------------------------------------------------------------


def test_only_who_knows_the_address_or_signs_is_let_in(
    client: Client, mailbox: SendingMailbox, pat: Contact
) -> None:
    letter = Letter(from_="pat@example.org", to=OFFICE, body="Hello")
    plain = "/webhooks/sendgrid/inbound"
    good = registering.inbound_url(mailbox.connection)
    for path in (plain, f"{plain}?key=", f"{plain}?key=1-abc", good[:-1], good + "0", f"{plain}?key=ü"):
        assert post(client, letter, path) == 403
    assert not ProviderEvent.objects.exists()
    signer = Signer()
    mailbox.delete()
    connect(mailbox.account, signer)
    body = form(fields_of(letter, ""), "xYz")
    for headers, status in ((signer.headers(body), 200), (Signer().headers(body), 403)):
        found = client.post(plain, body, content_type="multipart/form-data; boundary=xYz", headers=headers)
        assert found.status_code == status
    assert Message.objects.get().body == "Hello"


def test_our_own_fault_asks_for_the_email_again(
    client: Client, pat: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(mail_webhooks.inbound_mail, "receive_now", broken)
    assert post(client, Letter(from_="pat@example.org", to=OFFICE, body="Hello")) == 503


BREAKS = b'--xYz\r\nContent-Disposition: form-data; name="from"\r\n\r\n' + b"(" * 9000 + b"\r\n--xYz--"


@pytest.mark.parametrize("body", [b"", b"nonsense", b"--xYz\r\n\r\n", b"--xYz--", b"\xff" * 50, BREAKS])
def test_what_is_no_mail_is_kept_and_not_asked_for_again(
    client: Client, mailbox: SendingMailbox, body: bytes
) -> None:
    path = registering.inbound_url(mailbox.connection)
    answer = client.post(path, body, content_type="multipart/form-data; boundary=xYz")
    assert answer.status_code == 200
    assert ProviderEvent.objects.get().outcome.startswith("unreadable")


def test_a_mail_is_taken_in_once(client: Client, sent: tuple[Message, str]) -> None:
    for _ in range(3):
        say(client, "Yes please", message_id="<same@example.org>")
    assert Message.objects.filter(kind="inbound").count() == 1
    assert ProviderEvent.objects.count() == 1


# --- whose it is ------------------------------------------------------------------------------------


def test_a_reply_stands_in_the_thread_of_its_mailbox(client: Client, sent: tuple[Message, str]) -> None:
    message, name = sent
    got = say(client, f"Do you have Friday?{QUOTED}", in_reply_to=name)
    assert got is not None
    assert (got.replies_to, got.contact, got.address) == (message, message.contact, message.address)
    assert (got.body, got.subject, got.mailbox) == (
        "Do you have Friday?",
        "Re: Your furnace",
        message.mailbox,
    )
    assert got.email.whole.endswith("> Hi") and got.email.internet_id.startswith("<")
    assert got.reading.label == "question"
    thread = Thread.objects.get()
    assert (thread.mailbox, thread.number, thread.needs_reply) == (message.mailbox, None, True)
    message.refresh_from_db()
    assert message.replied_at == NOON
    assert ContactHold.objects.get().contact == message.contact


@pytest.mark.parametrize("named", [True, False])
def test_a_reply_is_found_by_its_mailbox_or_by_what_it_names(
    client: Client, sent: tuple[Message, str], named: bool
) -> None:
    message, name = sent
    if named:  # from a mailbox that nobody knew, and with the name further up the thread only
        got = say(client, "It is me, from work", from_="Pat.Miller@work.example", references=f"{name} <x@y>")
        assert got is not None and got.address.value == "pat.miller@work.example"
    else:
        got = say(client, "It is me", from_="PAT@example.org")
    assert got is not None
    assert (got.contact, got.replies_to) == (message.contact, message)


def test_an_old_reply_is_in_the_thread_and_no_reply_of_the_campaign(
    client: Client, sent: tuple[Message, str]
) -> None:
    message, name = sent
    Message.objects.filter(pk=message.pk).update(accepted_at=NOON - timedelta(days=8))
    got = say(client, "Is this offer still on?", in_reply_to=name)
    assert got is not None and (got.contact, got.replies_to) == (message.contact, None)


def test_a_stranger_is_heard(client: Client, mailbox: SendingMailbox) -> None:
    got = say(client, "Do you repair boilers?", from_="new@example.net", subject="A question")
    assert got is not None and got.contact is not None
    assert (got.contact.active, Thread.objects.get().needs_reply) == (False, True)


def test_another_accounts_message_id_leads_nowhere(client: Client, sent: tuple[Message, str]) -> None:
    stranger = factories.make_mailbox(factories.make_account(), email="office@other.example")
    letter = Letter(from_="pat@example.org", to="office@other.example", body="Hello", in_reply_to=sent[1])
    assert post(client, letter, registering.inbound_url(stranger.connection)) == 200
    got = Message.objects.get(kind="inbound")
    assert (got.account, got.replies_to) == (stranger.account, None)


# --- what is read -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        ("STOP", "Re: Your furnace"),
        (f"Please take me off your mailing list.{QUOTED}", "Re: Your furnace"),
        ("", "unsubscribe"),
        ("\n-- \nPat", "Unsubscribe"),
    ],
)
def test_who_asks_for_no_more_in_words_gets_no_more(
    client: Client, sent: tuple[Message, str], body: str, subject: str
) -> None:
    message, name = sent
    got = say(client, body, subject=subject, in_reply_to=name, spf="fail", dkim="none")
    wish = OptOut.objects.get()
    assert got is not None and got.reading.outcome == "opt_out"
    assert (wish.address, wish.channel, wish.source) == (message.address, "email", "email")
    assert (Thread.objects.get().state, Thread.objects.get().closed_reason) == ("closed", "opted_out")
    message.refresh_from_db()
    assert message.replied_at is None


def test_a_wish_from_another_mailbox_closes_the_one_we_wrote_to(
    client: Client, sent: tuple[Message, str]
) -> None:
    say(client, "Unsubscribe", from_="pat@work.example", in_reply_to=sent[1])
    closed = set(OptOut.objects.values_list("address__value", flat=True))
    assert closed == {"pat@example.org", "pat@work.example"}


@pytest.mark.parametrize(
    "letter",
    [
        {"headers": {"Auto-Submitted": "auto-replied"}},
        {"subject": "Automatic reply: Your furnace"},
        {"subject": "Out of Office: Re: Your furnace"},
        {"envelope_from": ""},
        {"headers": {"Precedence": "auto_reply"}},
    ],
)
def test_an_automatic_answer_is_shown_and_is_no_reply(
    client: Client, sent: tuple[Message, str], letter: dict[str, Any]
) -> None:
    got = say(client, "I am away. To stop these, write STOP", in_reply_to=sent[1], **letter)
    assert got is not None and (got.replies_to, got.reading.rule) == (None, "automatic")
    assert not Thread.objects.exists() and not ContactHold.objects.exists() and not OptOut.objects.exists()
    sent[0].refresh_from_db()
    assert sent[0].replied_at is None


@pytest.mark.parametrize(
    "letter",
    [
        {"from_": "MAILER-DAEMON@mx.example.org", "subject": "Undelivered Mail Returned to Sender"},
        {"headers": {"Content-Type": "multipart/report; report-type=delivery-status; boundary=b"}},
        {"headers": {"List-Id": "<news.example.org>"}},
        {"from_": OFFICE},
        {"from_": "not a mailbox"},
    ],
)
def test_what_machines_and_we_ourselves_write_is_nobodys_message(
    client: Client, sent: tuple[Message, str], letter: dict[str, Any]
) -> None:
    assert say(client, "Your message was not delivered", in_reply_to=sent[1], **letter) is None
    assert ProviderEvent.objects.get().applied_at is not None


def test_what_its_domain_denies_goes_to_a_person_and_opens_nothing(
    client: Client, sent: tuple[Message, str]
) -> None:
    message, name = sent
    suppression.opt_out(message.address, channel="email", source="agent", now=NOON)
    for denied in ({"spf": "fail", "dkim": "none"}, {"spf": "softfail", "dkim": "{@example.org : fail}"}):
        got = say(client, "START", in_reply_to=name, **denied)
        assert got is not None and got.email.unproven
        assert OptOut.objects.get().lifted_at is None
    got = say(client, "Yes, please book me", in_reply_to=name, spf="fail", dkim="{@evil.example : pass}")
    assert got is not None and (got.reading.outcome, got.reading.rule) == ("hold", "unproven sender")
    assert got.replies_to is None
    say(client, "START", in_reply_to=name, spf="none", dkim="none")  # nobody denies it, nobody vouches for it
    assert OptOut.objects.get().lifted_at is None
    say(client, "START", in_reply_to=name, spf="fail", dkim="{@example.org : pass}")
    assert OptOut.objects.get().lifted_at == NOON


def test_a_customers_name_in_a_mail_that_nobody_vouches_for_books_nothing(
    client: Client, sent: tuple[Message, str]
) -> None:
    message, name = sent
    for elsewhere in ({"spf": "pass", "envelope_from": "x@evil.example"}, {"spf": "none"}):
        got = say(client, "Yes, please book me", dkim="none", **elsewhere)
        assert got is not None and got.email.unproven and got.replies_to is None
        assert (got.reading.outcome, got.reading.rule) == ("hold", "unproven sender")
    got = say(client, "Yes, please book me", in_reply_to=name, spf="none", dkim="none")
    assert got is not None and got.replies_to == message, "who names our email has got it"
    got = say(client, "Stop emailing me", spf="none", dkim="none")
    assert got is not None and got.reading.outcome == "opt_out"


def test_a_complaint_after_leaving_is_not_undone_by_a_word(client: Client, sent: tuple[Message, str]) -> None:
    suppression.opt_out(sent[0].address, channel="email", source="page", now=NOON)
    Message.objects.filter(pk=sent[0].pk).update(spam_reported_at=NOON)
    say(client, "START", in_reply_to=sent[1])
    assert OptOut.objects.get().lifted_at is None


def test_a_complaint_is_not_lifted_by_a_word(client: Client, sent: tuple[Message, str]) -> None:
    suppression.opt_out(
        sent[0].address, channel="email", source="provider", detector="sendgrid/spamreport", now=NOON
    )
    say(client, "START", in_reply_to=sent[1])
    assert OptOut.objects.get().lifted_at is None


@pytest.mark.parametrize("raw", [False, True])
def test_html_charsets_and_attachments_are_read(client: Client, sent: tuple[Message, str], raw: bool) -> None:
    page = (
        "<html><head><style>p{color:red}</style><title>No</title></head><body><p>¿Tiene <b>el viernes</b>?"
        "<script>alert(1)</script></p><img src='https://evil.example/p.png' alt='Grüße'><br>José &lt;x&gt;"
        "<blockquote>Reply STOP</blockquote></body></html>"
    )
    got = say(
        client, "", html=page, charset="iso-8859-1", raw=raw, in_reply_to=sent[1],
        attachments=[("Rechnung.pdf", "application/pdf", "12345")],
    )  # fmt: skip
    assert got is not None and got.replies_to == sent[0]
    assert got.body == "¿Tiene el viernes?\n\nGrüße\nJosé <x>"
    assert got.email.attachments == [{"name": "Rechnung.pdf", "type": "application/pdf", "size": 5}]


def test_a_mail_too_large_is_kept_as_far_as_it_goes(client: Client, sent: tuple[Message, str]) -> None:
    letter = Letter(from_="pat@example.org", to=OFFICE, body="x" * 300_000, in_reply_to=sent[1])
    assert post(client, letter) == 200
    email = ReceivedEmail.objects.get()
    assert len(email.whole) == inbound.LONGEST_TEXT
    assert len(json.dumps(ProviderEvent.objects.get().payload)) < 200_000


def test_what_is_cut_off_loses_the_rest_alone(client: Client, sent: tuple[Message, str]) -> None:
    letter = Letter(
        from_="pat@example.org", to=OFFICE, body="Friday?", in_reply_to=sent[1],
        attachments=[("a.txt", "text/plain", "y" * 9000)],
    )  # fmt: skip
    assert post(client, letter, cut=-8000) == 200
    assert Message.objects.get(kind="inbound").body == "Friday?"


# --- answering --------------------------------------------------------------------------------------


def test_an_agent_answers_from_the_mailbox_in_the_same_conversation(
    client: Client, sent: tuple[Message, str]
) -> None:
    got = say(client, "Do you have Friday?", in_reply_to=sent[1])
    thread = Thread.objects.get()
    me, token = factories.make_user(thread.account), uuid.uuid4()
    first, again = (threads.reply(thread, body="x" * 5000, by=me, now=NOON, token=token) for _ in range(2))
    assert first == again
    assert (first.mailbox, first.number, first.subject) == (thread.mailbox, None, "Re: Your furnace")
    assert (first.replies_to, first.provider, first.address) == (got, "sendgrid", sent[0].address)
    suppression.opt_out(thread.address, channel="email", source="agent", now=NOON)
    with pytest.raises(threads.ReplyRefused, match="Only they can ask for emails again"):
        threads.reply(thread, body="Hello", by=me, now=NOON, token=uuid.uuid4())


def test_the_thread_shows_the_email_and_its_box(client: Client, sent: tuple[Message, str]) -> None:
    say(client, f"Friday <b>?</b>{QUOTED}", in_reply_to=sent[1], attachments=[("a.txt", "text/plain", "hi")])
    thread = Thread.objects.get()
    client.force_login(factories.make_user(thread.account))
    page = client.get(f"/conversations/{thread.pk}/").content.decode()
    assert "Email from pat@example.org" in page and "Friday &lt;b&gt;?&lt;/b&gt;" in page
    assert "The whole email" in page and "1 attachment, not kept here: a.txt (2" in page
    assert "Re: Your furnace" in page and "Send email" in page and OFFICE in page
    assert client.get("/conversations/").status_code == 200
    suppression.opt_out(
        thread.address, channel="email", source="provider", detector="sendgrid/spamreport", now=NOON
    )
    page = client.get(f"/conversations/{thread.pk}/").content.decode()
    assert "by reporting an email as spam" in page and "sent to this mailbox" in page


def test_reading_knows_what_a_reading_is(sent: tuple[Message, str], client: Client) -> None:
    got = say(client, "Yes please", in_reply_to=sent[1])
    assert got is not None and Reading.objects.get(message=got).label == "booking_yes"
