"""Dashboard, campaign page and lists through the browser's eyes: figures, polls, 304, links."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from analytics import dashboard, metrics
from campaigns.models import Step
from conversations.models import Thread
from tests.accounts.making import make_member, signed_in
from tests.analytics.test_metrics import fill
from tests.analytics.world import World, build, later

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
TILES = {
    "waiting_calls", "waiting_texts", "scheduled", "completed_today", "audience_count", "jobs_booked",
    "booking_rate", "total_calls", "total_texts",
}  # fmt: skip


@pytest.fixture
def world() -> World:
    return build()


@pytest.fixture
def client(world: World) -> Client:
    return signed_in(make_member(world.account, Role.CSR))


def data(html: str) -> dict[str, str]:
    """Tile figures of a page: metric to value."""
    return dict(re.findall(r'<data [^>]*data-metric="(\w+)" value="([^"]*)"', html))


def test_dashboard_shows_every_tile(world: World, client: Client) -> None:
    fill(world)
    shown = data(client.get("/").content.decode())
    tiles = metrics.tiles(world.account)
    assert set(shown) == TILES
    assert shown.pop("booking_rate") == f"{tiles.booking_rate.value:.4f}"
    assert {name: int(value) for name, value in shown.items()} == {
        name: getattr(tiles, name) for name in TILES - {"booking_rate"}
    }


def test_every_link_of_a_number_opens_as_many_rows(world: World, client: Client) -> None:
    fill(world)
    for page in ("/", reverse("analytics:campaign", args=[world.campaign.pk])):
        html = client.get(page).content.decode()
        links = re.findall(r'href="([^"]*/(?:rows|tiles)/[^"]*)"[^>]*>(.*?)</a>', html, re.DOTALL)
        assert len(links) > 9
        for href, inside in links:
            words = re.sub(r"<[^>]+>", " ", inside)
            if "booking_rate" in href:
                figure = metrics.tiles(world.account).booking_rate.part
            elif inside == "Jobs booked":
                figure = metrics.tiles(world.account).jobs_booked
            else:
                figure = int(re.search(r"\d+", words.replace(",", "")).group())  # type: ignore[union-attr]
            answer = client.get(unescape(href))
            assert f'<data data-rows value="{figure}">' in answer.content.decode(), (href, words)


def test_list_is_cut_into_pages(world: World, client: Client) -> None:
    for _ in range(51):
        world.step(world.enrol())
    url = reverse("analytics:campaign_rows", args=[world.campaign.pk]) + "?column=scheduled&node=first_text"
    first, second = client.get(url).content.decode(), client.get(f"{url}&page=2").content.decode()
    assert first.count("<tr>") == 51 and second.count("<tr>") == 2
    assert "column=scheduled&amp;node=first_text&amp;page=2" in first
    assert "scheduled" in second and "at first text" in second


def test_unknown_number_is_not_found(world: World, client: Client) -> None:
    rows = reverse("analytics:campaign_rows", args=[world.campaign.pk])
    assert client.get(f"{rows}?column=nonsense").status_code == 404
    assert client.get("/tiles/nonsense/").status_code == 404


@pytest.mark.parametrize("page", ["dashboard", "campaign"])
def test_poll_gets_304_until_something_changes(
    world: World, client: Client, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "FRESH_SECONDS", 0.0)
    step = world.step(world.enrol())
    url = "/" if page == "dashboard" else reverse("analytics:campaign", args=[world.campaign.pk])
    whole = client.get(url)
    version = whole["HX-PTag"]
    assert f'hx-ptag="{version}"' in whole.content.decode() and "<html" in whole.content.decode()
    assert "ETag" not in whole and "HX-Request" in whole["Vary"]

    unchanged = client.get(url, headers=POLL | {"HX-PTag": version})
    assert unchanged.status_code == 304 and not unchanged.content

    Step.objects.filter(pk=step.pk).update(state="queued", state_at=later(1))
    changed = client.get(url, headers=POLL | {"HX-PTag": version})
    assert changed.status_code == 200 and changed["HX-PTag"] != version
    fragment = changed.content.decode()
    assert fragment.strip().startswith("<section") and "<html" not in fragment
    assert f'hx-ptag="{changed["HX-PTag"]}"' in fragment and 'hx-trigger="every 2s' in fragment
    assert client.get(url, headers=POLL | {"HX-PTag": changed["HX-PTag"]}).status_code == 304


def test_pause_and_stop_are_offered_to_those_who_may(world: World, client: Client) -> None:
    url = reverse("analytics:campaign", args=[world.campaign.pk])
    pause = reverse("campaigns:pause", args=[world.campaign.pk])
    agent = signed_in(make_member(world.account, Role.AGENT))
    assert pause in client.get(url).content.decode()
    assert pause not in agent.get(url).content.decode()
    client.post(pause)
    html = client.get(url).content.decode()
    assert 'data-status="paused"' in html and reverse("campaigns:resume", args=[world.campaign.pk]) in html


def test_role_is_part_of_the_version(world: World, client: Client) -> None:
    url = reverse("analytics:campaign", args=[world.campaign.pk])
    agent = signed_in(make_member(world.account, Role.AGENT))
    assert client.get(url)["HX-PTag"] != agent.get(url)["HX-PTag"]


def test_no_account_waits_for_the_figures_of_another(world: World) -> None:
    other = build()
    dashboard.of_account(other.account, polled=True)
    with dashboard._reading[other.account.pk]:  # a long reading
        assert dashboard.of_account(world.account, polled=True).needing_reply == 0


def test_polls_share_one_reading_for_a_second(
    world: World, client: Client, django_assert_num_queries: object
) -> None:
    client.get("/")
    world.step(world.enrol())
    with django_assert_num_queries(3) as queries:  # type: ignore[operator]
        client.get("/", headers=POLL | {"X-Poll": "1"})
    assert not any("countertotal" in query["sql"] for query in queries.captured_queries)
    assert data(client.get("/").content.decode())["scheduled"] == "1", "a page asked for is never old"


def test_campaign_page_reads_no_query_per_node(world: World, client: Client) -> None:
    fill(world)
    url = reverse("analytics:campaign", args=[world.campaign.pk])
    client.get(url)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    assert len(queries) <= 14, [query["sql"][:100] for query in queries.captured_queries]


def test_thread_that_waits_is_on_the_dashboard(world: World, client: Client) -> None:
    enrollment = world.enrol()
    thread = Thread.objects.create(
        account=world.account, contact=enrollment.contact, address=enrollment.address, number=world.number,
        needs_reply=True, last_inbound_at=later(3), escalated_reason="complaint",
    )  # fmt: skip
    html = client.get("/").content.decode()
    assert enrollment.contact.name in html and "complaint" in html and "need a person: 1" in html
    Thread.objects.filter(pk=thread.pk).update(needs_reply=False)
    assert "need a person: 0" in client.get("/").content.decode()
