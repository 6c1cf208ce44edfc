"""Every page fits every screen, is whole for a screen reader, and is worked by keyboard alone."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Screens, Site
from tests.browser.pages import FULL, Visit, visits

WIDTHS = (1280, 640, 390, 320)  # 640 is 1280 at a zoom of 200 %
MOST_TABS = 90
SIGNED_IN = [visit for visit in visits() if not visit.public]
WHOLE = [visit for visit in SIGNED_IN if visit.state == FULL and not visit.query]
SCRIPT = Path(__file__).with_name("layout.js").read_text(encoding="utf-8")


def ask(page: Page, what: str, argument: Any = None) -> Any:
    """The answer of one of the functions in `layout.js`."""
    return page.evaluate(f"(argument) => ({SCRIPT}).{what}(argument)", argument)


@pytest.mark.parametrize("visit", visits(), ids=str)
def test_page_fits_and_is_whole(site: Site, screens: Screens, visit: Visit) -> None:
    screen = screens(visit.state, "" if visit.public else "admin")
    page = screen.page
    screen.complaints()
    answer = page.goto(site.address(visit))
    assert answer is not None and answer.status == 200
    wrong: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        wrong += [f"wider than {width}: {place}" for place in ask(page, "wider", width)]
    assert wrong == []
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator("main")).to_have_count(1)
    heading = page.locator("h1").inner_text().strip()
    assert heading and page.title().strip() not in ("", "Truckroll")
    assert page.locator("html").get_attribute("lang") == "en"
    assert screen.complaints() == []


@pytest.mark.parametrize("visit", SIGNED_IN, ids=str)
def test_fingers_hit_what_they_aim_at(site: Site, screens: Screens, visit: Visit) -> None:
    page = screens(visit.state, "admin", width=390).page
    page.goto(site.address(visit))
    assert ask(page, "small", 44) == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("visit", WHOLE, ids=str)
def test_tab_reaches_every_action_and_shows_where_it_is(
    site: Site, screens: Screens, visit: Visit, width: int
) -> None:
    page = screens(FULL, "admin", width=width).page
    page.goto(site.address(visit))
    wanted: list[str] = ask(page, "actions")
    walked = walk(page)
    reached = {int(stop["action"]) for stop in walked if stop["action"] is not None}
    assert [stop["what"] for stop in walked if not stop["ring"]] == []
    assert [stop["what"] for stop in walked if stop["covered"]] == []
    if len(walked) < MOST_TABS:
        assert [words for i, words in enumerate(wanted) if i not in reached] == []


def walk(page: Page) -> list[dict[str, Any]]:
    """Every stop of the Tab key from the top, until it leaves the page."""
    page.evaluate("document.activeElement?.blur()")
    stops: list[dict[str, Any]] = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        stop = ask(page, "focus")
        if stop is None or (stops and stop["skip"]):
            break
        stops.append(stop)
    return stops


@pytest.mark.parametrize("visit", WHOLE, ids=str)
def test_skip_link_leads_to_the_content(site: Site, screens: Screens, visit: Visit) -> None:
    page = screens(FULL, "admin").page
    page.goto(site.address(visit))
    page.evaluate("document.activeElement?.blur()")
    page.locator(".skip-link").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


@pytest.mark.parametrize("visit", WHOLE, ids=str)
def test_escape_closes_what_opens_and_focus_returns(site: Site, screens: Screens, visit: Visit) -> None:
    page = screens(FULL, "admin").page
    page.goto(site.address(visit))
    opener = page.locator("[hx-target='#modal-body']:visible").first
    if opener.count():
        opener.focus()
        page.keyboard.press("Enter")
        expect(page.locator("dialog#modal")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("dialog#modal")).to_be_hidden()
        expect(opener).to_be_focused()
    menu = page.locator("details.menu:visible").first
    if menu.count():
        summary = menu.locator("summary")
        summary.focus()
        page.keyboard.press("Enter")
        expect(menu).to_have_attribute("open", "")
        page.keyboard.press("Escape")
        expect(menu).not_to_have_attribute("open", "")
        expect(summary).to_be_focused()
