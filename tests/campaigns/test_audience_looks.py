"""Late joiners, who leaves the audience, and who may enter again: looked for while a campaign runs."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection, transaction
from django.urls import reverse

from analytics.recount import recount
from audiences import own_tags, suppression
from audiences.models import Contact, Tag
from campaigns import audience_looks, enrolling, launching, lifecycle, passages, tasks
from campaigns.models import AudienceLook, Booking, Campaign, Enrollment, Exclusion, Intake, Step
from campaigns.terms import LEFT_AUDIENCE, Terms
from common import clock
from tests import factories
from tests.accounts.making import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
DAY = timedelta(days=1)


def vip(account, index: int, **fields) -> Contact:
    """A customer with the tag that the audience asks for."""
    contact = factories.make_contact(account, f"+1312555{150 + index:04}", **fields)
    own_tags.add(account.pk, [contact.pk], ["VIP"])
    return contact


def launch(contacts: int = 2, *, joins: bool = True, **terms) -> Campaign:
    """A campaign to everybody with the tag, taken in."""
    account = factories.make_account()
    for index in range(contacts):
        vip(account, index)
    draft = launching.Draft(
        name="VIPs",
        version=factories.make_workflow(account),
        audience=factories.make_audience(account, {"tags": [Tag.objects.get(account=account).pk]}),
        number=factories.make_number(account),
        terms=Terms(joins_until=clock.now() + 30 * DAY if joins else None, **terms),
    )
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(campaign, now=clock.now())
    return campaign


def in_it(campaign: Campaign) -> int:
    return Enrollment.objects.filter(campaign=campaign).count()


def assert_counted(campaign: Campaign) -> None:
    """Matched = admitted + excluded, whatever happened since."""
    intake = Intake.objects.get(campaign=campaign)
    admitted = Enrollment.objects.filter(campaign=campaign, returning=False).count()
    excluded = Exclusion.objects.filter(campaign=campaign).count()
    assert (intake.admitted, intake.matched) == (admitted, admitted + excluded)
    assert recount().differences == []


def test_who_comes_to_match_enters_once_with_a_first_step(later):
    campaign = launch()
    late = vip(campaign.account, 7)
    assert tasks.look_again() == 1
    enrollment = Enrollment.objects.get(campaign=campaign, contact=late)
    assert Step.objects.get(enrollment=enrollment).state == "scheduled"
    later(audience_looks.EVERY)
    assert tasks.look_again() == 0
    assert in_it(campaign) == 3
    assert_counted(campaign)


def test_nobody_joins_where_that_was_not_chosen_or_is_over_or_paused(later):
    closed = launch(joins=False)
    vip(closed.account, 7)
    assert tasks.look_again() == 0 and not AudienceLook.objects.exists()
    Campaign.objects.update(joins_until=clock.now() + DAY)
    lifecycle.pause(closed, by=factories.make_user(closed.account), now=clock.now())
    assert tasks.look_again() == 0
    lifecycle.resume(closed, by=factories.make_user(closed.account), now=clock.now())
    later(2 * DAY)
    assert tasks.look_again() == 0 and in_it(closed) == 2


def test_nobody_joins_before_the_audience_is_taken_in(caplog):
    campaign = launch()
    Intake.objects.update(finished_at=None)
    vip(campaign.account, 7)
    assert tasks.look_again() == 0 and in_it(campaign) == 2
    Intake.objects.all().delete()
    assert tasks.look_again() == 0 and in_it(campaign) == 2
    assert not caplog.records, "a look before the intake is no trouble"


def test_a_look_goes_on_where_it_was_killed(monkeypatch):
    campaign = launch(1)
    for index in range(5, 10):
        vip(campaign.account, index)
    monkeypatch.setattr(enrolling, "SLICE", 2)
    (look,) = audience_looks.due(now=clock.now())
    answers = iter([True, False])
    audience_looks.go_on_with(look, now=clock.now(), go_on=lambda: next(answers))
    assert in_it(campaign) == 2
    (look,) = audience_looks.due(now=clock.now())
    assert look.cursor > 0 and audience_looks.go_on_with(look, now=clock.now(), go_on=lambda: True) == 4
    assert in_it(campaign) == 6
    assert_counted(campaign)


def test_who_could_not_enter_then_and_can_now_is_no_longer_excluded(later):
    campaign = launch(1)
    away = vip(campaign.account, 7, do_not_service=True)
    tasks.look_again()
    assert Exclusion.objects.get(campaign=campaign).reason == "do_not_service"
    assert_counted(campaign)
    Contact.objects.filter(pk=away.pk).update(do_not_service=False)
    later(audience_looks.EVERY)
    assert tasks.look_again() == 1
    assert not Exclusion.objects.exists() and in_it(campaign) == 2
    assert_counted(campaign)


def test_nobody_enters_twice_unless_chosen_and_no_phone_either(later):
    campaign = launch(1)
    spouse = vip(campaign.account, 0)  # has the phone of who is in
    tasks.look_again()
    assert Exclusion.objects.get(contact=spouse).reason == "same_phone"
    passages.end([Enrollment.objects.get().pk], reason="finished", now=clock.now())
    later(365 * DAY)
    Campaign.objects.update(joins_until=clock.now() + DAY)
    assert tasks.look_again() == 0
    assert in_it(campaign) == 1, "neither the first nor whoever shares their phone"
    assert_counted(campaign)


def test_again_only_after_the_days_since_the_last_time_ended(later):
    campaign = launch(1, again=Campaign.Again.AFTER_DAYS, again_days=5)
    first = Enrollment.objects.get()
    later(20 * DAY)
    tasks.look_again()
    assert in_it(campaign) == 1, "is still in it"
    passages.end([first.pk], reason="finished", now=clock.now())
    later(timedelta(days=4, hours=23))
    tasks.look_again()
    assert in_it(campaign) == 1, "not yet"
    later(timedelta(hours=2))
    tasks.look_again()
    again = Enrollment.objects.exclude(pk=first.pk).get()
    assert (again.state, again.returning, again.contact_id) == ("active", True, first.contact_id)
    assert_counted(campaign)


def test_who_was_in_and_may_not_be_reached_now_is_not_excluded_afterwards(later):
    campaign = launch(1, again=Campaign.Again.AFTER_DAYS, again_days=1)
    enrollment = Enrollment.objects.select_related("address").get()
    suppression.opt_out(enrollment.address, channel="phone", source="text", now=clock.now())
    passages.end([enrollment.pk], reason="opted_out", now=clock.now())
    later(2 * DAY)
    tasks.look_again()
    assert in_it(campaign) == 1 and not Exclusion.objects.exists()
    assert_counted(campaign)


@pytest.mark.parametrize(
    ("again", "entered"),
    [(Campaign.Again.NEVER, 1), (Campaign.Again.EACH_OCCURRENCE, 2)],
)
def test_another_occurrence_admits_again_only_where_chosen(again, entered):
    campaign = launch(1, joins=False, again=again)
    passages.end([Enrollment.objects.get().pk], reason="finished", now=clock.now())
    enrolling.enroll(campaign, now=clock.now(), occurrence=2)
    assert in_it(campaign) == entered
    enrolling.enroll(campaign, now=clock.now(), occurrence=2)
    assert in_it(campaign) == entered


def test_a_campaign_that_takes_in_late_joiners_stays_active_until_its_last_day(later):
    campaign = launch(1)
    passages.end([Enrollment.objects.get().pk], reason="finished", now=clock.now())
    assert lifecycle.complete_finished(now=clock.now()) == 0
    late = vip(campaign.account, 7)
    tasks.look_again()
    later(31 * DAY)
    assert lifecycle.complete_finished(now=clock.now()) == 0, "the late joiner is under way"
    passages.end([Enrollment.objects.get(contact=late).pk], reason="finished", now=clock.now())
    assert lifecycle.complete_finished(now=clock.now()) == 1


def leave(contact: Contact) -> None:
    own_tags.remove(contact.account_id, [contact.pk], ["VIP"])


@pytest.mark.parametrize("chosen", [False, True])
def test_who_leaves_the_audience_leaves_only_where_chosen(chosen):
    campaign = launch(3, joins=False, exits=(LEFT_AUDIENCE,) if chosen else ())
    leave(Contact.objects.order_by("pk")[0])
    assert tasks.look_again() == chosen
    reasons = (
        Enrollment.objects.filter(campaign=campaign).order_by("pk").values_list("ended_reason", flat=True)
    )
    assert list(reasons) == ["left_audience" if chosen else "", "", ""]


def test_who_leaves_by_what_the_workflow_asked_for_goes_on():
    """A job that it booked dates the customer's last one anew: the confirmation is still to come."""
    campaign = launch(1, joins=False, exits=(LEFT_AUDIENCE,))
    enrollment = Enrollment.objects.get()
    Booking.objects.create(
        account=campaign.account, external_id="ours", contact_id=enrollment.contact_id,
        enrollment=enrollment, state="sent",
    )  # fmt: skip
    leave(Contact.objects.get())
    assert tasks.look_again() == 0
    assert Enrollment.objects.get().state == "active"


