"""A poll that finds nothing is answered from memory, and never somebody who may no longer ask."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import polling
from accounts.models import Account, Membership, Role, User
from analytics import dashboard
from common import clock, htmx
from tests.accounts.making import make_account, make_member, signed_in

pytestmark = pytest.mark.django_db
URL = "/"
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}


@dataclass
class Tab:
    """A page that somebody has open, with the version its live region has."""

    account: Account
    user: User
    client: Client
    version: str

    def poll(self) -> int:
        """The status of a timer's question."""
        return self.client.get(URL, headers={**HTMX, "X-Poll": "1", "HX-PTag": self.version}).status_code


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch) -> Tab:
    """Open, polled once, and so known; what was looked at stays good for the length of a test."""
    monkeypatch.setattr(htmx, "LOOK_SECONDS", 600)
    account = make_account()
    user = make_member(account, Role.CSR)
    client = signed_in(user)
    opened = Tab(account, user, client, client.get(URL, headers=HTMX)["HX-PTag"])
    assert opened.poll() == 304
    return opened


def headers_of(answer: HttpResponse) -> dict[str, str]:
    """All but the second in which it was given."""
    return {name: text for name, text in answer.headers.items() if name != "Expires"}


def queries_of(tab: Tab) -> list[str]:
    """What an unchanged poll asks the database."""
    with CaptureQueriesContext(connection) as asked:
        assert tab.poll() == 304
    return [one["sql"] for one in asked.captured_queries]


def test_a_known_poll_asks_nothing(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "STANDING_SECONDS", 600)
    assert queries_of(tab) == []


def test_who_asks_is_read_again_in_one_statement(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "STANDING_SECONDS", 0)
    assert len(queries_of(tab)) == 1


def test_the_answer_is_that_of_the_whole_way(tab: Tab) -> None:
    poll = {**HTMX, "X-Poll": "1", "HX-PTag": tab.version}
    short = tab.client.get(URL, headers=poll)
    polling.forget()
    whole = tab.client.get(URL, headers=poll)
    assert short.status_code == whole.status_code == 304
    assert headers_of(short) == headers_of(whole) and not short.cookies


def test_the_answer_of_the_view_alone_is_that_of_the_whole_way(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(htmx, "LOOK_SECONDS", 0)
    poll = {**HTMX, "X-Poll": "1", "HX-PTag": tab.version}
    alone = tab.client.get(URL, headers=poll)
    polling.forget()
    whole = tab.client.get(URL, headers=poll)
    assert alone.status_code == whole.status_code == 304
    assert headers_of(alone) == headers_of(whole) and not alone.cookies


def test_a_mistake_of_the_view_is_told_by_the_whole_way(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(htmx, "LOOK_SECONDS", 0)
    tab.client.raise_request_exception = False

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(dashboard, "of_account", broken)
    assert tab.poll() == 500


@pytest.mark.parametrize("path", ["/nowhere/", "/conversations/", "/campaigns/"])
def test_only_views_that_say_so_are_asked_alone(tab: Tab, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(htmx, "LOOK_SECONDS", 0)
    poll = {**HTMX, "X-Poll": "1", "HX-PTag": tab.version}
    with CaptureQueriesContext(connection) as asked:
        assert tab.client.get(path, headers=poll).status_code in (200, 404)
    assert any("accounts_membership" in one["sql"] for one in asked.captured_queries) == (path != "/nowhere/")


ENDINGS: dict[str, tuple[Callable[[Tab], object], int]] = {
    "signed out": (lambda tab: Session.objects.all().delete(), 401),
    "expired": (lambda tab: Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1)), 401),
    "disabled": (lambda tab: User.objects.filter(pk=tab.user.pk).update(is_active=False), 401),
    "another password": (lambda tab: User.objects.filter(pk=tab.user.pk).update(password="md5$x$y"), 401),
    "out of the account": (lambda tab: Membership.objects.update(disabled_at=clock.now()), 403),
    "no member": (lambda tab: Membership.objects.all().delete(), 403),
    "another role": (lambda tab: Membership.objects.update(role=Role.MARKETER), 200),
    "another account first": (
        lambda tab: Membership.objects.create(
            account=make_account("Aardvark Air"), user=tab.user, role=Role.CSR
        ),
        200,
    ),
}


@pytest.mark.parametrize("look_seconds", [0, 600])
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_standing_is_noticed(
    tab: Tab, monkeypatch: pytest.MonkeyPatch, ending: str, look_seconds: int
) -> None:
    """Whether the view was looked at lately, or is asked by itself."""
    monkeypatch.setattr(htmx, "LOOK_SECONDS", look_seconds)
    monkeypatch.setattr(polling, "STANDING_SECONDS", 0)
    assert tab.poll() == 304
    change, status = ENDINGS[ending]
    change(tab)
    assert tab.poll() == status
    assert tab.poll() == status, "and stays so"


def test_the_longest_age_ends_it_too(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "STANDING_SECONDS", 600)
    later = clock.now() + timedelta(days=15)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert tab.poll() == 401


def test_polls_leave_the_session_as_it_is(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Session.objects.values("session_data", "expire_date").get()
    later = clock.now() + timedelta(minutes=10)
    monkeypatch.setattr(clock, "now", lambda: later)
    tab.poll()
    assert Session.objects.values("session_data", "expire_date").get() == before


def test_nobody_is_answered_for_another(tab: Tab) -> None:
    poll = {**HTMX, "X-Poll": "1", "HX-PTag": tab.version}
    assert Client().get(URL, headers=poll).status_code == 401
    stranger = signed_in(make_member(make_account("Other Air"), Role.CSR))
    for _ in range(2):
        assert stranger.get(URL, headers=poll).status_code == 200
    colleague = signed_in(make_member(tab.account, Role.CSR))
    assert colleague.get(URL, headers=poll).status_code == 304, "the same role shares the look"


def test_what_somebody_just_did_shows_at_once(tab: Tab) -> None:
    Account.objects.filter(pk=tab.account.pk).update(timezone="America/Denver")  # as if it were theirs
    assert tab.poll() == 304
    asked = {**HTMX, "X-Poll": "now", "HX-PTag": tab.version}
    assert tab.client.get(URL, headers=asked).status_code == 200
    assert tab.poll() == 200, "and timers know from then on"
