"""One account's trouble is no other's: broken connections, rows that cannot be claimed, held people."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from campaigns import engine
from campaigns.models import Step
from common import clock
from conversations import inbound, leasing, sender
from conversations.models import ContactHold, Message, Thread
from integrations.messaging import InboundText
from integrations.models import Connection, NumberPace
from tests import factories
from tests.conversations.conftest import Company, phone


def test_a_broken_connection_holds_up_only_its_own_account(company: Company) -> None:
    company.launch(5)
    broken = factories.make_account()
    other = Company(broken, factories.make_number(broken, e164="+17735550177"), company.sandbox)
    other.launch(3)
    Connection.objects.filter(account=broken).update(settings={})
    company.run()
    texts = Counter(entry["from"] for entry in company.sandbox.ledger("message"))
    assert texts == {company.number.e164: 5}
    assert set(Message.objects.filter(account=broken).values_list("state", flat=True)) == {"queued"}
    assert set(Message.objects.filter(account=company.account).values_list("state", flat=True)) <= {
        "accepted", "sent", "delivered",
    }  # fmt: skip


def test_a_row_that_cannot_be_claimed_is_parked_and_the_others_go(company: Company) -> None:
    company.launch(4)
    engine.run_round(now=clock.now())
    poison = Message.objects.order_by("pk")[0]
    Message.objects.filter(pk=poison.pk).update(variables=["not", "a", "mapping"])
    sender.run(10, concurrency=10, until_idle=True)
    poison.refresh_from_db()
    assert (poison.state, poison.code) == ("failed", "broken")
    assert len(company.sandbox.ledger("message")) == 3
    assert Step.objects.get(message=poison).state == "failed"


def test_people_put_off_do_not_fill_the_lane(company: Company) -> None:
    company.number.segments_per_second = 1
    company.number.save()
    campaign = company.launch(70)
    assert engine.run_round(now=clock.now()) == 60  # a minute's worth
    Message.objects.update(due_at=clock.now() + timedelta(hours=20))
    assert engine.run_round(now=clock.now()) == 10
    assert Step.objects.filter(campaign=campaign, state="scheduled").count() == 0


def test_an_answer_to_an_earlier_text_waits_for_a_person(company: Company) -> None:
    """Text two is already on its way when the YES to text one arrives."""
    company.launch(
        1,
        nodes=[
            ("one", "send_sms", {"body": "Shall we book?"}),
            ("two", "send_sms", {"body": "Still time."}),
            ("reply", "wait_for_reply", {"timeout_minutes": 60}),
            ("booking", "book_job", {"summary": "Tune-up"}),
        ],
        edges=[("one", "next", "two"), ("two", "next", "reply"), ("reply", "booking_yes", "booking")],
    )
    company.run()
    assert Step.objects.get(node__key="two").state == "scheduled"
    yes = InboundText(provider_id="SM1", to=company.number.e164, from_=phone(0), body="Yes please")
    inbound.receive_now(yes, account=company.account)
    assert Thread.objects.get().needs_reply
    company.run()
    assert len(company.sandbox.ledger("message")) == 1
    assert ContactHold.objects.get().except_lane is None


def test_a_resolved_hold_lets_the_text_go_within_a_quarter_of_an_hour(company: Company) -> None:
    company.launch(1)
    step = Step.objects.get()
    hold = ContactHold.objects.create(
        contact=step.enrollment.contact,
        reason="reply",
        at=clock.now(),
        until=clock.now() + timedelta(hours=72),
    )
    company.run()
    step.refresh_from_db()
    assert step.state == "scheduled"
    assert step.due_at is not None
    assert step.due_at <= clock.now() + timedelta(minutes=15)
    hold.resolved_at = clock.now()
    hold.save()
    Step.objects.update(due_at=clock.now())
    company.run()
    assert len(company.sandbox.ledger("message")) == 1


def test_a_slow_number_is_not_overdrawn_by_a_fast_one(company: Company) -> None:
    company.number.segments_per_second = 1
    company.number.save()
    factories.make_number(company.account, e164="+17735550178", segments_per_second=1000)
    company.launch(30)
    engine.run_round(now=clock.now())
    assert len(leasing.lease(100, now=clock.now())) == 1
    pace = NumberPace.objects.get(number=company.number)
    agents_wait = pace.tat - datetime.now(pace.tat.tzinfo)
    assert agents_wait < timedelta(seconds=3)


def test_a_provider_out_of_reach_is_asked_ever_more_rarely(company: Company) -> None:
    company.launch(1)
    company.sandbox.stop()
    waits = []
    for _ in range(3):
        Message.objects.update(leased_until=None)
        NumberPace.objects.update(tat=datetime.now(UTC))
        company.run(5)
        message = Message.objects.get()
        assert message.state == "queued"
        assert message.leased_until is not None
        waits.append(message.leased_until - datetime.now(UTC))
    company.sandbox.start()
    assert waits[0] < waits[2]
