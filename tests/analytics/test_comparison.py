"""Campaigns side by side, against plain Python; every figure opens exactly its rows."""

import math
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from analytics import attribution, comparison
from analytics.comparison import Comparison
from campaigns.models import Campaign, Enrollment, Step
from common import wilson
from conversations.models import Message
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import World, build, later

pytestmark = pytest.mark.django_db
URL = "/campaigns/compare/"


@pytest.fixture
def world() -> World:
    made = build()
    made.add_campaign()
    made.add_campaign()
    return made


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(make_member(world.account, Role.CSR))


def fill(world: World) -> None:
    """Sizes of 40, 12 and none; replies, opt-outs, failures and jobs in each that has anybody."""
    for campaign, size in zip(world.campaigns, (40, 12, 0), strict=True):
        steps = [world.touch(campaign=campaign) for _ in range(size)]
        for n, step in enumerate(steps):
            texts = Message.objects.filter(origin=f"step:{step.pk}")
            if n % 4 == 0:
                texts.update(replied_at=later(3))
            if n % 6 == 1:
                texts.update(opted_out_at=later(4))
            if n % 5 == 2:
                texts.update(state="failed", state_at=later(5))
            if n % 10 == 0:
                job = world.job(world.book(step), at=later(30))
                world.invoice(job, 250)
                attribution.credit([job.pk])
        if steps:
            world.step(steps[0].enrollment, "second_text", "failed", later(9))


def read(world: World) -> Comparison:
    return comparison.of(list(Campaign.objects.filter(pk__in=[c.pk for c in world.campaigns]).order_by("pk")))


def shares(found: Comparison) -> dict[str, list[tuple[int, int]]]:
    lines = next(group for group in found.groups if group.title == "Shares").lines
    return {line.label: [(f.rate.part, f.rate.whole) for f in line.figures if f.rate] for line in lines}


def test_shares_equal_plain_python(world: World) -> None:
    fill(world)
    expected: dict[str, list[tuple[int, int]]] = {
        "Booking rate": [], "Reply rate": [], "Opt-out rate": [], "Not delivered": [], "Failed steps": []
    }  # fmt: skip
    for campaign in world.campaigns:
        people = {e.contact_id for e in Enrollment.objects.filter(campaign=campaign)}
        steps = list(Step.objects.filter(campaign=campaign).prefetch_related("enrollment__job_credits"))
        texts = [
            t for t in Message.objects.all() if t.origin in {f"step:{s.pk}" for s in steps} and t.accepted_at
        ]
        won = {s.enrollment.contact_id for s in steps if s.enrollment.job_credits.all()}
        expected["Booking rate"].append((len(won), len(people)))
        expected["Reply rate"].append((sum(1 for t in texts if t.replied_at), len(texts)))
        expected["Opt-out rate"].append((sum(1 for t in texts if t.opted_out_at), len(texts)))
        expected["Not delivered"].append((sum(1 for t in texts if t.state == "failed"), len(texts)))
        expected["Failed steps"].append((sum(1 for s in steps if s.state == "failed"), len(steps)))
    assert shares(read(world)) == expected
    assert expected["Booking rate"] == [(4, 40), (2, 12), (0, 0)]


@pytest.mark.parametrize(("part", "whole", "low", "high"), [
    (10, 100, 0.0552, 0.1744), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 3, 0.0615, 0.7923)
])  # fmt: skip
def test_wilson(part: int, whole: int, low: float, high: float) -> None:
    found = wilson.interval(part, whole)
    assert found and [round(end, 4) for end in found] == [low, high]
    assert wilson.interval(0, 0) is None
    z = wilson.Z  # its ends are where the share lies just so many deviations away
    for end in found:
        if 1e-6 < end < 1 - 1e-6:
            assert abs(part / whole - end) == pytest.approx(z * math.sqrt(end * (1 - end) / whole), abs=1e-9)


