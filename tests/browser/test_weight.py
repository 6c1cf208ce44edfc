"""What a page weighs: first load, scripts, fragments, requests, and that nothing comes from elsewhere.

Sizes are those of gzip, as the server sends what it compresses ahead; fonts and pictures as they are.
"""

import gzip
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Response

from tests.browser.conftest import Screen, Screens, Site
from tests.browser.pages import FULL, Visit, live_visits, visits

FIRST_LOAD = 150 * 1024
SCRIPTS = 60 * 1024
FRAGMENT = 15 * 1024
REQUESTS = 18  # the page, six sheets, five scripts, a font, two pictures, and what it has of its own
TEXTS = ("text/", "javascript", "json", "svg")
WHOLE = [visit for visit in visits() if visit.state == FULL and not visit.query]


@dataclass
class Load:
    """Everything that one visit brought."""

    sizes: dict[str, int] = field(default_factory=dict)
    scripts: int = 0
    hosts: set[str] = field(default_factory=set)

    def take(self, response: Response) -> None:
        """Weigh one answer."""
        kind = response.headers.get("content-type", "")
        body = response.body()
        size = len(gzip.compress(body, 9)) if any(text in kind for text in TEXTS) else len(body)
        self.sizes[urlsplit(response.url).path] = size
        self.hosts.add(urlsplit(response.url).netloc)
        if "javascript" in kind:
            self.scripts += size

    def told(self) -> str:
        """The heaviest first."""
        heaviest = sorted(self.sizes.items(), key=lambda pair: -pair[1])
        return ", ".join(f"{path} {size:,}" for path, size in heaviest)


def load(screen: Screen, url: str) -> Load:
    """Visit a page with an empty cache."""
    answers: list[Response] = []

    def keep(answer: Response) -> None:
        answers.append(answer)

    screen.page.on("response", keep)
    screen.page.context.new_cdp_session(screen.page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    screen.page.goto(url)
    screen.page.remove_listener("response", keep)
    found = Load()
    for answer in list(answers):
        if answer.request.headers.get("hx-request") is None:
            found.take(answer)
    return found


@pytest.mark.parametrize("visit", WHOLE, ids=str)
def test_first_load(site: Site, screens: Screens, visit: Visit) -> None:
    found = load(screens(FULL, "admin"), site.address(visit))
    assert sum(found.sizes.values()) <= FIRST_LOAD, found.told()
    assert found.scripts <= SCRIPTS, found.told()
    assert len(found.sizes) <= REQUESTS, found.told()
    assert found.hosts == {urlsplit(site.url).netloc}


@pytest.mark.parametrize("visit", live_visits(), ids=str)
def test_live_fragment(site: Site, screens: Screens, visit: Visit) -> None:
    page = screens(FULL, "admin").page
    page.goto(site.address(visit))
    urls: list[str] = page.evaluate(
        "[...document.querySelectorAll('[data-live]')].map((e) => e.getAttribute('hx-get'))"
    )
    assert urls, "nothing on this page refreshes itself"
    for url in urls:
        answer = page.request.get(site.url + url, headers={"HX-Request": "true", "HX-Current-URL": page.url})
        assert answer.ok and "<html" not in answer.text()
        assert len(gzip.compress(answer.body(), 6)) <= FRAGMENT, url
