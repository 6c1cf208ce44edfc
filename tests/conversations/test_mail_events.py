"""SendGrid's news of emails: whose it is, what it makes of them, what it asks of us."""

import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from audiences.models import Address, OptOut
from common import clock
from conversations import mail_events, mail_webhooks
from conversations.models import Attempt, Message
from integrations import inbox
from integrations.models import ProviderEvent
from integrations.sendgrid import signatures
from tests import factories
from tests.conversations.mail_news import PATH, Signer, bounced, connect, emails, news

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def account() -> Account:
    return factories.make_account()


@pytest.fixture
def signer(account: Account) -> Signer:
    made = Signer()
    connect(account, made)
    return made


def told(client: Client, signer: Signer, *events: dict[str, Any]) -> None:
    assert signer.post(client, list(events)) == 204
    mail_events.drain()


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return "spam" if message.spam_reported_at else message.state


# --- the door ---------------------------------------------------------------------------------------


def test_a_batch_is_stored_once_however_often_it_comes(
    client: Client, account: Account, signer: Signer
) -> None:
    first, second = emails(account, 2)
    batch = [news(first, "delivered"), news(second, "processed"), news(second, "open", category="a")]
    batch.append(batch[0])
    assert [signer.post(client, batch) for _ in range(3)] == [204] * 3
    assert ProviderEvent.objects.count() == 3
    assert set(ProviderEvent.objects.values_list("account_id", "kind")) == {(account.pk, "mail_event")}
    assert mail_events.drain() == 3 and mail_events.drain() == 0
    assert [state_of(first), state_of(second)] == ["delivered", "sent"]


