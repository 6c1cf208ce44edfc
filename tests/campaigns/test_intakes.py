"""Audiences brought in by ring: in slices that any death may interrupt, each campaign for itself."""

import uuid
from datetime import datetime, timedelta

import pytest

from accounts.models import AuditEntry
from audiences import derived_contacts
from audiences.models import Job, Tag
from campaigns import enrolling, launching, lifecycle, tasks
from campaigns.models import Campaign, Enrollment, EnrollmentSnapshot, Exclusion, Intake
from common import clock, loops
from tests import factories

pytestmark = pytest.mark.django_db


def launch(account, e164="+13125550190", rules=None, name="Tune-up", token=None):
    """Launched, and not yet taken in."""
    draft = launching.Draft(
        name=name,
        version=factories.make_workflow(account),
        audience=factories.make_audience(account, rules),
        number=factories.make_number(account, e164=e164),
        token=token or uuid.uuid4(),
    )
    return launching.launch(account, draft, by=None, now=clock.now())


def tagged_contact(account, phone="+13125550150"):
    tag = Tag.objects.create(account=account, servicetitan_id=5, name="VIP")
    tag.contacts.add(factories.make_contact(account, phone=phone))
    return tag


def test_an_intake_goes_on_where_it_was_killed():
    account = factories.make_account()
    for phone in (150, 150, 151, 152, 153):  # two share a phone
        factories.make_contact(account, phone=f"+1312555{phone:04}")
    campaign = launch(account)
    intake = Intake.objects.create(campaign=campaign)
    enrolling.enroll_slice(campaign, intake.pk, now=clock.now(), size=2)
    intake.refresh_from_db()
    assert (intake.matched, intake.admitted, intake.finished_at) == (2, 1, None)

    # The worker that wrote this slice is gone; another one is rung.
    assert tasks.take_in() == 1
    intake.refresh_from_db()
    admitted = Enrollment.objects.filter(campaign=campaign).count()
    excluded = Exclusion.objects.filter(campaign=campaign).count()
    assert (intake.matched, intake.admitted) == (5, 4)
    assert (admitted, excluded) == (4, 1)
    assert intake.finished_at is not None
    assert tasks.take_in() == 0


def test_a_tag_deleted_after_launch_stops_its_campaign_alone_and_says_why():
    broken, sound = factories.make_account(), factories.make_account()
    tag = tagged_contact(broken)
    bad = launch(broken, rules={"tags": [tag.pk]}, name="VIPs")
    factories.make_contact(sound)
    good = launch(sound, e164="+13125550191")
    Tag.objects.update(active=False)

    tasks.take_in()
    tasks.finish()

    assert Enrollment.objects.get().campaign == good
    bad.refresh_from_db()
    assert (bad.status, bad.stopped_at is None) == (Campaign.Status.COMPLETED, False)
    entry = AuditEntry.objects.about(bad).get(verb="stopped")
    assert entry.summary == "Stopped VIPs: The tag “VIP” was deleted in ServiceTitan."
    assert entry.by is None
    assert not Intake.objects.filter(finished_at=None).exists()
    assert tasks.take_in() == 0


def test_an_intake_that_breaks_holds_up_no_other():
    first, second = factories.make_account(), factories.make_account()
    factories.make_contact(first)
    factories.make_contact(second)
    bad, good = launch(first), launch(second, e164="+13125550191")
    empty = factories.make_workflow(first, nodes=[], edges=[], publish=False)  # nowhere to begin
    Campaign.objects.filter(pk=bad.pk).update(version=empty)
    tasks.take_in()
    assert Enrollment.objects.get().campaign == good
    assert lifecycle.unfinished_intakes(now=clock.now()) == [(bad, 1)]


def test_an_intake_ends_with_its_worker_and_its_loop(monkeypatch):
    account = factories.make_account()
    factories.make_contact(account)
    campaign = launch(account)
    monkeypatch.setattr(loops, "_stopping", True)
    tasks.take_in()
    assert not Enrollment.objects.exists()
    monkeypatch.setattr(loops, "_stopping", False)
    assert enrolling.enroll(campaign, now=clock.now(), go_on=lambda: False).finished_at is None
    assert not Enrollment.objects.exists()


def test_the_intake_of_a_stopped_campaign_ends_too():
    account = factories.make_account()
    factories.make_contact(account)
    campaign = launch(account)
    intake = Intake.objects.create(campaign=campaign)
    lifecycle.stop(campaign, by=factories.make_user(account), now=clock.now())
    lifecycle.finish_stopped(now=clock.now())
    intake.refresh_from_db()
    assert intake.finished_at is not None


def test_the_token_of_another_account_is_refused():
    first, second = factories.make_account(), factories.make_account()
    factories.make_contact(first)
    factories.make_contact(second)
    theirs = launch(first, name="Secret", token=uuid.uuid4())
    with pytest.raises(launching.LaunchRefused) as refused:
        launch(second, e164="+13125550191", token=theirs.launch_token)
    assert "Secret" not in str(refused.value)
    assert Campaign.objects.get() == theirs


def test_the_last_job_kept_at_entry_is_the_one_that_dates_the_contact():
    account = factories.make_account()
    contact = factories.make_contact(account)
    customer = contact.servicetitan_customer_id
    finished = clock.now() - timedelta(days=10)
    jobs = [  # (created, completed, active, status): the second counts
        (30, None, True, "Scheduled"),
        (90, 10, True, "Completed"),
        (5, 4, False, "Completed"),
        (3, None, True, "Canceled"),
    ]
    for number, (created, completed, active, status) in enumerate(jobs):
        Job.objects.create(
            account=account,
            servicetitan_id=number,
            servicetitan_customer_id=customer,
            created_on=clock.now() - timedelta(days=created),
            completed_on=finished if completed == 10 else completed and clock.now(),
            active=active,
            status=status,
        )
    derived_contacts.note_last_jobs(account.pk, [customer])
    contact.refresh_from_db()
    launch(account)
    tasks.take_in()
    kept = EnrollmentSnapshot.objects.get().data
    assert datetime.fromisoformat(kept["last_job_at"]) == contact.last_job_at == finished
    assert kept["job_ids"] == [1, 0]