def test_every_figure_opens_its_rows(world: World, client: Client) -> None:
    fill(world)
    asked = "&".join(f"c={campaign.pk}" for campaign in world.campaigns)
    html = client.get(f"{URL}?{asked}").content.decode()
    found = re.findall(r'data-campaign="(\d+)" data-node="(\w*)" data-column="(\w+)" value="(\d+)"', html)
    assert len(found) > 50
    for campaign, node, column, n in set(found):
        rows = reverse("analytics:campaign_rows", args=[campaign])
        asked_rows = {"column": column} | ({"node": node} if node else {})
        page = client.get(rows, asked_rows).content.decode()
        assert f'data-rows value="{n}"' in page, (campaign, node, column)


def test_few_are_called_few_and_nothing_has_a_dash(world: World, client: Client) -> None:
    fill(world)
    shown = read(world)
    line = shown.groups[0].lines[0]
    assert [figure.few for figure in line.figures] == [False, True, False]
    assert [figure.there for figure in line.figures] == [True, True, False]
    asked = "&".join(f"c={campaign.pk}" for campaign in world.campaigns)
    html = client.get(f"{URL}?{asked}").content.decode()
    assert "No verdict is given here" in html and "fewer than 30" in html and "few</span>" in html


def test_nodes_stand_together_by_key_and_kind(world: World) -> None:
    fill(world)
    shown = read(world)
    assert [group.title for group in shown.nodes] == ["first text", "reply", "second text", "booking"]
    assert shown.unmatched == 0 and shown.one_workflow
    other = build(account=world.account)
    other.nodes["reply"].kind = "wait"
    other.nodes["reply"].save()
    shown = comparison.of([world.campaign, other.campaign])
    assert [group.title for group in shown.nodes] == ["first text", "second text", "booking"]
    assert not shown.one_workflow


def test_queries_do_not_grow_with_people(world: World, client: Client) -> None:
    asked = "&".join(f"c={campaign.pk}" for campaign in world.campaigns)
    client.get(f"{URL}?{asked}")
    with CaptureQueriesContext(connection) as before:
        client.get(f"{URL}?{asked}")
    fill(world)
    with CaptureQueriesContext(connection) as after:
        client.get(f"{URL}?{asked}")
    assert len(after) == len(before)


def test_unchanged_is_304_and_a_change_is_not(world: World, client: Client) -> None:
    fill(world)
    address = f"{URL}?c={world.campaigns[0].pk}&c={world.campaigns[1].pk}"
    poll = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
    tag = client.get(address, headers=poll)["HX-PTag"]
    assert client.get(address, headers={**poll, "HX-PTag": tag}).status_code == 304
    world.touch(campaign=world.campaigns[1])
    assert client.get(address, headers={**poll, "HX-PTag": tag}).status_code == 200


@pytest.mark.parametrize(("asked", "status", "told"), [
    ("", 200, "Choose two to four"), ("c=0", 200, "Choose two to four"),
    ("c=0&chosen=1", 422, "One campaign alone"),
    ("c=999999999&c=nonsense", 422, "not there any more"), ("c=0&c=1&c=2&c=3&c=4", 422, "At most 4"),
])  # fmt: skip
def test_wrong_numbers_of_campaigns_are_asked_for_again(
    world: World, client: Client, asked: str, status: int, told: str
) -> None:
    while len(world.campaigns) < 5:
        world.add_campaign()
    query = re.sub(r"c=(\d)(?=&|$)", lambda m: f"c={world.campaigns[int(m[1])].pk}", asked)
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == status and told in answer.content.decode()


def test_campaigns_of_another_account_stay_out(world: World, client: Client) -> None:
    stranger = build().campaign
    html = client.get(
        f"{URL}?c={world.campaigns[0].pk}&c={world.campaigns[1].pk}&c={stranger.pk}"
    ).content.decode()
    assert stranger.name not in html and "1 campaign of this address is not there" in html
