"""Somebody's browser on the product (playwright), and a company that can launch."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from playwright.sync_api import Page

from accounts.models import Account, User
from tests import factories
from tests.accounts.making import signed_in


@contextmanager
def looking(page: Page, url: str, by: User, *, expected: str = "") -> Iterator[Page]:
    """The page at `url`, with this person signed in. Whatever its console says but `expected` (a pattern)
    fails the test."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(page, url, by)
    page.goto(url)
    yield page
    assert not [said for said in complaints if not (expected and re.search(expected, said))]


def sign_in(page: Page, url: str, by: User) -> None:
    """Whoever was signed in there before is not any more."""
    cookie = signed_in(by).cookies[settings.SESSION_COOKIE_NAME]
    site = "/".join(url.split("/")[:3])  # the cookie is good for all of it
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])


def launching_company(*labels: str, people: int = 3) -> Account:
    """An account with so many customers, a workflow, an audience of all, and numbers of these labels."""
    account = factories.make_account("Comfort Air")
    for number in range(people):
        factories.make_contact(account, f"+1312555010{number}")
    factories.make_workflow(account, name="Tune-up season")
    factories.make_audience(account, name="Everybody")
    for place, label in enumerate(labels):
        factories.make_number(account, f"+1312555{190 + place:04}", label=label)
    return account
