"""What the network says of a first load agrees with how pages are weighed, and live fragments stay small.

Every page's own weight is judged with the page, in `test_pages.py`.
"""

import gzip

import pytest
from playwright.sync_api import Request

from tests.browser import weight
from tests.browser.conftest import Screens, Site
from tests.browser.pages import FULL, Visit, live_visits

FRAGMENT = 15 * 1024


@pytest.mark.parametrize("name", ["analytics:campaign", "conversations:thread"])
def test_everything_that_is_requested_is_weighed(site: Site, screens: Screens, name: str) -> None:
    page = screens(FULL, "admin", still=True).page
    asked: set[str] = set()

    def keep(request: Request) -> None:
        asked.add(request.url.partition("#")[0])

    protocol = page.context.new_cdp_session(page)
    protocol.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("request", keep)
    answer = page.goto(site.address(Visit(name, FULL)))
    page.remove_listener("request", keep)
    protocol.send("Network.setCacheDisabled", {"cacheDisabled": False})
    assert answer is not None
    # The tab's icon is fetched by the browser and not by the page, which never hears of it.
    icon = page.locator("link[rel=icon]").evaluate("link => link.href")
    assert set(weight.of(page, answer.body()).sizes) == asked | {icon}


@pytest.mark.parametrize("visit", live_visits(), ids=str)
def test_live_fragment(site: Site, screens: Screens, visit: Visit) -> None:
    page = screens(FULL, "admin", still=True).page
    page.goto(site.address(visit))
    urls: list[str] = page.evaluate(
        "[...document.querySelectorAll('[data-live]')].map((e) => e.getAttribute('hx-get'))"
    )
    assert urls, "nothing on this page refreshes itself"
    for url in urls:
        answer = page.request.get(site.url + url, headers={"HX-Request": "true", "HX-Current-URL": page.url})
        assert answer.ok and "<html" not in answer.text()
        assert len(gzip.compress(answer.body(), 6)) <= FRAGMENT, url
