"""Which node a job is credited to, and which jobs are credited to nobody."""

from datetime import timedelta

import pytest

from analytics import attribution
from analytics.models import CounterFill, JobCredit, JobStanding
from analytics.recount import recount
from audiences.models import Job, RecurringVisit
from audiences.signals import jobs_changed
from campaigns.models import Booking, Enrollment, Step
from campaigns.signals import job_booked
from conversations.models import Message
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return build()


def winner(job: Job) -> Step | None:
    """The step whose text won this job, after crediting it."""
    attribution.credit([job.pk])
    credit = JobCredit.objects.filter(job=job).first()
    if credit is None:
        return None
    step = Step.objects.get(pk=int(credit.message.origin.removeprefix("step:")))  # type: ignore[union-attr]
    assert (credit.campaign_id, credit.node_id) == (step.campaign_id, step.node_id)
    assert (credit.enrollment_id, credit.at) == (step.enrollment_id, job.created_on)
    return step


def test_last_accepted_text_wins(world: World) -> None:
    world.touch(contact := world.add_contact())
    Enrollment.objects.update(state="ended", ended_at=later(1), ended_reason="finished")
    second = world.touch(contact, key="second_text", at=later(30))
    job = world.job(world.book(second), at=later(60))
    assert winner(job) == second
    assert recount().differences == []


def test_booking_node_is_never_the_origin(world: World) -> None:
    step = world.touch()
    booking_step = world.step(step.enrollment, "booking", "completed", later(5))
    world.text(booking_step, "accepted", later(5), accepted=True)
    booking = world.book(step)
    Booking.objects.filter(pk=booking.pk).update(step=booking_step)
    assert winner(world.job(booking, at=later(60))) == step


def test_text_not_accepted_wins_nothing(world: World) -> None:
    step = world.step(world.enrol(), state="queued")
    world.text(step, "queued")
    assert winner(world.job(world.book(step), at=later(60))) is None


def test_text_after_the_job_wins_nothing(world: World) -> None:
    step = world.touch(at=later(60))
    assert winner(world.job(world.book(step), at=later(60))) is None
    assert winner(world.job(world.book(step), at=later(59))) is None
    assert winner(world.job(world.book(step), at=later(61))) == step


def test_window_is_the_campaigns_own(world: World) -> None:
    short = world.add_campaign(credit_window_days=3)
    contact = world.add_contact()
    old = world.touch(contact, at=NOON)
    world.touch(contact, short, at=NOON + timedelta(days=1))
    at = NOON + timedelta(days=4)
    within = world.job(world.book(old), at=at)
    assert winner(within) is not None and JobCredit.objects.get(job=within).campaign == short
    assert winner(world.job(world.book(old), at=at + timedelta(seconds=1))) == old
    assert winner(world.job(world.book(old), at=NOON + timedelta(days=30))) == old
    assert winner(world.job(world.book(old), at=NOON + timedelta(days=30, seconds=1))) is None


def test_tie_goes_to_the_later_message(world: World) -> None:
    contact = world.add_contact()
    world.touch(contact, at=later(5))
    later_one = world.touch(contact, world.add_campaign(), at=later(5))
    assert winner(world.job(world.book(later_one), at=later(60))) == later_one


def test_other_contact_of_the_same_customer_counts(world: World) -> None:
    first = world.touch(world.add_contact(customer=77))
    second = world.touch(world.add_contact(customer=77, person="Ana"), at=later(9))
    world.touch(world.add_contact(customer=78), at=later(10))
    assert winner(world.job(world.book(first), at=later(60))) == second


def test_other_account_with_the_same_customer_number_counts_nothing(world: World) -> None:
    mine = world.touch(world.add_contact(customer=77))
    other = build()
    other.touch(other.add_contact(customer=77), at=later(9))
    assert winner(world.job(world.book(mine), at=later(60))) == mine


def test_link_by_booking_id_alone(world: World) -> None:
    step = world.touch()
    booking = world.book(step, by_booking=True)
    assert winner(world.job(booking, at=later(60))) == step


def test_job_filed_under_a_new_customer_is_ours_by_its_booking(world: World) -> None:
    step = world.touch()
    assert winner(world.job(world.book(step), at=later(60), servicetitan_customer_id=5)) == step


def test_job_without_a_link_is_nobodys(world: World) -> None:
    step = world.touch()
    booking = world.book(step)
    unlinked = {"servicetitan_id": 1, "servicetitan_booking_id": None}
    assert winner(world.job(booking, at=later(60), **unlinked)) is None


@pytest.mark.parametrize("free", [{"no_charge": True}, {"recall_for_servicetitan_id": 4}])
def test_recalls_and_free_jobs_win_nothing(world: World, free: dict[str, object]) -> None:
    assert winner(world.job(world.book(world.touch()), at=later(60), **free)) is None


