"""The dashboard's days and business unit, campaigns by health, and what needs somebody."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import BusinessUnit, Role
from analytics import queue_signs
from analytics.models import CounterTotal, QueueSign, RecountRun
from audiences.models import SyncCursor
from audiences.servicetitan_sync import OPTIONAL
from audiences.sync_state import LABELS
from campaigns import units
from campaigns.models import AudienceLook, Campaign, Step
from common import clock, htmx
from conversations.models import Message, Thread
from tests import factories
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import World, build

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world() -> World:
    return build()


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(make_member(world.account, Role.ADMIN))


def html(client: Client, url: str = "/") -> str:
    return client.get(url, follow=True).content.decode()


def ranged(page: str) -> dict[str, int]:
    return {name: int(n) for name, n in re.findall(r'data-ranged="range_(\w+)" value="(\d+)"', page)}


def attention(page: str) -> list[str]:
    return re.findall(r'<li[^>]* id="attention-([\w-]+)">', page)


def aim(campaign: Campaign, unit: BusinessUnit, **rule: Any) -> None:
    asked = {"field": "job.unit", "is": "any_of", "value": [unit.pk], **rule}
    campaign.targeting = {"match": "all", "rules": [{"match": "all", "of": "job", "rules": [asked]}]}
    campaign.save()


def test_range_counts_whole_days_of_the_company(world: World, client: Client) -> None:
    now = clock.now()
    midnight = now.astimezone(world.account.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for at in (midnight, midnight - timedelta(seconds=1), midnight - 6 * DAY, midnight - 7 * DAY):
        world.touch(at=at)
    assert ranged(html(client, "/?range=today"))["texts"] == 1
    assert ranged(html(client, "/?range=7d"))["texts"] == 3
    assert ranged(html(client, "/?range=30d"))["texts"] == 4
    day = f"{(midnight - DAY):%Y-%m-%d}"
    page = html(client, f"/?range=own&from={day}&to={day}")
    none = dict.fromkeys(("calls", "replies", "optouts", "call_optouts", "booked"), 0)
    assert ranged(page) == {"audience": 1, "texts": 1, **none}
    (link,) = re.findall(r'href="([^"]*range_texts[^"]*)"', page)
    assert '<data data-rows value="1">' in html(client, unescape(link))


def test_reversed_or_missing_days_are_told_and_not_shown(world: World, client: Client) -> None:
    page = html(client, "/?range=own&from=2026-05-05&to=2026-05-04")
    assert "The last day lies before the first" in page
    assert "Choose a first and a last day" in html(client, "/?range=own&from=&to=x")


def test_what_was_looked_at_comes_back_in_the_address(world: World, client: Client) -> None:
    unit = BusinessUnit.objects.create(account=world.account, servicetitan_id=7, name="Plumbing")
    client.get(f"/?range=30d&unit={unit.pk}")
    client.get(reverse("campaigns:list"))
    answer = client.get("/")
    assert answer.status_code == 302 and answer["Location"] == f"/?range=30d&unit={unit.pk}"
    poll = client.get("/", headers={"HX-Request": "true", "X-Poll": "1"})
    assert poll.status_code == 200
    client.get("/?range=7d&unit=")
    assert client.get("/").status_code == 200


def test_unit_narrows_every_figure_and_its_rows(world: World, client: Client) -> None:
    unit = BusinessUnit.objects.create(account=world.account, servicetitan_id=7, name="Plumbing")
    other = BusinessUnit.objects.create(account=world.account, servicetitan_id=8, name="Heating")
    aimed = world.add_campaign()
    aim(aimed, unit)
    aim(world.add_campaign(), other)
    aim(world.add_campaign(), unit, **{"is": "none_of"})
    short = world.add_campaign()
    short.audience_rules = {"business_units": [other.pk, unit.pk]}
    short.save()
    assert units.aimed_at(world.account, unit.pk) == [aimed.pk, short.pk]
    for campaign in world.campaigns:
        world.touch(campaign=campaign, at=clock.now())
    page = html(client, f"/?unit={unit.pk}")
    assert ranged(page)["texts"] == 2
    for tile in ("audience_count", "total_texts", "completed_today"):
        assert f'data-metric="{tile}" value="2"' in page
    for href in re.findall(r'href="(/tiles/(?:audience_count|total_texts|range_texts)[^"]*)"', page):
        assert '<data data-rows value="2">' in html(client, unescape(href)), href
    assert aimed.name in page and world.campaign.name not in page


def test_unit_of_another_account_is_no_filter(world: World, client: Client) -> None:
    theirs = BusinessUnit.objects.create(account=build().account, servicetitan_id=7, name="Secret unit")
    page = html(client, f"/?unit={theirs.pk}")
    assert page and "Secret unit" not in page


def test_worst_campaign_is_first_and_says_why(world: World, client: Client) -> None:
    good, bad = world.campaign, world.add_campaign()
    for n in range(20):
        world.touch(campaign=good)
        world.touch(campaign=bad)
        if n < 2:
            world.step(world.enrol(campaign=bad), state="failed")
    later = world.add_campaign()  # newest, and nothing wrong
    page = html(client)
    order = [int(pk) for pk in re.findall(r'<tr id="campaign-(\d+)"', page)]
    assert order == [bad.pk, later.pk, good.pk]
    assert "9.1% of its steps failed (2 of 22)" in page and page.count("health__wrong small") == 1


def test_campaigns_come_in_pages_and_cost_no_query_each(world: World, client: Client) -> None:
    client.get("/")
    with CaptureQueriesContext(connection) as few:
        client.get("/")
    for _ in range(24):
        world.touch(campaign=world.add_campaign())
    with CaptureQueriesContext(connection) as many:
        page = html(client)
    assert len(many) == len(few) <= 35
    assert page.count('<tr id="campaign-') == 20 and "Page 1 of 2, 25 campaigns" in page
    assert html(client, "/?page=2").count('<tr id="campaign-') == 5
    assert html(client, "/?page=99").count('<tr id="campaign-') == 5


def test_nothing_needs_attention(world: World, client: Client) -> None:
    page = html(client)
    assert attention(page) == [] and "Nothing needs you" in page


def test_stuck_steps_are_told_unless_something_moves(world: World, client: Client) -> None:
    now = clock.now()
    step = world.step(world.enrol(at=now - 3 * HOUR), at=now - 3 * HOUR)
    Step.objects.filter(pk=step.pk).update(due_at=now - 2 * HOUR)
    page = html(client)
    assert attention(page) == [f"stuck-{world.campaign.pk}"] and "1 step is due and not moved" in page
    world.step(world.enrol(), at=now)  # it only waits for its number's turn
    assert attention(html(client)) == []
    Campaign.objects.update(status="paused")
    assert attention(html(client)) == []


def test_each_trouble_has_its_line_and_leads_there(world: World, client: Client) -> None:
    now = clock.now()
    sent = world.touch(at=now - HOUR)
    Message.objects.filter(origin=f"step:{sent.pk}").update(
        state="unknown", claimed_at=now - HOUR, state_at=now - HOUR
    )
    for entity in LABELS:
        SyncCursor.objects.create(
            account=world.account, entity=entity, synced_at=now, complete_at=now - 3 * HOUR
        )
    thread = factories.make_thread(world.account, body="Friday?")
    Thread.objects.filter(pk=thread.pk).update(last_inbound_at=now - HOUR)
    AudienceLook.objects.create(
        campaign=world.campaign, purpose="leavers", broken_since=now - DAY, trouble="The tag is gone."
    )
    Campaign.objects.update(leaves_audience=True)
    for _ in range(22):
        world.step(world.enrol(at=now), state="failed", at=now)
    RecountRun.objects.create(
        account=world.account, asked_at=now, finished_at=now, differing=1,
        differences=[{"level": "total", "campaign": world.campaign.pk, "node": "first_text",
            "column": "accepted", "at": None, "counted": 5, "rows": 1}],
    )  # fmt: skip
    QueueSign.objects.create(queue="engine", seen_at=now - 10 * DAY)
    page = html(client)
    broken, number = f"broken-{world.campaign.pk}", f"number-{world.number.pk}"
    assert set(attention(page)) == {
        "queue-engine", "recount", number, broken, "unknown", "sync", "replies"
    }  # fmt: skip
    assert attention(page)[-3:] == ["sync", "unknown", "replies"]
    assert "Accepted at first_text in all: counted 5, rows 1" in page
    for link in re.findall(r'attention__title.*?href="([^"]+)"', page, re.DOTALL):
        assert client.get(unescape(link), follow=True).status_code in (200, 503), link
    assert '<data data-rows value="1">' in html(
        client, reverse("analytics:tile_rows", args=["unknown_sends"])
    )
    csr = html(signed_in(make_member(world.account, Role.CSR)))
    assert "An admin can look into it" in csr and "/settings/connections/" not in csr


def test_failed_sync_names_the_list_unless_it_need_not_be_read(world: World, client: Client) -> None:
    now = clock.now()
    for entity in LABELS:
        error = "Refused [403]" if entity in OPTIONAL else ""
        SyncCursor.objects.create(
            account=world.account, entity=entity, synced_at=now, complete_at=now, error=error
        )
    SyncCursor.objects.filter(entity="jobs").update(error="Nobody answered")
    page = html(client)
    assert attention(page) == ["sync"] and "Jobs: Nobody answered" in page


def test_sign_of_life_is_written_and_missed(world: World) -> None:
    queue_signs._signed.clear()
    queue_signs.sign("engine")
    queue_signs.sign("nonsense")
    assert QueueSign.objects.get().queue == "engine" and queue_signs.missing(clock.now()) == []
    QueueSign.objects.update(seen_at=clock.now() - 5 * 365 * DAY)
    queue_signs.sign("engine")  # a moment later: not written again
    (missing,) = queue_signs.missing(clock.now())
    assert missing.queue == "engine" and missing.since < clock.now() - 4 * 365 * DAY


def test_poll_is_unchanged_until_a_counter_moves(world: World, client: Client) -> None:
    page = html(client)
    tag = re.search(r'id="live"[^>]*hx-ptag="(\w+)"', page) or re.search(r"hx-ptag[^>]*?(\w{24})", page)
    assert tag
    poll = {"HX-Request": "true", "X-Poll": "1", "HX-PTag": tag[1]}
    assert client.get("/", headers=poll).status_code == 304
    CounterTotal.objects.create(campaign_id=world.campaign.pk, node_key="", column="entries", n=3)
    assert client.get("/").status_code == 200  # read anew
    assert client.get("/", headers=poll).status_code == 200


def test_polls_share_one_look_and_people_none(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(htmx, "LOOK_SECONDS", 600)
    url = reverse("analytics:campaign", args=[world.campaign.pk])
    version = client.get(url, headers={"HX-Request": "true"}).headers["HX-PTag"]
    poll = {"HX-Request": "true", "HX-PTag": version, "X-Poll": "1"}
    assert client.get(url, headers=poll).status_code == 304
    world.step(world.enrol())
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url, headers=poll).status_code == 304
    assert len(queries) <= 1  # whether the person still may
    alike = signed_in(make_member(world.account, Role.ADMIN))
    assert alike.get(url, headers=poll).status_code == 304
    assert client.get(url, headers={"HX-Request": "true", "HX-PTag": version}).status_code == 200
    other = signed_in(make_member(world.account, Role.CSR))
    assert other.get(url, headers=poll).status_code == 200
    assert client.get(url, headers=poll).status_code == 200, "a person's look is what timers compare with"
