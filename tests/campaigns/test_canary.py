"""A few go first; the others follow after a while, or the campaign pauses itself."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Account, AuditEntry
from audiences.models import Contact
from campaigns import canary, engine, enrolling, lifecycle, tasks, waiting
from campaigns.models import Campaign, Canary, Enrollment, Exclusion, Intake
from campaigns.terms import Terms
from conversations.models import Message, PlannedCall
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launched import launch

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def begun(noon: datetime, people: int = 40, **terms: Any) -> Campaign:
    """Launched to so many, of whom the first few are in and have been queued."""
    account = factories.make_account()
    factories.make_contacts(account, [f"+1312555{100 + n:04}" for n in range(people)])
    campaign = launch(account, terms=Terms(**({"canary_people": 4} | terms)), now=noon)
    enrolling.enroll(campaign, now=noon)
    engine.run_round(now=noon)
    return campaign


def accepted(now: datetime, count: int = 100, **fields: Any) -> None:
    """The provider took so many of the queued texts."""
    ids = Message.objects.filter(state="queued").order_by("pk").values_list("pk", flat=True)[:count]
    fields = {"state": "accepted", "accepted_at": now} | fields
    Message.objects.filter(pk__in=list(ids)).update(body="Hi", due_at=None, state_at=now, **fields)


def admitted(campaign: Campaign) -> int:
    return Enrollment.objects.filter(campaign=campaign).count()


def test_a_few_enter_and_the_others_wait(noon: datetime) -> None:
    campaign = begun(noon)
    row = Canary.objects.get()
    assert (row.people, row.among, row.rest_at) == (4, 40, None)
    assert admitted(campaign) == 4 and lifecycle.unfinished_intakes(now=noon) == []
    enrolling.enroll(campaign, now=noon)
    assert admitted(campaign) == 4, "however often somebody asks"
    assert canary.watch(now=noon + 60 * MINUTE) == 0, "nobody has had a message yet"
    accepted(noon, 3)
    canary.watch(now=noon + 60 * MINUTE)
    row.refresh_from_db()
    assert row.rest_at is None, "one of them still waits for theirs"


def test_the_others_follow_after_the_minutes(noon: datetime) -> None:
    campaign = begun(noon)
    accepted(noon)
    then = noon + 2 * MINUTE
    assert canary.watch(now=then) == 0 and Canary.objects.get().rest_at == then + 30 * MINUTE
    assert canary.watch(now=then + 29 * MINUTE) == 0
    assert canary.watch(now=then + 30 * MINUTE) == 1 and canary.watch(now=then + 30 * MINUTE) == 0
    assert lifecycle.unfinished_intakes(now=then + 30 * MINUTE) == [(campaign, 1)]
    enrolling.enroll(campaign, now=then + 30 * MINUTE)
    intake = Intake.objects.get()
    assert (intake.matched, intake.admitted, admitted(campaign)) == (40, 40, 40)
    assert intake.finished_at is not None and not Exclusion.objects.exists()


def test_they_are_drawn_by_chance_and_by_share(noon: datetime) -> None:
    campaign = begun(noon, people=120, canary_people=None, canary_percent=10)
    assert admitted(campaign) == 12
    first = sorted(Enrollment.objects.values_list("contact", flat=True))
    assert first != list(Contact.objects.order_by("pk").values_list("pk", flat=True)[:12])


@pytest.mark.parametrize(("among", "first"), [(2_000, 20), (100, 10), (11, 10), (10, 0), (1, 0)])
def test_a_share_is_as_many_as_can_be_judged_or_all_go_at_once(among: int, first: int) -> None:
    assert canary.wanted(Terms(canary_percent=1), among) == first


def test_one_alone_pauses_it_where_nobody_else_was_tried(noon: datetime) -> None:
    campaign = begun(noon, canary_people=1)
    accepted(noon, 1, state="failed", accepted_at=None)
    assert canary.watch(now=noon + MINUTE) == 1
    campaign.refresh_from_db()
    assert campaign.status == "paused" and "1 of the first 1 failed" in Canary.objects.get().trouble


def test_who_failed_first_of_several_does_not_pause_it(noon: datetime) -> None:
    campaign = begun(noon)
    accepted(noon, 1, state="failed", accepted_at=None)
    canary.watch(now=noon + MINUTE)
    campaign.refresh_from_db()
    assert campaign.status == "active" and Canary.objects.get().trouble == ""


def test_as_many_as_there_are_all_go_at_once(noon: datetime) -> None:
    campaign = begun(noon, people=3)
    assert admitted(campaign) == 3 and not Canary.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "failed", "accepted_at": None}, "Messages or calls to 2 of the first 4 failed"),
        ({"state": "accepted", "opted": True}, "2 of the first 4 opted out"),
    ],
)
def test_too_many_that_fail_or_opt_out_pause_it(noon: datetime, fields: dict[str, Any], words: str) -> None:
    campaign = begun(noon)
    opted = {"opted_out_at": noon} if fields.pop("opted", False) else {}
    accepted(noon, 2, **fields, **opted)
    accepted(noon)
    assert canary.watch(now=noon + MINUTE) == 1
    campaign.refresh_from_db()
    assert campaign.status == "paused" and campaign.lane is not None and campaign.lane.paused
    said = AuditEntry.objects.about(campaign).get(verb="paused")
    assert words in said.summary and said.by is None
    assert canary.watch(now=noon + 99 * MINUTE) == 0 and admitted(campaign) == 4
    assert lifecycle.unfinished_intakes(now=noon + 99 * MINUTE) == []

    user = factories.make_user(campaign.account, "csr")
    page = signed_in(user).get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert words in page and "4 of 40 entered, 36 did not and got nothing" in page
    assert "First 4 gave a warning" in signed_in(user).get(reverse("campaigns:list")).content.decode()
    asked = {verb: reverse(f"campaigns:{verb}", args=[campaign.pk]) for verb in ("resume", "stop")}
    for verb, becomes in (("resume", "enter, too."), ("stop", "never enter.")):
        question = signed_in(user).get(asked[verb]).content.decode()
        assert f"The other 36, who waited for the first 4, {becomes}" in question
    lifecycle.resume(campaign, by=user, now=noon + 100 * MINUTE)
    enrolling.enroll(campaign, now=noon + 100 * MINUTE)
    assert admitted(campaign) == 40, "somebody decided that the others follow"


def test_who_waited_when_it_was_stopped_is_not_said_to_be_taken_in(noon: datetime) -> None:
    campaign = begun(noon)
    user = factories.make_user(campaign.account, "csr")
    lifecycle.stop(campaign, by=user, now=noon + MINUTE)
    page = signed_in(user).get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert "It ended before its whole audience was taken in." in page
    assert "Taking in the audience" not in page and "taken in when they follow" not in page


def test_those_whose_turn_has_not_come_are_no_part_of_the_share(noon: datetime) -> None:
    begun(noon)
    accepted(noon, 2, state="failed", accepted_at=None)
    canary.watch(now=noon + MINUTE)
    assert Canary.objects.get().trouble.startswith(
        "Messages or calls to 2 of the 2 whose turn has come failed, and the limit is"
    )


def test_one_alone_may_be_chance(noon: datetime) -> None:
    begun(noon)
    accepted(noon, 1, state="failed", accepted_at=None)
    accepted(noon)
    canary.watch(now=noon + MINUTE)
    assert Canary.objects.get().trouble == "" and Canary.objects.get().rest_at is not None


def test_a_pause_by_hand_holds_the_others_and_resuming_waits_on(noon: datetime) -> None:
    campaign = begun(noon)
    user = factories.make_user(campaign.account)
    accepted(noon)
    canary.watch(now=noon)
    assert waiting.others_words(campaign, "pause", now=noon) == "The other 36 do not enter meanwhile."
    lifecycle.pause(campaign, by=user, now=noon)
    assert canary.watch(now=noon + 99 * MINUTE) == 0 and lifecycle.unfinished_intakes(now=noon) == []
    on = waiting.others_words(campaign, "resume", now=noon)
    assert on == "The other 36 wait on for how the first 4 fare."
    lifecycle.resume(campaign, by=user, now=noon + MINUTE)
    assert Canary.objects.get().opened_at is None
    assert canary.watch(now=noon + 30 * MINUTE) == 1


def test_somebody_lets_the_others_follow_at_once(noon: datetime) -> None:
    campaign = begun(noon)
    client = signed_in(factories.make_user(campaign.account, "csr"))
    url = reverse("analytics:campaign", args=[campaign.pk])
    page = client.get(url).content.decode()
    assert "Only the first 4 are in. The other 36 are taken in when they follow." in page
    assert "Taking in the audience" not in page, "nobody is being taken in meanwhile"
    assert "4 of 40 go first" in page and "30 minutes after" in page
    assert "First 4 of 40" in client.get(reverse("campaigns:list")).content.decode()
    client.post(reverse("campaigns:rest", args=[campaign.pk]))
    assert AuditEntry.objects.filter(verb="let_rest_follow").exists()
    tasks.take_in()
    assert admitted(campaign) == 40
    said = client.post(reverse("campaigns:rest", args=[campaign.pk]), follow=True).content.decode()
    assert "Nobody waits for the first few any more" in said


def test_each_occurrence_has_its_own(noon: datetime) -> None:
    campaign = begun(noon, again="occurrence")
    Canary.objects.update(opened_at=noon)
    enrolling.enroll(campaign, now=noon)
    Enrollment.objects.update(state="ended", ended_at=noon, ended_reason="finished")
    enrolling.enroll(campaign, now=noon + 60 * MINUTE, occurrence=2)
    assert Enrollment.objects.filter(occurrence=2).count() == 4
    Canary.objects.update(opened_at=noon)
    enrolling.enroll(campaign, now=noon + 60 * MINUTE, occurrence=2)
    assert Intake.objects.get(occurrence=2).admitted == 40


def test_whom_an_earlier_occurrence_keeps_out_are_not_among_the_first(noon: datetime) -> None:
    campaign = begun(noon, again="never")
    Canary.objects.update(opened_at=noon)
    enrolling.enroll(campaign, now=noon)
    Enrollment.objects.update(state="ended", ended_at=noon, ended_reason="finished")
    factories.make_contacts(campaign.account, [f"+1773555{100 + n:04}" for n in range(10)])
    enrolling.enroll(campaign, now=noon + 60 * MINUTE, occurrence=2)
    second = Canary.objects.get(intake__occurrence=2)
    assert (second.people, second.among) == (4, 10), "or the others would follow nobody"
    Canary.objects.update(opened_at=noon)
    enrolling.enroll(campaign, now=noon + 60 * MINUTE, occurrence=2)
    assert Intake.objects.get(occurrence=2).admitted == 10


def test_calls_count_as_messages_do(noon: datetime) -> None:
    plan = {"words": {"en": "Hi {{ first_name }}, your plan ends soon."}}
    nodes = [("ring", "call", {"plan": plan}), ("later", "wait", {"minutes": 9999}), ("end", "end", {})]
    edges = [("ring", "next", "later"), ("later", "next", "end")]
    account = factories.make_account()
    factories.make_contacts(account, [f"+1312555{100 + n:04}" for n in range(9)])
    campaign = launch(account, terms=Terms(canary_people=3), now=noon, nodes=nodes, edges=edges)
    enrolling.enroll(campaign, now=noon)
    engine.run_round(now=noon)
    assert canary.standing(Canary.objects.get()) == canary.Standing(3, 0, 0, 0, 0)
    calls = PlannedCall.objects.order_by("pk")
    done, refused = calls[0].pk, calls[1].pk
    calls.filter(pk=done).update(state="called", outcome="voicemail", due_at=None)
    calls.filter(pk=refused).update(state="failed", due_at=None)
    assert canary.standing(Canary.objects.get()) == canary.Standing(3, 2, 2, 1, 0)


def test_a_stopped_campaign_lets_nobody_follow(noon: datetime) -> None:
    campaign = begun(noon)
    lifecycle.stop(campaign, by=None, now=noon)
    tasks.finish()
    assert canary.watch(now=noon + 99 * MINUTE) == 0 and admitted(campaign) == 4
    account: Account = campaign.account
    assert not Canary.objects.filter(intake__campaign__account=account, intake__finished_at=None).exists()
