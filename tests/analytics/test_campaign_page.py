"""The page of one campaign: node table, diagram, audience records, log, and what it costs."""

import gzip
import json
import re
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import audit
from accounts.models import Role
from analytics import campaign_diagram, campaign_page, counters, first_texts, metrics, results
from campaigns import graph, lifecycle
from campaigns.models import (
    Campaign,
    Edge,
    Enrollment,
    EnrollmentSnapshot,
    Intake,
    Node,
    Step,
    Workflow,
    WorkflowVersion,
)  # fmt: skip
from conversations.models import Thread
from tests.accounts.making import make_member, signed_in
from tests.analytics.test_metrics import fill
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
STATES = ["scheduled", "queued", "waiting", "completed", "failed", "skipped"]
LABELS = [
    "Entered", "Scheduled", "Queued", "Waiting", "Completed", "Failed", "Skipped", "Accepted", "Delivered",
    "Undelivered", "Replies", "Reply rate", "Opt-outs", "Clicks", "Click rate", "Booked",
    "Of which cancelled", "Booking rate", "Credited revenue", "Influenced",
]  # fmt: skip


@pytest.fixture
def world() -> World:
    return build()


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(make_member(world.account, Role.CSR))


def url(campaign: Campaign, tab: str = "", **query: str) -> str:
    """The address of a campaign's page, of one of its tabs."""
    asked = ([f"tab={tab}"] if tab else []) + [f"{name}={value}" for name, value in query.items()]
    return reverse("analytics:campaign", args=[campaign.pk]) + ("?" + "&".join(asked) if asked else "")


def get(client: Client, *args: Any, **query: str) -> str:
    """The page's text."""
    return client.get(url(*args, **query)).content.decode()


def figures(html: str) -> dict[tuple[str, str], int]:
    """The node table: node and column to figure; the node of the totals is empty."""
    found = re.findall(r'data-node="(\w*)" data-column="(\w+)" value="(\d+)"', html)
    return {(node, column): int(n) for node, column, n in found}


@pytest.mark.parametrize("tab", ["", "table"])
def test_node_table_has_every_column_and_sums(world: World, client: Client, tab: str) -> None:
    fill(world)
    html = get(client, world.campaign, tab)
    head = html.partition("<thead>")[2].partition("</thead>")[0].replace("&shy;", "")
    shown = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<th [^>]*>.*?</th>", head)]
    assert [label for label in shown if label not in ("Node", "States", "Messages", "Results")] == [
        "Entered", *LABELS[1:]
    ]  # fmt: skip
    table = figures(html)
    for key in [*world.nodes, ""]:
        assert table[key, "entered"] == sum(table[key, state] for state in STATES)
    columns = {column for _, column in table}
    assert columns >= {*STATES, "entered", "accepted", "delivered", "replies", "optouts", "booked"}
    for column in columns:
        assert table["", column] == sum(table.get((key, column), 0) for key in world.nodes), column
    assert table["", "booked"] > 0


def test_result_columns_open_their_rows(world: World, client: Client) -> None:
    fill(world)
    found = counters.totals([world.campaign.pk])
    nodes = metrics.node_rows(world.campaign, found)
    for row in nodes:
        result = results.of_nodes(world.campaign, nodes, found)[row.key]
        assert result.booking == metrics.booking_rate(world.campaign, row.key)
        assert metrics.rows_behind(world.campaign, row.key, "contacts_booked").count() == result.booking.part
    rows = reverse("analytics:campaign_rows", args=[world.campaign.pk])
    page = client.get(f"{rows}?column=contacts_booked&node=first_text").content.decode()
    rate = metrics.booking_rate(world.campaign, "first_text")
    assert rate.part and f"{rate.percent}: {rate.part} of {rate.whole}." in page


def test_booking_rate_waits_to_be_opened_where_contacts_entered_twice(world: World, client: Client) -> None:
    step = world.touch()
    Enrollment.objects.filter(pk=step.enrollment_id).update(
        state="ended", ended_at=later(1), ended_reason="finished"
    )
    again = world.touch(step.enrollment.contact)
    Enrollment.objects.filter(pk=again.enrollment_id).update(returning=True)
    html = get(client, world.campaign)
    assert re.search(r'href="[^"]*column=contacts_booked">count</a>', html)
    page = client.get(
        reverse("analytics:campaign_rows", args=[world.campaign.pk])
        + "?column=contacts_booked&node=first_text"
    )
    assert "0.0%: 0 of 1." in page.content.decode()


