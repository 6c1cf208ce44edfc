"""A page worked by keyboard alone: Tab reaches all of it, Escape closes and gives back."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.asking import layout

MOST_TABS = 90


def not_reached(page: Page) -> list[str]:
    """What the Tab key misses, or where it does not show where it is."""
    wanted: list[str] = layout(page, "actions")
    walked = walk(page)
    reached = {int(stop["action"]) for stop in walked if stop["action"] is not None}
    # Of a frame the page knows only that the focus is in it; where in it, its own document shows.
    shown = [stop for stop in walked if not stop["what"].startswith("iframe")]
    wrong = [f"no ring on {stop['what']}" for stop in shown if not stop["ring"]]
    wrong += [f"a bar covers {stop['what']}" for stop in walked if stop["covered"]]
    if len(walked) < MOST_TABS:
        wrong += [f"Tab misses “{words}”" for i, words in enumerate(wanted) if i not in reached]
    return wrong or ([] if walked and walked[0]["skip"] else ["the first stop is not the skip link"])


def walk(page: Page) -> list[dict[str, Any]]:
    """Every stop of the Tab key from the top, until it leaves the page."""
    layout(page, "top")
    stops: list[dict[str, Any]] = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        stop = layout(page, "focus")
        if stop is None or (stops and stop["skip"]):
            break
        stops.append(stop)
    return stops


def skip_link_leads_to_the_content(page: Page) -> None:
    """The first stop of the Tab key is the way past the navigation."""
    page.locator(".skip-link").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def escape_closes_what_opens_and_focus_returns(page: Page) -> None:
    """The first modal and the first menu of the page, if it has any."""
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
