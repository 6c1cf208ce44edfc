"""A test to oneself: by the real sender, to nobody else, and counted nowhere."""

import uuid

import pytest

from accounts.models import Role, User
from audiences import suppression
from audiences.models import OptOut
from common import clock
from conversations import outbound, sender, trial_emails
from conversations.emails import content
from conversations.emails.designs import DESIGNS, SAMPLE_VARIABLES
from conversations.models import Lane, Message, MessageTemplate
from conversations.trial_texts import TrialRefused
from integrations.models import SendingMailbox
from tests import factories
from tests.accounts.making import make_account, make_member, make_user
from tests.conversations.conftest import Company

WORDS = DESIGNS["tune_up"].english


def template(account) -> MessageTemplate:
    return outbound.template(account, WORDS.body, WORDS.subject, content.of(WORDS))


def sent(account, by: User, token: uuid.UUID | None = None) -> Message:
    return trial_emails.send(
        account, template(account), SAMPLE_VARIABLES, by=by, token=token or uuid.uuid4(), now=clock.now()
    )


@pytest.fixture
def marketer(db: None) -> User:
    account = make_account("Lakeside Heating")
    factories.make_mailbox(account)
    return make_member(account, Role.MARKETER, make_user("theo@lakeside.example"))


@pytest.fixture
def account(marketer: User):
    return marketer.memberships.get().account


def test_it_goes_through_the_sender_to_whoever_asked(company: Company) -> None:
    factories.make_mailbox(
        company.account, company.sandbox.base_url, company.sandbox.credentials["sendgrid_key"],
        postal_address="12 Elm Street",
    )  # fmt: skip
    by = make_member(company.account, Role.MARKETER, make_user("theo@lakeside.example"))
    message = sent(company.account, by)
    sender.run(10, concurrency=10, until_idle=True)
    message.refresh_from_db()
    assert message.state in ("accepted", "sent", "delivered")
    (entry,) = company.sandbox.ledger("mail")
    assert entry["to"] == ["theo@lakeside.example"]
    assert message.subject == "Maria, time for your furnace tune-up"
    assert "We test every safety switch" in (message.body or "")
    assert message.lane and message.lane.kind == Lane.Kind.TESTS


def test_the_same_click_twice_is_one(account, marketer: User) -> None:
    token = uuid.uuid4()
    assert sent(account, marketer, token) == sent(account, marketer, token)
    assert Message.objects.count() == 1


def test_whoever_unsubscribed_gets_none(account, marketer: User) -> None:
    message = sent(account, marketer)
    suppression.opt_out(message.address, channel="email", source=OptOut.Source.PAGE, now=clock.now())
    with pytest.raises(TrialRefused, match="has unsubscribed"):
        sent(account, marketer)


def test_nobody_sends_themselves_heaps(account, marketer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_emails, "PER_HOUR", 2)
    for _ in range(2):
        sent(account, marketer)
    with pytest.raises(TrialRefused, match="within the hour"):
        sent(account, marketer)


def test_without_a_mailbox_to_send_from_nothing_is_sent(account, marketer: User) -> None:
    SendingMailbox.objects.update(active=False)
    with pytest.raises(TrialRefused, match="nothing is set up"):
        sent(account, marketer)
    assert not Message.objects.exists()