def test_revenue_leaves_cancelled_jobs_out(world: World) -> None:
    from analytics import attribution

    for status, total in (("Completed", 420), ("Canceled", 900), ("Scheduled", None)):
        step = world.touch()
        job = world.job(world.book(step), at=later(30), status=status)
        if total:
            world.invoice(job, total)
        attribution.credit([job.pk])
    found = counters.totals([world.campaign.pk])
    nodes = metrics.node_rows(world.campaign, found)
    came = results.of_nodes(world.campaign, nodes, found)
    assert came["first_text"].revenue == 42_000 and came["second_text"].revenue is None
    assert metrics.rows_behind(world.campaign, "first_text", "revenue").count() == 2


def test_empty_campaign_shows_dashes_and_says_so(world: World, client: Client) -> None:
    html = get(client, world.campaign)
    assert set(figures(html).values()) == {0}
    assert "Nobody who matched was excluded" in html and "Nobody has come to an end yet" in html
    assert "Nobody has entered yet" in get(client, world.campaign, "records")
    assert "Nothing has happened yet" in get(client, world.campaign, "log")


@pytest.mark.parametrize("tab", ["", "table", "records", "log", "nonsense"])
def test_another_account_finds_nothing(world: World, tab: str) -> None:
    stranger = signed_in(make_member(build().account, Role.ADMIN))
    assert stranger.get(url(world.campaign, tab)).status_code == 404


def test_stopped_campaign_says_by_whom_and_asks_more_rarely(world: World, client: Client) -> None:
    running = get(client, world.campaign)
    assert 'hx-trigger="every 2s' in running
    by = make_member(world.account, Role.MARKETER)
    lifecycle.stop(world.campaign, by=by, now=later(5))
    html = get(client, world.campaign)
    assert f"Stopped by {by.name}" in html and 'data-status="completed"' in html
    assert 'hx-trigger="every 10s' in html
    assert "Stop campaign" not in html


def test_safety_stop_says_why(world: World, client: Client) -> None:
    lifecycle.stop(world.campaign, by=None, now=later(5), reason="too many failures")
    assert "too many failures. What was sent stays sent." in get(client, world.campaign)


def test_why_it_stopped_is_told_whatever_its_name(world: World, client: Client) -> None:
    Campaign.objects.filter(pk=world.campaign.pk).update(name="Stopped Stopped: <b>x")
    world.campaign.refresh_from_db()
    by = make_member(world.account, Role.MARKETER)
    lifecycle.stop(world.campaign, by=by, now=later(5), reason="Stopped: wrong <i>price")
    Campaign.objects.filter(pk=world.campaign.pk).update(name="Renamed since")
    html = get(client, world.campaign)
    assert "Stopped: wrong &lt;i&gt;price. What was sent stays sent." in html and "<i>price" not in html


def test_intake_under_way_is_told(world: World, client: Client) -> None:
    Intake.objects.create(campaign=world.campaign, matched=12_000, admitted=9_000, started_at=NOON)
    assert "12,000 contacts looked at, 9,000 admitted so far" in get(client, world.campaign)


def test_diagram_lists_nodes_with_their_ways(world: World, client: Client) -> None:
    for source, label, target in (("first_text", "next", "reply"), ("reply", "no_reply", "second_text")):
        Edge.objects.create(
            version=world.version, source=world.nodes[source], target=world.nodes[target], label=label
        )
    graph.load.cache_clear()
    html = get(client, world.campaign)
    assert re.findall(r'<li class="node-card[^"]*" id="card-(\w+)"', html) == list(world.nodes)
    edges = json.loads(unescape(re.search(r'data-edges="([^"]*)"', html)[1]))  # type: ignore[index]
    assert edges == [["first_text", "reply", "way-first_text-0"], ["reply", "second_text", "way-reply-0"]]
    way = re.search(r'<li class="way[^>]*id="way-reply-0">(.*?)</li>', html, re.DOTALL)
    assert way and " ".join(re.sub(r"<[^>]+>", " ", way[1]).split()) == "no reply in time → second text — 0"
    assert not re.search(r"\sstyle=", html)


