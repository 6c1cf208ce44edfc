"""Signed texts and status callbacks, as Twilio posts them."""

import uuid
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import Client
from twilio.request_validator import RequestValidator

from accounts.models import Account
from audiences.models import Address, ContactAddress, OptOut
from common import clock
from conversations import draining
from conversations.models import Attempt, Message, Thread
from integrations.models import Connection, ProviderEvent, SendingNumber
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
TOKEN = "a-token"
CUSTOMER = "+13125550101"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


def number_of(account: Account, e164: str, token: str = TOKEN) -> SendingNumber:
    """A number of one Twilio account that several of ours share."""
    number = factories.make_number(account, e164)
    stored = number.connection
    stored.settings, stored.credentials = {"account_sid": "ACshared"}, {"auth_token": token}
    stored.save()
    return number


def post(client: Client, path: str, form: dict[str, str], token: str = TOKEN) -> int:
    form = {"AccountSid": "ACshared", "MessageSid": f"SM{uuid.uuid4().hex}", **form}
    signature = RequestValidator(token).compute_signature(f"{settings.PUBLIC_URL}{path}", form)
    return client.post(path, form, headers={"X-Twilio-Signature": signature}).status_code


def say(client: Client, to: SendingNumber, body: str, from_: str = CUSTOMER, token: str = TOKEN) -> int:
    return post(
        client, "/webhooks/twilio/messages/inbound", {"From": from_, "To": to.e164, "Body": body}, token
    )


def outcomes() -> list[str]:
    return list(ProviderEvent.objects.order_by("id").values_list("outcome", flat=True))


@pytest.fixture
def number() -> SendingNumber:
    return number_of(factories.make_account(), "+13125550190")


def test_the_number_decides_where_two_accounts_share_one_twilio(
    client: Client, number: SendingNumber
) -> None:
    other = number_of(factories.make_account(), "+13125550191")
    assert [say(client, to, "STOP") for to in (number, other)] == [200, 200]
    assert set(OptOut.objects.values_list("account_id", flat=True)) == {number.account_id, other.account_id}


def test_a_number_of_an_account_that_did_not_sign_is_not_written_to(
    client: Client, number: SendingNumber
) -> None:
    foreign = number_of(factories.make_account(), "+13125550191", token="another-token")
    assert say(client, foreign, "STOP") == 200
    assert outcomes() == ["no such number"]
    assert not OptOut.objects.exists()
    assert not Message.objects.exists()
    assert say(client, number, "STOP", token="nobodys") == 403


def test_a_secondary_token_signs_during_a_rotation(client: Client, number: SendingNumber) -> None:
    stored = Connection.objects.get()
    stored.credentials = {"auth_token": "the-new-one", "secondary_auth_token": TOKEN}
    stored.save()
    assert say(client, number, "STOP") == 200
    assert OptOut.objects.count() == 1


def test_status_news_finds_its_account_among_those_that_share_one_twilio(
    client: Client, number: SendingNumber
) -> None:
    texts = []
    for at in (number, number_of(factories.make_account(), "+13125550191")):
        contact = factories.make_contact(at.account)
        text = Message.objects.create(
            account=at.account, contact=contact, address=factories.phone_of(contact), number=at,
            kind=Message.Kind.CAMPAIGN, body="Hello", state="calling",
        )  # fmt: skip
        texts.append((text, Attempt.objects.create(message=text).pk))
    for _, attempt in texts:
        path = f"/webhooks/twilio/messages/status/{attempt}"
        assert post(client, path, {"MessageStatus": "delivered"}) == 204
    assert draining.drain() == 2
    for text, _ in texts:
        text.refresh_from_db()
        assert text.state == "delivered"


def test_a_status_of_any_length_is_stored(client: Client, number: SendingNumber) -> None:
    path = f"/webhooks/twilio/messages/status/{uuid.uuid4()}"
    assert post(client, path, {"MessageStatus": "failed", "ErrorCode": "9" * 500}) == 204
    assert ProviderEvent.objects.count() == 1


@pytest.mark.parametrize("sender", ["78787", "BANK", "", "+0123456789", "whatsapp:+13125550101"])
def test_a_text_from_no_phone_is_kept_and_answered(
    client: Client, number: SendingNumber, sender: str
) -> None:
    assert say(client, number, "Your code is 1234", from_=sender) == 200
    assert outcomes() == ["sender is not a phone number"]
    assert not Message.objects.exists()


def test_a_text_with_characters_the_database_lacks_is_read(client: Client, number: SendingNumber) -> None:
    assert say(client, number, "ST\0OP") == 200
    assert Message.objects.get().body == "STOP"
    assert OptOut.objects.get().evidence == "STOP"


@pytest.fixture
def customer(number: SendingNumber) -> list[Address]:
    """One customer's two phones and mailbox."""
    contact = factories.make_contact(number.account, CUSTOMER)
    found = [factories.phone_of(contact)]
    for position, (channel, value) in enumerate([("phone", "+13125550177"), ("email", "pat@example.com")], 1):
        address = Address.objects.create(account=number.account, channel=channel, value=value)
        ContactAddress.objects.create(contact=contact, address=address, position=position)
        found.append(address)
    return found


@pytest.mark.parametrize("body", ["Don't contact me", "don't ever contact me again"])
def test_who_wants_no_contact_gets_none_at_any_address(
    client: Client, number: SendingNumber, customer: list[Address], body: str
) -> None:
    neighbour = factories.make_contact(number.account, "+13125550178")
    other_thread = Thread.objects.create(
        account=number.account, contact=ContactAddress.objects.get(address=customer[1]).contact,
        address=customer[1], number=number,
    )  # fmt: skip
    assert say(client, number, body) == 200
    wishes = OptOut.objects.order_by("address_id")
    assert [wish.address for wish in wishes] == customer
    assert {(wish.source, wish.evidence) for wish in wishes} == {("text", body)}
    assert {wish.channel for wish in wishes} == {"phone", "email"}
    other_thread.refresh_from_db()
    assert (other_thread.state, other_thread.closed_reason) == ("closed", "opted_out")
    assert not OptOut.objects.filter(address=factories.phone_of(neighbour)).exists()


@pytest.mark.parametrize("body", ["STOP", "Stop texting me", "Don't contact me, email me"])
def test_who_wants_no_texts_keeps_what_they_did_not_speak_of(
    client: Client, number: SendingNumber, customer: list[Address], body: str
) -> None:
    assert say(client, number, body) == 200
    assert OptOut.objects.get().address == customer[0]


def test_a_stranger_who_wants_no_contact_is_heard(client: Client, number: SendingNumber) -> None:
    assert say(client, number, "Don't contact me") == 200
    assert OptOut.objects.get().address.value == CUSTOMER
