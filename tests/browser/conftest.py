"""One server and one pair of companies for all these tests, and browsers that are signed in once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.accounts.making import signed_in
from tests.browser import company
from tests.browser.company import Company
from tests.browser.pages import EMPTY, FULL, Visit

SCREENS = {1280: 900, 640: 800, 390: 844, 320: 700}
"""Heights by width; 640 is 1280 at a zoom of 200 %, what is narrower is a phone."""
PHONE = 500
STILL = """
document.addEventListener("htmx:config:request", (event) => {
  const cause = event.detail.ctx.sourceEvent?.type;
  if (["every", "visibilitychange", "refresh"].includes(cause)) event.preventDefault();
});
"""
QUIET = (
    "status of 403", "status of 404", "status of 409", "status of 422",
    "Autofocus processing was blocked",  # htmx has put the focus there already
)  # fmt: skip
"""What a browser notes about refusals."""

expect.set_options(timeout=10_000)


@dataclass
class Site:
    """The product on a port, with a full company and an empty one."""

    url: str
    companies: dict[str, Company] = field(default_factory=dict)

    @property
    def full(self) -> Company:
        return self.companies[FULL]

    @property
    def empty(self) -> Company:
        return self.companies[EMPTY]

    def address(self, visit: Visit) -> str:
        """Where this page is."""
        return self.url + visit.path(self.companies[visit.state])


@dataclass
class Screen:
    """One person's browser: its page, and what its console said since somebody last asked."""

    page: Page
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self._protocol = self.page.context.new_cdp_session(self.page)

    def show(self, width: int) -> None:
        """As wide as this; a phone is touched."""
        self._protocol.send("Emulation.setTouchEmulationEnabled", {"enabled": width < PHONE})
        self.page.set_viewport_size({"width": width, "height": SCREENS[width]})

    def complaints(self) -> list[str]:
        """What the console said, once."""
        said, self.said[:] = [line for line in self.said if not any(q in line for q in QUIET)], []
        return said


Screens = Callable[..., Screen]


@pytest.fixture(scope="package")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Rows stay for the whole folder: its tests look, or change figures that no other reads."""
    with django_db_blocker.unblock():
        server = LiveServer("127.0.0.1")
        try:
            yield Site(server.url, {FULL: company.full(), EMPTY: company.with_people("Quiet Plumbing")})
        finally:
            server.stop()
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)


@pytest.fixture(scope="package")
def screens(browser: Browser, site: Site) -> Iterator[Screens]:
    """`screens("full", "admin")`: that person's browser, the same for all tests.

    `still`: nothing refreshes itself, so that what is looked at stays.
    """
    kept: dict[tuple[Any, ...], Screen] = {}
    contexts: list[BrowserContext] = []

    def screen(state: str = FULL, role: str = "admin", *, still: bool = False) -> Screen:
        key = (state, role, still)
        if key not in kept:
            context = browser.new_context(
                viewport={"width": 1280, "height": SCREENS[1280]}, reduced_motion="reduce"
            )
            context.set_default_timeout(10_000)
            contexts.append(context)
            if still:
                context.add_init_script(STILL)
            if role:
                _sign_in(context, site, state, role)
            kept[key] = Screen(context.new_page())
        return kept[key]

    yield screen
    for context in contexts:
        context.close()


def _sign_in(context: BrowserContext, site: Site, state: str, role: str) -> None:
    cookie = signed_in(site.companies[state].users[role]).cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
