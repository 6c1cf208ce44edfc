"""The one text that passes an opt-out, and the answers to START and HELP: once, in time, to nobody else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Account
from audiences import suppression
from audiences.models import Address, Consent, Contact, OptOut
from conversations import automatic_lane, claiming, inbound, opt_outs
from conversations.models import Message, Thread
from integrations.messaging import InboundText
from integrations.models import SendingNumber
from tests import factories
from tests.tampering import unguarded

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
NIGHT = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)  # one in the morning there
MINUTE = timedelta(minutes=1)
IN_WORDS = "Please stop texting me"


class Writer:
    """A customer with a phone, who writes to one of our two numbers."""

    def __init__(self) -> None:
        self.account: Account = factories.make_account("Comfort Air")
        self.contact: Contact = factories.make_contact(self.account)
        self.address: Address = factories.phone_of(self.contact)
        self.other = factories.make_number(self.account, "+13125550191")
        self.number: SendingNumber = factories.make_number(self.account)
        self.said = 0

    def says(self, body: str, at: datetime = NOON, **fields: Any) -> inbound.Received:
        self.said += 1
        text = InboundText(
            provider_id=f"SM{self.said}", to=self.number.e164, from_=self.address.value, body=body, **fields
        )
        received = inbound.receive(text, account=self.account, now=at)
        assert received
        return received

    def was_sent(self, body: str, at: datetime) -> Message:
        return Message.objects.create(
            account=self.account, contact=self.contact, address=self.address, number=self.number, body=body,
            kind="campaign", state="delivered", state_at=at, created_at=at, accepted_at=at,
        )  # fmt: skip


@pytest.fixture
def writer() -> Writer:
    return Writer()


def answers() -> list[Message]:
    return list(Message.objects.filter(kind="automatic").order_by("pk"))


def claimed(message: Message, at: datetime) -> bool:
    """Whether the sender may call this message now."""
    claims = claiming.claim([message.pk], now=at)
    message.refresh_from_db()
    assert (message.state == "calling") == bool(claims)
    return bool(claims)


@pytest.mark.parametrize(
    "body", [IN_WORDS, "Stpo", "STOP.", "opt out", "RESET", "STOP please", "no me manden más mensajes"]
)
def test_what_the_provider_does_not_know_is_confirmed_once_from_the_number_written_to(writer, body):
    writer.says(body)
    (text,) = answers()
    wish = OptOut.objects.get()
    assert wish.score == Message.objects.get(kind="inbound").reading.score > 0.9
    assert (text.origin, text.number, text.address) == (f"confirm:{wish.pk}", writer.number, writer.address)
    assert text.body == (
        "You're opted out of texts from Comfort Air. No more will be sent. Reply START to get them again."
    )
    assert text.send_by == wish.at + timedelta(minutes=5)
    assert text.lane and text.lane.kind == "automatic" and text.segments == 1
    writer.says("I said stop texting me", NOON + MINUTE)
    assert answers() == [text]
    assert claimed(text, NOON + MINUTE)


@pytest.mark.parametrize(
    "body", ["STOP", " Stop\n", "unsubscribe", "CANCEL", "end", "Quit", "revoke", "OptOut"]
)
def test_what_the_provider_confirms_is_not_confirmed_again(writer, body):
    assert writer.says(body).outcome == "opt_out"
    assert answers() == []


def test_what_the_provider_found_is_not_confirmed_again(writer):
    writer.says("basta ya", opt_out_type="STOP")
    assert OptOut.objects.get().detector.endswith("/provider")
    assert answers() == []


def test_an_opt_out_that_nobody_wrote_is_not_confirmed(writer):
    agent = factories.make_user(writer.account, "agent")
    opt_outs.by_agent(writer.contact, by=agent, evidence="On the phone", now=NOON)
    assert answers() == []
    writer.says(IN_WORDS)
    assert answers() == []


def test_a_confirmation_leaves_at_night_and_to_strangers(writer):
    writer.address = Address(value="+13125550177")  # nobody's
    writer.says(IN_WORDS, NIGHT)
    (text,) = answers()
    assert claimed(text, NIGHT + MINUTE)
    assert text.valid_until == NIGHT + timedelta(minutes=5)


def test_a_confirmation_is_too_late_after_five_minutes(writer):
    writer.says(IN_WORDS)
    (text,) = answers()
    assert not claimed(text, NOON + 5 * MINUTE)
    assert (text.state, text.code) == ("expired", "too_late")


def test_a_confirmation_of_a_lifted_opt_out_is_refused(writer):
    writer.says(IN_WORDS)
    (text,) = answers()
    writer.says("START", NOON + MINUTE)
    assert not claimed(text, NOON + MINUTE)
    assert (text.state, text.code) == ("cancelled", "opted_out")


def test_a_confirmation_of_an_opt_out_before_this_one_is_refused(writer):
    writer.says(IN_WORDS)
    (text,) = answers()
    writer.says("START", NOON + MINUTE)
    writer.says("STOP", NOON + 2 * MINUTE)
    assert not claimed(text, NOON + 2 * MINUTE)


def forged(writer: Writer, **fields: Any) -> Message:
    """A text that pretends to confirm the opt-out in force."""
    wish = OptOut.objects.get(lifted_at=None)
    Message.objects.filter(kind="automatic").delete()
    values = {
        "account": writer.account, "lane": automatic_lane.lane_of(writer.account), "contact": writer.contact,
        "address": writer.address, "number": writer.number, "kind": "automatic", "body": "20 % off!",
        "state": "queued", "state_at": NOON, "created_at": NOON, "due_at": NOON,
        "origin": f"confirm:{wish.pk}", "replies_to": Message.objects.get(kind="inbound"),
    }  # fmt: skip
    return Message.objects.create(**values | fields)


def test_a_forged_confirmation_is_refused(writer):
    writer.says(IN_WORDS)
    wish = OptOut.objects.get()
    spouse = factories.make_contact(writer.account, "+13125550102")
    theirs = factories.phone_of(spouse)
    suppression.opt_out(theirs, channel="phone", source="text", now=NOON)
    campaigns = factories.make_campaign_lane(writer.account)
    for fields in (
        {"origin": None},
        {"origin": f"confirm:{wish.pk + 1000}"},
        {"origin": f"confirm:{OptOut.objects.get(address=theirs).pk}"},
        {"origin": f"confirm:x{wish.pk}"},
        {"origin": f"step:{wish.pk}"},
        {"replies_to": None},
        {"lane": campaigns},
        {"address": theirs, "contact": spouse},
    ):
        with unguarded(OptOut):
            OptOut.objects.filter(address=theirs).update(lifted_at=NOON)
        text = forged(writer, **fields)
        with unguarded(OptOut):
            OptOut.objects.filter(address=theirs).update(lifted_at=None)
        assert not claimed(text, NOON), fields
        assert text.code == "opted_out", fields
        with unguarded(OptOut):
            OptOut.objects.filter(address=theirs).update(lifted_at=NOON)
    assert claimed(forged(writer), NOON), "the same text with nothing wrong passes"
    for kind in ("campaign", "agent"):
        with pytest.raises(IntegrityError, match="message_confirms"), transaction.atomic():
            forged(writer, kind=kind)


@pytest.mark.parametrize(
    "fields",
    [{"source": "agent"}, {"source": "imported"}, {"source": "provider"}, {"at": NOON - 6 * MINUTE}],
)
def test_the_gate_lets_a_confirmation_pass_only_what_somebody_has_just_written(writer, fields):
    writer.says(IN_WORDS)
    with unguarded(OptOut):
        OptOut.objects.update(**fields)
    (text,) = answers()
    Message.objects.update(send_by=NOON + timedelta(hours=1))
    assert not claimed(text, NOON + MINUTE)


def test_a_wish_to_hear_nothing_at_all_is_confirmed_at_the_phone_that_wrote_alone(writer):
    second = Address.objects.create(account=writer.account, channel="phone", value="+13125550178")
    writer.contact.contact_addresses.create(address=second, position=1)
    writer.says("Do not contact me again")
    assert OptOut.objects.count() == 2
    (text,) = answers()
    assert (text.address, text.origin) == (
        writer.address,
        f"confirm:{OptOut.objects.get(address=writer.address).pk}",
    )


@pytest.mark.parametrize(
    ("said", "answered"), [(IN_WORDS, True), ("STOP", False), ("RESET", True), ("Cancel", False)]
)
def test_start_is_answered_where_the_provider_had_no_block(writer, said, answered):
    writer.says(said)
    Message.objects.filter(kind="automatic").delete()
    assert writer.says("Start", NOON + MINUTE).outcome == inbound.RESTORED
    welcome = answers()
    assert bool(welcome) is answered
    if answered:
        assert welcome[0].body.startswith("You'll get texts from Comfort Air again.")
        assert claimed(welcome[0], NOON + MINUTE)
    wish = OptOut.objects.get()
    assert (wish.lifted_evidence, wish.lifted_provider_id, wish.lifted_by) == ("Start", "SM2", None)


def test_start_that_the_provider_answered_is_not_answered_again(writer):
    writer.says(IN_WORDS)
    Message.objects.filter(kind="automatic").delete()
    assert writer.says("COMENZAR", NOON + MINUTE, opt_out_type="START").outcome == inbound.RESTORED
    assert answers() == []


def test_start_restores_the_phone_whoever_closed_it_and_no_other(writer):
    second = Address.objects.create(account=writer.account, channel="phone", value="+13125550178")
    writer.contact.contact_addresses.create(address=second, position=1)
    agent = factories.make_user(writer.account, "agent")
    opt_outs.by_agent(writer.contact, by=agent, evidence="On the phone", now=NOON)
    writer.says("unstop", NOON + MINUTE)
    assert suppression.in_force([writer.address.pk, second.pk]) == {second.pk}
    assert OptOut.objects.get(address=writer.address).evidence == "On the phone"


@pytest.mark.parametrize("kind", [{}, {"opt_out_type": "START"}])
def test_yes_lifts_where_no_question_is_open(writer, kind):
    writer.says("STOP")
    writer.was_sent("Your visit is tomorrow at nine.", NOON - timedelta(days=1))
    writer.was_sent("Shall we come by?", NOON - timedelta(days=8))
    assert writer.says("Yes", NOON + MINUTE, **kind).outcome == inbound.RESTORED


@pytest.mark.parametrize("asked", ["Time for a tune-up?", "Reply YES to book.", "Responda SÍ para reservar."])
def test_yes_to_an_open_question_waits_for_a_person(writer, asked):
    writer.was_sent(asked, NOON - timedelta(days=2))
    writer.says("STOP")
    writer.says("YES", NOON + MINUTE, opt_out_type="START")
    assert suppression.in_force([writer.address.pk])
    thread = Thread.objects.get()
    assert (thread.state, thread.needs_reply) == ("closed", True)


def test_yes_undoes_nothing_at_a_toll_free_number(writer):
    SendingNumber.objects.filter(pk=writer.number.pk).update(e164="+18885550190")
    writer.number.refresh_from_db()
    writer.says("STOP")
    writer.says("YES", NOON + MINUTE)
    assert suppression.in_force([writer.address.pk])
    assert Thread.objects.get().needs_reply
    assert writer.says("START", NOON + 2 * MINUTE).outcome == inbound.RESTORED


@pytest.mark.parametrize("body", ["HELP", "info", "Help?"])
def test_help_is_answered_once_a_day(writer, body):
    writer.says(body)
    (text,) = answers()
    assert text.body == "Comfort Air: help at (312) 555-0190. Reply STOP to opt out."
    assert claimed(text, NOON)
    writer.says("HELP", NOON + timedelta(hours=2))
    assert answers() == [text]
    writer.says("HELP", NOON + timedelta(hours=24))
    assert len(answers()) == 2
    assert Thread.objects.get().needs_reply


def test_help_is_not_answered_where_the_provider_did_or_nothing_may_go(writer):
    writer.says("HELP", opt_out_type="HELP")
    writer.says("I need help with my furnace")
    writer.says("STOP")
    writer.says("HELP")
    assert answers() == []


def test_one_lane_an_account_that_no_campaign_counts(writer):
    lane = automatic_lane.lane_of(writer.account)
    assert automatic_lane.lane_of(writer.account) == lane
    with pytest.raises(IntegrityError, match="lane_automatic_once"), transaction.atomic():
        type(lane).objects.create(account=writer.account, kind="automatic", name="Another")


@pytest.mark.parametrize(("said", "kept"), [("START", ["START"]), ("Unstop", ["Unstop"]), ("YES", [])])
def test_start_is_kept_as_an_agreement_to_texts_with_its_words(writer, said, kept):
    writer.says("STOP", NOON)
    assert writer.says(said, NOON + MINUTE).outcome == inbound.RESTORED
    agreed = Consent.objects.in_force().filter(kind="texts", source="start", given_at=NOON + MINUTE)
    assert list(agreed.values_list("proof", flat=True)) == kept
    writer.says("STOP", NOON + 2 * MINUTE)
    assert not Consent.objects.in_force().exists()
