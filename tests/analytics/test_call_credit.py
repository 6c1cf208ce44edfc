"""Calls win jobs as messages do, and tie jobs to us."""

from datetime import timedelta
from decimal import Decimal
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
from conversations.models import Call, Lane, PlannedCall
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


@pytest.mark.parametrize("origin", ["callback:7", "agent:a-token"])
def test_a_call_back_and_an_agents_own_call_tie_a_job_too(world: World, origin: str) -> None:
    step = world.touch()
    enrollment = step.enrollment
    own = PlannedCall.objects.create(
        account=world.account, number=world.number, address=enrollment.address, contact=enrollment.contact,
        lane=Lane.objects.create(account=world.account, kind="agents", name="Agents"), origin=origin,
        kind="call_back" if origin.startswith("callback") else "agent", mode="person", state="called",
        outcome="booked",
    )  # fmt: skip
    talk = world.tried(own, later(30), answered_at=later(30), connected_at=later(30), ended_at=later(40))
    job = job_of(world, enrollment.contact, 35)
    assert judged(job).verdict == "credited"
    credit = JobCredit.objects.get()
    assert (credit.link, credit.talk, credit.node.key) == ("talk", talk, "first_text"), "the text won it"
    assert credit.phone_call is None and recount().differences == []


def test_a_voicemail_that_took_an_agents_call_ties_nothing(world: World) -> None:
    step = world.called(outcome="voicemail")
    Call.objects.update(answered_at=later(1), connected_at=later(1), ended_at=later(2))
    job = job_of(world, step.enrollment.contact, 30)
    assert judged(job).verdict == "influenced"


def test_what_is_known_of_a_call_after_the_job_changes_its_credit(world: World) -> None:
    step = world.called()
    talk = call_of(step)
    other = job_of(world, world.touch().enrollment.contact, 30)
    job = job_of(world, step.enrollment.contact, 30)
    assert judged(job).verdict == judged(other).verdict == "influenced"
    assert attribution.judge_talks(later(40)) == 0
    Call.objects.filter(pk=talk.pk).update(answered_at=later(2), connected_at=later(2), ended_at=later(35))
    assert attribution.judge_talks(later(40)) == 1 and attribution.judge_talks(later(41)) == 0
    credit = JobCredit.objects.get()
    assert (credit.job, credit.link, credit.talk) == (job, "talk", talk)
    Call.objects.filter(pk=talk.pk).update(outcome="voicemail")  # says the agent, a minute afterwards
    assert attribution.judge_talks(later(42)) == 1 and attribution.judge_talks(later(43)) == 0
    assert not JobCredit.objects.exists() and JobStanding.objects.get(job=job).verdict == "influenced"
    assert recount().differences == []


def test_a_call_to_us_that_was_heard_of_late_ties_only_after_a_touch(world: World) -> None:
    step = world.touch()
    stranger = world.add_contact()
    for contact, address in (
        (step.enrollment.contact, step.enrollment.address), (stranger, world.enrol(stranger).address),
    ):  # fmt: skip
        job = job_of(world, contact, 65)
        attribution.credit([job.pk])
        Call.objects.create(
            account=world.account, number=world.number, address=address, direction="in", contact=contact,
            state="completed", created_at=later(60), answered_at=later(61), connected_at=later(61),
            ended_at=later(70),
        )  # fmt: skip
    assert attribution.judge_talks(later(80)) == 1 and attribution.judge_talks(later(81)) == 0
    assert JobCredit.objects.get().enrollment == step.enrollment


def test_an_admins_word_stands_above_what_is_heard_of_a_call(world: World) -> None:
    step = world.called()
    Call.objects.update(answered_at=later(1), connected_at=later(1), ended_at=later(9))
    job = job_of(world, step.enrollment.contact, 5)
    assert judged(job).verdict == "credited"
    admin = make_member(world.account, Role.ADMIN)
    corrections.correct(job, verdict="none", reason="No", seen=0, by=admin, now=later(20))
    assert attribution.judge_talks(later(30)) == 0 and not JobCredit.objects.exists()


def test_of_a_call_and_a_text_at_one_instant_the_text_wins(world: World) -> None:
    contact = world.add_contact()
    call = world.called(contact, at=later(10))
    end_all()
    text = world.touch(contact, at=later(10))
    job = world.job(world.book(text), at=later(15))
    assert judged(job).message is not None, "ties go to the later message"
    moved = later(10) + timedelta(seconds=1)
    Call.objects.filter(pk=call_of(call).pk).update(accepted_at=moved)
    assert judged(job).phone_call == call_of(call), "in the same minute the later second decides"
    assert recount().differences == []


def test_what_a_call_brought_is_counted_to_the_cent(world: World) -> None:
    step = world.called()
    job = world.job(world.book(step), at=later(60), status="Completed")
    for total in (Decimal("199.99"), Decimal("0.01"), Decimal("-50.05")):
        world.invoice(job, total)
    assert judged(job).revenue_cents == 149_95
    assert totals([world.campaign.pk])[world.campaign.pk, "call", "revenue"] == 149_95
    tiles = metrics.tiles(world.account, later(60))
    assert (tiles.jobs_booked, tiles.revenue_cents) == (1, 149_95)
    assert sum(
        metrics.rows_behind_tile(world.account, "revenue").values_list("revenue_cents", flat=True)
    ) == (149_95)
    Job.objects.filter(pk=job.pk).update(status="Canceled")
    assert judged(job).revenue_cents == 0 and metrics.tiles(world.account).jobs_booked == 1
    assert recount().differences == []


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
