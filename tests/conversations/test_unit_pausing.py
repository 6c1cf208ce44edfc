"""Storm days: the claim lets nothing of a campaign leave to customers of a paused business unit."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, BusinessUnit
from audiences.models import Contact
from campaigns import engine, enrolling
from campaigns.models import Campaign, Step
from common import clock
from conversations import claiming, leasing, touches, unit_pausing
from conversations.models import Message, UnitPause
from tests import factories
from tests.accounts.making import signed_in
from tests.audiences import people
from tests.campaigns.launched import launch
from tests.product import wait_for

SETTINGS = reverse("conversations:sending")
PAUSE = reverse("conversations:pause_unit")
HOUR = timedelta(hours=1)


@pytest.fixture
def town(noon: datetime) -> tuple[Campaign, BusinessUnit]:
    """Two customers whose texts are queued: one’s latest job was for roofing, the other’s for heating."""
    account = factories.make_account()
    roofing, heating = people.unit(account, "Roofing"), people.unit(account, "Heating")
    roof = factories.make_contact(account, "+13125550101", first_name="Roof")
    heat = factories.make_contact(account, "+13125550102", first_name="Heat")
    people.job(roof, heating, created_on=noon - timedelta(days=90))
    people.job(roof, roofing, created_on=noon - timedelta(days=9))
    people.job(heat, roofing, created_on=noon - timedelta(days=90))
    people.job(heat, heating, created_on=noon - timedelta(days=9))
    campaign = launch(account, now=noon)
    enrolling.enroll(campaign, now=noon)
    engine.run_round(now=noon)
    return campaign, roofing


def claimed() -> set[str]:
    """First names of those whose texts a claim of all that is due would hand over."""
    ids = list(Message.objects.filter(state="queued", due_at__lte=clock.now()).values_list("pk", flat=True))
    made = claiming.claim(ids, now=clock.now())
    contacts = Message.objects.filter(pk__in=[one.message_id for one in made]).values_list(
        "contact", flat=True
    )
    return set(Contact.objects.filter(pk__in=list(contacts)).values_list("first_name", flat=True))


@pytest.mark.django_db
def test_customers_of_the_unit_are_left_in_peace_and_others_are_not(
    town: tuple[Campaign, BusinessUnit], noon: datetime
) -> None:
    campaign, roofing = town
    user = factories.make_user(campaign.account, "csr")
    pause, flying = unit_pausing.pause(
        roofing, by=user, now=clock.now(), until=noon + 5 * HOUR, reason="Hail"
    )
    assert flying == 0 and claimed() == {"Heat"}
    step = Step.objects.get(state="scheduled")
    assert step.enrollment.contact.first_name == "Roof" and step.due_at is not None
    assert clock.now() < step.due_at <= clock.now() + HOUR / 4, "asked again soon: somebody may resume"
    Message.objects.update(due_at=clock.now())
    assert claimed() == set()
    unit_pausing.lift(pause, by=user, now=clock.now())
    Message.objects.filter(state="queued").update(due_at=clock.now())
    assert claimed() == {"Roof"}
    verbs = AuditEntry.objects.filter(verb__in=["paused_unit", "resumed_unit"]).order_by("pk")
    assert [one.summary for one in verbs] == [
        "Paused campaigns for customers of Roofing: Hail",
        "Resumed campaigns for customers of Roofing",
    ]


@pytest.mark.django_db
def test_it_ends_by_itself_and_can_begin_anew(town: tuple[Campaign, BusinessUnit], noon: datetime) -> None:
    campaign, roofing = town
    user = factories.make_user(campaign.account)
    roof = Contact.objects.get(first_name="Roof")
    pairs = [(roof.pk, campaign.lane_id or 0)]
    pause, _ = unit_pausing.pause(roofing, by=user, now=noon, until=noon + HOUR)
    assert touches.holds(pairs, noon) == {pairs[0]: noon + HOUR}
    assert touches.holds(pairs, noon + HOUR) == {}
    with pytest.raises(unit_pausing.NotPossible, match="paused already"):
        unit_pausing.pause(roofing, by=user, now=noon)
    with pytest.raises(unit_pausing.NotPossible, match="over already"):
        unit_pausing.lift(pause, by=user, now=noon + HOUR)
    again, _ = unit_pausing.pause(roofing, by=user, now=noon + 2 * HOUR)
    assert touches.holds(pairs, noon + 9 * HOUR) != {} and again.until is None


@pytest.mark.django_db
def test_agents_still_write(town: tuple[Campaign, BusinessUnit], noon: datetime) -> None:
    campaign, roofing = town
    unit_pausing.pause(roofing, by=factories.make_user(campaign.account), now=noon)
    Message.objects.update(kind="agent", body="We are on our way", template=None)
    assert claimed() == {"Roof", "Heat"}


@pytest.mark.django_db
def test_a_person_pauses_sees_and_resumes(town: tuple[Campaign, BusinessUnit]) -> None:
    campaign, roofing = town
    client: Client = signed_in(factories.make_user(campaign.account, "csr", name="Ann Storm"))
    assert "Roofing" in client.get(PAUSE).content.decode()
    empty = client.post(PAUSE, {"business_unit": ""})
    assert empty.status_code == 422 and "Choose a business unit" in empty.content.decode()
    past = client.post(PAUSE, {"business_unit": roofing.pk, "until": "2020-01-01T10:00"})
    assert past.status_code == 422 and "This time has passed" in past.content.decode()
    said = client.post(PAUSE, {"business_unit": roofing.pk, "reason": "Hail"}, follow=True).content.decode()
    assert "Campaigns rest for customers of Roofing" in said and "Agents can still write" in said
    banner = client.get(reverse("campaigns:list")).content.decode()
    assert "Campaigns rest for customers of Roofing" in banner and "Ann Storm" in banner and "Hail" in banner
    assert "data-everything" not in banner, "so that everything can still be paused from any page"
    twice = client.post(PAUSE, {"business_unit": roofing.pk})
    assert twice.status_code == 422 and "paused already" in twice.content.decode()
    resume = reverse("conversations:resume_unit", args=[UnitPause.objects.get().pk])
    assert "Campaigns go on for customers of Roofing" in client.post(resume, follow=True).content.decode()
    assert "Campaigns rest" not in client.get(reverse("campaigns:list")).content.decode()
    assert "over already" in client.post(resume, follow=True).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_pause_waits_for_a_claim_that_has_not_committed(town: tuple[Campaign, BusinessUnit]) -> None:
    campaign, roofing = town
    user = factories.make_user(campaign.account)
    over: list[int] = []

    def pause() -> None:
        over.append(unit_pausing.pause(roofing, by=user, now=clock.now())[1])
        connection.close()

    pauser = threading.Thread(target=pause)
    with transaction.atomic():
        leased = leasing.lease(10, now=clock.now())
        claims = claiming.claim(leased, now=clock.now())
        assert len(claims) == 2
        pauser.start()
        pauser.join(0.3)
        assert pauser.is_alive() and not over
    wait_for(UnitPause.objects.exists, what="the pause")
    Message.objects.filter(state="calling").update(state="unknown")
    pauser.join(20)
    assert over == [1], "the text that was claimed before it counts as on its way"


@pytest.mark.django_db
@pytest.mark.parametrize("until", ["2020-01-01T10:00", "2040-01-01T10:00", "9999-12-31T23:59"])
def test_an_end_that_nobody_can_mean_is_refused_where_it_was_typed(
    town: tuple[Campaign, BusinessUnit], until: str
) -> None:
    campaign, roofing = town
    client = signed_in(factories.make_user(campaign.account, "csr"))
    answer = client.post(PAUSE, {"business_unit": roofing.pk, "until": until, "reason": "Hail"})
    assert answer.status_code == 422 and "Nothing was paused" in answer.text
    assert f'value="{until}"' in answer.text and 'value="Hail"' in answer.text, "what was typed is kept"
    assert not UnitPause.objects.exists() and client.get(SETTINGS).status_code == 200
