"""Inbox and thread together: the list beside a thread, going on to the next one, and who may do what."""

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, User
from audiences.models import Contact
from common import clock
from conversations import inbox_pages, threads
from conversations.inbox import Folder, Place
from conversations.models import Message, Thread
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
INBOX = reverse("conversations:inbox")


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent", name="Ana Agent")


@pytest.fixture
def browser(agent: User) -> Client:
    return signed_in(agent)


@pytest.fixture
def three(account: Account) -> list[Thread]:
    """Three threads that need a reply, who has waited longest first."""
    return [factories.make_thread(account, name=name) for name in ("First", "Second", "Third")]


def url(thread: Thread, name: str = "thread", query: str = "") -> str:
    return reverse(f"conversations:{name}", args=[thread.pk]) + query


def row(page: str, thread: Thread) -> str:
    """The thread's row in the list."""
    return page.split(f'id="thread-{thread.pk}"')[1].split(">")[0]


def test_the_list_beside_a_thread_is_its_folder(browser: Client, three: list[Thread]) -> None:
    Thread.objects.filter(pk=three[2].pk).update(needs_reply=False)
    Contact.objects.update(name="Sam Same")
    page = browser.get(url(three[0], query="?folder=needs_reply&q=s")).content.decode()
    assert 'aria-current="page"' in row(page, three[0])
    assert f'href="{url(three[1])}?folder=needs_reply&amp;q=s"' in row(page, three[1])
    assert f'id="thread-{three[2].pk}"' not in page
    assert f'hx-get="{INBOX}?folder=needs_reply&amp;q=s&amp;thread={three[0].pk}"' in page


def test_keys_lead_to_the_neighbours(browser: Client, three: list[Thread]) -> None:
    page = browser.get(url(three[1], query="?folder=needs_reply")).content.decode()
    assert 'data-key="k"' in row(page, three[0]) and 'data-key="j"' in row(page, three[2])
    assert "data-key" not in row(page, three[1])
    assert 'data-key="j"' in row(browser.get(INBOX).content.decode(), three[0])


def test_the_list_beside_a_thread_polls_on_its_own(browser: Client, three: list[Thread]) -> None:
    listing = f"{INBOX}?folder=needs_reply&thread={three[0].pk}"
    assert browser.get(listing).headers["Location"] == url(three[0], query="?folder=needs_reply")
    first = browser.get(listing, headers=HTMX)
    assert 'aria-current="page"' in row(first.content.decode(), three[0])
    again = {**HTMX, "HX-PTag": first["HX-PTag"]}
    assert browser.get(listing, headers=again).status_code == 304
    factories.make_inbound(three[1], "Hello again")
    assert browser.get(listing, headers=again).status_code == 200


def test_closing_leads_to_the_next_thread_of_the_folder(browser: Client, three: list[Thread]) -> None:
    query = "?folder=needs_reply"
    for thread, following in ((three[1], three[2]), (three[2], three[0])):
        answer = browser.post(url(thread, "close", query), {"then": "next"}, headers=HTMX)
        assert answer["HX-Redirect"] == url(following, query=query)
    last = browser.post(url(three[0], "close", query), {"then": "next"})
    assert last.status_code == 302 and last.headers["Location"] == INBOX + query
    assert not Thread.objects.filter(state="open").exists()
    assert browser.get(INBOX).content.decode().count("is closed.") == 3, "said once each, on the next page"


def test_following_looks_back_at_the_end_and_is_nothing_alone(agent: User, three: list[Thread]) -> None:
    rows, folder = Thread.objects.all(), Folder.NEEDS_REPLY
    assert inbox_pages.following(rows, folder, three[0].pk) == three[1].pk
    assert inbox_pages.following(rows, folder, three[2].pk) == three[1].pk
    assert inbox_pages.following(rows.filter(pk=three[0].pk), folder, three[0].pk) is None
    assert inbox_pages.following(rows.exclude(pk=three[0].pk), folder, three[0].pk) == three[1].pk


