"""Every page, full and empty, on one visit: whole, light, fit for every screen, clean for axe-core, and
worked by keyboard alone.

Everything is looked at before anything fails, so one complaint does not hide the others.
"""

import pytest
from playwright.sync_api import Page

from tests.browser import axe, keyboard, weight
from tests.browser.asking import layout
from tests.browser.conftest import SCREENS, Screen, Screens, Site
from tests.browser.pages import WHOLE, Visit, visits

PHONE_WIDTH = 390
LEAST_TARGET = 44  # px of what a finger aims at on a phone


@pytest.mark.parametrize("visit", visits(), ids=str)
def test_page(site: Site, screens: Screens, visit: Visit) -> None:
    screen = screens(visit.state, "" if visit.public else "admin", still=True)
    screen.show(1280)
    screen.complaints()
    answer = screen.page.goto(site.address(visit))
    assert answer is not None and answer.status == 200
    wrong = not_whole(screen.page)
    if visit in WHOLE:
        wrong += weight.of(screen.page, answer.body()).complaints(site.url)
    wrong += on_every_screen(screen, axe.WIDTHS if visit in WHOLE else (PHONE_WIDTH,), not visit.public)
    if visit in WHOLE:
        wrong += by_keyboard(screen)
    wrong += screen.complaints()
    assert wrong == [], screen.page.url
    if visit in WHOLE:
        keyboard.skip_link_leads_to_the_content(screen.page)
        keyboard.escape_closes_what_opens_and_focus_returns(screen.page)


def not_whole(page: Page) -> list[str]:
    """What the document lacks for a screen reader."""
    found: dict[str, str] = layout(page, "outline")
    wanted = {"headings": "1", "mains": "1", "language": "en"}
    wrong = [f"{name}: {found[name]}, not {value}" for name, value in wanted.items() if found[name] != value]
    if not found["heading"]:
        wrong.append("the heading has no words")
    if found["title"] in ("", "Truckroll"):
        wrong.append(f"the title says only “{found['title']}”")
    return wrong


def on_every_screen(screen: Screen, axe_widths: tuple[int, ...], fingers: bool) -> list[str]:
    """What is wrong on a laptop, at a zoom of 200 %, on a phone and on a narrow phone; for axe-core, which
    takes longest, at some of these widths."""
    wrong: list[str] = []
    for width in SCREENS:
        screen.show(width)
        wrong += [f"wider than {width}: {place}" for place in layout(screen.page, "wider", width)]
        if width == PHONE_WIDTH and fingers:
            wrong += [f"small for fingers: {what}" for what in layout(screen.page, "small", LEAST_TARGET)]
        if width in axe_widths:
            wrong += [f"{width} {line}" for line in axe.by_day_and_night(screen.page)]
    return wrong


def by_keyboard(screen: Screen) -> list[str]:
    """What the Tab key misses on a phone and on a laptop."""
    wrong: list[str] = []
    for width in (PHONE_WIDTH, 1280):
        screen.show(width)
        wrong += [f"{width}: {line}" for line in keyboard.not_reached(screen.page)]
    return wrong
