"""What an agent's correction of a reading leads to, and what it never does: reach somebody again silently."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, AuditEntry, User
from audiences import suppression
from audiences.models import Address, Appointment, ContactAddress, Job, OptOut
from common import clock
from conversations import cancellations, corrections, inbound, opt_outs
from conversations.management.commands.classify import load
from conversations.models import Message, Reading, ReadingCorrection, Thread
from integrations.messaging import InboundText
from tests import factories

pytestmark = pytest.mark.django_db
CONSENT = "She wrote from her mailbox: please text me again"


@pytest.fixture
def account() -> Account:
    return factories.make_account()


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent")


@pytest.fixture
def thread(account: Account) -> Thread:
    return factories.make_thread(account, body="Please quit it with the furnace stuff")


def say(thread: Thread, body: str, sid: str = "SM1") -> Message:
    """The thread's customer writes."""
    text = InboundText(provider_id=sid, to=thread.number.e164, from_=thread.address.value, body=body)
    received = inbound.receive(text, account=thread.account, now=clock.now())
    assert received
    return Message.objects.get(pk=received.message_id)


def in_force(thread: Thread) -> bool:
    return bool(suppression.in_force([thread.address_id]))


def test_corrected_to_an_opt_out_it_is_one_with_the_customers_words(thread: Thread, agent: User) -> None:
    other = Address.objects.create(account=thread.account, channel="phone", value="+13125559999")
    ContactAddress.objects.create(contact=thread.contact, address=other, position=1)
    message = Message.objects.get(kind="inbound")
    done = corrections.correct(message, "optout", agent)
    assert done.in_flight == ()
    # As an agent's choice: every address of the contact.
    assert suppression.in_force([thread.address_id, other.pk]) == {thread.address_id, other.pk}
    wish = OptOut.objects.get(address=thread.address)
    assert (wish.source, wish.by, wish.evidence) == ("agent", agent, message.body)
    thread.refresh_from_db()
    assert (thread.state, thread.closed_reason) == ("closed", opt_outs.REASON)
    kept = ReadingCorrection.objects.get()
    assert (kept.message, kept.was, kept.now, kept.by) == (message, "question", "optout", agent)
    read = Reading.objects.get()
    assert (read.label, read.outcome, read.detector) == ("optout", "opt_out", "by hand")
    assert AuditEntry.objects.filter(verb="corrected_reading", by=agent).exists()


def test_corrected_away_from_an_opt_out_nobody_is_reached_again(thread: Thread, agent: User) -> None:
    message = say(thread, "take us off your list")
    assert in_force(thread)
    done = corrections.correct(message, "question", agent)
    assert done.still_opted_out
    assert in_force(thread)
    thread.refresh_from_db()
    assert thread.state == "closed"
    assert Reading.objects.get(message=message).label == "question"


def test_written_consent_lifts_the_opt_out_that_this_message_made(thread: Thread, agent: User) -> None:
    message = say(thread, "take us off your list")
    done = corrections.correct(message, "other", agent, consent=CONSENT)
    assert not done.still_opted_out
    row = OptOut.objects.get()
    assert row.lifted_at is not None
    assert row.lifted_evidence == CONSENT
    thread.refresh_from_db()
    assert (thread.state, thread.closed_reason) == ("open", "")


@pytest.mark.parametrize("body", ["STOP", "cancel", " Quit! "])
def test_what_the_carrier_blocks_only_start_ends(thread: Thread, agent: User, body: str) -> None:
    message = say(thread, body)
    with pytest.raises(corrections.CorrectionRefused, match="START"):
        corrections.correct(message, "other", agent, consent=CONSENT)
    assert in_force(thread)
    assert Reading.objects.get(message=message).label == "optout"
    assert not ReadingCorrection.objects.exists()


def test_consent_lifts_no_other_messages_opt_out(thread: Thread, agent: User) -> None:
    say(thread, "take us off your list", "SM1")
    later = say(thread, "no more texts please", "SM2")
    with pytest.raises(corrections.CorrectionRefused, match="not made by this message"):
        corrections.correct(later, "other", agent, consent=CONSENT)
    assert in_force(thread)


def test_the_same_label_changes_nothing(thread: Thread, agent: User) -> None:
    message = Message.objects.get(kind="inbound")
    assert corrections.correct(message, "question", agent).correction is None
    assert not ReadingCorrection.objects.exists()


