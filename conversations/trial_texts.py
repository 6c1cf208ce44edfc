"""Texts to one's own phone, to see that a number works or how a workflow reads: through the same lanes and
the same gate."""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import Account, User
from audiences import suppression
from audiences.models import Address, ContactAddress
from common.doorbell import ring
from common.phone import display_phone
from common.segments import count_segments
from conversations import inbound
from conversations.models import Lane, Message
from integrations.models import SendingNumber

MAY_WAIT = timedelta(minutes=30)  # nobody waits longer beside a phone
PER_HOUR = 20
"""Tests of a workflow's words that one person may text themselves within an hour."""
MARK = "Test: "
BODY = "This is a test from {company}: texts from this number reach your phone. Reply STOP to opt out."


def words_of(account: Account) -> str:
    """What a test says."""
    return BODY.format(company=account.name)


class TrialRefused(Exception):
    """No test was sent; the words say why."""


def lane_of(account: Account) -> Lane:
    """The account's lane for tests, never held by a campaign's pause."""
    return Lane.objects.get_or_create(
        account=account, kind=Lane.Kind.TESTS, defaults={"name": "Tests", "priority": 0}
    )[0]


def latest(account: Account) -> Message | None:
    """The account's latest test."""
    return _sent(account).select_related("address", "number", "by").order_by("-pk").first()


def phone_of(account: Account, by: User) -> str:
    """The phone to which this person sent a test last, as people write it; "" where they never did."""
    mine = _sent(account).filter(by=by, mailbox=None).select_related("address").order_by("-pk").first()
    return display_phone(mine.address.value) if mine else ""


def arrived(account: Account) -> bool:
    """Whether a test has ever been delivered."""
    return _sent(account).filter(state=Message.State.DELIVERED).exists()


def _sent(account: Account) -> QuerySet[Message]:
    """Tests of the account, found among the few messages that no campaign sent."""
    # The lanes by name: of a subquery the planner does not know how few they are, and reads every message.
    lanes = Lane.objects.filter(account=account, kind=Lane.Kind.TESTS)
    mine = Message.objects.filter(lane__in=list(lanes.values_list("pk", flat=True)))
    return mine.exclude(kind=Message.Kind.CAMPAIGN)


@transaction.atomic
def send(
    account: Account, *, number: SendingNumber, phone: str, by: User, token: uuid.UUID, now: datetime
) -> Message:
    """Queue a test from `number` to `phone` (E.164). The same token twice is one. Raises TrialRefused."""
    found, made = _queued(account, number, phone, words_of(account), by, f"test:{token}", now)
    if made:
        audit.record(
            account=account, by=by, verb="sent_test_text", on=found,
            summary=f"Sent a test text from {display_phone(number.e164)} to {display_phone(phone)}",
        )  # fmt: skip
    return found


@transaction.atomic
def send_words(
    account: Account,
    words: str,
    *,
    number: SendingNumber,
    phone: str,
    by: User,
    token: uuid.UUID,
    now: datetime,
) -> Message:
    """As `send`, a workflow's words to the phone of whoever wrote them, marked as a test.

    Never to a customer's phone, whoever asks: a test is not how they are written to. Raises TrialRefused.
    """
    theirs = ContactAddress.objects.filter(
        address__account=account, address__channel=Address.Channel.PHONE, address__value=phone,
        wrong_number_at=None,
    )  # fmt: skip
    # Who is known by no number of the source is whoever had a test before.
    if theirs.exclude(contact__servicetitan_customer_id=0).exists():
        raise TrialRefused(
            f"No test was sent: {display_phone(phone)} is a customer’s phone. Use the phone in your hand."
        )
    found, made = _queued(
        account, number, phone, f"{MARK}{words}", by, f"test:{token}", now, most_per_hour=PER_HOUR
    )
    if made:
        audit.record(
            account=account, by=by, verb="sent_test_text", on=found, detail={"words": words},
            summary=f"Sent a workflow’s text as a test from {display_phone(number.e164)} to "
            f"{display_phone(phone)}",
        )  # fmt: skip
    return found


def _queued(
    account: Account, number: SendingNumber, phone: str, body: str, by: User, origin: str, now: datetime,
    *, most_per_hour: int | None = None,
) -> tuple[Message, bool]:  # fmt: skip
    """The test of this origin, and whether it is a new one: of those, so many in an hour. Raises
    TrialRefused."""
    from conversations import tasks  # tasks import the sender, and with it most of this package

    if number.account_id != account.pk or not number.active:
        raise TrialRefused("No test was sent: this number is paused. Activate it, or choose another.")
    address, _ = Address.objects.get_or_create(account=account, channel=Address.Channel.PHONE, value=phone)
    suppression.lock_addresses([address.pk])  # a second click waits here, then finds the first
    known = Message.objects.filter(origin=origin, account=account).first()
    if known:
        return known, False
    if suppression.in_force([address.pk]):
        raise TrialRefused(
            f"No test was sent: {display_phone(phone)} has opted out. Text START from it to the number, or "
            "use another phone."
        )
    mine = Message.objects.filter(lane=lane_of(account), by=by, mailbox=None)
    lately = mine.filter(created_at__gt=now - timedelta(hours=1))
    if most_per_hour is not None and lately.count() >= most_per_hour:
        raise TrialRefused(
            f"No test was sent: you have had {most_per_hour} within the hour. Try again a little later."
        )
    message = Message.objects.create(
        account=account, lane=lane_of(account), contact=inbound.whose(address), address=address,
        number=number, kind=Message.Kind.AGENT, origin=origin, body=body, segments=count_segments(body).count,
        state=Message.State.QUEUED, state_at=now, created_at=now, due_at=now, send_by=now + MAY_WAIT, by=by,
    )  # fmt: skip
    ring(tasks.send)
    return message, True
