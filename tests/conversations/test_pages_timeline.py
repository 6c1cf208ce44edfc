"""What a thread's timeline and its banners tell besides words: origins, happenings, days, hours, holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, User
from analytics.models import JobCredit
from audiences.hours import zone_set_for
from audiences.models import Contact, Job
from campaigns import engine, enrolling, launching
from campaigns.models import Booking, Enrollment, Step
from common import clock
from conversations import facts, opt_outs, threads, timeline
from conversations.models import ContactHold, Message, Thread
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # a Monday in Chicago
LATE = datetime(2026, 11, 24, 3, 40, tzinfo=UTC)  # 9:40 pm of that day


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent", name="Ana Agent")


@pytest.fixture
def thread(account: Account) -> Thread:
    return factories.make_thread(account, body="Can you come Friday?", name="Pat Customer")


def page_of(agent: User, thread: Thread, query: str = "") -> str:
    address = reverse("conversations:thread", args=[thread.pk])
    return signed_in(agent).get(address + query).content.decode()


def text(thread: Thread, at: datetime, body: str = "Hello", **fields: Any) -> Message:
    fields = {"kind": "inbound", "state": "received", **fields}
    return Message.objects.create(
        account=thread.account, contact=thread.contact, address=thread.address, number=thread.number,
        body=body, created_at=at, state_at=at, **fields,
    )  # fmt: skip


@pytest.mark.usefixtures("noon")
def test_a_campaign_text_names_campaign_and_node(account: Account, agent: User, thread: Thread) -> None:
    version = factories.make_workflow(account)
    draft = launching.Draft(
        name="Fall tune-up", version=version, audience=factories.make_audience(account), number=thread.number
    )
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(campaign, now=clock.now())
    engine.run_round(now=clock.now())
    page = page_of(agent, thread)
    link = reverse("analytics:campaign", args=[campaign.pk])
    assert f'<a href="{link}">Fall tune-up · First text</a>' in page
    assert f'Entered <a href="{link}">Fall tune-up</a>' in page
    assert "In campaign" in page and "queued at First text" in page
    Enrollment.objects.update(state="ended", ended_at=clock.now(), ended_reason="opted_out")
    page = page_of(agent, thread)
    assert f'Left <a href="{link}">Fall tune-up</a> (opted out)' in page and "In campaign" not in page
    step = Step.objects.get()
    job = Job.objects.create(
        account=account, servicetitan_id=7, number="7007", status="Scheduled", servicetitan_customer_id=1
    )
    JobCredit.objects.create(
        account=account,
        job=job,
        campaign=campaign,
        node=step.node,
        enrollment=step.enrollment,
        link="booking",
    )
    assert f'Job 7007 is credited to <a href="{link}">Fall tune-up · First text</a>' in page_of(agent, thread)


def test_bookings_are_told(account: Account, agent: User, thread: Thread) -> None:
    booking = Booking.objects.create(
        account=account, external_id="truckroll-step-1", contact=thread.contact, by=agent, summary="Tune-up"
    )
    assert "Booking requested by Ana Agent: Tune-up" in page_of(agent, thread)
    Booking.objects.filter(pk=booking.pk).update(state="converted", servicetitan_job_id=4711)
    assert "Booked: job 4711" in page_of(agent, thread)


def test_what_colleagues_did_is_told(account: Account, agent: User, thread: Thread) -> None:
    threads.assign(thread, to=agent, by=agent, now=clock.now())
    threads.escalate(thread, reason="Wants a refund", by=agent, now=clock.now())
    threads.close(thread, by=agent, now=clock.now())
    opt_outs.record([thread.address], contact=thread.contact, source="text", now=clock.now())
    found = [entry for entry in timeline.of(thread, now=clock.now()).entries if entry.direction == "event"]
    told = [f"{entry.who} {entry.body} {entry.after}".strip() for entry in found]
    assert told == [
        "Ana Agent assigned Pat Customer to Ana Agent",
        "Ana Agent escalated the thread: Wants a refund",
        "Ana Agent closed the thread",
        "Opted out, by text",
    ]


def test_days_and_groups(account: Account) -> None:
    contact = factories.make_contact(account)
    thread = Thread.objects.create(
        account=account, contact=contact, address=factories.phone_of(contact),
        number=factories.make_number(account),
    )  # fmt: skip
    for at in (NOON - timedelta(days=2), NOON - timedelta(days=1), NOON, NOON + timedelta(minutes=1)):
        text(thread, at)
    text(thread, NOON + timedelta(minutes=2), kind="automatic", state="sent")
    found = timeline.of(thread, now=NOON + timedelta(hours=1)).entries
    assert [entry.day for entry in found] == ["Saturday, November 21", "Yesterday", "Today", "", ""]
    assert [(entry.first, entry.last) for entry in found[2:]] == [(True, False), (False, True), (True, True)]


def test_a_long_thread_is_cut_and_can_be_read_whole(agent: User, thread: Thread) -> None:
    for number in range(timeline.LATEST):
        text(thread, clock.now(), f"Line {number}.")
    page = page_of(agent, thread)
    assert "Earlier messages" in page and "Can you come Friday?" not in page.split('id="timeline"')[1]
    whole = page_of(agent, thread, "?earlier=1")
    assert "Earlier messages" not in whole and "Can you come Friday?" in whole.split('id="timeline"')[1]


def test_the_customers_hour_is_told_where_it_differs(thread: Thread) -> None:
    with timezone.override("America/Chicago"):
        assert facts.elsewhere(thread, NOON) is None
        zone_set = zone_set_for(state="CO", zip_code="80202", phones=["+13035550101"])
        Contact.objects.filter(pk=thread.contact_id).update(zone_set=zone_set)
        thread = Thread.objects.get(pk=thread.pk)
        zone = facts.elsewhere(thread, NOON)
        assert zone is not None
        Message.objects.all().update(created_at=NOON)
        assert [entry.theirs for entry in timeline.of(thread, now=NOON, zone=zone).entries] == ["11:00 am"]


def test_a_late_hour_is_a_warning_and_no_more(thread: Thread) -> None:
    assert facts.warning(thread, NOON) == ""
    assert facts.warning(thread, LATE).startswith("It is 9:40 pm for this customer. Agents may send")


def test_held_campaigns_are_told_until_the_thread_is_closed(agent: User, thread: Thread) -> None:
    ContactHold.objects.create(
        contact=thread.contact, reason="reply", until=clock.now() + timedelta(hours=72)
    )
    assert "Other campaigns to this customer are held until" in page_of(agent, thread)
    threads.close(thread, by=agent, now=clock.now())
    assert facts.held_until(thread, clock.now()) is None
    assert "are held until" not in page_of(agent, thread)


def test_facts_name_everything_the_agent_needs(account: Account, agent: User, thread: Thread) -> None:
    contact = thread.contact
    Contact.objects.filter(pk=contact.pk).update(street="1 Elm St", city="Chicago", do_not_service=True)
    factories.make_contact(account, "+13125550177", household=contact.household, name="Sam Customer")
    page = page_of(agent, thread).split('id="customer"')[1]
    for words in ("1 Elm St", "Chicago, IL 60601", "Sam Customer", "Do not service", "Customer’s page"):
        assert words in page, words
    assert f"Customer {contact.servicetitan_customer_id}" in page


def test_number_of_queries_does_not_grow_with_messages(
    agent: User, thread: Thread, django_assert_max_num_queries: Any
) -> None:
    browser = signed_in(agent)
    address = reverse("conversations:thread", args=[thread.pk])
    headers = {"HX-Request": "true"}
    browser.get(address, headers=headers)
    with django_assert_max_num_queries(30) as few:
        browser.get(address, headers=headers)
    for _ in range(6):
        factories.make_inbound(thread, "More")
    with django_assert_max_num_queries(len(few)):
        browser.get(address, headers=headers)
