"""One server and one pair of companies per module, and browsers that are signed in once."""

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

HEIGHT = {390: 844, 320: 700}
QUIET = ("status of 403", "status of 404", "status of 422")  # what a browser notes about those pages

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

    def complaints(self) -> list[str]:
        """What the console said, once."""
        said, self.said[:] = [line for line in self.said if not any(q in line for q in QUIET)], []
        return said


Screens = Callable[..., Screen]


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Rows stay for the whole module: its tests look, or change what no other looks at."""
    with django_db_blocker.unblock():
        server = LiveServer("127.0.0.1")
        try:
            yield Site(server.url, {FULL: company.full(), EMPTY: company.with_people("Quiet Plumbing")})
        finally:
            server.stop()
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)


@pytest.fixture(scope="module")
def screens(browser: Browser, site: Site) -> Iterator[Screens]:
    """`screens("full", "admin", width=390)`: that browser, the same for the whole module."""
    kept: dict[tuple[Any, ...], Screen] = {}
    contexts: list[BrowserContext] = []

    def screen(state: str = FULL, role: str = "admin", width: int = 1280, csp: bool = True) -> Screen:
        key = (state, role, width, csp)
        if key not in kept:
            context = browser.new_context(
                viewport={"width": width, "height": HEIGHT.get(width, 900)},
                bypass_csp=not csp,
                reduced_motion="reduce",
                has_touch=width < 500,
            )
            context.set_default_timeout(10_000)
            contexts.append(context)
            if role:
                _sign_in(context, site, state, role)
            made = Screen(context.new_page())
            made.page.on("console", lambda message: made.said.append(f"{message.type}: {message.text}"))
            made.page.on("pageerror", lambda error: made.said.append(str(error)))
            kept[key] = made
        return kept[key]

    yield screen
    for context in contexts:
        context.close()


def _sign_in(context: BrowserContext, site: Site, state: str, role: str) -> None:
    cookie = signed_in(site.companies[state].users[role]).cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site.url}])
