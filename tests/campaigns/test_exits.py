"""Who leaves a campaign early, where its terms say so: who booked, who replied, who opted out always."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from audiences import servicetitan_pages
from audiences.models import Contact, Job
from audiences.signals import jobs_changed
from campaigns import engine
from campaigns.models import Booking, Campaign, Enrollment, Step
from common import clock
from conversations import delivery, inbound
from conversations.models import ContactHold, Message, Thread
from integrations.messaging import InboundText
from integrations.servicetitan import records
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.test_engine import launch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def running(contacts: int = 2, **terms: bool) -> Campaign:
    """A campaign whose first text is queued to everybody."""
    campaign = launch(factories.make_account(), contacts)
    Campaign.objects.filter(pk=campaign.pk).update(**terms)
    engine.run_round(now=clock.now())
    return campaign


def new_job(contact: Contact, number: int = 1, *, told: bool = True, **fields: Any) -> Job:
    """A job of the contact's customer, made a moment ago, as the sync would tell of it."""
    fields = {"created_on": clock.now(), "status": "Scheduled"} | fields
    job = Job.objects.create(
        account=contact.account,
        servicetitan_id=900 + number,
        servicetitan_customer_id=contact.servicetitan_customer_id,
        **fields,
    )
    if told:
        jobs_changed.send(Job, account=contact.account, job_ids=[job.pk])
    return job


def reasons(campaign: Campaign) -> list[str]:
    return list(
        Enrollment.objects.filter(campaign=campaign).order_by("pk").values_list("ended_reason", flat=True)
    )


def test_who_has_a_new_job_leaves_and_their_text_is_taken_back():
    campaign = running()
    first = Enrollment.objects.order_by("pk").select_related("contact__account")[0]
    new_job(first.contact)
    assert reasons(campaign) == ["booked", ""]
    step = Step.objects.get(enrollment=first)
    assert (step.state, step.reason, step.message.state) == ("skipped", "booked", "cancelled")
    page = signed_in(factories.make_user(campaign.account)).get(
        reverse("analytics:campaign", args=[campaign.pk])
    )
    assert "Booked" in page.content.decode()


@pytest.mark.parametrize(
    ("terms", "job"),
    [
        ({"leaves_booked": False}, {}),
        ({}, {"status": "Canceled"}),
        ({}, {"active": False}),
        ({}, {"created_on": clock.now() - timedelta(days=3650)}),
        ({}, {"created_on": clock.now() - timedelta(hours=1), "first_seen_at": clock.now() - timedelta(1)}),
    ],
)
def test_who_stays(terms, job):
    campaign = running(1, **terms)
    new_job(Contact.objects.get(), **job)
    assert reasons(campaign) == [""]


@pytest.mark.parametrize(("ago", "reason"), [(timedelta(days=1), "booked"), (timedelta(days=60), "")])
def test_a_job_made_before_somebody_entered_but_heard_of_afterwards(ago, reason):
    """Who has just booked is not asked to book; history that arrives late ends nobody."""
    campaign = running(1)
    contact = Contact.objects.select_related("account").get()
    booked = records.Job(
        id=77, customer_id=contact.servicetitan_customer_id, job_status="Scheduled",
        created_on=Enrollment.objects.get().entered_at - ago,
    )  # fmt: skip
    servicetitan_pages.apply_jobs(contact.account, [booked])
    assert reasons(campaign) == [reason]


def test_a_job_that_was_known_at_entry_is_the_audiences_matter():
    account = factories.make_account()
    campaign = launch(account, 1)
    contact = Contact.objects.get()
    first = Enrollment.objects.get().entered_at
    job = new_job(contact, told=False, created_on=first - timedelta(hours=2), first_seen_at=first)
    jobs_changed.send(Job, account=account, job_ids=[job.pk])  # its status changed since
    assert reasons(campaign) == [""]


def test_a_booking_the_workflow_asked_for_keeps_its_own_way_and_ends_the_others():
    campaign = running(1)
    enrollment = Enrollment.objects.select_related("contact__account").get()
    Booking.objects.create(
        account=campaign.account, external_id="ours", contact=enrollment.contact, enrollment=enrollment,
        state="sent",
    )  # fmt: skip
    new_job(enrollment.contact)
    assert reasons(campaign) == [""]
    Booking.objects.update(state="dismissed")
    new_job(enrollment.contact, 2)
    assert reasons(campaign) == ["booked"], "dismissed, and then booked in another way"


def test_a_job_of_another_account_ends_nobody():
    campaign = running(1)
    contact = Contact.objects.get()
    stranger = factories.make_account()
    job = Job.objects.create(
        account=stranger, servicetitan_id=1, servicetitan_customer_id=contact.servicetitan_customer_id,
        created_on=clock.now(), status="Scheduled",
    )  # fmt: skip
    jobs_changed.send(Job, account=stranger, job_ids=[job.pk])
    assert reasons(campaign) == [""]


def accepted(campaign: Campaign) -> None:
    messages = Message.objects.filter(lane=campaign.lane)
    messages.update(state="calling", body="Hello")
    delivery.advance(
        [delivery.Move(m.pk, "accepted", f"SM{m.pk}", "", "", 1) for m in messages], now=clock.now()
    )


def reply(enrollment: Enrollment, body: str) -> None:
    number = enrollment.campaign.number
    text = InboundText(f"SM-in-{enrollment.pk}", to=number.e164, from_=enrollment.address.value, body=body)
    assert inbound.receive(text, account=enrollment.campaign.account, now=clock.now())


@pytest.mark.parametrize("body", ["Yes please, book me in", "What does it cost?", "Thanks"])
def test_who_replies_leaves_where_that_was_chosen(body):
    campaign = running(2, leaves_replied=True)
    accepted(campaign)
    first = Enrollment.objects.select_related("campaign__number", "address").order_by("pk")[0]
    reply(first, body)
    assert reasons(campaign) == ["replied", ""]
    assert not Step.objects.filter(enrollment=first, state__in=Step.OPEN).exists()


def test_a_reply_that_ends_a_passage_waits_for_a_person():
    campaign = running(1, leaves_replied=True)
    accepted(campaign)
    reply(Enrollment.objects.select_related("campaign__number", "address").get(), "Yes please, book me in")
    assert Thread.objects.get().needs_reply
    assert ContactHold.objects.get().except_lane is None


def test_a_reply_keeps_its_way_where_nothing_was_chosen():
    campaign = running(1)
    accepted(campaign)
    reply(Enrollment.objects.select_related("campaign__number", "address").get(), "Yes please, book me in")
    assert reasons(campaign) == [""]


@pytest.mark.parametrize("terms", [{}, {"leaves_replied": True, "leaves_booked": False}])
def test_who_opts_out_leaves_whatever_was_chosen(terms):
    campaign = running(2, **terms)
    accepted(campaign)
    first = Enrollment.objects.select_related("campaign__number", "address").order_by("pk")[0]
    reply(first, "STOP")
    assert reasons(campaign) == ["opted_out", ""]
