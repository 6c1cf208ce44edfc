"""Calls win jobs as messages do, and tie jobs to us."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from analytics import attribution, corrections, metrics, results
from analytics.counters import totals
from analytics.models import CreditCorrection, JobCredit, JobStanding
from analytics.recount import recount
from audiences.models import CallAtSource, Contact, Job
from campaigns.models import Enrollment, Step
from common import clock
from conversations.models import Call, PlannedCall
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import World, build, later

pytestmark = pytest.mark.django_db
_numbers = count(1)


@pytest.fixture
def world() -> World:
    return build()


def job_of(world: World, contact: Contact, minutes: float = 60, **values: Any) -> Job:
    """A job of this contact's customer with nothing of ours on it."""
    return Job.objects.create(
        account=world.account, servicetitan_id=700_000 + next(_numbers), created_on=later(minutes),
        servicetitan_customer_id=contact.servicetitan_customer_id, status="Scheduled", **values,
    )  # fmt: skip


def call_of(step: Step) -> Call:
    return Call.objects.get(planned__origin=f"step:{step.pk}")


def planned_of(step: Step) -> PlannedCall:
    return PlannedCall.objects.get(origin=f"step:{step.pk}")


def judged(job: Job) -> JobStanding:
    attribution.credit([job.pk])
    return JobStanding.objects.get(job=job)


def end_all() -> None:
    Enrollment.objects.update(state="ended", ended_at=later(1), ended_reason="finished")


def test_the_last_touch_wins_be_it_a_call_or_a_text(world: World) -> None:
    contact = world.add_contact()
    world.touch(contact)
    end_all()
    call = world.called(contact, at=later(10))
    end_all()
    text = world.touch(contact, key="second_text", at=later(20))
    first, second = (world.job(world.book(text), at=later(minutes)) for minutes in (15, 30))
    attribution.credit([first.pk, second.pk])
    won = {credit.job_id: credit for credit in JobCredit.objects.all()}
    by_call = won[first.pk]
    assert (by_call.node.key, by_call.phone_call, by_call.message) == ("call", call_of(call), None)
    assert won[second.pk].node.key == "second_text" and won[second.pk].phone_call is None
    assert recount().differences == []
    rows = metrics.node_rows(world.campaign, totals([world.campaign.pk]))
    assert {row.key: row.booked for row in rows if row.booked} == {"call": 1, "second_text": 1}


def test_every_try_is_a_touch_and_a_refused_one_is_none(world: World) -> None:
    step = world.called()
    first = call_of(step)
    second = world.tried(planned_of(step), later(50))
    job = world.job(world.book(step), at=later(60))
    assert judged(job).phone_call == second
    Call.objects.filter(pk=second.pk).update(state="refused")
    assert judged(job).phone_call == first


def test_a_call_at_the_source_within_a_week_of_our_call_ties_the_job(world: World) -> None:
    step = world.called()
    phone = step.enrollment.address.value
    CallAtSource.objects.create(
        account=world.account, servicetitan_id=77, at=later(50), phone=phone, direction="Inbound", active=True
    )
    job = job_of(world, step.enrollment.contact, servicetitan_lead_call_id=77)
    assert judged(job).verdict == "credited" and JobCredit.objects.get().link == "call"


def test_a_job_made_while_we_talked_is_ours(world: World) -> None:
    step = world.called()
    contact = step.enrollment.contact
    talk = call_of(step)
    Call.objects.update(answered_at=later(1), connected_at=later(2), ended_at=later(9))
    during, soon, much_later = (job_of(world, contact, minutes) for minutes in (5, 68, 70))
    verdicts = [judged(job).verdict for job in (during, soon, much_later)]
    assert verdicts == ["credited", "credited", "influenced"]
    credit = JobCredit.objects.get(job=soon)
    assert (credit.link, credit.talk, credit.phone_call) == ("talk", talk, talk)
    Call.objects.update(connected_at=None)  # a script that nobody talked with
    assert judged(during).verdict == "influenced"


@pytest.mark.parametrize(("days", "verdict"), [(6, "credited"), (8, "influenced")])
def test_a_call_to_our_number_within_a_week_of_a_touch(world: World, days: int, verdict: str) -> None:
    step = world.touch()
    came = later(days * 24 * 60)
    Call.objects.create(
        account=world.account, number=world.number, address=step.enrollment.address, direction="in",
        contact=step.enrollment.contact, state="completed", created_at=came, answered_at=came,
        connected_at=came, ended_at=came + timedelta(minutes=6),
    )  # fmt: skip
    job = job_of(world, step.enrollment.contact, days * 24 * 60 + 5)
    assert judged(job).verdict == verdict
    if verdict == "credited":
        credit = JobCredit.objects.get()
        assert credit.link == "talk" and credit.message is not None, "the text won it, the call ties it"


def test_an_admin_credits_a_call_and_the_page_shows_it(world: World) -> None:
    step = world.called()
    call = call_of(step)
    Call.objects.update(note="Wants Friday")
    job = job_of(world, step.enrollment.contact)
    assert judged(job).verdict == "influenced"
    admin = make_member(world.account, Role.ADMIN)
    client: Client = signed_in(admin)
    page = client.get(reverse("analytics:correct_credit", args=[job.pk])).content.decode()
    assert f'value="call-{call.pk}"' in page and "1 min 5 s" in page
    said = {"to": f"call-{call.pk}", "seen": 0, "reason": "Booked on the phone"}
    assert client.post(reverse("analytics:correct_credit", args=[job.pk]), said).status_code == 302
    credit = JobCredit.objects.get(job=job)
    assert (credit.phone_call, credit.link) == (call, "correction")
    html = client.get(reverse("analytics:job", args=[job.pk])).content.decode()
    assert "Wants Friday" in html and "<dt>Call</dt>" in html
    assert client.get(reverse("analytics:correct_credit", args=[job.pk])).status_code == 200
    correction = CreditCorrection.objects.get()
    assert correction.phone_call == call and correction.message is None
    corrections.correct(
        job, verdict="none", reason="No", seen=correction.pk, by=admin, now=clock.now()
    )  # fmt: skip
    assert CreditCorrection.objects.order_by("pk").last().was_phone_call == call  # type: ignore[union-attr]
    assert recount().differences == []


def test_booking_rate_of_a_call_node_is_of_people_not_of_tries(world: World) -> None:
    step = world.called()
    world.called()
    world.tried(planned_of(step), later(5))
    attribution.credit([world.job(world.book(step), at=later(60)).pk])
    assert metrics.booking_rate(world.campaign, "call") == metrics.Rate(1, 2)
    found = totals([world.campaign.pk])
    came = results.of_nodes(world.campaign, metrics.node_rows(world.campaign, found), found)
    assert came["call"].booking == metrics.Rate(1, 2) and came["first_text"].booking == metrics.Rate(0, 0)
