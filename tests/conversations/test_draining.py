"""One status callback that makes no sense is closed, and those beside it are applied."""

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from accounts.models import Account
from audiences.models import OptOut
from common import clock, loops
from conversations import delivery, draining, remedies, tasks
from conversations.delivery import CallResult
from conversations.models import Attempt, Message
from integrations import inbox
from integrations.messaging import DeliveryState, Receipt
from integrations.models import ProviderEvent, SendingNumber
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def account() -> Account:
    return factories.make_account()


def calling(account: Account, index: int = 0, body: str | None = "Hello") -> tuple[Message, uuid.UUID]:
    """A text being handed over, and its attempt."""
    contact = factories.make_contact(account, f"+1312555{100 + index:04}")
    number = SendingNumber.objects.filter(account=account).first() or factories.make_number(account)
    message = Message.objects.create(
        account=account, contact=contact, address=factories.phone_of(contact), number=number,
        kind=Message.Kind.CAMPAIGN, body=body, state="calling" if body else "queued",
        due_at=None if body else clock.now(),
    )  # fmt: skip
    return message, Attempt.objects.create(message=message).pk


def report(account: Account, attempt: object, sid: str, status: str = "delivered", **fields: str) -> int:
    """Store one callback as its webhook does; the event's id."""
    payload = {"MessageSid": sid, "MessageStatus": status, "attempt": str(attempt), **fields}
    with transaction.atomic():
        found = inbox.record(
            inbox.IncomingEvent(
                provider="twilio", event_id=uuid.uuid4().hex, kind=ProviderEvent.Kind.MESSAGE_STATUS,
                payload={name: value for name, value in payload.items() if value}, account_id=account.pk,
            )
        )  # fmt: skip
    assert found is not None
    return found


def state_of(message: Message) -> tuple[str, str | None]:
    message.refresh_from_db()
    return message.state, message.provider_id


def outcome_of(event_id: int) -> str:
    event = ProviderEvent.objects.get(pk=event_id)
    assert event.applied_at is not None
    return event.outcome


def test_an_id_that_another_message_has_is_not_given_twice(account: Account) -> None:
    (first, _), (second, attempt), (third, last) = (calling(account, index) for index in range(3))
    Message.objects.filter(pk=first.pk).update(state="accepted", provider_id="SM1")
    report(account, attempt, "SM1")
    report(account, last, "SM3")
    assert draining.drain() == 2
    assert state_of(first) == ("accepted", "SM1")
    assert state_of(second) == ("calling", None)
    assert state_of(third) == ("delivered", "SM3")


def test_an_id_that_two_messages_claim_at_once_is_the_first_ones(account: Account) -> None:
    (first, attempt), (second, other) = calling(account, 0), calling(account, 1)
    report(account, other, "SM1")
    report(account, attempt, "SM1")
    assert draining.drain() == 2
    assert [state_of(first), state_of(second)] == [("delivered", "SM1"), ("calling", None)]


def test_a_receipt_with_an_id_that_another_has_breaks_no_batch(account: Account) -> None:
    (first, _), (second, attempt), (third, last) = (calling(account, index) for index in range(3))
    Message.objects.filter(pk=first.pk).update(state="sent", provider_id="SM1")
    receipts = [Receipt(sid, "queued", DeliveryState.ACCEPTED, 1) for sid in ("SM1", "SM3")]
    with transaction.atomic():
        delivery.record(
            [CallResult(second.pk, attempt, receipts[0]), CallResult(third.pk, last, receipts[1])], now=NOON
        )
    assert state_of(second)[1] is None
    assert state_of(third) == ("accepted", "SM3")


def test_receipts_with_one_id_for_two_texts_name_the_first(account: Account) -> None:
    (first, one), (second, two), (third, three) = (calling(account, index) for index in range(3))
    same, own = (Receipt(sid, "queued", DeliveryState.ACCEPTED, 1) for sid in ("SM1", "SM3"))
    with transaction.atomic():
        delivery.record(
            [
                CallResult(second.pk, two, same),
                CallResult(first.pk, one, same),
                CallResult(third.pk, three, own),
            ],
            now=NOON,
        )
    assert [state_of(each) for each in (first, second, third)] == [
        ("accepted", "SM1"), ("calling", None), ("accepted", "SM3"),
    ]  # fmt: skip