@pytest.mark.parametrize("parts", [[1], [0, 0, 5], [1, 1, 1, 1, 1, 99_995], [0, 0]])
def test_bar_fills_its_width_and_shows_every_part(parts: list[int]) -> None:
    bar = campaign_diagram.bar([(f"state{i}", n) for i, n in enumerate(parts)])
    assert len(bar) == sum(1 for n in parts if n)
    assert all(segment.width >= campaign_diagram.THINNEST for segment in bar)
    assert sum(segment.width for segment in bar) == (campaign_diagram.BAR if bar else 0)
    assert [segment.x for segment in bar] == [sum(s.width for s in bar[:i]) for i in range(len(bar))]


def test_records_tell_who_where_and_what_servicetitan_knows(world: World, client: Client) -> None:
    enrollment = world.enrol()
    world.step(enrollment, "reply", "waiting")
    EnrollmentSnapshot.objects.create(
        enrollment=enrollment,
        data={
            "job_ids": [81, 82], "last_job_type": "AC repair", "next_appointment_at": "2020-02-03T16:00:00Z"
        },
    )  # fmt: skip
    thread = Thread.objects.create(
        account=world.account, contact=enrollment.contact, address=enrollment.address, number=world.number
    )
    html = get(client, world.campaign, "records")
    for told in (
        enrollment.contact.name,
        "reply",
        "waiting",
        "81",
        "82",
        "AC repair",
        "Feb 3, 2020, 10:00 am",
    ):
        assert told in html
    assert str(enrollment.contact.servicetitan_customer_id) in html
    assert reverse("conversations:thread", args=[thread.pk]) in html
    assert reverse("analytics:campaign_record", args=[world.campaign.pk, enrollment.pk]) in html


def test_records_by_state_agree_with_the_counters(world: World, client: Client) -> None:
    fill(world)
    for column in ("", "active", "exits", "exits:opted_out", "exits:finished"):
        html = get(client, world.campaign, "records", state=column)
        chosen = re.search(r'aria-current="page">[^<]*<data class="chip__count" value="(\d+)"', html)
        assert chosen and int(chosen[1]) == html.count('<tr id="record-') > 0, column
    unknown = get(client, world.campaign, "records", state="exits:never")
    assert "No record matches" in unknown


def test_records_are_found_by_name_and_phone(world: World, client: Client) -> None:
    for _ in range(3):
        world.enrol()
    wanted = Enrollment.objects.select_related("contact", "address").latest("pk")
    contact = wanted.contact
    contact.name = "Zelda Fitzgerald"
    contact.save()
    html = get(client, world.campaign, "records", q="fitz+zel")
    assert html.count('<tr id="record-') == 1 and 'data-found value="1"' in html
    digits = wanted.address.value[-7:]
    html = get(client, world.campaign, "records", q=digits)
    assert html.count('<tr id="record-') == 1 and "Zelda Fitzgerald" in html
    assert "No record matches" in get(client, world.campaign, "records", q="nobody")


def test_records_lead_from_page_to_page_and_back(world: World, client: Client) -> None:
    pks = [world.enrol().pk for _ in range(70)][::-1]

    def page(address: str) -> tuple[list[int], dict[str, str]]:
        html = client.get(address).content.decode()
        links = {name: unescape(to) for to, name in re.findall(r'href="([^"]*)">(Newer|Older)<', html)}
        return [int(pk) for pk in re.findall(r'id="record-(\d+)"', html)], links

    here = reverse("analytics:campaign", args=[world.campaign.pk])
    first, links = page(url(world.campaign, "records"))
    assert "Newer" not in links
    second, links = page(here + links["Older"])
    third, last = page(here + links["Older"])
    assert first + second + third == pks and "Older" not in last
    back, _ = page(here + last["Newer"])
    assert back == second
    top, links = page(here + links["Newer"])
    assert top == first and "Newer" not in links