@pytest.mark.parametrize("folder", [Folder.NEEDS_REPLY, Folder.ALL])
def test_pages_and_ways_on_go_through_a_folder_once(
    agent: User, account: Account, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stands at one instant or has none; first what was escalated, then who has waited longest."""
    made = [factories.make_thread(account, name=f"No {n}") for n in range(9)]
    moment = made[4].last_inbound_at
    Thread.objects.filter(pk__in=[made[n].pk for n in (3, 5, 6)]).update(
        last_inbound_at=moment, last_message_at=moment
    )
    Thread.objects.filter(pk__in=[made[0].pk, made[7].pk]).update(last_inbound_at=None)
    Thread.objects.filter(pk__in=[made[n].pk for n in (0, 2, 8)]).update(escalated_reason="Cancels")
    monkeypatch.setattr(inbox_pages, "PER_PAGE", 2)
    rows, seen, after = Thread.objects.all(), [], ""
    while True:
        page = inbox_pages.page(rows, folder, after)
        seen += [thread.pk for thread in page.threads]
        if not (after := page.following):
            break
    by = ["last_inbound_at", "pk"] if folder == Folder.NEEDS_REPLY else ["-last_message_at", "-pk"]
    expected = list(rows.order_by(*by).values_list("pk", flat=True))
    if folder == Folder.NEEDS_REPLY:
        urgent = {made[n].pk for n in (0, 2, 8)}
        expected.sort(key=lambda pk: pk not in urgent)
    assert seen == expected
    ways = [inbox_pages.following(rows, folder, pk) for pk in seen]
    assert ways == [*seen[1:], seen[-2]]


def test_a_long_folder_is_read_on_page_after_page(
    browser: Client, three: list[Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_pages, "PER_PAGE", 2)
    page = browser.get(INBOX).content.decode()
    assert f'id="thread-{three[2].pk}"' not in page and "Back to the first" not in page
    link = re.search(r'rel="next" href="([^"]+)"', page)
    assert link
    following = browser.get(html.unescape(link[1])).content.decode()
    assert f'id="thread-{three[2].pk}"' in following and f'id="thread-{three[0].pk}"' not in following
    assert "Back to the first" in following and 'rel="next"' not in following
    assert "after=" in row(following, three[2]), "the list beside the thread stays where it is"


@pytest.mark.parametrize("query", [{"page": "2"}, {"folder": "?"}, {"q": " " * 300}, {}])
def test_nonsense_in_addresses_is_read_as_nothing(query: dict[str, str]) -> None:
    assert Place.of(query, Folder.ALL) == Place(Folder.ALL)


@pytest.mark.parametrize("after", ["x", "0_2026_1", "0_2026-01-01T00:00:00_1", f"0__{9**40}", "7__1"])
def test_nonsense_for_a_cursor_is_the_first_page(browser: Client, three: list[Thread], after: str) -> None:
    page = browser.get(INBOX, {"after": after}).content.decode()
    assert f'id="thread-{three[0].pk}"' in page


@pytest.mark.parametrize("thread", ["x", "-1", "9" * 40])
def test_a_list_beside_no_thread_is_the_inbox(browser: Client, thread: str) -> None:
    assert browser.get(INBOX, {"thread": thread}).status_code == 200


def test_assigning_to_a_colleague_who_may_reply(
    account: Account, browser: Client, three: list[Thread]
) -> None:
    colleague = factories.make_user(account, "csr", name="Cal Colleague")
    marketer = factories.make_user(account, "marketer", name="Mia Marketer")
    page = browser.get(url(three[0])).content.decode()
    assert "Assign to Cal Colleague" in page and "Assign to Mia Marketer" not in page
    answer = browser.post(url(three[0], "assign"), {"to": colleague.pk}, headers=HTMX)
    assert "refresh" in answer["HX-Trigger"] and "Cal Colleague" in answer.content.decode()
    refused = browser.post(url(three[0], "assign"), {"to": marketer.pk}, headers=HTMX)
    assert "cannot reply to customers here" in refused["HX-Trigger"]
    three[0].refresh_from_db()
    assert three[0].assigned_to == colleague


def test_an_opted_out_thread_has_no_composer_and_refuses(
    agent: User, browser: Client, three: list[Thread]
) -> None:
    browser.post(url(three[0], "opt_out"), {"evidence": "Never write again"})
    page = browser.get(url(three[0])).content.decode()
    assert "Never write again" in page and "Ana Agent" in page.split('id="opted-out"')[1].split("</div>")[0]
    assert url(three[0], "reply") not in page and url(three[0], "reopen") not in page
    assert url(three[0], "note") in page, "notes stay possible"
    form = {"body": "Please?", "token": "7b7a5b1c-5d0f-4d8e-9b64-0d6f4f1f9f10"}
    refused = browser.post(url(three[0], "reply"), form, headers=HTMX)
    assert refused.status_code == 422 and "has opted out" in refused.content.decode()
    assert "Please?" in refused.content.decode() and not Message.objects.filter(kind="agent").exists()


def test_a_marketer_reads_without_controls(account: Account, three: list[Thread]) -> None:
    marketer = signed_in(factories.make_user(account, "marketer"))
    page = marketer.get(url(three[0])).content.decode()
    assert "Your role reads conversations" in page and "Close and next" not in page
    assert 'id="escalate"' not in page and 'id="opt-out"' not in page
    assert marketer.post(url(three[0], "reply"), {"body": "Hi"}).status_code == 403


def test_another_account_finds_nothing(three: list[Thread]) -> None:
    stranger = signed_in(factories.make_user(factories.make_account(), "admin"))
    assert stranger.get(url(three[0])).status_code == 404
    page = stranger.get(f"{INBOX}?folder=all&thread={three[0].pk}", headers=HTMX).content.decode()
    assert "No conversations yet" in page


def test_reopening_is_refused_in_words(agent: User, browser: Client, three: list[Thread]) -> None:
    threads.close(three[0], by=agent, now=clock.now())
    browser.post(url(three[0], "opt_out"), {"evidence": ""})
    refused = browser.post(url(three[0], "reopen"), headers=HTMX)
    assert "Only their own START" in refused["HX-Trigger"]
