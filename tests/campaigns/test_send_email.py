"""The node that sends an email: whom it reaches, whom it passes over and why, what it asks of its author."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from audiences.models import Contact, ContactAddress
from campaigns import engine, enrolling, graph, launching
from campaigns.models import Campaign, Enrollment, Step
from common import clock
from conversations import claiming, delivery, email_leasing, opt_outs, unsubscribing
from conversations.models import ContactHold, Lane, Message
from integrations.messaging import DeliveryState, Receipt
from integrations.models import SendingMailbox
from tests import factories
from tests.audiences import people

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
NIGHT = NOON + timedelta(hours=12)  # one in the morning there
EMAIL = {"subject": "{{ first_name }}, it is time", "body": "Hi {{ first_name }}"}
NODES = [("email", "send_email", EMAIL), ("text", "send_sms", {"body": "Hello"}), ("done", "end", {})]
TAKEN = Receipt("abc", "202", DeliveryState.ACCEPTED, 0)
EDGES = [("email", "next", "text"), ("text", "next", "done")]


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The clock stands at the last of these."""
    moments = [NOON]
    monkeypatch.setattr(clock, "now", lambda: moments[-1])
    return moments


@pytest.fixture
def account(moment: list[datetime]) -> Account:
    """A contractor that may text and email."""
    made = factories.make_account()
    factories.make_number(made)
    factories.make_mailbox(made)
    return made


def person(account: Account, number: int = 1, *mailboxes: str, **fields: Any) -> Contact:
    contact = factories.make_contact(account, factories.reserved(number), **fields)
    for position, value in enumerate(mailboxes):
        factories.give_mailbox(contact, value, position=5 + position)
    return contact


def launch(account: Account, nodes: Any = NODES, edges: Any = EDGES) -> Campaign:
    draft = launching.Draft(
        name="By mail",
        version=factories.make_workflow(account, nodes, edges),
        audience=factories.make_audience(account),
        number=account.sending_numbers.get(),
    )
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(campaign, now=clock.now())
    return campaign


def claimed() -> list[claiming.Claim]:
    """What leaves now."""
    return claiming.claim(email_leasing.lease(500, now=clock.now()), now=clock.now())


def step(key: str = "email") -> Step:
    return Step.objects.get(node__key=key)


def test_the_first_mailbox_that_takes_mail_is_chosen_when_the_turn_comes(account: Account) -> None:
    ann = person(account, 1, "dead@example.org", "ann@example.org", "other@example.org", first_name="Ann")
    dead = ContactAddress.objects.get(contact=ann, address__value="dead@example.org").address
    dead.unreachable_since = NOON
    dead.save()
    launch(account)
    engine.run_round(now=clock.now())
    [claim] = claimed()
    assert (claim.to, claim.subject) == ("ann@example.org", "Ann, it is time")
    assert claim.body.startswith("Hi Ann\n\n-- \n") and "unsubscribe" in claim.body
    assert (claim.from_, claim.from_name, claim.number_id) == ("office@comfort.example", "Comfort Air", None)
    stored = Message.objects.get()
    assert (stored.state, stored.subject, stored.tells_opt_out) == ("calling", "Ann, it is time", True)
    own = unsubscribing.url(stored.address_id, stored.pk)  # hers alone: nobody who reads the thread has it
    assert own not in (stored.body or "") and unsubscribing.untold() in (stored.body or "")
    assert claim.email is not None and claim.email.slots["unsubscribe_url"] == own


def test_who_has_no_mailbox_is_skipped_and_goes_on(account: Account) -> None:
    person(account, 1)
    bob = person(account, 2, "bob@example.org")
    ContactAddress.objects.filter(contact=bob).exclude(address__channel="phone").update(wrong_number_at=NOON)
    launch(account)
    engine.run_round(now=clock.now())
    skipped = Step.objects.filter(node__key="email", state="skipped")
    assert list(skipped.values_list("reason", flat=True)) == ["no_address"] * 2
    assert Step.objects.filter(node__key="text").count() == 2
    assert not Message.objects.exclude(mailbox=None).exists()


def test_emails_keep_no_hours_where_texts_wait(account: Account, moment: list[datetime]) -> None:
    person(account, 1, "ann@example.org")
    moment.append(NIGHT)
    launch(account)
    engine.run_round(now=clock.now())
    [claim] = claimed()
    report = [delivery.CallResult(claim.message_id, claim.attempt_id, TAKEN)]
    delivery.record(report, now=clock.now())
    assert step().state == "completed"
    engine.run_round(now=clock.now())
    opens = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # nine in the morning there
    assert (step("text").state, step("text").due_at) == ("scheduled", opens)


