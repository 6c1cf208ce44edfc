"""Assignments & Sending and the page of definitions through the browser's eyes."""

import re
from html import unescape

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account, Role
from analytics import definitions
from analytics.metrics import sending
from analytics.models import CounterFill, Download
from analytics.views import sending as view
from common import clock
from tests.accounts.making import make_account, make_member, signed_in
from tests.analytics.test_sending import local, scatter
from tests.analytics.world import World, build

pytestmark = pytest.mark.django_db
PAGE = "/analytics/assignments-and-sending/"
DAY = "from=2026-11-01T00:00&to=2026-11-01T23:59"
LINK = re.compile(r'<a href="([^"]*sending/rows/\?[^"]*)"><data data-metric="([^"]+)" value="(\d+)"')


@pytest.fixture
def world() -> World:
    world = build()
    Account.objects.filter(pk=world.account.pk).update(timezone="America/Chicago")
    world.account.refresh_from_db()
    return world


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(make_member(world.account, Role.CSR))


def get(client: Client, query: str = "", **headers: str) -> str:
    answer = client.get(f"{PAGE}?{query}", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("query", ["preset=all", DAY])
def test_every_figure_opens_exactly_its_rows_and_offers_them_as_a_file(
    world: World, client: Client, query: str
) -> None:
    scatter(world)
    html = get(client, query)
    opened = set()
    for url, figure, n in LINK.findall(html):
        listed = client.get(unescape(url)).content.decode()
        assert re.search(r'data-rows value="(\d+)"', listed).group(1) == n, figure  # type: ignore[union-attr]
        assert 'name="source" value="sending"' in listed
        opened.add(figure.partition(":")[0])
    assert opened >= {"entries", "entries_unique", "exits", "exits_unique", "text", "email", "agent"}
    # In the first part of the page; reasons of one campaign are offered on their lists.
    assert html.count('name="p.figure"') > 20


def test_the_table_over_time_links_to_buckets(world: World, client: Client) -> None:
    scatter(world)
    html = get(client, f"{DAY}&by=hour")
    table = html[html.index('id="series-table"') :]
    links = re.findall(r'<a href="([^"]*rows/\?[^"]*)">(\d+)</a>', table)
    assert len(links) > 8
    for url, n in links[:12]:
        listed = client.get(unescape(url)).content.decode()
        assert f'data-rows value="{n}"' in listed
    assert "1 am CDT" in table or "1 am CST" in table
    assert html.count('role="img"') == 2 and "<title>" in html


def test_a_reversed_range_is_refused_and_what_was_typed_stays(world: World, client: Client) -> None:
    scatter(world)
    html = get(client, f"from=2026-11-02T10:00&to=2026-11-01T09:00&campaign={world.campaign.pk}&by=hour")
    assert "The range ends before it starts" in html and 'role="alert"' in html
    assert 'name="from" value="2026-11-02T10:00"' in html
    assert re.search(r'name="to" value="2026-11-01T09:00" aria-invalid="true"', html)
    assert f'<option value="{world.campaign.pk}" selected>' in html
    assert '<option value="hour" selected>' in html
    assert "data-metric" not in html


def test_an_empty_range_and_an_empty_account_say_so(world: World, client: Client) -> None:
    scatter(world)
    html = get(client, "from=2020-01-01T00:00&to=2020-01-02T00:00")
    assert "Nothing happened in this range" in html and "preset=all" in html and "data-metric" not in html
    empty = signed_in(make_member(make_account(), Role.AGENT))
    assert "There are no campaigns yet" in get(empty, "preset=all")


def test_only_a_range_that_goes_on_is_live_and_304_while_nothing_changed(
    world: World, client: Client
) -> None:
    world.touch(at=clock.now())
    assert 'id="live">' in get(client, "from=2020-01-01T00:00&to=2020-01-02T00:00")
    html = get(client, "preset=today")
    version = re.search(r'id="live" data-live[^>]*hx-ptag="(\w+)"', html).group(1)  # type: ignore[union-attr]
    poll = {"HX-Request": "true", "HX-Current-URL": "http://testserver/", "HX-PTag": version}
    assert client.get(f"{PAGE}?preset=today", headers=poll).status_code == 304
    world.touch(at=clock.now())
    view._kept.clear()  # a second later
    changed = client.get(f"{PAGE}?preset=today", headers=poll)
    assert changed.status_code == 200 and changed.content.decode().lstrip().startswith('<div class="sending"')
    assert 'data-metric="entries" value="2"' in changed.content.decode()


def test_polls_of_the_same_second_share_one_reading(world: World, client: Client) -> None:
    scatter(world, each=10)
    poll = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
    client.get(f"{PAGE}?preset=all", headers=poll)
    with CaptureQueriesContext(connection) as queries:
        client.get(f"{PAGE}?preset=all", headers=poll)
    asked = [query["sql"] for query in queries.captured_queries]
    assert not [sql for sql in asked if "analytics_counterday" in sql or "analytics_countertotal" in sql]


def test_queries_do_not_grow_with_campaigns(world: World, client: Client) -> None:
    world.touch(at=local("2026-11-01T10:00"))
    get(client, DAY)  # what a process keeps is then kept
    with CaptureQueriesContext(connection) as few:
        get(client, DAY)
    for _ in range(30):
        world.touch(campaign=world.add_campaign(), at=local("2026-11-01T10:00"))
    with CaptureQueriesContext(connection) as many:
        html = get(client, DAY)
    assert len(many) == len(few) < 30
    assert "1–20 of 31 campaigns" in html and "All 31 campaigns" in html


@pytest.mark.parametrize("role", list(Role))
def test_open_to_every_role_and_in_the_navigation(world: World, role: str) -> None:
    html = get(signed_in(make_member(world.account, role)))
    assert f'href="{PAGE}" aria-current="page"' in html


def test_filters_that_mean_nothing_are_not_found(client: Client) -> None:
    assert client.get(f"{PAGE}?campaign=x").status_code == 404
    assert client.get(f"{PAGE}rows/?figure=nothing").status_code == 404
    assert client.get(f"{PAGE}rows/?figure=entries&since=2026-01-01T00:00Z").status_code == 404


def test_what_is_still_being_counted_is_said(world: World, client: Client) -> None:
    assert "still being counted" not in get(client)
    CounterFill.objects.create(name="statuses", since=1)
    assert "still being counted" in get(client)


def test_a_figures_download_is_queued(world: World, client: Client) -> None:
    world.touch(at=local("2026-11-01T10:00"))
    posted = {"source": "sending", "p.figure": "text:sent", "form": "csv", "back": PAGE}
    posted |= {"p.since": "2026-11-01T05:00Z", "p.until": "2026-11-02T06:00Z"}
    assert client.post(reverse("analytics:download_queue"), posted).status_code == 302
    assert Download.objects.get().title.startswith("Texts: sent, Nov 1, 2026, 12:00 am to 11:59 pm")


def test_every_definition_is_shown_and_the_document_is_up_to_date(client: Client) -> None:
    call_command("write_definitions", "--check")
    html = client.get(reverse("analytics:definitions")).content.decode()
    for group in definitions.groups():
        assert f'id="{group.slug}"' in html
        for metric in group.metrics:
            assert metric.label and metric.meaning.endswith(".") and metric.rows, metric
            assert unescape(html).count(metric.meaning), metric.name
    told = [metric.name for group in definitions.groups() for metric in group.metrics]
    defined = {name for names in told for name in names.split(", ")}
    assert defined >= {*sending.SENDING_METRICS, *sending.ASSIGNMENT_METRICS, *sending.AGENT_METRICS}