def test_log_tells_launch_pause_and_intake_in_order(world: World, client: Client) -> None:
    by = make_member(world.account, Role.CSR)
    audit.record(account=world.account, by=by, verb="launched", summary="Launched it", on=world.campaign)
    Intake.objects.create(
        campaign=world.campaign, matched=10, admitted=8, started_at=NOON, finished_at=later(1)
    )
    lifecycle.pause(world.campaign, by=by, now=later(2))
    html = get(client, world.campaign, "log")
    told = [f"Paused {world.campaign.name}", "Launched it", "8 admitted of 10 matched", "Began to take in"]
    places = [html.index(words) for words in told]
    assert places == sorted(places) and by.name in html


def test_first_texts_are_reckoned_at_the_numbers_rate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign.objects.select_related("account", "number").get(pk=world.campaign.pk)
    taken = [campaign_page.Taking(1, 600, 600, NOON, NOON)]
    monkeypatch.setattr(first_texts.clock, "now", lambda: later(180))  # 10 o'clock in Chicago
    for _ in range(5):
        world.step(world.enrol())
    node = Node.objects.get(pk=world.nodes["first_text"].pk)
    Node.objects.filter(pk=node.pk).update(settings={"body": "Hi"})
    first_texts._segments.cache_clear()
    rows = metrics.node_rows(campaign, counters.totals([campaign.pk]))
    assert first_texts.done_at(campaign, rows, taken) == later(180).replace(minute=5, second=0)
    assert first_texts.done_at(campaign, rows, []) is None, "audience not taken in"
    Step.objects.update(state="completed", due_at=None)
    rows = metrics.node_rows(campaign, counters.totals([campaign.pk]))
    assert first_texts.done_at(campaign, rows, taken) is None, "all sent"


def big(world: World, nodes: int = 30) -> Campaign:
    """A campaign whose workflow has many nodes, with figures in each."""
    workflow = Workflow.objects.create(account=world.account, name="Long way")
    version = WorkflowVersion.objects.create(workflow=workflow, number=1)
    made = [
        Node.objects.create(
            version=version, key=f"text_number_{i}", kind="send_sms", name=f"Reminder number {i}", position=i
        )
        for i in range(nodes)
    ]
    for one, other in pairwise(made):
        Edge.objects.create(version=version, source=one, target=other)
        Edge.objects.create(version=version, source=one, target=made[-1], label="otherwise")
    campaign = world.add_campaign()
    Campaign.objects.filter(pk=campaign.pk).update(version=version)
    with connection.cursor() as cursor:
        for node in made:
            for i, column in enumerate([*STATES, "entered", "accepted", "text:delivered", "replies"]):
                cursor.execute(
                    'insert into analytics_countertotal (campaign_id, node_key, "column", n)'
                    " values (%s, %s, %s, %s)",
                    [campaign.pk, node.key, column, 1000 + 7919 * (i + 1) * (node.position + 3) % 48_211],
                )
    return campaign


@pytest.mark.parametrize("tab", ["", "table", "records", "log", "funnel"])
def test_fragment_of_a_long_workflow_is_small(world: World, client: Client, tab: str) -> None:
    campaign = big(world)
    for _ in range(40):
        enrollment = world.enrol(campaign=campaign)
        world.step(enrollment, "reply", "waiting")
        EnrollmentSnapshot.objects.create(enrollment=enrollment, data={"job_ids": [enrollment.pk * 977] * 5})
    fragment = client.get(url(campaign, tab), headers=POLL).content
    assert b"<html" not in fragment
    assert len(gzip.compress(fragment, 6)) <= 15 * 1024, len(gzip.compress(fragment, 6))


@pytest.mark.parametrize("tab", ["records", "log", "table", "funnel"])
def test_no_query_per_row(world: World, client: Client, tab: str) -> None:
    fill(world)
    client.get(url(world.campaign, tab))
    with CaptureQueriesContext(connection) as queries:
        client.get(url(world.campaign, tab))
    assert len(queries) <= 31, [query["sql"][:80] for query in queries.captured_queries]
