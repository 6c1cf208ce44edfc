"""Messages are locked before their attempts, whoever comes: two orders would deadlock."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from common import clock
from conversations import sender
from conversations.delivery import CallResult
from conversations.models import Attempt, Lane, Message
from integrations.messaging import DeliveryState, ProviderError, Receipt
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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("result", [ACCEPTED, REFUSED, LOST], ids=["accepted", "refused", "unknown"])
def test_a_sender_that_waits_for_a_message_holds_no_attempt(result):
    message, attempt_id = calling_message()

    def record():
        try:
            sender.record([CallResult(message.pk, attempt_id, result)])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic(), connection.cursor() as cursor:
            # The drain: it has the message, and goes on to the attempt.
            cursor.execute(
                "SELECT 1 FROM conversations_message WHERE id = %s FOR NO KEY UPDATE", [message.pk]
            )
            recorded = pool.submit(record)
            waits = "SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            for _ in range(500):
                cursor.execute("SELECT pg_sleep(0.01)")
                cursor.execute(waits)
                if cursor.fetchone():
                    break
            else:
                pytest.fail("the sender never waited")
            cursor.execute(
                "SELECT 1 FROM conversations_attempt WHERE id = %s FOR UPDATE NOWAIT", [attempt_id]
            )
        recorded.result(10)
    assert Attempt.objects.get(pk=attempt_id).state != "calling"
