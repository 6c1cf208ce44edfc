"""What somebody sees whose link leads nowhere any more; and that its figures open from the keyboard."""

import pytest
from playwright.sync_api import expect

from campaigns import link_signs
from tests.browser import axe
from tests.browser.conftest import Screens, Site
from tests.browser.pages import EMPTY, FULL, Visit


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [(link_signs.spell(0), 410, "This link has expired"), ("zzzzzzzz", 404, "This link leads nowhere")],
)
def test_pages_for_links_that_lead_nowhere(
    site: Site, screens: Screens, code: str, status: int, words: str
) -> None:
    screen = screens(EMPTY, "", still=True)
    found = []
    for width in axe.WIDTHS:
        screen.show(width)
        answer = screen.page.goto(f"{site.url}/l/{code}")
        assert answer is not None and answer.status == status
        expect(screen.page.get_by_role("heading", level=1)).to_have_text(words)
        found += axe.by_day_and_night(screen.page)
    assert found == []


def test_a_links_figure_opens_its_people(site: Site, screens: Screens) -> None:
    screen = screens(FULL, "marketer", still=True)
    screen.show(1280)
    screen.page.goto(site.address(Visit("analytics:campaign", FULL, "?tab=links")))
    figure = screen.page.locator("#links [data-column=clicks]").first
    people = figure.get_attribute("value")
    figure.locator("xpath=..").focus()
    screen.page.keyboard.press("Enter")
    expect(screen.page.get_by_role("heading", level=1)).to_contain_text("People who followed this link")
    expect(screen.page.locator("data[data-rows]")).to_have_attribute("value", people or "")