def test_who_leaves_is_found_behind_the_first_slice():
    campaign = launch(5, joins=False, exits=(LEFT_AUDIENCE,))
    leave(Contact.objects.order_by("pk")[4])
    (look,) = audience_looks.due(now=clock.now())
    ended = [False]
    while not ended[-1]:
        ended.append(audience_looks._leavers(campaign, look.pk, now=clock.now(), size=2)[1])
    assert len(ended) == 4
    assert Enrollment.objects.get(state="ended").ended_reason == "left_audience"


def test_rules_without_a_meaning_move_nobody_and_stop_nothing(later):
    campaign = launch(2, exits=(LEFT_AUDIENCE,))
    vip(campaign.account, 7)
    Tag.objects.update(active=False)
    assert tasks.look_again() == 0
    campaign.refresh_from_db()
    assert campaign.status == "active" and Enrollment.objects.filter(state="active").count() == 2
    assert not AudienceLook.objects.filter(ended_at=None).exists(), (
        "asked again at the next look, not at once"
    )


def shown(campaign: Campaign, url: str) -> str:
    args = [campaign.pk] if url == "analytics:campaign" else []
    page = signed_in(factories.make_user(campaign.account)).get(reverse(url, args=args))
    return " ".join(page.content.decode().split())


def test_rules_without_a_meaning_are_told_until_they_have_one_again(later):
    campaign = launch(2, exits=(LEFT_AUDIENCE,))
    vip(campaign.account, 7)
    assert "Audience broken" not in shown(campaign, "campaigns:list")
    Tag.objects.update(active=False)
    tasks.look_again()
    first = clock.now()
    later(audience_looks.EVERY)
    tasks.look_again()
    note = audience_looks.broken([campaign.pk], now=clock.now())[campaign.pk]
    assert note.since <= first, "since the first of several looks"
    page = shown(campaign, "analytics:campaign")
    assert "was deleted in ServiceTitan" in page
    assert "Nobody has joined and nobody has left by the rules since then." in page
    assert "Audience broken" in shown(campaign, "campaigns:list")
    Tag.objects.update(active=True)
    later(audience_looks.EVERY)
    assert tasks.look_again() == 1
    assert audience_looks.broken([campaign.pk], now=clock.now()) == {}
    assert "no longer work" not in shown(campaign, "analytics:campaign")


