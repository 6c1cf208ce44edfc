"""axe-core finds nothing where a page shows more than its address: dialogs, mistakes and refusals."""

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.conftest import Screen, Screens, Site
from tests.browser.pages import FULL, Visit


def opened(site: Site, screens: Screens, visit: Visit) -> Screen:
    """The page on a laptop."""
    screen = screens(visit.state, "" if visit.public else "admin", still=True)
    screen.show(1280)
    screen.page.goto(site.address(visit))
    return screen


def everywhere(screen: Screen) -> list[str]:
    """The violations on a laptop and on a phone, by day and night, each told with where it is."""
    told: list[str] = []
    for width in axe.WIDTHS:
        screen.show(width)
        told += [f"{width} {line}" for line in axe.by_day_and_night(screen.page)]
    return told


def test_bench_finds_what_is_wrong(site: Site, screens: Screens) -> None:
    screen = opened(site, screens, Visit("audiences:list", FULL))
    screen.page.evaluate("""() => {
      const wrong = document.createElement("input");
      document.getElementById("main").append(wrong);
      const pale = document.createElement("p");
      pale.textContent = "Pale";
      document.getElementById("main").append(pale);
      pale.style.color = "light-dark(#111, #222)";
      pale.style.background = "light-dark(#fff, #111)";
    }""")
    told = everywhere(screen)
    assert [line.partition(":")[0] for line in told if ": label (" in line] == ["1280 light", "390 light"]
    assert [line.partition(":")[0] for line in told if "color-contrast" in line] == ["1280 dark", "390 dark"]


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("admin", "/no/such/page/", 404),
        ("agent", "/campaigns/new/", 403),
        ("csr", "/campaigns/new/test/", 405),
    ],
)
def test_page_that_is_not_for_them(site: Site, screens: Screens, role: str, path: str, status: int) -> None:
    screen = screens(FULL, role, still=True)
    screen.show(1280)
    answer = screen.page.goto(site.url + path)
    assert answer is not None and answer.status == status
    assert everywhere(screen) == []


@pytest.mark.parametrize("name", ["campaigns:launch", "audiences:create"])
def test_form_with_mistakes(site: Site, screens: Screens, name: str) -> None:
    screen = opened(site, screens, Visit(name, FULL))
    page = screen.page
    form = page.locator("#main form[method=post]").first
    form.evaluate("form => { form.noValidate = true; }")
    form.locator("button[type=submit], button:not([type])").last.click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert everywhere(screen) == []


def test_sign_in_with_a_wrong_password(site: Site, screens: Screens) -> None:
    screen = opened(site, screens, Visit("accounts:login", "empty"))
    page = screen.page
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert everywhere(screen) == []


def test_creation_modal(site: Site, screens: Screens) -> None:
    screen = opened(site, screens, Visit("campaigns:list", FULL))
    page = screen.page
    page.locator("#main [hx-target='#modal-body']").first.click()
    expect(page.locator("dialog#modal")).to_be_visible()
    expect(page.locator("dialog#modal h1, dialog#modal h2").first).to_be_visible()
    assert everywhere(screen) == []