@pytest.mark.parametrize("who", ["Spanish", "elsewhere"])
def test_the_footer_is_the_readers_and_the_senders(account: Account, who: str) -> None:
    person(account, 1, "ann@example.org", language="es" if who == "Spanish" else "en")
    SendingMailbox.objects.update(postal_address="12 Elm Street,\n Springfield, IL 62701")
    launch(account)
    engine.run_round(now=clock.now())
    body = claimed()[0].body
    assert "\n12 Elm Street,\nSpringfield, IL 62701\n" in body
    assert ("Para no recibir" in body) == (who == "Spanish")


def test_three_emails_a_day_reach_a_mailbox_and_the_fourth_waits_for_the_first_to_age(
    account: Account, moment: list[datetime]
) -> None:
    ann = person(account, 1, "shared@example.org")
    address = ContactAddress.objects.get(contact=ann, address__channel="email").address
    lane, box = (
        Lane.objects.create(account=account, kind="campaign", name="Before"),
        SendingMailbox.objects.get(),
    )
    for hours in (20, 10, 5):
        other = person(account, 10 + hours, "shared@example.org")  # of another home
        Message.objects.create(
            account=account, lane=lane, contact=other, address=address, mailbox=box, provider="sendgrid",
            kind="campaign", origin=f"step:9{hours}", subject="S", body="B", state="accepted",
            accepted_at=NOON - timedelta(hours=hours), state_at=NOON, provider_id=f"m{hours}",
        )  # fmt: skip
    Contact.objects.exclude(pk=ann.pk).update(active=False)
    launch(account)
    engine.run_round(now=clock.now())
    assert claimed() == []
    assert (step().state, step().due_at) == ("scheduled", NOON + timedelta(hours=4))
    moment.append(NOON + timedelta(hours=4, seconds=1))
    engine.run_round(now=clock.now())
    assert [claim.to for claim in claimed()] == ["shared@example.org"], "the same message, queued again"
    assert Message.objects.filter(origin=f"step:{step().pk}").count() == 1


def test_an_email_is_a_touch_of_the_home_and_a_text_after_it_counts_with_it(account: Account) -> None:
    home = person(account, 1, "ann@example.org").household
    person(account, 2, "bob@example.org", household=home)
    person(account, 3, "cid@example.org", household=home)
    launch(account)
    engine.run_round(now=clock.now())
    assert len(claimed()) == 2, "two touches a home and day"
    assert Step.objects.filter(node__key="email", state="scheduled").count() == 1


@pytest.mark.parametrize("replied", [True, False])
def test_an_email_that_follows_a_reply_by_text_is_free_of_caps(account: Account, replied: bool) -> None:
    ann = person(account, 1, "ann@example.org")
    campaign = launch(account)
    said = {
        "account": account, "contact": ann, "address": factories.phone_of(ann),
        "number": campaign.number, "state_at": NOON, "body": "Hi",
    }  # fmt: skip
    for hours in (3, 2):  # the home's touches of today
        asked = Message.objects.create(
            **said, lane=campaign.lane, kind="campaign", origin=f"step:9{hours}", state="delivered",
            accepted_at=NOON - timedelta(hours=hours), created_at=NOON - timedelta(hours=hours),
        )  # fmt: skip
    if replied:
        at = NOON - timedelta(hours=1)
        Message.objects.create(**said, kind="inbound", state="received", replies_to=asked, created_at=at)
    engine.run_round(now=clock.now())
    assert len(claimed()) == replied


def test_a_hold_keeps_other_campaigns_emails_back(account: Account) -> None:
    ann = person(account, 1, "ann@example.org")
    ContactHold.objects.create(contact=ann, reason="reply", until=NOON + timedelta(hours=72))
    launch(account)
    engine.run_round(now=clock.now())
    assert claimed() == []
    assert step().state == "scheduled"


def test_contact_me_nowhere_ends_the_passage_but_a_mailbox_does_not(account: Account) -> None:
    ann, bob = person(account, 1, "ann@example.org"), person(account, 2, "bob@example.org")
    launch(account)
    engine.run_round(now=clock.now())
    me = factories.make_user(account)
    opt_outs.by_agent(ann, by=me, evidence="Leave me alone", now=clock.now())
    mail = ContactAddress.objects.get(contact=bob, address__channel="email").address
    opt_outs.by_agent(bob, by=me, evidence="No emails", now=clock.now(), only=mail)
    ended = Enrollment.objects.get(contact=ann)
    assert (ended.state, ended.ended_reason) == ("ended", "opted_out")
    assert Enrollment.objects.get(contact=bob).state == "active"
    assert Step.objects.get(enrollment__contact=bob, node__key="email").reason == "opted_out"
    assert Step.objects.get(enrollment__contact=bob, node__key="text").state == "scheduled"
    assert claimed() == []