def test_rules_that_nobody_asks_any_more_are_not_told_of(later):
    campaign = launch(1)
    Tag.objects.update(active=False)
    tasks.look_again()
    assert "Nobody has joined since then." in shown(campaign, "analytics:campaign")
    later(31 * DAY)  # nobody could join any more
    assert audience_looks.broken([campaign.pk], now=clock.now()) == {}
    later(-31 * DAY)
    assert audience_looks.broken([campaign.pk], now=clock.now())
    lifecycle.stop(campaign, by=None, now=clock.now())
    assert audience_looks.broken([campaign.pk], now=clock.now()) == {}


@pytest.mark.django_db(transaction=True)
def test_two_workers_admit_nobody_twice():
    campaign = launch(1)
    for index in range(5, 25):
        vip(campaign.account, index)
    (look,) = audience_looks.due(now=clock.now())

    def work() -> None:
        audience_looks.go_on_with(look, now=clock.now(), go_on=lambda: True)
        connection.close()

    workers = [Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert in_it(campaign) == 21
    assert_counted(campaign)


@pytest.mark.django_db(transaction=True)
def test_a_campaign_is_not_completed_over_somebody_who_joins_in_its_last_moment(later):
    campaign = launch(1)
    passages.end([Enrollment.objects.get().pk], reason="finished", now=clock.now())
    late = vip(campaign.account, 7)
    (look,) = audience_looks.due(now=clock.now())
    joining, asked = Event(), Event()

    def join() -> None:
        with transaction.atomic():
            assert audience_looks.go_on_with(look, now=look.began_at, go_on=lambda: True) == 1
            joining.set()
            asked.wait(10)
        connection.close()

    worker = Thread(target=join)
    worker.start()
    assert joining.wait(10)
    later(31 * DAY)
    completed = lifecycle.complete_finished(now=clock.now())
    asked.set()
    worker.join()
    assert completed == 0 and Campaign.objects.get().status == "active"
    assert lifecycle.complete_finished(now=clock.now()) == 0, "now they are seen"
    passages.end([Enrollment.objects.get(contact=late).pk], reason="finished", now=clock.now())
    assert lifecycle.complete_finished(now=clock.now()) == 1
