"""Messages before their attempts, enrollments before threads, whoever comes: two orders would deadlock."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from campaigns import engine, enrolling, launching
from common import clock
from conversations import handoffs, inbound, recorder
from conversations.delivery import CallResult
from conversations.models import Attempt, Lane, Message, Thread
from integrations.messaging import DeliveryState, InboundText, ProviderError, Receipt
from tests import factories

ACCEPTED = Receipt(provider_id="SM1", status="queued", state=DeliveryState.ACCEPTED, segments=1)
REFUSED = ProviderError("refused", code="21211", permanent=True, accepted="no")
LOST = ProviderError("no answer", code="timeout", permanent=False, accepted="unknown")


def calling_message() -> tuple[Message, uuid.UUID]:
    account = factories.make_account()
    contact = factories.make_contact(account)
    message = Message.objects.create(
        account=account,
        contact=contact,
        address=factories.phone_of(contact),
        number=factories.make_number(account),
        lane=Lane.objects.create(account=account, kind=Lane.Kind.CAMPAIGN, name="Lane"),
        kind=Message.Kind.CAMPAIGN,
        body="Hello",
        state=Message.State.CALLING,
    )
    attempt = Attempt.objects.create(
        id=uuid.uuid4(), message=message, state="calling", started_at=clock.now()
    )
    return message, attempt.pk


def launched(account):
    """A campaign to everybody the account has, each with a queued text."""
    draft = launching.Draft(
        name="Launch", version=factories.make_workflow(account), audience=factories.make_audience(account),
        number=factories.make_number(account),
    )  # fmt: skip
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(campaign, now=clock.now())
    engine.run_round(now=clock.now())
    return campaign


def wait_until_somebody_waits_for_us(cursor):
    waits = "SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    for _ in range(3000):
        cursor.execute("SELECT pg_sleep(0.01)")
        cursor.execute(waits)
        if cursor.fetchone():
            return
    pytest.fail("nobody ever waited")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("result", [ACCEPTED, REFUSED, LOST], ids=["accepted", "refused", "unknown"])
def test_a_sender_that_waits_for_a_message_holds_no_attempt(result):
    message, attempt_id = calling_message()

    def record():
        try:
            recorder.record([CallResult(message.pk, attempt_id, result)])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            # The drain: it has the message, and goes on to the attempt.
            cursor.execute(
                "SELECT 1 FROM conversations_message WHERE id = %s FOR NO KEY UPDATE", [message.pk]
            )
            recorded = pool.submit(record)
            wait_until_somebody_waits_for_us(cursor)
            cursor.execute(
                "SELECT 1 FROM conversations_attempt WHERE id = %s FOR UPDATE NOWAIT", [attempt_id]
            )
        recorded.result(60)
    assert Attempt.objects.get(pk=attempt_id).state != "calling"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("body", ["STOP", "Yes please"])
def test_a_reply_that_waits_for_an_enrollment_holds_no_thread(noon, body):
    """A workflow that hands somebody over has the enrollment, and then wants the thread."""
    account = factories.make_account()
    contact = factories.make_contact(account, phone=factories.reserved(0))
    campaign = launched(account)
    text = Message.objects.get()
    Message.objects.update(state="accepted", body="A visit?", accepted_at=clock.now(), due_at=None)
    Thread.objects.create(account=account, contact=contact, address=text.address, number=campaign.number)
    reply = InboundText(provider_id="SM1", to=campaign.number.e164, from_=text.address.value, body=body)

    def receive():
        try:
            return inbound.receive(reply, account=account, now=clock.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM campaigns_enrollment FOR NO KEY UPDATE")
            received = pool.submit(receive)
            wait_until_somebody_waits_for_us(cursor)
            cursor.execute("SELECT 1 FROM conversations_thread FOR NO KEY UPDATE NOWAIT")
            someone = handoffs.Handoff(account.pk, campaign.number_id, contact.pk, text.address_id)
            handoffs.hand_over([someone], reason="Wants a quote", now=clock.now())
        assert received.result(60)
    thread = Thread.objects.get()
    assert thread.state == ("closed" if body == "STOP" else "open")


@pytest.mark.django_db(transaction=True)
def test_a_thread_opened_while_a_stop_is_recorded_is_closed_by_it(noon):
    account = factories.make_account()
    contact = factories.make_contact(account, phone=factories.reserved(0))
    campaign = launched(account)
    address = factories.phone_of(contact)
    stop = InboundText(provider_id="SM1", to=campaign.number.e164, from_=address.value, body="STOP")
    other = factories.make_contact(account, phone=factories.reserved(0), kind="commercial")

    def receive():
        try:
            return inbound.receive(stop, account=account, now=clock.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM campaigns_enrollment FOR NO KEY UPDATE")
            received = pool.submit(receive)
            wait_until_somebody_waits_for_us(cursor)
            someone = handoffs.Handoff(account.pk, campaign.number_id, other.pk, address.pk)
            handoffs.hand_over([someone], reason="Wants a quote", now=clock.now())
        assert received.result(60)
    assert set(Thread.objects.values_list("contact", "state")) == {
        (contact.pk, "closed"),
        (other.pk, "closed"),
    }
