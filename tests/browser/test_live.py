"""A refresh changes figures and nothing else: focus, caret, typing, scroll, open parts and dialogs stay."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, Response, Route, expect

from analytics import dashboard
from audiences.models import Contact
from campaigns.models import Campaign
from tests import factories
from tests.browser.asking import live
from tests.browser.company import Company
from tests.browser.conftest import Screens, Site
from tests.browser.pages import FULL, Visit, live_visits

WORDS = "Friday at nine wor"
CHANGES = 20
QUIET_ASKS = 24  # a minute that turns meanwhile may show in two of them
MOST_SHIFT = 0.02
REGIONS = {
    "campaigns:list": "#campaigns", "conversations:inbox": "main [data-live]", "calls:queue": "#queue",
    "calls:person": "#call",
}  # fmt: skip
"""By URL name: the region; `#live` for all others."""


def refresh(page: Page, region: str) -> Response:
    """Let every region ask at once; what this one was answered."""
    url = urljoin(page.url, page.locator(region).first.get_attribute("hx-get") or "")

    def answers(response: Response) -> bool:
        return response.url == url and "hx-request" in response.request.headers

    with page.expect_response(answers) as waiting:
        page.evaluate("document.dispatchEvent(new Event('refresh'))")
    waiting.value.finished()
    return waiting.value


def something_happens(company: Company, visit: Visit, n: int) -> None:
    """What this page shows changes, as by workers and customers."""
    assert company.world is not None
    if visit.name == "campaigns:list":
        campaign = company.world.campaigns[2]  # the paused one
        Campaign.objects.filter(pk=campaign.pk).update(status=("paused", "active")[n % 2])
    elif visit.name.startswith("analytics"):
        company.world.step(company.world.enrol(), state=("scheduled", "queued")[n % 2])
    elif visit.name.startswith("calls"):
        # The page names the person of the call; the queue says how many wait.
        shown = [
            company.rows[name] for name in ("waiting call", "talking call", "ended call", "planned call")
        ]
        Contact.objects.filter(pk__in=[one.contact_id for one in shown]).update(name=f"Maria Lopez {n}")
        factories.plan_call(shown[0].contact, lane=shown[0].lane)
    else:
        factories.make_inbound(company.rows["thread"], f"And another thing: number {n}?")


@pytest.fixture
def prompt_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are not kept for a second: a test that waits for each would take a minute."""
    monkeypatch.setattr(dashboard, "FRESH_SECONDS", 0.0)


@pytest.fixture
def opened(site: Site, screens: Screens, prompt_figures: None) -> Callable[..., tuple[Page, str]]:
    """Open a live page: the page, and the selector of its region."""

    def open_page(visit: Visit) -> tuple[Page, str]:
        page = screens(FULL, "admin").page
        page.goto(site.address(visit))
        region = REGIONS.get(visit.name, "#live")
        expect(page.locator(region).first).to_be_visible()
        return page, region

    return open_page


@pytest.mark.parametrize("visit", live_visits(), ids=str)
def test_nobody_loses_anything(site: Site, opened: Any, visit: Visit) -> None:
    page, region = opened(visit)
    counts = live(page, "occupy", WORDS)
    changed = 0
    for n in range(CHANGES):
        something_happens(site.full, visit, n)
        changed += refresh(page, region).status == 200
    page.evaluate("new Promise(requestAnimationFrame)")
    assert changed >= CHANGES - 1, f"only {changed} of {CHANGES} changes were shown"
    assert live(page, "lost", WORDS) == [], f"of {counts} boxes, open parts and scrolled places"


@pytest.mark.parametrize("visit", live_visits(), ids=str)
def test_nothing_moves(site: Site, opened: Any, visit: Visit) -> None:
    page, region = opened(visit)
    live(page, "watchShifts")
    for n in range(8):
        something_happens(site.full, visit, n)
        refresh(page, region)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shifts = live(page, "shifted")
    assert sum(value for value, _ in shifts) <= MOST_SHIFT, shifts


def test_diagram_moves_nothing_when_its_script_comes_late(site: Site, screens: Screens) -> None:
    screen = screens(FULL, "admin", still=True)
    screen.show(1280)
    page = screen.page
    late: list[str] = []

    def hold(route: Route) -> None:
        page.wait_for_timeout(400)
        late.append(route.request.url)
        route.continue_()

    page.route("**/js/diagram.js", hold)
    page.goto(site.address(Visit("analytics:campaign", FULL)))
    page.unroute("**/js/diagram.js")
    live(page, "watchShifts")
    expect(page.locator("#campaign")).to_have_attribute("data-drawn", "")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shifts = live(page, "shifted")
    assert late and sum(value for value, _ in shifts) <= MOST_SHIFT, shifts


@pytest.mark.parametrize("visit", live_visits(), ids=str)
def test_unchanged_costs_nothing(opened: Any, visit: Visit) -> None:
    page, region = opened(visit)
    answers = [refresh(page, region).status for _ in range(QUIET_ASKS)]
    assert answers.count(304) >= 0.9 * QUIET_ASKS, answers


@pytest.mark.parametrize("visit", live_visits(), ids=str)
def test_dialog_and_menu_stay_open(site: Site, opened: Any, visit: Visit) -> None:
    page, region = opened(visit)
    page.locator("#main").focus()
    page.keyboard.press("?")
    dialog = page.locator("dialog#shortcuts")
    expect(dialog).to_be_visible()
    for n in range(3):
        something_happens(site.full, visit, n)
        refresh(page, region)
    expect(dialog).to_be_visible()
    assert dialog.evaluate("(dialog) => dialog.matches(':modal') && dialog.contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    menu = page.locator("main [data-live] details.menu:visible").first
    if menu.count():
        menu.locator("summary").click()
        something_happens(site.full, visit, 4)
        refresh(page, region)
        expect(menu).to_have_attribute("open", "")