def test_visit_of_a_recurring_service_wins_nothing(world: World) -> None:
    step = world.touch()
    job = world.job(world.book(step), at=later(60))
    visit = RecurringVisit.objects.create(
        account=world.account, servicetitan_id=3, servicetitan_job_id=job.servicetitan_id
    )
    assert winner(job) is None
    visit.active = False  # deleted at the source: the job is an ordinary one
    visit.save()
    RecurringVisit.objects.create(
        account=build().account, servicetitan_id=3, servicetitan_job_id=job.servicetitan_id
    )
    assert winner(job) == step


def test_cancelled_job_keeps_its_credit(world: World) -> None:
    step = world.touch()
    job = world.job(world.book(step), at=later(60))
    assert winner(job) == step
    Job.objects.filter(pk=job.pk).update(status="Canceled")
    assert winner(job) == step
    Job.objects.filter(pk=job.pk).update(status="Scheduled", active=False)  # deleted at the source
    assert winner(job) == step and JobCredit.objects.get().cancelled


def test_job_that_becomes_free_or_a_recall_loses_its_credit(world: World) -> None:
    step = world.touch()
    job = world.job(world.book(step), at=later(60))
    for change, back in (
        ({"no_charge": True}, {"no_charge": False}),
        ({"recall_for_servicetitan_id": 5}, {"recall_for_servicetitan_id": None}),
    ):
        assert winner(job) == step
        Job.objects.filter(pk=job.pk).update(**change)
        assert winner(job) is None
        Job.objects.filter(pk=job.pk).update(**back)
    assert recount().differences == []


def test_credit_is_given_once_and_follows_what_comes_to_light_later(world: World) -> None:
    step = world.touch()
    job = world.job(world.book(step), at=later(60))
    assert attribution.credit([job.pk, job.pk]) == [job.pk]
    assert attribution.credit([job.pk]) == [] and winner(job) == step
    nearer = world.touch(step.enrollment.contact, world.add_campaign(), at=later(59))
    assert attribution.credit([job.pk]) == []
    assert winner(job) == nearer and JobCredit.objects.count() == 1
    assert attribution.credit([]) == []


def test_batch_credits_each_job_to_its_own_customer(world: World) -> None:
    steps = [world.touch() for _ in range(3)]
    jobs = [world.job(world.book(step), at=later(60)) for step in steps]
    assert attribution.credit([job.pk for job in jobs]) == [job.pk for job in jobs]
    assert [winner(job) for job in jobs] == steps


def test_messages_of_other_origins_are_passed_over(world: World) -> None:
    step = world.touch()
    message = Message.objects.get()
    message.pk, message.origin, message.kind = None, "answer:hello", "automatic"
    message.accepted_at = later(30)
    message.save()
    assert winner(world.job(world.book(step), at=later(60))) == step


def test_agents_booking_is_linked_by_its_thread(world: World) -> None:
    step = world.touch()
    booking = world.book(step)
    thread = world.account.threads.create(
        contact=booking.contact, address=step.enrollment.address, number=world.number
    )
    Booking.objects.filter(pk=booking.pk).update(thread=thread)
    assert winner(world.job(booking, at=later(60))) == step
    assert JobCredit.objects.get().link == "thread"


def test_news_of_jobs_and_bookings_is_credited(world: World) -> None:
    first, second = (world.job(world.book(world.touch()), at=later(60)) for _ in range(2))
    jobs_changed.send(sender=None, account=world.account, job_ids=[first.pk])
    assert list(JobCredit.objects.values_list("job", flat=True)) == [first.pk]
    booking = Booking.objects.get(servicetitan_job_id=second.servicetitan_id)
    job_booked.send(
        sender=None, account_id=world.account.pk, booking_id=booking.pk,
        servicetitan_job_id=second.servicetitan_id,
    )  # fmt: skip
    assert set(JobCredit.objects.values_list("job", flat=True)) == {first.pk, second.pk}


def test_jobs_mirrored_before_any_was_judged_are_judged_in_slices(world: World) -> None:
    jobs = [world.job(world.book(world.touch()), at=later(60)) for _ in range(3)]
    assert attribution.judge_next() is False and not JobStanding.objects.exists()
    CounterFill.objects.create(name=attribution.FILL, since=0)
    assert attribution.judge_next(size=2) and JobStanding.objects.count() == 2
    assert attribution.judge_next(size=2) and not attribution.judge_next(size=2)
    assert not CounterFill.objects.exists()
    assert list(JobCredit.objects.order_by("job").values_list("job", flat=True)) == [job.pk for job in jobs]
    assert recount().differences == []
