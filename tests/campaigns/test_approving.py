"""Launches above the account's limit need a second person, who decides once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from campaigns import approving, audience_looks, enrolling, launching, lifecycle, scheduling, tasks, waiting
from campaigns.models import Campaign, Enrollment, Intake, LaunchApproval, LaunchRules
from campaigns.terms import Terms
from common import clock
from conversations.models import Lane
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launch_form import Ready, at
from tests.campaigns.launched import launch
from tests.campaigns.test_message_emails import EMAIL

SETTINGS = reverse("campaigns:launch_settings")


@pytest.fixture
def limited(ready: Ready) -> Ready:
    """Above two people somebody else has to agree; there are three."""
    LaunchRules.objects.create(account=ready.account, approval_above=2)
    return ready


def asked(ready: Ready, **typed: Any) -> Campaign:
    ready.fill(**typed)
    page = ready.client.get(at("review")).content.decode()
    assert "need a second person" in page and "Ask to send to 3 contacts" in page
    assert ready.post("review").status_code == 302
    return Campaign.objects.get()


def second(ready: Ready) -> Client:
    return signed_in(factories.make_user(ready.account, "marketer", name="Mara Second"))


def url(campaign: Campaign) -> str:
    return reverse("campaigns:approval", args=[campaign.pk])


@pytest.mark.django_db
def test_nobody_enters_until_somebody_else_agrees(limited: Ready) -> None:
    campaign = asked(limited, texts_per_hour="120")
    assert campaign.status == "created" and campaign.lane is None and not Lane.objects.filter(kind="campaign")
    tasks.take_in()
    with pytest.raises(enrolling.NotLaunched):
        enrolling.enroll(campaign, now=clock.now())
    assert not Enrollment.objects.exists()
    own = limited.client.get(url(campaign)).content.decode()
    assert "You asked for it yourself" in own and "Approve and send" not in own
    refused = limited.client.post(url(campaign), {"decision": "approve", "people": "3"})
    assert refused.status_code == 409 and "Somebody else has to look at it" in refused.content.decode()
    page = limited.client.get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert "Waits for approval" in page and "above 2, somebody else looks at it first" in page

    client = second(limited)
    assert "Spring tune-ups waits for approval" in client.get(reverse("analytics:dashboard")).content.decode()
    shown = client.get(url(campaign)).content.decode()
    assert "Approve and send to 3 contacts" in shown and "At most 120 texts an hour" in shown
    assert "Hi Pat" in shown, "a rendered sample"
    assert "Waits for approval" in client.get(reverse("campaigns:list")).content.decode()
    assert client.post(url(campaign), {"decision": "approve", "people": "3"}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.status == "scheduled" and campaign.held_until is not None
    assert campaign.lane is not None and campaign.lane.texts_per_hour == 120
    verbs = set(AuditEntry.objects.about(campaign).values_list("verb", flat=True))
    assert {"asked_approval", "approved_launch", "launched"} <= verbs
    enrolling.enroll(campaign, now=campaign.held_until)
    assert Enrollment.objects.count() == 3


@pytest.mark.django_db
def test_a_refusal_says_why_and_the_draft_comes_back(limited: Ready) -> None:
    campaign = asked(limited)
    client = second(limited)
    empty = client.post(url(campaign), {"decision": "refuse", "reason": " "})
    assert empty.status_code == 409 and "Say why" in empty.content.decode()
    assert 'aria-describedby="refusal-error"' in empty.text, "and where"
    client.post(url(campaign), {"decision": "refuse", "reason": "Wrong price"})
    campaign.refresh_from_db()
    assert campaign.status == "created" and campaign.approval.approved is False
    page = limited.client.get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert "Not approved" in page and "Wrong price" in page
    told = "Spring tune-ups was not approved"
    dashboard = limited.client.get(reverse("analytics:dashboard")).content.decode()
    assert told in dashboard and "Wrong price. Nothing was sent." in dashboard, "whoever asked learns of it"
    late = client.post(url(campaign), {"decision": "approve", "people": "3"})
    assert late.status_code == 409 and "refused it already" in late.content.decode()
    limited.client.post(reverse("campaigns:take_back", args=[campaign.pk]))
    assert limited.draft.fields["name"] == "Spring tune-ups" and not Campaign.objects.exists()
    assert told not in limited.client.get(reverse("analytics:dashboard")).content.decode()


@pytest.mark.django_db
def test_at_the_limit_nobody_is_asked(ready: Ready) -> None:
    LaunchRules.objects.create(account=ready.account, approval_above=3)
    ready.fill()
    ready.post("review")
    assert Campaign.objects.get().status == "scheduled" and not LaunchApproval.objects.exists()


@pytest.mark.django_db
def test_a_program_is_asked_too(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contacts(account, ["+13125550101", "+13125550102"])
    LaunchRules.objects.create(account=account, approval_above=1)
    campaign = launch(account, now=noon)
    assert campaign.status == "created" and lifecycle.unfinished_intakes(now=noon) == []


@pytest.mark.django_db
def test_an_audience_that_grew_is_looked_at_again(limited: Ready) -> None:
    campaign = asked(limited)
    for number in range(3, 60):
        factories.make_contact(limited.account, f"+1312555{100 + number:04}")
    answer = second(limited).post(url(campaign), {"decision": "approve", "people": "3"})
    assert answer.status_code == 409 and "Look again, then decide" in answer.content.decode()
    assert Campaign.objects.get().status == "created"


@pytest.mark.django_db
def test_what_can_no_longer_be_launched_is_not_approved(limited: Ready) -> None:
    campaign = asked(limited)
    limited.number.active = False
    limited.number.save()
    answer = second(limited).post(url(campaign), {"decision": "approve", "people": "3"})
    assert answer.status_code == 409 and "switched off" in answer.content.decode()
    assert LaunchApproval.objects.get().decided_at is None


@pytest.mark.django_db
def test_rules_that_name_what_is_gone_are_refused_in_words(limited: Ready) -> None:
    campaign = asked(limited)
    rules = {"include": {"join": "all", "rules": [{"field": "tag", "op": "any", "value": [987654]}]}}
    Campaign.objects.filter(pk=campaign.pk).update(audience_rules=rules)
    client = second(limited)
    assert client.get(url(campaign)).status_code == 200
    answer = client.post(url(campaign), {"decision": "approve", "people": "3"})
    assert answer.status_code == 409 and "can no longer be launched" in answer.content.decode()
    assert Campaign.objects.get().status == "created"


@pytest.mark.django_db
def test_the_limit_is_set_by_an_admin_and_kept_in_the_log(ready: Ready) -> None:
    admin = signed_in(factories.make_user(ready.account, "admin"))
    assert ready.client.get(SETTINGS).status_code == 403
    assert "Only one person" not in admin.get(SETTINGS).content.decode()
    assert admin.post(SETTINGS, {"approval_above": "0"}).status_code == 422
    assert admin.post(SETTINGS, {"approval_above": "500"}).status_code == 302
    assert LaunchRules.objects.get().approval_above == 500
    assert "above 500 people" in AuditEntry.objects.get(verb="changed_launch_rules").summary
    admin.post(SETTINGS, {"approval_above": ""})
    assert LaunchRules.objects.get().approval_above is None


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_does(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contacts(account, ["+13125550101", "+13125550102"])
    LaunchRules.objects.create(account=account, approval_above=1)
    people = [factories.make_user(account, "admin") for _ in range(3)]
    campaign = launch(account, now=noon, by=people[0], terms=Terms(canary_people=1))
    together = Barrier(2, timeout=20)

    def decide(yes: bool) -> bool:
        together.wait()
        try:
            if yes:
                approving.approve(campaign, by=people[1], now=noon, people=2)
            else:
                approving.refuse(campaign, by=people[2], now=noon, reason="No")
        except approving.NotPossible:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        approved, refused = threads.map(decide, [True, False])
    assert approved != refused
    campaign.refresh_from_db()
    assert campaign.status == ("scheduled" if approved else "created")
    assert LaunchApproval.objects.get().approved is approved
    assert Lane.objects.filter(kind="campaign").count() == int(approved)
    assert launching.UNDO.total_seconds() == 60


@pytest.mark.django_db
def test_the_second_person_sees_all_that_the_first_one_saw(limited: Ready) -> None:
    nodes = [("email", "send_email", EMAIL), ("done", "end", {})]
    limited.version = factories.make_workflow(limited.account, nodes, [("email", "next", "done")])
    factories.make_mailbox(limited.account)
    person = limited.account.contacts.earliest("pk")
    factories.give_mailbox(person, "pat@example.org")
    campaign = asked(limited)
    client = second(limited)
    page = client.get(url(campaign)).text
    assert "2 customers of 3 have no email address" in page, "a warning"
    frame = f"{reverse('campaigns:launch_email')}?of={campaign.pk}&contact={person.pk}"
    assert frame.replace("&", "&amp;") in page and "Hi Pat0" in client.get(frame).text
    stranger = signed_in(factories.make_user(factories.make_account("Other"), "admin"))
    assert stranger.get(frame).status_code == 404


@pytest.mark.django_db
def test_the_second_person_reads_when_it_would_start(
    limited: Ready, noon: datetime, later: Callable[[timedelta], datetime]
) -> None:
    campaign = asked(limited, start="later", starts_at="2026-11-24T10:00")
    client = second(limited)
    assert "Approve and schedule for 3 contacts" in client.get(url(campaign)).text
    later(timedelta(days=1))
    page = client.get(url(campaign)).text
    assert "Approve and send to 3 contacts" in page and "which was chosen, has passed" in page


@pytest.mark.django_db
def test_nobody_left_leaves_no_button_but_refusing(limited: Ready) -> None:
    campaign = asked(limited)
    limited.account.contacts.update(active=False)
    page = second(limited).get(url(campaign)).text
    assert (
        "Nobody would get this any more" in page and "Approve and" not in page and "Refuse</button>" in page
    )


LATE = [f"+1773555{100 + n:04}" for n in range(4)]


def held(campaign: Campaign) -> list[tuple[int, int, int]]:
    rows = Intake.objects.filter(campaign=campaign).order_by("occurrence")
    return list(rows.values_list("occurrence", "admitted", "held"))


def at_the_limit(noon: datetime, **terms: Any) -> Campaign:
    """Three customers are in, and the account lets one person launch to three."""
    account = factories.make_account()
    factories.make_contacts(account, [f"+1312555{100 + n:04}" for n in range(3)])
    LaunchRules.objects.create(account=account, approval_above=3)
    by = factories.make_user(account, "csr")
    campaign = launch(account, now=noon, by=by, terms=Terms(**terms))
    enrolling.enroll(campaign, now=noon)
    assert held(campaign) == [(1, 3, 0)] and not LaunchApproval.objects.exists()
    return campaign


def look(campaign: Campaign, now: datetime) -> None:
    for each in audience_looks.due(now=now):
        audience_looks.go_on_with(each, now=now, go_on=lambda: True)


@pytest.mark.django_db
def test_who_joins_beyond_the_limit_waits_for_a_second_person(noon: datetime) -> None:
    campaign = at_the_limit(noon, joins_until=noon + timedelta(days=9))
    scheduling.activate(noon)
    factories.make_contacts(campaign.account, LATE[:2])
    for minutes in (6, 12):
        look(campaign, noon + timedelta(minutes=minutes))
        assert held(campaign) == [(1, 3, 2)], "however often it is looked at"
    launcher = signed_in(campaign.launched_by)
    page = launcher.get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert "2 more match, and wait for a second person" in page
    assert "You launched it: anybody else who may launch can let them in." in page
    assert "Let them in</button>" not in page
    assert "2 more, who waited for a second person, never enter." in waiting.others_words(
        campaign, "stop", now=noon
    )
    let_in = reverse("campaigns:let_in", args=[campaign.pk])
    said = launcher.post(let_in, {"people": "2"}, follow=True).content.decode()
    assert "You launched it yourself" in said and Enrollment.objects.count() == 3
    client = signed_in(factories.make_user(campaign.account, "marketer"))
    shown = client.get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert "Let them in</button>" in shown
    assert "2 more match Tune-up" in client.get(reverse("analytics:dashboard")).content.decode()
    assert (
        "2 customers more may enter now" in client.post(let_in, {"people": "2"}, follow=True).content.decode()
    )
    enrolling.enroll(campaign, now=noon + timedelta(minutes=13))
    assert held(campaign) == [(1, 5, 0)] and Enrollment.objects.count() == 5
    factories.make_contacts(campaign.account, LATE[2:])
    look(campaign, noon + timedelta(minutes=20))
    assert held(campaign) == [(1, 5, 2)], "what comes after that is asked anew"
    assert AuditEntry.objects.get(verb="let_more_in").detail == {"people": 2, "of_occurrence": 1}
    again = client.post(let_in, {"people": "900"}, follow=True).content.decode()
    assert "More or fewer wait by now" in again
    lifecycle.stop(campaign, by=campaign.launched_by, now=noon + timedelta(minutes=30))
    ended = client.get(reverse("analytics:campaign", args=[campaign.pk])).content.decode()
    assert "2 more matched. Nobody let them in before it ended, so they got nothing." in ended


@pytest.mark.django_db
def test_an_audience_that_grew_during_the_minute_waits_too(noon: datetime) -> None:
    account = factories.make_account()
    factories.make_contacts(account, [f"+1312555{100 + n:04}" for n in range(3)])
    LaunchRules.objects.create(account=account, approval_above=3)
    campaign = launch(account, now=noon)
    factories.make_contacts(account, LATE)
    enrolling.enroll(campaign, now=noon)
    assert held(campaign) == [(1, 3, 4)]
    approving.let_in(campaign, by=factories.make_user(account), now=noon, people=4)
    assert lifecycle.unfinished_intakes(now=noon) == [(campaign, 1)]
    enrolling.enroll(campaign, now=noon)
    assert held(campaign) == [(1, 7, 0)]
    intake = Intake.objects.get()
    assert intake.finished_at is not None and intake.matched == 7
    with pytest.raises(approving.NotPossible, match="Nobody waits"):
        approving.let_in(campaign, by=factories.make_user(account), now=noon, people=4)


@pytest.mark.django_db
def test_each_occurrence_counts_for_itself(noon: datetime) -> None:
    campaign = at_the_limit(noon, again="occurrence")
    Enrollment.objects.update(state="ended", ended_at=noon, ended_reason="finished")
    factories.make_contacts(campaign.account, LATE[:2])
    enrolling.enroll(campaign, now=noon + timedelta(hours=1), occurrence=2)
    assert held(campaign) == [(1, 3, 0), (2, 3, 2)]


@pytest.mark.django_db
def test_what_was_approved_may_grow_as_a_review_may(limited: Ready) -> None:
    campaign = asked(limited)
    second(limited).post(url(campaign), {"decision": "approve", "people": "3"})
    campaign.refresh_from_db()
    assert campaign.approval.approved_people == 3
    intake = Intake(campaign=campaign)
    assert approving.most(campaign, intake) == 3 + 50
    LaunchRules.objects.update(approval_above=None)
    assert approving.most(campaign, intake) is None
