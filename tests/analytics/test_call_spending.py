"""What a campaign's calls, and what came in for it, have cost: by started minutes."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics import spending
from audiences.models import Contact
from campaigns.models import Campaign
from common import clock
from conversations.models import Call, Message
from integrations import rates
from integrations.models import RateTable
from tests import factories
from tests.analytics import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> world.World:
    built = world.build()
    RateTable.objects.create(
        account=built.account, minute_out=Decimal(1), minute_in=Decimal(10), machine_check=Decimal(100),
        minute_recorded=Decimal(1000), segment_in=Decimal("0.1"), mms_in=Decimal("0.5"),
    )  # fmt: skip
    return built


def contact_of(campaign: Campaign) -> Contact:
    return factories.make_contact(campaign.account, "+13125550111")


def call(campaign: Campaign, contact: Contact, **fields: Any) -> Call:
    """One of the campaign's calls, over after `lasts` seconds."""
    now, lasts = clock.now(), timedelta(seconds=fields.pop("lasts", 0))
    planned = factories.plan_call(
        contact, lane=campaign.lane, mode="person" if "agent_phone" in fields else "script"
    )
    return Call.objects.create(
        account=campaign.account, planned=planned, direction="out", contact=contact, address=planned.address,
        number=campaign.number, state="completed", accepted_at=now, ended_at=now + lasts, **fields,
    )  # fmt: skip


def test_a_scripts_call_costs_started_minutes_its_check_and_its_transfer(made: world.World) -> None:
    campaign, now = made.campaign, clock.now()
    call(campaign, contact_of(campaign), answered_at=now, seconds=61, lasts=61)
    found = spending.now_of(campaign)
    assert (found.on_calls, found.calls) == (Decimal(2 + 100), 1)
    other = factories.make_contact(campaign.account, "+13125550112")
    call(campaign, other, answered_at=now, connected_at=now + timedelta(seconds=30), seconds=90, lasts=80)
    assert spending.now_of(campaign).on_calls == Decimal(102 + 2 + 1 + 100)
    third = factories.make_contact(campaign.account, "+13125550113")
    call(campaign, third, seconds=0)  # nobody answered
    assert spending.now_of(campaign).on_calls == Decimal(205)


def test_a_persons_call_costs_both_phones_and_its_recording(made: world.World) -> None:
    campaign, now = made.campaign, clock.now()
    call(campaign, contact_of(campaign), agent_phone="+13125550177", answered_at=now, seconds=59, lasts=70,
         recording_seconds=59)  # fmt: skip
    assert spending.now_of(campaign).on_calls == Decimal(1 + 2 + 1000)


def touched(campaign: Campaign, contact: Contact, ago: timedelta) -> Message:
    at = clock.now() - ago
    return Message.objects.create(
        account=campaign.account, lane=campaign.lane, contact=contact, address=factories.phone_of(contact),
        number=campaign.number, kind="campaign", state="delivered", body="Hi", created_at=at, accepted_at=at,
    )  # fmt: skip


@pytest.mark.parametrize(("days", "cost"), [(6, 10 + 1), (8, 0)])
def test_a_customers_call_is_of_the_campaign_that_touched_them_last(
    made: world.World, days: int, cost: int
) -> None:
    campaign, now = made.campaign, clock.now()
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=now - timedelta(days=30))
    campaign.refresh_from_db()
    contact = contact_of(campaign)
    touched(campaign, contact, timedelta(days=days))
    Call.objects.create(
        account=campaign.account, direction="in", contact=contact, address=factories.phone_of(contact),
        number=campaign.number, state="completed", answered_at=now, connected_at=now, seconds=20,
        ended_at=now + timedelta(seconds=20), provider_id="CA1",
    )  # fmt: skip
    assert spending.now_of(campaign).on_calls == Decimal(cost)


def test_answers_cost_by_the_segment(made: world.World) -> None:
    campaign = made.campaign
    ours = touched(campaign, contact_of(campaign), timedelta(hours=1))
    before = spending.now_of(campaign).amount
    Message.objects.create(
        account=campaign.account, contact=ours.contact, address=ours.address, number=ours.number,
        kind="inbound", state="received", body="Yes", segments=2, replies_to=ours,
    )  # fmt: skip
    after = spending.now_of(campaign)
    assert after.amount - before == Decimal("0.2")
    assert after.on_calls == 0 and after.note == "about, by your rates"
    assert rates.money(after.amount - before) == "$0.20"
