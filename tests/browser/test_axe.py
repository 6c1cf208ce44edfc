"""axe-core finds nothing on any page, full or empty, light or dark, wide or narrow, in dialogs or errors."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe
from tests.browser.conftest import Screens, Site
from tests.browser.pages import FULL, Visit, visits


def opened(site: Site, screens: Screens, visit: Visit) -> Page:
    """The page at 1280 pixels."""
    page = screens(visit.state, "" if visit.public else "admin", csp=False).page
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(site.address(visit))
    return page


def test_bench_finds_what_is_wrong(site: Site, screens: Screens) -> None:
    page = opened(site, screens, Visit("audiences:list", FULL))
    page.evaluate("""() => {
      const wrong = document.createElement("input");
      document.getElementById("main").append(wrong);
      const pale = document.createElement("p");
      pale.textContent = "Pale";
      document.getElementById("main").append(pale);
      pale.style.color = "light-dark(#111, #222)";
      pale.style.background = "light-dark(#fff, #111)";
    }""")
    told = axe.everywhere(page)
    assert [line.partition(":")[0] for line in told if ": label (" in line] == ["1280 light", "390 light"]
    assert [line.partition(":")[0] for line in told if "color-contrast" in line] == ["1280 dark", "390 dark"]


@pytest.mark.parametrize("visit", visits(), ids=str)
def test_page(site: Site, screens: Screens, visit: Visit) -> None:
    page = opened(site, screens, visit)
    assert axe.everywhere(page) == [], page.url


@pytest.mark.parametrize(
    ("role", "path", "status"), [("admin", "/no/such/page/", 404), ("agent", "/campaigns/new/", 403)]
)
def test_page_that_is_not_for_them(site: Site, screens: Screens, role: str, path: str, status: int) -> None:
    page = screens(FULL, role, csp=False).page
    answer = page.goto(site.url + path)
    assert answer is not None and answer.status == status
    assert axe.everywhere(page) == []


@pytest.mark.parametrize("name", ["campaigns:launch", "audiences:create"])
def test_form_with_mistakes(site: Site, screens: Screens, name: str) -> None:
    page = opened(site, screens, Visit(name, FULL))
    form = page.locator("#main form[method=post]").first
    form.evaluate("form => { form.noValidate = true; }")
    form.locator("button[type=submit], button:not([type])").last.click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert axe.everywhere(page) == []


def test_sign_in_with_a_wrong_password(site: Site, screens: Screens) -> None:
    page = opened(site, screens, Visit("accounts:login", "empty"))
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert axe.everywhere(page) == []


def test_creation_modal(site: Site, screens: Screens) -> None:
    page = opened(site, screens, Visit("campaigns:list", FULL))
    page.locator("#main [hx-target='#modal-body']").first.click()
    expect(page.locator("dialog#modal")).to_be_visible()
    expect(page.locator("dialog#modal h1, dialog#modal h2").first).to_be_visible()
    assert axe.everywhere(page) == []