def test_a_receipt_after_its_own_callback_takes_nothing_back(account: Account) -> None:
    (known, attempt), (other, its) = calling(account), calling(account, 1)
    report(account, attempt, "SM1")
    draining.drain()
    receipts = [Receipt(sid, "queued", DeliveryState.ACCEPTED, 3) for sid in ("SM1", "SM2")]
    with transaction.atomic():
        delivery.record(
            [CallResult(known.pk, attempt, receipts[0]), CallResult(other.pk, its, receipts[1])], now=NOON
        )
    assert [state_of(known), state_of(other)] == [("delivered", "SM1"), ("accepted", "SM2")]
    assert set(Attempt.objects.values_list("state", flat=True)) == {"accepted"}
    assert (known.accepted_at, other.accepted_at, other.segments) == (NOON, NOON, 3)


@pytest.mark.parametrize(
    ("sid", "attempt"), [("", None), ("S" * 65, None), ("SM2", "no uuid"), ("SM2", "")], ids=str
)
def test_a_callback_that_cannot_be_read_is_closed(account: Account, sid: str, attempt: str | None) -> None:
    (message, its), (other, good) = calling(account, 0), calling(account, 1)
    bad = report(account, its if attempt is None else attempt, sid)
    report(account, good, "SM1")
    assert draining.drain() == 2
    assert outcome_of(bad).startswith("unreadable: ")
    assert state_of(message) == ("calling", None)
    assert state_of(other) == ("delivered", "SM1")
    assert draining.drain() == 0


def test_a_code_of_any_length_is_kept_as_far_as_it_fits(account: Account) -> None:
    message, attempt = calling(account)
    report(account, attempt, "SM1", "undelivered", ErrorCode="9" * 60)
    draining.drain()
    assert state_of(message) == ("failed", "SM1")
    assert message.code == "9" * 40


def test_a_callback_that_the_database_refuses_is_closed_alone(account: Account) -> None:
    """It is news of a text that has no words yet, which no state but the queue allows."""
    (first, one), (broken, two), (last, three) = (
        calling(account, 0),
        calling(account, 1, None),
        calling(account, 2),
    )
    events = [report(account, attempt, f"SM{n}") for n, attempt in enumerate((one, two, three))]
    assert draining.drain() == 3
    assert [state_of(m)[0] for m in (first, broken, last)] == ["delivered", "queued", "delivered"]
    outcomes = [outcome_of(event) for event in events]
    assert outcomes[0] == outcomes[2] == "applied"
    assert outcomes[1].startswith("unreadable: ")
    assert "message_body_before_call" in outcomes[1]


def test_news_signed_by_another_account_is_not_believed(account: Account) -> None:
    message, attempt = calling(account)
    event = report(factories.make_account(), attempt, "SM1")
    draining.drain()
    assert state_of(message) == ("calling", None)
    assert outcome_of(event) == "no such attempt"


def test_the_drain_ends_in_time_and_when_asked(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "BATCH", 1)
    for index in range(4):
        report(account, calling(account, index)[1], f"SM{index}")
    began = time.monotonic()
    assert draining.drain(0.000001) == 1
    assert time.monotonic() - began < 30
    monkeypatch.setattr(loops, "_stopping", True)
    assert draining.drain() == 0
    monkeypatch.setattr(loops, "_stopping", False)
    assert draining.drain() == 3


def test_refusals_whose_remedy_was_lost_are_made_good_by_the_sweep(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_made_good_at", None)  # a process that has just begun
    (blocked, _), (dead, _), (healed, _), (old, _) = (calling(account, index) for index in range(4))
    for message, code, at in [
        (blocked, "21610", NOON),
        (dead, "30006", NOON),
        (healed, "21610", NOON),
        (old, "21610", NOON - timedelta(days=8)),
    ]:
        Message.objects.filter(pk=message.pk).update(state="rejected", code=code, state_at=at)
    # Somebody who opted out and came back after that refusal.
    since = {"at": NOON, "lifted_at": NOON + timedelta(minutes=1)}
    OptOut.objects.create(
        account=account, address=healed.address, channel="phone", source="provider", **since
    )
    tasks.sweep()
    wish = OptOut.objects.get(lifted_at=None)
    assert (wish.address, wish.source, wish.detector) == (blocked.address, "provider", "provider/21610")
    dead.address.refresh_from_db()
    assert dead.address.unreachable_since == NOON
    assert remedies.make_good(now=NOON) == 0