def test_a_batch_of_last_month_is_known_in_this_one(
    client: Client, account: Account, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (message,) = emails(account, 1)
    event = news(message, "delivered")
    late = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
    for now in (late, late + timedelta(hours=2)):
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        assert signer.post(client, [event]) == 204
    assert ProviderEvent.objects.count() == 1


@pytest.mark.parametrize("how", ["none", "other", "changed", "old", "ahead", "words", "no stamp"])
def test_whoever_does_not_sign_gets_nowhere(
    client: Client, account: Account, signer: Signer, how: str
) -> None:
    (message,) = emails(account, 1)
    body = b"[" + json.dumps(news(message, "delivered")).encode() + b"]\r\n"
    at = int(NOON.timestamp())
    headers = {
        "none": {},
        "other": Signer().headers(body),
        "changed": signer.headers(body.strip()),
        "old": signer.headers(body, at=at - 4 * 86400),
        "ahead": signer.headers(body, at=at + 2 * 86400),
        "words": {signatures.SIGNATURE: "ünsigned", signatures.TIMESTAMP: str(at)},
        "no stamp": {**signer.headers(body), signatures.TIMESTAMP: ""},
    }[how]
    assert client.post(PATH, body, content_type="application/json", headers=headers).status_code == 403
    assert not ProviderEvent.objects.exists()


def test_without_a_key_nobody_is_believed(client: Client, account: Account) -> None:
    factories.make_mailbox(account)
    signatures.forget()
    assert Signer().post(client, []) == 403


def test_a_repetition_of_yesterday_is_taken(client: Client, account: Account, signer: Signer) -> None:
    (message,) = emails(account, 1)
    assert signer.post(client, [news(message, "delivered")], at=int(NOON.timestamp()) - 86400) == 204


@pytest.mark.parametrize("key", ["", "none", "-----BEGIN PUBLIC KEY-----", "AAAA", "ü"])
def test_what_is_no_key_verifies_nothing(key: str) -> None:
    signer = Signer()
    headers = signer.headers(b"[]")
    given = headers[signatures.SIGNATURE], headers[signatures.TIMESTAMP]
    assert not signatures.verify(b"[]", *given, key)
    pem = f"-----BEGIN PUBLIC KEY-----\n{signer.public}\n-----END PUBLIC KEY-----\n"
    assert signatures.verify(b"[]", *given, pem) and signatures.verify(b"[]", *given, signer.public)


def test_an_account_speaks_of_its_own_emails_alone(client: Client, account: Account, signer: Signer) -> None:
    (mine,) = emails(account, 1)
    stranger = factories.make_account()
    theirs = Signer()
    connect(stranger, theirs)
    told(client, theirs, bounced(mine), news(mine, "spamreport"), bounced(mine, attempt=None))
    assert state_of(mine) == "accepted"
    assert not OptOut.objects.exists()
    assert not Address.objects.filter(account=account, unreachable_since__isnull=False).exists()
    assert set(ProviderEvent.objects.values_list("account_id", flat=True)) == {stranger.pk}


def test_accounts_that_share_one_sendgrid_each_hear_of_their_own(
    client: Client, account: Account, signer: Signer
) -> None:
    other = factories.make_account()
    connect(other, signer)
    (mine,), (theirs,) = emails(account, 1), emails(other, 1, request="other")
    told(client, signer, news(mine, "delivered"), bounced(theirs), bounced(mine, attempt=None))
    assert [state_of(mine), state_of(theirs)] == ["bounced", "bounced"]
    told(client, signer, news(theirs, "spamreport"))
    assert set(OptOut.objects.values_list("account_id", flat=True)) == {other.pk}


@pytest.mark.parametrize("body", [b"{", b'"delivered"', b"[1]", b"[" * 100_000, b"\xff\xfe"])
def test_a_signed_batch_that_makes_no_sense_is_kept_and_closed(
    client: Client, signer: Signer, body: bytes
) -> None:
    assert signer.post(client, body) == 204
    assert mail_events.drain() == 1
    assert ProviderEvent.objects.get().applied_at is not None


def test_an_event_that_the_database_cannot_take_keeps_none_out(
    client: Client, account: Account, signer: Signer
) -> None:
    (message,) = emails(account, 1)
    bad = news(message, "delivered", reason="\ud800", response="a\0b")
    told(client, signer, bad, news(message, "processed"), {"event": 7, "email": None, "timestamp": "soon"})
    assert state_of(message) == "sent"
    assert ProviderEvent.objects.filter(applied_at=None).count() == 0
    assert ProviderEvent.objects.count() == 3


def test_without_a_database_it_comes_again(
    client: Client, account: Account, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (message,) = emails(account, 1)

    def away(*_: object) -> None:
        raise inbox.InboxUnavailable

    monkeypatch.setattr(mail_webhooks.inbox, "store_all", away)
    assert signer.post(client, [news(message, "delivered")]) == 503


# --- what it means ----------------------------------------------------------------------------------

CASES: list[tuple[dict[str, Any], str, str, str]] = [
    # event, state, suppressed how, code
    ({"event": "processed"}, "sent", "", ""),
    ({"event": "deferred", "response": "451 later", "attempt": "1"}, "sent", "", ""),
    ({"event": "delivered", "response": "250 OK", "tls": 1}, "delivered", "", ""),
    ({"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550"}, "bounced", "dead", "bounce"),
    ({"event": "bounce", "type": "blocked", "status": "5.7.1", "reason": "spam"}, "blocked", "", "blocked"),
    ({"event": "bounce", "type": "blocked", "reason": "no mx"}, "blocked", "", "blocked"),
    ({"event": "bounce", "reason": "nobody says why"}, "blocked", "", "blocked"),
    ({"event": "bounce", "status": "5.1.1"}, "bounced", "dead", "bounce"),
    ({"event": "dropped", "reason": "Bounced Address"}, "failed", "dead", "dropped_bounced"),
    ({"event": "dropped", "reason": "Invalid"}, "failed", "dead", "dropped_invalid"),
    ({"event": "dropped", "reason": "Invalid SMTPAPI header"}, "rejected", "", "dropped"),
    ({"event": "dropped", "reason": "Unsubscribed Address"}, "rejected", "wish", "dropped_unsubscribed"),
    ({"event": "dropped", "reason": "Spam Reporting Address"}, "rejected", "wish", "dropped_spam_reporter"),
    (
        {"event": "dropped", "reason": "Spam Content (if Spam Checker app enabled)"},
        "rejected",
        "",
        "dropped_spam_content",
    ),
    ({"event": "dropped", "reason": "Recipient List over Package Quota"}, "rejected", "", "dropped"),
    ({"event": "dropped"}, "rejected", "", "dropped"),
    ({"event": "spamreport"}, "spam", "wish", "spamreport"),
    ({"event": "unsubscribe"}, "accepted", "wish", ""),
    ({"event": "group_unsubscribe", "asm_group_id": 7}, "accepted", "wish", ""),
    ({"event": "group_resubscribe", "asm_group_id": 7}, "accepted", "", ""),
    ({"event": "open", "sg_machine_open": True}, "accepted", "", ""),
    ({"event": "click", "url": "https://example.com"}, "accepted", "", ""),
    ({"event": "telepathy"}, "accepted", "", ""),
    ({"event": "delivered", "category": ["a", "b"]}, "delivered", "", ""),
]


def test_every_event_of_sendgrids_ends_in_its_status(
    client: Client, account: Account, signer: Signer
) -> None:
    messages = emails(account, len(CASES))
    told(
        client, signer,
        *[news(message, **case[0]) for message, case in zip(messages, CASES, strict=True)],
    )  # fmt: skip
    dead = set(Address.objects.filter(unreachable_since__isnull=False).values_list("pk", flat=True))
    wishes = set(OptOut.objects.values_list("address_id", flat=True))
    found = []
    for message, case in zip(messages, CASES, strict=True):
        how = "dead" if message.address_id in dead else "wish" if message.address_id in wishes else ""
        found.append((case[0], state_of(message), how, message.code))
        assert not (message.address_id in dead and message.address_id in wishes)
    assert found == CASES
    assert Message.objects.get(code="blocked", reason__contains="no mx").reason.startswith("The mail server")
    assert not ProviderEvent.objects.filter(applied_at=None).exists()


KINDS: dict[str, dict[str, Any]] = {
    "processed": {"event": "processed"},
    "deferred": {"event": "deferred", "response": "451"},
    "delivered": {"event": "delivered"},
    "blocked": {"event": "bounce", "type": "blocked"},
    "bounced": {"event": "bounce", "type": "bounce"},
    "spam": {"event": "spamreport"},
    "failed": {"event": "dropped", "reason": "Invalid"},
    "rejected": {"event": "dropped", "reason": "Spam Content"},
}
PRECEDENCE = ["processed", "deferred", "failed", "rejected", "delivered", "blocked", "bounced", "spam"]


def test_whatever_the_order_the_end_is_the_same(client: Client, account: Account, signer: Signer) -> None:
    """Every order of every three kinds of news, told one at a time; half of the emails had lost their
    answer."""
    orders = [
        order for chosen in itertools.combinations(KINDS, 3) for order in itertools.permutations(chosen)
    ]
    half = len(orders) // 2
    messages = emails(account, half) + emails(account, len(orders) - half, state="unknown")
    attempts = dict(Attempt.objects.values_list("message_id", "pk"))
    for place in range(3):
        batch = [
            {
                "email": message.address.value, "timestamp": int(NOON.timestamp()), "sg_message_id": "req.x",
                "sg_event_id": uuid.uuid4().hex, "attempt": str(attempts[message.pk]), **KINDS[order[place]],
            }
            for message, order in zip(messages, orders, strict=True)
        ]  # fmt: skip
        told(client, signer, *batch)
    for message, order in zip(messages, orders, strict=True):
        expected = max(order, key=PRECEDENCE.index).replace("processed", "sent").replace("deferred", "sent")
        assert (state_of(message), message.accepted_at is not None) == (expected, True), order
    assert Attempt.objects.exclude(state="accepted").count() == 0


def test_a_bounce_that_names_nothing_is_of_the_last_email_to_that_mailbox(
    client: Client, account: Account, signer: Signer
) -> None:
    first, second, foreign = emails(account, 3)
    Message.objects.filter(pk=second.pk).update(
        address=first.address, accepted_at=NOON - timedelta(hours=3), created_at=NOON - timedelta(hours=3)
    )
    bare = {"attempt": None, "sg_message_id": None}
    told(client, signer, bounced(first, **bare))
    assert [state_of(first), state_of(second)] == ["bounced", "accepted"]
    told(client, signer, bounced(first, **bare))
    assert [state_of(first), state_of(second)] == ["bounced", "bounced"]
    # A mail of another program at the same SendGrid: no email of ours, but the mailbox is as dead.
    told(client, signer, bounced(foreign, attempt=None, sg_message_id="elses.1"))
    assert state_of(foreign) == "accepted"
    foreign.address.refresh_from_db()
    assert foreign.address.unreachable_since is not None


def test_two_nameless_bounces_of_a_batch_find_two_emails(
    client: Client, account: Account, signer: Signer
) -> None:
    first, second = emails(account, 2)
    Message.objects.filter(pk=second.pk).update(address=first.address)
    bare = {"attempt": None, "sg_message_id": None}
    told(client, signer, bounced(first, **bare), bounced(first, **bare))
    assert [state_of(first), state_of(second)] == ["bounced", "bounced"]


def test_the_request_and_the_mailbox_tell_which_email_it_is(
    client: Client, account: Account, signer: Signer
) -> None:
    first, second = emails(account, 2)
    Message.objects.filter(pk=second.pk).update(address=first.address, provider_id="later.0")
    told(client, signer, bounced(first, attempt=None))
    assert [state_of(first), state_of(second)] == ["bounced", "accepted"]


def test_our_own_message_id_names_the_attempt(client: Client, account: Account, signer: Signer) -> None:
    (message,) = emails(account, 1)
    smtp_id = f"<{Attempt.objects.get().pk}@example.org>"
    told(client, signer, news(message, "delivered", attempt="3", sg_message_id="x.y", smtp_id=smtp_id))
    assert state_of(message) == "delivered"


def test_an_attempt_that_was_refused_owns_nothing(client: Client, account: Account, signer: Signer) -> None:
    (message,) = emails(account, 1)
    Attempt.objects.update(state="refused")
    told(client, signer, news(message, "delivered"))
    assert state_of(message) == "accepted"
    assert ProviderEvent.objects.get().outcome == "no such email"


# --- what it asks -----------------------------------------------------------------------------------


def test_a_bounce_is_no_opt_out_and_a_complaint_is(client: Client, account: Account, signer: Signer) -> None:
    dead, angry, waiting = emails(account, 3)
    Message.objects.filter(pk=waiting.pk).update(
        address=angry.address, state="queued", due_at=NOON, accepted_at=None, provider_id=None
    )
    told(client, signer, bounced(dead), news(angry, "delivered"), news(angry, "spamreport"))
    dead.address.refresh_from_db()
    assert dead.address.unreachable_since == NOON
    assert dead.address.unreachable_reason == "The mail server refused the mailbox (550 No such user)"
    wish = OptOut.objects.get()
    assert (wish.address, wish.contact, wish.channel) == (angry.address, angry.contact, "email")
    assert (wish.source, wish.detector) == ("provider", "sendgrid/spamreport")
    assert wish.evidence.startswith("Delivered, and reported as spam: SendGrid, 2026-11-23")
    assert [state_of(angry), state_of(waiting)] == ["spam", "cancelled"]
    assert angry.opted_out_at == NOON


def test_who_comes_back_to_a_group_is_reached_again_unless_they_complained(
    client: Client, account: Account, signer: Signer
) -> None:
    back, other, complained, wide = emails(account, 4)
    for message in (back, other, complained, wide):
        told(client, signer, news(message, "group_unsubscribe", asm_group_id=7))
    told(client, signer, news(complained, "spamreport"), news(wide, "unsubscribe"))
    assert OptOut.objects.filter(lifted_at=None).count() == 4
    for message in (back, complained, wide):
        told(client, signer, news(message, "group_resubscribe", asm_group_id=7))
    told(client, signer, news(other, "group_resubscribe", asm_group_id=8))
    left = set(OptOut.objects.filter(lifted_at=None).values_list("address_id", flat=True))
    assert left == {other.address_id, complained.address_id, wide.address_id}


def test_an_unsubscribe_of_an_email_nobody_knows_closes_its_mailbox(
    client: Client, account: Account, signer: Signer
) -> None:
    (message,) = emails(account, 1)
    shown = message.address.value.title()
    told(client, signer, news(message, "unsubscribe", attempt=None, sg_message_id="elses.1", email=shown))
    assert OptOut.objects.get().address == message.address
    told(client, signer, news(message, "unsubscribe", attempt=None, email="nobody@example.net"))
    assert OptOut.objects.count() == 1


def test_news_of_many_costs_as_few_statements_as_news_of_one(
    client: Client, account: Account, signer: Signer, django_assert_max_num_queries: Any
) -> None:
    messages = emails(account, 60)
    batch = [
        news(message, event, **fields)
        for message, (event, fields) in zip(
            messages,
            itertools.cycle(
                [
                    ("delivered", {}), ("bounce", {"type": "bounce"}), ("unsubscribe", {}),
                    ("spamreport", {}),
                    ("bounce", {"type": "bounce", "attempt": None, "sg_message_id": None}),
                ]
            ),
            strict=False,
        )
    ]  # fmt: skip
    assert signer.post(client, batch) == 204
    with django_assert_max_num_queries(45):
        assert mail_events.apply_batch() == 60
