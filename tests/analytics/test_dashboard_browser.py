"""The dashboard in a real browser: news appears by itself, and moves nothing under somebody's hand."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import BusinessUnit, Role
from common import clock
from conversations.models import Message
from tests import factories
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import World, build

pytestmark = pytest.mark.django_db(transaction=True)
WATCH = """
window.sameDocument = true;
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
}).observe({ type: "layout-shift" });
"""


@pytest.fixture
def world(transactional_db: None) -> World:
    """Campaigns under way, texts today and on the days before, and three who wait for a reply."""
    world = build()
    for n in range(6):
        world.add_campaign()
        factories.make_thread(world.account, name=f"Waiting {n}", body="Do you have Friday?")
    now = clock.now()
    for days in (0, 1, 2):
        for n in range(1, 4):
            world.touch(at=now - timedelta(days=days, minutes=n))
    return world


@pytest.fixture
def site(page: Page, live_server: Any, world: World) -> Iterator[Page]:
    """A CSR's browser on the dashboard; anything on its console fails the test."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    cookie = signed_in(make_member(world.account, Role.CSR)).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page.goto(live_server.url)
    yield page
    assert not complaints


def test_new_reply_and_figures_show_and_move_nothing(site: Page, world: World) -> None:
    site.set_viewport_size({"width": 1280, "height": 700})
    site.locator("#day-table summary").click()
    link = site.locator(f"#campaign-{world.campaigns[-1].pk} th a")
    link.focus()
    site.evaluate("scrollTo(0, 350)")
    scrolled = site.evaluate("scrollY")
    assert scrolled > 0
    site.evaluate(WATCH)
    where = link.bounding_box()

    factories.make_thread(world.account, name="Maple Grove", body="My furnace is out!")
    world.touch(campaign=world.campaigns[-1])
    world.step(world.enrol())

    expect(site.locator("#live")).to_contain_text("My furnace is out!", timeout=4000)
    expect(site.locator("[data-waiting]")).to_have_text("7")
    expect(site.locator("[data-metric=scheduled]")).to_have_text("1")
    expect(site.locator("[data-metric=audience_count]")).to_have_text("11")
    expect(link).to_be_focused()
    expect(site.locator("#day-table")).to_have_attribute("open", "")
    assert link.bounding_box() == where and site.evaluate("scrollY") == scrolled
    assert site.evaluate("sameDocument"), "the page was loaded again"
    assert sum(site.evaluate("shifts")) == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_range_and_unit_are_chosen_by_hand_and_by_key(site: Page, world: World, width: int) -> None:
    unit = BusinessUnit.objects.create(account=world.account, servicetitan_id=7, name="Plumbing")
    midnight = clock.now().astimezone(world.account.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    today_only = str(Message.objects.filter(accepted_at__gte=midnight).count())
    site.set_viewport_size({"width": width, "height": 800})
    site.reload()
    site.evaluate(WATCH)
    texts = site.locator('[data-ranged="range_texts"]')
    expect(texts).to_have_text("9")
    site.locator(".scope__chip", has_text="Today").click()
    expect(texts).to_have_text(today_only)
    expect(site).to_have_url(re.compile(r"[?&]range=today"))

    today = site.locator("#scope input[value=today]")
    expect(today).to_be_focused()
    site.keyboard.press("ArrowRight")  # 7 days
    expect(texts).to_have_text("9")
    site.keyboard.press("ArrowRight")
    expect(site).to_have_url(re.compile(r"range=30d"))
    expect(site.locator("#scope input[value='30d']")).to_be_focused()

    choice = site.locator("#scope-unit")
    choice.focus()
    site.keyboard.press("P")
    expect(texts).to_have_text("0")
    expect(site).to_have_url(re.compile(f"unit={unit.pk}"))
    site.wait_for_timeout(2500)  # a timer asks for what the address says now
    expect(texts).to_have_text("0")
    choice.select_option("")
    expect(texts).to_have_text("9")

    site.locator(".scope__chip", has_text="Own dates").click()
    day = f"{clock.now().astimezone(world.account.zone):%Y-%m-%d}"
    site.locator("#scope-from").fill(day)
    site.locator("#scope-to").fill(day)
    site.locator("#scope").get_by_role("button", name="Show").click()
    expect(texts).to_have_text(today_only)
    assert site.evaluate("sameDocument"), "the page was loaded again"


def test_search_finds_while_typing(site: Page) -> None:
    site.keyboard.press("/")
    site.keyboard.type("waiting 3")
    hit = site.locator("#search-results").get_by_role("link", name="Waiting 3")
    expect(hit.first).to_be_visible()
    expect(site.locator("#search-results mark").first).to_have_text("Waiting")
    hit.first.press("Enter")
    expect(site.get_by_role("heading", level=1)).to_contain_text("Waiting 3")
