"""A box that somebody has drawn larger: its style is the browser's, and nothing writes it as markup."""

from urllib.parse import urljoin

from playwright.sync_api import expect

from tests.browser.conftest import Screens, Site
from tests.browser.pages import FULL, Visit

DRAWN = "for (const area of document.querySelectorAll('textarea')) area.style.height = '150px'"
REFUSED = """form => { form.noValidate = true; form.closest("details").open = true; form.requestSubmit(); }"""


def test_actions_beside_a_drawn_box_break_no_policy(site: Site, screens: Screens) -> None:
    screen = screens(FULL, "agent")
    page = screen.page
    page.goto(site.address(Visit("conversations:thread", FULL)))
    page.evaluate(DRAWN)
    screen.complaints()
    page.locator("#actions form[action*=escalate]").evaluate(REFUSED)
    expect(page.locator("#actions .field__error").first).to_be_visible()
    assert screen.complaints() == []


def test_a_refresh_leaves_a_drawn_box_as_it_is(site: Site, screens: Screens) -> None:
    page = screens(FULL, "agent").page
    page.goto(site.address(Visit("conversations:thread", FULL)))
    page.evaluate(DRAWN)
    address = urljoin(page.url, page.locator("#live").get_attribute("hx-get") or "")
    with page.expect_response(lambda response: response.url == address and response.status == 200):
        page.evaluate(
            "htmx.ajax('GET', document.querySelector('#live').getAttribute('hx-get'),"
            " {target: '#live', swap: 'outerMorph'})"
        )
    page.wait_for_timeout(300)
    heights = page.eval_on_selector_all("#live textarea", "areas => areas.map(area => area.style.height)")
    assert heights and set(heights) == {"150px"}
