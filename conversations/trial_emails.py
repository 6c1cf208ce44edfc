"""One email to oneself, to see how it looks in one's own mail program: by the same queue and the same gate as
any other, in the lane of tests, so that no campaign counts it."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from audiences import suppression
from audiences.models import Address
from common.doorbell import ring
from conversations import inbound, trial_texts
from conversations.models import Message, MessageTemplate
from conversations.trial_texts import MAY_WAIT, TrialRefused
from integrations.models import SendingMailbox

PER_HOUR = 20
"""Tests that one person may send themselves within an hour."""


@transaction.atomic
def send(
    account: Account,
    template: MessageTemplate,
    variables: Mapping[str, Any],
    *,
    by: User,
    token: uuid.UUID,
    now: datetime,
    mailbox: SendingMailbox | None = None,
) -> Message:
    """Queue this email, filled with these values, to whoever asks: from this mailbox, without one from the
    account's. The same token twice is one. Raises TrialRefused.
    """
    from conversations import tasks  # tasks import the sender, and with it most of this package

    mailbox = mailbox or SendingMailbox.objects.of(account.pk)
    if mailbox is None:
        raise TrialRefused(
            "No test was sent: nothing is set up to send emails from. See Settings, Connections."
        )
    value = by.email.strip().lower()
    address, _ = Address.objects.get_or_create(account=account, channel=Address.Channel.EMAIL, value=value)
    suppression.lock_addresses([address.pk])  # a second click waits here, then finds the first
    origin = f"test:{token}"
    known = Message.objects.filter(origin=origin, account=account).first()
    if known:
        return known
    if suppression.in_force([address.pk]):
        raise TrialRefused(
            f"No test was sent: {value} has unsubscribed. Open the link in an email you got from here to "
            f"undo that."
        )
    lane = trial_texts.lane_of(account)
    mine = Message.objects.filter(lane=lane, by=by, mailbox__isnull=False)
    if mine.filter(created_at__gt=now - timedelta(hours=1)).count() >= PER_HOUR:
        raise TrialRefused(
            f"No test was sent: you have had {PER_HOUR} within the hour. Try again a little later."
        )
    message = Message.objects.create(
        account=account, lane=lane, contact=inbound.whose(address), address=address, mailbox=mailbox,
        provider="sendgrid", kind=Message.Kind.AGENT, origin=origin, template=template,
        variables=dict(variables), state=Message.State.QUEUED, state_at=now, created_at=now, due_at=now,
        send_by=now + MAY_WAIT, by=by,
    )  # fmt: skip
    audit.record(
        account=account, by=by, verb="sent_test_email", on=message,
        summary=f"Sent themselves the email “{template.subject}” as a test",
    )  # fmt: skip
    ring(tasks.send)
    return message