def test_who_may_not_correct_and_what_cannot_be(thread: Thread, agent: User) -> None:
    message = Message.objects.get(kind="inbound")
    stranger = factories.make_user(factories.make_account(), "agent")
    with pytest.raises(corrections.CorrectionRefused, match="your account"):
        corrections.correct(message, "optout", stranger)
    with pytest.raises(corrections.CorrectionRefused, match="is no reading"):
        corrections.correct(message, "nonsense", agent)
    assert not OptOut.objects.exists()


def appointment(
    thread: Thread, starts_at: datetime, status: str = "Scheduled", job: str = "Scheduled"
) -> None:
    customer = thread.contact.servicetitan_customer_id
    Job.objects.create(
        account=thread.account, servicetitan_id=7, servicetitan_customer_id=customer, status=job
    )
    Appointment.objects.create(
        account=thread.account, servicetitan_id=8, servicetitan_job_id=7, status=status,
        starts_at=starts_at, ends_at=starts_at + timedelta(hours=2),
    )  # fmt: skip


@pytest.mark.parametrize("body", ["CANCEL", "cancle", "please cancel these texts"])
def test_cancel_with_a_visit_ahead_is_an_opt_out_that_a_person_sees(thread: Thread, body: str) -> None:
    zone = ZoneInfo(thread.account.timezone)
    day = (clock.now() + timedelta(days=12)).astimezone(zone).replace(hour=9)
    appointment(thread, day)
    say(thread, body)
    assert in_force(thread)
    thread.refresh_from_db()
    assert (thread.state, thread.needs_reply) == ("closed", True)
    assert thread.escalated_reason == f"May want to cancel the job of {day.month}/{day.day}"


@pytest.mark.parametrize(
    ("body", "days", "status", "job"),
    [
        ("CANCEL", -2, "Scheduled", "Scheduled"),
        ("CANCEL", 3, "Canceled", "Scheduled"),
        ("CANCEL", 3, "Scheduled", "Canceled"),
        ("STOP", 3, "Scheduled", "Scheduled"),
    ],
)
def test_no_visit_ahead_or_no_cancel_flags_nothing(
    thread: Thread, body: str, days: int, status: str, job: str
) -> None:
    appointment(thread, clock.now() + timedelta(days=days), status, job)
    say(thread, body)
    assert in_force(thread)
    thread.refresh_from_db()
    assert (thread.escalated_reason, thread.needs_reply) == ("", False)


@pytest.mark.parametrize(("body", "asked"), [("Cancel", True), ("cancelar", True), ("STOP", False)])
def test_what_speaks_of_cancelling(body: str, asked: bool) -> None:
    assert cancellations.asked(body) is asked


@pytest.mark.parametrize(
    ("body", "label", "needs_reply"),
    [
        ("Thank you!", "other", False),
        ("gracias, igualmente", "other", False),
        ("Liked “See you Tuesday. Reply STOP to opt out”", "other", False),
        ("no thanks", "other", True),
        ("Your tech never showed up", "complaint", True),
        ("Wrong number", "wrong_number", True),
    ],
)
def test_courtesies_ask_nobody_for_anything(thread: Thread, body: str, label: str, needs_reply: bool) -> None:
    Thread.objects.update(needs_reply=False)
    message = say(thread, body)
    assert message.reading.label == label
    thread.refresh_from_db()
    assert thread.needs_reply is needs_reply


def test_corrections_are_exported_as_classify_reads_them(
    thread: Thread, agent: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['"Never\tmind"', "thanks\nagain", "What does it cost?"]
    messages = [say(thread, body, f"SM{index}") for index, body in enumerate(words)]
    for message in messages[:2]:
        corrections.correct(message, "complaint", agent)
    corrections.correct(messages[0], "wrong_number", agent)
    stranger = factories.make_account("Elsewhere")
    foreign = Message.objects.get(contact=factories.make_thread(stranger).contact)
    corrections.correct(foreign, "other", factories.make_user(stranger))
    call_command("export_corrections")
    assert len(capsys.readouterr().out.splitlines()) == 4
    call_command("export_corrections", account=thread.account.slug)
    exported = tmp_path / "corrections.tsv"
    exported.write_text(capsys.readouterr().out, "utf-8")
    found = {(reply.text, reply.label) for reply in load(exported)}
    assert found == {('"Never mind"', "wrong_number"), ("thanks again", "complaint")}
    with pytest.raises(CommandError, match="no account"):
        call_command("export_corrections", account="nobody")
