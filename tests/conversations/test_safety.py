"""Senders that cross a limit pause themselves, say so, and go on when an admin says why; others go on."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry
from analytics import attention, health
from common import clock
from conversations import email_leasing, leasing, safety
from conversations.claiming import claim
from conversations.models import Lane, Message, SafetyLimits, SafetyPause
from conversations.safety import Sender
from integrations.models import SendingMailbox, SendingNumber
from tests import factories


@pytest.fixture
def account(db: None, noon: object) -> Account:
    made = factories.make_account()
    SafetyLimits.objects.create(account=made, min_sample=20)
    return made


def accepted(
    lane: Lane,
    many: int,
    *,
    number: SendingNumber | None = None,
    mailbox: SendingMailbox | None = None,
    **fields,
) -> None:
    """Messages that a provider took a minute ago."""
    contact = factories.make_contact(lane.account, phone=factories.reserved(Message.objects.count()))
    at = clock.now() - timedelta(minutes=1)
    chosen = {"state": "delivered", "body": "Hi", "subject": "Hi" if mailbox else None, **fields}
    start = Message.objects.count()
    Message.objects.bulk_create(
        Message(
            account=lane.account, lane=lane, contact=contact, address=factories.phone_of(contact),
            kind="campaign", number=number, mailbox=mailbox, origin=f"x:{start + index}", accepted_at=at,
            state_at=at, **chosen,
        )
        for index in range(many)
    )  # fmt: skip


def held(account: Account) -> list[tuple[str, str]]:
    return sorted((safety.name_of(one), one.rule) for one in safety.in_force(account, now=clock.now()))


def test_a_number_that_fails_too_often_pauses_and_another_goes_on(account: Account) -> None:
    bad = factories.make_number(account, label="Bad")
    good = factories.make_number(account, "+13125550191", label="Good")
    lanes = [factories.make_campaign_lane(account) for _ in range(3)]
    for lane in lanes[:2]:
        accepted(lane, 16, number=bad)  # each campaign alone is too small to be judged
        accepted(lane, 4 if lane is lanes[0] else 3, number=bad, state="failed", code="30003")
    accepted(lanes[2], 40, number=good)
    assert safety.evaluate(now=clock.now()) == 0, "at the limit, 8 of 40 would be; 7 of 39 are below"
    accepted(lanes[1], 2, number=bad, state="rejected", code="30007")
    assert safety.evaluate(now=clock.now()) >= 1
    assert ("Bad", "failures") in held(account) and not [name for name, _ in held(account) if name == "Good"]
    pause = SafetyPause.objects.get(number=bad)
    assert "9 of 41" in pause.reason and "limit is 20%" in pause.reason
    assert AuditEntry.objects.filter(verb="paused_sender", by=None).exists()
    assert safety.evaluate(now=clock.now()) == 0, "once"


@pytest.mark.parametrize(
    ("rule", "broken", "many"),
    [
        ("opt_outs", {"opted_out_at": clock.now()}, 5),
        ("bounces", {"state": "bounced"}, 4),
        ("complaints", {"spam_reported_at": clock.now()}, 3),
    ],
)
def test_every_rule_has_its_sender(account: Account, rule: str, broken: dict, many: int) -> None:
    lane = factories.make_campaign_lane(account)
    of: dict = {"number": factories.make_number(account)}
    if rule in ("bounces", "complaints"):
        of = {"mailbox": factories.make_mailbox(account)}
    accepted(lane, 30, **of)
    accepted(lane, 2, **of, **broken)
    assert safety.evaluate(now=clock.now()) == 0, "two prove nothing"
    accepted(lane, many - 2, **of, **broken)
    assert safety.evaluate(now=clock.now()) == 2, "the sender, and the campaign that it sent for"
    assert {one.rule for one in safety.in_force(account, now=clock.now())} == {rule}


def test_what_was_before_the_resume_is_forgiven_and_who_resumes_says_why(account: Account) -> None:
    number, lane = factories.make_number(account), factories.make_campaign_lane(account)
    accepted(lane, 15, number=number)
    accepted(lane, 15, number=number, state="failed", code="30005")
    safety.evaluate(now=clock.now())
    admin = factories.make_user(account)
    for pause in safety.in_force(account, now=clock.now()):
        with pytest.raises(safety.NotPossible):
            safety.lift(pause, by=admin, reason="  ", now=clock.now())
        safety.lift(pause, by=admin, reason="Cleaned the list", now=clock.now())
    assert safety.evaluate(now=clock.now()) == 0 and not held(account)
    assert AuditEntry.objects.filter(verb="resumed_sender", by=admin).count() == 2


def test_a_pause_holds_the_lease_and_what_was_leased_before_it(account: Account) -> None:
    contact = factories.make_contact(account)
    other = factories.make_contact(account, phone="+13125550102")
    lane, agents = (
        factories.make_campaign_lane(account),
        Lane.objects.create(account=account, kind="agents", name="Agents", priority=0),
    )
    number, free = factories.make_number(account), factories.make_number(account, "+13125550191")

    def queue(where: Lane, whose, sender: SendingNumber, kind: str) -> Message:
        return Message.objects.create(
            account=account, lane=where, contact=whose, address=factories.phone_of(whose), number=sender,
            kind=kind, body="Hi", state="queued", due_at=clock.now(), origin=f"{kind}:{sender.pk}",
        )  # fmt: skip

    campaign, agent = queue(lane, contact, number, "campaign"), queue(agents, contact, number, "agent")
    elsewhere = queue(lane, other, free, "campaign")
    leased = leasing.lease(10, now=clock.now())
    assert set(leased) == {campaign.pk, agent.pk, elsewhere.pk}
    safety.pause(account.pk, Sender(number_id=number.pk), rule="failures", reason="x", now=clock.now())
    assert {one.message_id for one in claim(leased, now=clock.now())} == {agent.pk, elsewhere.pk}
    Message.objects.update(leased_until=None, state="queued", due_at=clock.now(), claimed_at=None)
    assert campaign.pk not in leasing.lease(10, now=clock.now())
    SafetyPause.objects.update(rule="code", code="30034")
    Message.objects.update(leased_until=None)
    assert leasing.lease(10, now=clock.now()) == [elsewhere.pk], "the carrier would refuse agents, too"


def test_a_resting_mailbox_and_campaign_send_nothing(account: Account) -> None:
    contact, lane = factories.make_contact(account), factories.make_campaign_lane(account)
    mailbox = factories.make_mailbox(account)
    address = factories.give_mailbox(contact)
    Message.objects.create(
        account=account, lane=lane, contact=contact, address=address, mailbox=mailbox, provider="sendgrid",
        kind="campaign", body="Hi", subject="Hi", state="queued", due_at=clock.now(), origin="x:1",
    )  # fmt: skip
    for sender in (Sender(mailbox_id=mailbox.pk), Sender(lane_id=lane.pk)):
        assert safety.pause(account.pk, sender, rule="bounces", reason="x", now=clock.now())
        assert email_leasing.lease(10, now=clock.now()) == []
        SafetyPause.objects.update(lifted_at=clock.now())
    assert len(email_leasing.lease(10, now=clock.now())) == 1


def test_a_rest_of_a_day_ends_by_itself(account: Account) -> None:
    number, now = factories.make_number(account), clock.now()
    until = now + timedelta(hours=3)
    assert safety.pause(
        account.pk, Sender(number_id=number.pk), rule="code", code="30023", reason="x", until=until, now=now
    )
    assert safety.in_force(account, now=now) and not safety.in_force(account, now=until)
    assert safety.close_over(now=until) == 1
    assert safety.pause(account.pk, Sender(number_id=number.pk), rule="failures", reason="y", now=until)


def test_people_see_it_and_an_admin_resumes(account: Account, client: Client) -> None:
    number = factories.make_number(account, label="Main line")
    safety.pause(
        account.pk, Sender(number_id=number.pk), rule="failures", reason="Too many failed", now=clock.now()
    )
    items = attention.of(account, clock.now(), health.of(account, clock.now()))
    assert items[0].title == "Main line paused itself" and items[0].grade == health.BAD
    pause = SafetyPause.objects.get()
    client.force_login(factories.make_user(account, role="agent"))
    page = client.get(reverse("conversations:senders")).content.decode()
    assert "Main line" in page and "Too many failed" in page and "What was done" not in page
    resume = reverse("conversations:sender_resume", args=[pause.pk])
    assert client.post(resume, {"reason": "x"}).status_code == 403
    client.force_login(factories.make_user(account))
    assert "What was done" in client.get(reverse("campaigns:number", args=[number.pk])).content.decode()
    client.post(resume, {"reason": "Cleaned the list", "back": "//evil.example"})
    pause.refresh_from_db()
    assert pause.lifted_reason == "Cleaned the list"
    answer = client.post(reverse("conversations:senders"), {
        "failures": "15", "opt_outs": "5", "bounces": "4", "complaints": "0.2", "min_sample": "100",
        "window_hours": "12",
    })  # fmt: skip
    assert answer.status_code == 302 and str(safety.limits_of(account).complaints) == "0.20"


def test_no_sample_is_asked_for_that_is_never_looked_at(account: Account, client: Client) -> None:
    client.force_login(factories.make_user(account))
    answer = client.post(reverse("conversations:senders"), {
        "failures": "15", "opt_outs": "5", "bounces": "4", "complaints": "0.2", "min_sample": "5000",
        "window_hours": "12",
    })  # fmt: skip
    assert "At most 2,000" in answer.content.decode() and safety.limits_of(account).min_sample == 20
