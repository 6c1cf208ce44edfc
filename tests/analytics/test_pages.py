"""Dashboard, campaign page and lists through the browser's eyes: figures, polls, 304, links."""

import gzip
import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import access
from accounts.models import Role
from analytics import attribution, dashboard, metrics, scheduled_lists, scope
from campaigns.models import Enrollment, Step
from common import clock, keyset
from conversations.models import Message, Thread
from tests import factories
from tests.accounts.making import make_account, make_member, signed_in
from tests.analytics.test_metrics import fill
from tests.analytics.world import NOON, World, build, later

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
TILES = {
    "waiting_calls", "waiting_texts", "scheduled", "completed_today", "audience_count", "jobs_booked",
    "booking_rate", "total_calls", "total_texts", "revenue_cents",
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
            if "$" in words:
                continue  # an amount: its rows are what it adds up
            if "booking_rate" in href:
                figure = metrics.tiles(world.account).booking_rate.part
            elif "column=contacts_booked" in href and "%" in words:
                figure = int(re.search(r"(\d+) of", words)[1])  # type: ignore[index]
            else:
                figure = int(re.search(r"\d+", words.replace(",", "")).group())  # type: ignore[union-attr]
            answer = client.get(unescape(href))
            assert f'<data data-rows value="{figure}">' in answer.content.decode(), (href, words)


def test_list_is_cut_into_pages(world: World, client: Client) -> None:
    for _ in range(51):
        world.step(world.enrol())
    Step.objects.update(due_at=NOON)
    url = reverse("analytics:campaign_rows", args=[world.campaign.pk]) + "?column=scheduled&node=first_text"
    first = client.get(url).content.decode()
    on = re.search(r'rel="next" href="([^"]+)"', first)
    assert on and "column=scheduled&amp;node=first_text&amp;after=" in on[1] and "1–50 of 51 rows" in first
    for address in (url.partition("?")[0] + unescape(on[1]), f"{url}&page=2"):
        second = client.get(address).content.decode()
        assert first.count("<tr>") == 51 and second.count("<tr>") == 2 and "51–51 of 51 rows" in second
        assert "Scheduled</span>" in second and "at first text" in second and 'rel="next"' not in second


@pytest.mark.parametrize(
    "column", ["entries", "entered", "accepted", "replies", "contacts_booked", "excluded"]
)
def test_pages_go_through_every_list_once(world: World, column: str) -> None:
    """Whatever orders it; rows of one instant, of one enrollment and of one contact included."""
    for n in range(7):
        at = NOON + timedelta(minutes=n // 3)
        step = world.touch(at=at)
        world.step(step.enrollment, "second_text", "waiting", at)
        Message.objects.filter(origin=f"step:{step.pk}").update(replied_at=at)
        for minutes in (60, 90):
            job = world.job(world.book(step), at=later(minutes))
            attribution.credit([job.pk])
        world.exclude(at=at)
    rows = metrics.rows_behind(world.campaign, None, column)
    expected = list(rows.values_list("pk", flat=True))
    assert len(expected) >= 7
    seen: list[int] = []
    after = ""
    while True:
        page = keyset.page(rows, after, 2, len(expected))
        assert page.before == len(seen)
        seen += page.keys
        if not (after := page.following):
            break
    assert seen == expected
    assert keyset.page(rows, "", 3, len(expected), skip=3).keys == expected[3:6]


def test_scheduled_steps_are_read_soonest_first_wherever_they_stand(world: World, client: Client) -> None:
    """At any node, of whatever version; steps that wait for a timer beside them are not among them."""
    mine, other = world.campaign, world.add_campaign()
    for n in range(5):
        step = world.step(world.enrol(), "first_text" if n % 2 else "second_text", at=later(10 - n))
        Step.objects.filter(pk=step.pk).update(due_at=later(10 - n))
        world.step(world.enrol(), step.node.key, "waiting")
        world.step(world.enrol(campaign=other), at=later(n))
    Step.objects.filter(state="waiting").update(due_at=later(99))
    Step.objects.filter(campaign=other).update(due_at=NOON)
    for found, read, whole in (
        (metrics.rows_behind(mine, None, "scheduled"), scheduled_lists.of_campaign(mine), 5),
        (
            metrics.rows_behind_tile(mine.account, "scheduled"),
            scheduled_lists.of_account(mine.account_id),
            10,
        ),
    ):
        expected = sorted(found, key=lambda step: (step.campaign_id, step.node_id, step.due_at, step.pk))
        seen: list[int] = []
        after = ""
        while len(seen) < whole:
            page = keyset.page(read(found), after, 2, whole)
            seen += page.keys
            after = page.following
        assert seen == [step.pk for step in expected] and not after and len(expected) == whole
    html = client.get("/tiles/scheduled/").content.decode()
    assert '<data data-rows value="10">' in html and html.count("<tr>") == 11


@pytest.mark.parametrize(
    "after", ["x", "0~1", "0~1~x", "0~1~2026-01-01", f"0~1~{9**30}", "0~1~2026-05-05T12:00Z"]
)
def test_a_cursor_without_meaning_is_the_beginning(world: World, client: Client, after: str) -> None:
    world.touch()
    page = client.get("/tiles/audience_count/", {"after": after}).content.decode()
    assert page.count("<tr>") == 2


def test_rows_lead_to_contact_campaign_and_thread(world: World, client: Client) -> None:
    step = world.touch()
    who = step.enrollment
    html = client.get("/tiles/total_texts/").content.decode()
    assert f'href="{reverse("audiences:contact", args=[who.contact_id])}"' in html
    assert f'href="{reverse("analytics:campaign", args=[world.campaign.pk])}"' in html
    assert "/conversations/" not in html.partition("<main")[2].partition("</main")[0]
    thread = Thread.objects.create(
        account=world.account, contact=who.contact, address=who.address, number=world.number
    )
    html = client.get("/tiles/total_texts/").content.decode()
    assert f'href="{reverse("conversations:thread", args=[thread.pk])}"' in html


def test_rows_of_another_account_are_never_shown(world: World, client: Client) -> None:
    other = build()
    fill(other)
    for tile in metrics.OPENED_METRICS:
        html = client.get(f"/tiles/{tile}/").content.decode()
        assert '<data data-rows value="0">' in html and "No rows" in html
    rows = reverse("analytics:campaign_rows", args=[other.campaign.pk])
    assert client.get(rows).status_code == 404


def test_rows_of_a_page_take_a_fixed_number_of_queries(world: World, client: Client) -> None:
    fill(world)
    for tile in metrics.OPENED_METRICS:
        client.get(f"/tiles/{tile}/")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/tiles/{tile}/")
        assert len(queries) <= 17, (tile, [query["sql"][:100] for query in queries.captured_queries])


def test_unknown_number_is_not_found(world: World, client: Client) -> None:
    rows = reverse("analytics:campaign_rows", args=[world.campaign.pk])
    assert client.get(f"{rows}?column=nonsense").status_code == 404
    for tile in ("nonsense", "texts_today/?hour=x", "texts_today/?hour=99", "total_texts/?hour=9"):
        path = tile if "?" in tile else f"{tile}/"
        assert client.get(f"/tiles/{path}").status_code == 404, tile


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

    Step.objects.filter(pk=step.pk).update(state="queued", state_at=later(1), due_at=None)
    changed = client.get(url, headers=POLL | {"HX-PTag": version})
    assert changed.status_code == 200 and changed["HX-PTag"] != version
    fragment = changed.content.decode()
    assert re.match(r'\s*<\w+ [^>]*id="live"', fragment) and "<html" not in fragment
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
    dashboard.of_account(other.account, scope.of(other.account, {}), polled=True)
    with dashboard._reading[other.account.pk]:  # a long reading
        found = dashboard.of_account(world.account, scope.of(world.account, {}), polled=True)
        assert found.dashboard.needing_reply == 0


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
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    assert len(queries) <= 23, [query["sql"][:100] for query in queries.captured_queries]


def test_thread_that_waits_is_on_the_dashboard(world: World, client: Client) -> None:
    thread = factories.make_thread(world.account, body="Do you have Friday?", name="Maple Grove")
    other = factories.make_thread(build().account, name="Another Company's")
    html = client.get("/").content.decode()
    assert '<data class="tile__value" data-waiting value="1">' in html
    assert "Maple Grove" in html and "Do you have Friday?" in html and "Asks a question" in html
    assert f'href="{reverse("conversations:thread", args=[thread.pk])}"' in html
    assert other.contact.name not in html
    Thread.objects.filter(pk=thread.pk).update(escalated_reason="Angry about a bill")
    assert "Angry about a bill" in client.get("/").content.decode()
    Thread.objects.filter(pk=thread.pk).update(needs_reply=False)
    html = client.get("/").content.decode()
    assert "Maple Grove" not in html and "Nobody waits for a reply" in html


def test_conversations_are_hidden_from_those_who_may_not_read_them(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_thread(world.account, name="Maple Grove")
    nobody = access.Capability("read conversations", frozenset())
    monkeypatch.setitem(access.CAN, "read_conversations", nobody)
    assert "Maple Grove" not in client.get("/").content.decode()


def test_empty_account_is_told_how_to_begin() -> None:
    account = make_account("Fresh")
    csr, agent = signed_in(make_member(account, Role.CSR)), signed_in(make_member(account, Role.AGENT))
    html = csr.get("/").content.decode()
    assert "Nothing has been launched yet" in html and "The curve begins with the first text" in html
    assert "No campaign is under way" in html and "Nobody waits for a reply" in html
    assert reverse("campaigns:launch") not in agent.get("/").content.decode()
    build(account=account)
    assert "Nothing has been launched yet" not in csr.get("/").content.decode()


def test_campaign_shows_how_far_it_is(world: World, client: Client) -> None:
    for n in range(4):
        enrollment = world.enrol(at=later(n))
        if n:
            Enrollment.objects.filter(pk=enrollment.pk).update(
                state="ended", ended_at=later(9), ended_reason="finished"
            )
    html = client.get("/").content.decode()
    assert '<progress max="4" value="3"' in html and "75.0%" in html


def test_curve_of_today_is_drawn_with_its_table(world: World, client: Client) -> None:
    world.touch(at=clock.now() - timedelta(seconds=1))
    html = client.get("/").content.decode()
    assert html.count('role="img"') == 4 and "As a table" in html
    (href,) = re.findall(r'href="(/tiles/texts_today/\?hour=\d+)"', html) or [""]
    today = metrics.rows_behind_tile(world.account, "texts_today").count()
    assert (f'<data data-rows value="{today}">' in client.get(href).content.decode()) is bool(today)


def test_waits_are_told_in_one_unit() -> None:
    told = [dashboard.waited(NOON, later(n)) for n in (0, 59, 60, 47 * 60 + 59, 48 * 60)]
    assert told == ["just now", "59 min", "1 h", "47 h", "2 days"]


def test_live_part_is_light(world: World, client: Client) -> None:
    fill(world)
    for n in range(12):
        factories.make_thread(world.account, name=f"Writer {n}")
        world.add_campaign()
    fragment = client.get("/", headers=POLL).content
    assert len(gzip.compress(fragment)) < 15_000