def test_no_more_is_queued_than_the_mailbox_sends_in_ten_seconds(account: Account) -> None:
    SendingMailbox.objects.update(emails_per_second=2)
    for number in range(25):
        person(account, number, f"p{number}@example.org")
    launch(account)
    for _ in range(3):
        engine.run_round(now=clock.now())
    assert Message.objects.count() == 20
    assert 1 <= len(email_leasing.lease(100, now=clock.now())) <= 2


def test_a_batch_takes_as_many_statements_as_one(account: Account) -> None:
    """Of engine, lease and claim."""
    person(account, 100, "p100@example.org")
    ways = [("email", "next", "pause"), ("pause", "next", "text"), ("text", "next", "done")]
    campaign = launch(account, [NODES[0], ("pause", "wait", {"minutes": 5}), *NODES[1:]], ways)

    def statements(first: int, last: int) -> int:
        for number in range(first, last):
            person(account, number, f"p{number}@example.org")
        enrolling.enroll(campaign, now=clock.now(), occurrence=last + 1)
        with CaptureQueriesContext(connection) as captured:
            engine.run_round(now=clock.now())
            assert len(claimed()) == last - first + (not first)  # and who was there before
        return len(captured)

    statements(0, 1)
    assert statements(1, 2) == statements(2, 60)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"subject": "Hi"}, "The text is missing."),
        ({"subject": " ", "body": "x"}, "An email needs a subject and a text."),
        ({"subject": "a\nb", "body": "x"}, "The subject is one line: take the line breaks out of it."),
        ({"subject": "{{ nickname }}", "body": "x"}, "Subject: There is no merge field “nickname”."),
        ({"subject": "Hi", "body": "{{ nickname }}"}, "There is no merge field “nickname”."),
        ({"subject": "Hi", "body": "{% if %}"}, "The text cannot be read"),
        ({"subject": "x" * 201, "body": "x"}, "The subject is too long: at most 200 characters."),
        ({"subject": "Hi", "body": "x" * 5001}, "The text is too long: at most 5000 characters."),
    ],
)
def test_what_is_wrong_with_an_email_is_said_in_words(account: Account, settings: Any, said: str) -> None:
    nodes = [("email", "send_email", settings), *NODES[1:]]
    version = factories.make_workflow(account, nodes, EDGES, publish=False)
    [error] = graph.errors(version)
    assert error.startswith(f"“Email”: {said}")


def test_a_subject_that_would_be_empty_skips_the_person(account: Account) -> None:
    person(account, 1, "ann@example.org")
    subject = "{% if city == 'Peoria' %}Hello{% endif %}"
    launch(account, [("email", "send_email", {"subject": subject, "body": "x"}), *NODES[1:]])
    Contact.objects.update(city="Joliet")
    engine.run_round(now=clock.now())
    assert claimed() == []
    assert step().reason == "merge_field_missing"


def test_a_launch_without_a_mailbox_to_send_from_is_refused(account: Account) -> None:
    person(account, 1, "ann@example.org")
    SendingMailbox.objects.update(active=False)
    with pytest.raises(launching.LaunchRefused, match="sends emails"):
        launch(account)
    SendingMailbox.objects.update(active=True)
    launch(account)
    SendingMailbox.objects.update(active=False)
    engine.run_round(now=clock.now())
    assert (step().state, step().reason) == ("failed", "no_email_sender")


@pytest.mark.parametrize(
    ("rules", "chosen"),
    [
        ({"business_units": ["HVAC"]}, "hvac"), ({}, "office"),
        ({"business_units": ["HVAC", "Plumbing"]}, "office"),
        ({"business_units": ["Plumbing"]}, "office"),
        ({"match": "all", "rules": [{"field": "job.unit", "is": "any_of", "value": ["HVAC"]}]}, "hvac"),
        ({"match": "none", "rules": [{"field": "job.unit", "is": "any_of", "value": ["HVAC"]}]}, "office"),
    ],
)  # fmt: skip
def test_a_campaign_about_one_business_unit_emails_in_its_name(
    account: Account, rules: dict[str, Any], chosen: str
) -> None:
    units = {name: people.unit(account, name).pk for name in ("HVAC", "Plumbing")}
    factories.make_mailbox(account, email="hvac@comfort.example", business_unit_id=units["HVAC"])
    named = json.loads(
        json.dumps(rules).replace('"HVAC"', str(units["HVAC"])).replace('"Plumbing"', str(units["Plumbing"]))
    )
    person(account, 1, "ann@example.org")
    campaign = launch(account)
    Campaign.objects.filter(pk=campaign.pk).update(targeting=named)
    engine.run_round(now=clock.now())
    assert [claim.from_ for claim in claimed()] == [f"{chosen}@comfort.example"]
