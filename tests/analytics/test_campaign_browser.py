"""The campaign page in a real browser: a diagram that stands still while its figures change."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from accounts.models import Role
from campaigns import graph
from campaigns.models import Campaign, Edge
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import World, build, later
from tests.campaigns.browsing import looking

pytestmark = pytest.mark.django_db(transaction=True)
WAYS = (
    ("first_text", "next", "reply"),
    ("first_text", "otherwise", "done"),
    ("reply", "no_reply", "second_text"),
    ("reply", "reply", "booking"),
    ("second_text", "next", "done"),
    ("booking", "booked", "done"),
)
DRAWN = ".node-card, .diagram__edges path"
PLACES = f"""() => [...document.querySelectorAll("{DRAWN}")].map((one) => {{
  const {{ x, y, width, height }} = one.getBoundingClientRect();
  return [one.id, x, y, width, height, one.getAttribute("d")].join(" ");
}})"""

HEAD = """() => [...document.querySelectorAll(".page-head__actions *")].map((one) => {
  const { x, y, width, height } = one.getBoundingClientRect();
  return [one.tagName, x, y, width, height].join(" ");
})"""


@pytest.fixture
def world(live_server: Any) -> World:
    made = build()
    graph.load.cache_clear()
    for source, label, target in WAYS:
        Edge.objects.create(
            version=made.version, source=made.nodes[source], target=made.nodes[target], label=label
        )
    return made


@pytest.fixture
def site(page: Page, live_server: Any, world: World) -> Iterator[Page]:
    """A CSR's browser on the campaign; anything on its console fails the test."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    cookie = signed_in(make_member(world.account, Role.CSR)).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{live_server.url}/campaigns/{world.campaign.pk}/")
    yield page
    assert not complaints


def test_figures_change_and_nothing_moves(site: Page, world: World) -> None:
    expect(site.locator("#campaign")).to_have_attribute("data-drawn", "")
    words = site.locator(".way__words").all_text_contents()
    assert sorted(words) == ["booked", "no reply in time", "not reached", "replied", "then", "then"]
    card = site.locator("#card-link-first_text")
    expect(card).to_contain_text("0 entered")
    site.get_by_role("button", name="Zoom in").click()
    card.focus()
    site.locator("#diagram").evaluate("one => { one.scrollTop = 30 }")
    before = site.evaluate(PLACES)
    scrolled = site.evaluate("scrollY")
    cards, lines = (
        [one for one in before if one.startswith("card-")],
        [one for one in before if one[0] == " "],
    )
    assert len(cards) == 5 and len({place.split(" ", 1)[1] for place in cards}) == 5, "cards lie apart"
    assert [shape.count("M") for shape in lines] == [len(WAYS)] * 2, "a line each, and a head"
    for n in range(12):
        world.text(world.step(world.enrol(), "first_text", "completed", later(n)), "delivered", accepted=True)
    expect(card).to_contain_text("12 entered")
    expect(site.locator("#node-first_text")).to_contain_text("12")
    expect(site.get_by_role("link", name="then → reply 100% 12 of 12")).to_be_visible()
    assert site.evaluate(PLACES) == before
    assert site.evaluate("scrollY") == scrolled
    expect(card).to_be_focused()
    site.keyboard.press("Enter")
    expect(site.locator("h1")).to_contain_text("first text")


def test_zoom_and_fit_by_keyboard(site: Page) -> None:
    first = site.locator("#card-first_text")

    def width() -> float:
        return first.bounding_box()["width"]  # type: ignore[index]

    natural = width()
    site.get_by_role("button", name="Zoom out").focus()
    site.keyboard.press("Enter")
    assert width() < natural
    site.keyboard.press("Tab")
    site.keyboard.press("Space")
    assert width() == pytest.approx(natural, abs=0.5)
    site.keyboard.press("Tab")
    expect(site.get_by_role("button", name="Fit")).to_be_focused()
    site.keyboard.press("Enter")
    plane, room = site.locator("#diagram-plane").bounding_box(), site.locator("#diagram").bounding_box()
    assert plane and room and plane["height"] <= room["height"] and plane["width"] <= room["width"]


def test_a_phone_reads_the_list(site: Page) -> None:
    site.set_viewport_size({"width": 390, "height": 844})
    expect(site.locator("#campaign")).not_to_have_attribute("data-drawn", "")
    expect(site.locator("#card-reply")).to_contain_text("no reply in time → second text")
    assert site.evaluate("document.documentElement.scrollWidth") <= 390
    site.set_viewport_size({"width": 1280, "height": 900})
    expect(site.locator("#campaign")).to_have_attribute("data-drawn", "")


def test_pick_two_compare_and_clone(site: Page, world: World, live_server: Any) -> None:
    """From the list to the comparison and from there to a draft; nothing is launched."""
    other = world.add_campaign()
    site.goto(f"{live_server.url}/campaigns/")
    expect(site.locator("#compare")).to_be_hidden()
    for campaign in (world.campaign, other):
        site.get_by_role("checkbox", name=f"Compare {campaign.name}").check()
    site.evaluate("document.dispatchEvent(new Event('refresh'))")
    site.locator("#compare").get_by_role("button", name="Compare").click()
    expect(site.locator("h1")).to_have_text("2 campaigns side by side")
    site.get_by_role("link", name=f"Clone {other.name}").click()
    modal = site.locator("#modal")
    expect(modal.get_by_label("Campaign name")).to_have_value(f"Copy of {other.name}")
    expect(modal.locator("#launch-clone")).to_contain_text("Choose when it begins.")
    assert Campaign.objects.count() == 2


def test_on_a_phone_the_head_has_two_lines_of_buttons_and_a_menu_for_the_rest(
    page: Page, live_server: Any, world: World
) -> None:
    world.step(world.enrol(), "first_text", "failed", later(0))
    by = make_member(world.account, Role.ADMIN)
    page.set_viewport_size({"width": 390, "height": 844})
    with looking(page, f"{live_server.url}/campaigns/{world.campaign.pk}/", by) as site:
        actions = site.locator(".page-head__actions > *:visible")
        expect(actions).to_have_count(4)
        expect(site.get_by_role("link", name="Retry failed")).to_be_visible()
        lines = {round(box["y"]) for box in (each.bounding_box() for each in actions.all()) if box}
        assert len(lines) <= 2, lines
        more, clone = site.get_by_label("More of "), site.get_by_role("link", name="Clone …")
        more.focus()
        site.keyboard.press("Enter")
        for name in ("Clone …", "Compare …", "Compliance report …"):
            expect(site.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
        before = site.evaluate(HEAD)
        world.text(world.step(world.enrol(), "first_text", "completed", later(1)), "delivered", accepted=True)
        expect(site.locator("#card-link-first_text")).to_contain_text("2 entered")
        assert site.evaluate(HEAD) == before, "open, and where it was"
        site.keyboard.press("Tab")
        expect(clone).to_be_focused()
        site.keyboard.press("Enter")
        expect(site.locator("#modal").get_by_label("Campaign name")).to_have_value(
            f"Copy of {world.campaign.name}"
        )
        site.keyboard.press("Escape")
        expect(more).to_be_focused()
        expect(clone).to_be_hidden()
        site.keyboard.press("Enter")
        site.keyboard.press("Escape")
        expect(more).to_be_focused()
        expect(clone).to_be_hidden()
