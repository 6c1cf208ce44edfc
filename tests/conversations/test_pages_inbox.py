"""The inbox: folders, search, marks, and the poll that answers 304."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, User
from audiences import hours, suppression
from common import clock
from conversations import inbox, outbound, threads
from conversations.models import Lane, Message, Thread
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
URL = reverse("conversations:inbox")


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent", name="Ana Agent")


@pytest.fixture
def browser(agent: User) -> Client:
    return signed_in(agent)


def poll(browser: Client, url: str, version: str) -> tuple[int, str]:
    """What a region that has `version` is told."""
    answer = browser.get(url, headers={"HX-Request": "true", "HX-PTag": version})
    return answer.status_code, answer.content.decode()


def test_folders_hold_what_they_say_with_their_counts(account: Account, agent: User, browser: Client) -> None:
    made = {name: factories.make_thread(account, name=name) for name in ("Waits", "Mine", "Gone", "Done")}
    Thread.objects.filter(pk=made["Mine"].pk).update(needs_reply=False, assigned_to=agent)
    suppression.opt_out(made["Gone"].address, channel="phone", source="text", now=clock.now())
    Thread.objects.filter(pk=made["Gone"].pk).update(
        needs_reply=False, state="closed", closed_reason="opted_out"
    )
    threads.close(made["Done"], by=agent, now=clock.now())
    expected = {
        "needs_reply": {"Waits"},
        "mine": {"Mine"},
        "unassigned": {"Waits"},
        "opted_out": {"Gone"},
        "all": set(made),
    }
    for folder, names in expected.items():
        page = browser.get(f"{URL}?folder={folder}").content.decode()
        assert {name for name in made if f">{name}</strong>" in page} == names, folder
        for each, inside in expected.items():
            link = page.split(f'id="folder-{each}"')[1].split("</a>")[0]
            assert f'value="{len(inside)}">' in link, each


def test_what_was_escalated_comes_first_and_says_why(account: Account, agent: User, browser: Client) -> None:
    made = [factories.make_thread(account, name=name) for name in ("First", "Second", "Third")]
    threads.escalate(made[1], reason="May want to cancel the job of 12/3", by=agent, now=clock.now())
    page = browser.get(URL).content.decode()
    order = ["Second", "First", "Third"]
    assert sorted(order, key=lambda name: page.index(f">{name}</strong>")) == order
    assert '<span class="clip">May want to cancel the job of 12/3</span>' in page


def test_a_line_shows_last_words_and_marks(account: Account, browser: Client) -> None:
    thread = factories.make_thread(account, body="First words", name="Pat Customer")
    factories.make_inbound(thread, "Please   call\nme back " + "x" * 200)
    page = browser.get(URL).content.decode()
    assert "Please call me back" in page and "First words" not in page and "x…" in page
    assert "Unassigned" in page and " 555-01" in page


def test_a_text_that_has_not_left_shows_no_merge_fields(account: Account, browser: Client) -> None:
    thread = factories.make_thread(account, name="Pat Customer")
    lane = Lane.objects.create(
        account=account, kind=Lane.Kind.CAMPAIGN, name="Lane", window=hours.default_window()
    )
    now = clock.now()
    Message.objects.create(
        account=account, lane=lane, contact=thread.contact, address=thread.address, number=thread.number,
        kind="campaign", state="queued", template=outbound.template(account, "Hi {{ first_name }}, it's me."),
        created_at=now, due_at=now,
    )  # fmt: skip
    page = browser.get(URL).content.decode()
    assert "{{" not in page and "A campaign’s text that has not left" in page


def test_an_opted_out_thread_is_marked(account: Account, browser: Client) -> None:
    thread = factories.make_thread(account)
    suppression.opt_out(thread.address, channel="phone", source="text", now=clock.now())
    assert "badge--bad" in browser.get(f"{URL}?folder=all").content.decode()


def test_search_finds_names_and_phones(account: Account, browser: Client) -> None:
    factories.make_thread(account, "+17735550176", name="Pat Findable")
    factories.make_thread(account, "+17735550111", name="Sam Other")
    for words in ("findable", "555-0176", "(773) 555-0176"):
        page = browser.get(URL, {"q": words}).content.decode()
        assert "Pat Findable" in page and "Sam Other" not in page, words
    page = browser.get(URL, {"q": "zzz"}).content.decode()
    assert "Clear the search" in page and "Nobody waits" not in page


def test_threads_of_another_account_are_not_there(account: Account, browser: Client) -> None:
    factories.make_thread(factories.make_account(), name="Somebody else’s")
    page = browser.get(f"{URL}?folder=all").content.decode()
    assert "Somebody else’s" not in page and "No conversations yet" in page


def test_a_poll_gets_304_until_something_changed(account: Account, browser: Client) -> None:
    thread = factories.make_thread(account)
    version = browser.get(URL)["HX-PTag"]
    assert f'hx-ptag="{version}"' in browser.get(URL).content.decode()
    assert poll(browser, URL, version) == (304, "")
    assert browser.get(URL, headers={"HX-PTag": version}).status_code == 200, "a page is never 304"
    factories.make_inbound(thread, "Something new")
    status, region = poll(browser, URL, version)
    assert status == 200 and "Something new" in region
    assert region.strip().startswith("<section") and "<html" not in region


def test_a_poll_notices_what_happens_in_another_folder(account: Account, browser: Client) -> None:
    thread = factories.make_thread(account)
    url = f"{URL}?folder=mine"
    version = browser.get(url)["HX-PTag"]
    Thread.objects.filter(pk=thread.pk).update(needs_reply=False)
    assert poll(browser, url, version)[0] == 200, "the folders' counts are shown too"


def test_times_turn_at_midnight_and_with_the_zone(
    account: Account, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = datetime(2026, 11, 24, 5, 59, tzinfo=UTC)  # 11:59 pm in Chicago
    monkeypatch.setattr(clock, "now", lambda: late)
    factories.make_thread(account)
    version = browser.get(URL)["HX-PTag"]
    assert poll(browser, URL, version)[0] == 304
    monkeypatch.setattr(clock, "now", lambda: late + timedelta(minutes=1))
    status, region = poll(browser, URL, version)
    assert status == 200 and "Nov 23, 11:59 pm" in region
    version = browser.get(URL)["HX-PTag"]
    Account.objects.update(timezone="America/New_York")
    assert "12:59 am" in poll(browser, URL, version)[1]


def test_number_of_queries_does_not_grow_with_threads(
    account: Account, browser: Client, django_assert_max_num_queries: object
) -> None:
    for _ in range(2):
        factories.make_thread(account)
    browser.get(URL)
    with django_assert_max_num_queries(12) as few:  # type: ignore[operator]
        browser.get(URL)
    for _ in range(6):
        factories.make_thread(account)
    with django_assert_max_num_queries(len(few)):  # type: ignore[operator]
        answer = browser.get(URL)
    assert answer.status_code == 200


def test_a_long_folder_is_counted_only_so_far(
    account: Account, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Ann", "Bob", "Cy"):
        factories.make_thread(account, name=f"{name} Same")

    def link(url: str) -> str:
        return browser.get(url).content.decode().split('id="folder-all"')[1].split("</a>")[0]

    assert 'value="3">3</data>' in link(URL)
    monkeypatch.setattr(inbox, "COUNTED_TO", 2)
    assert 'value="2">2+</data>' in link(URL)
    assert 'value="2">2+</data>' in link(f"{URL}?folder=all&q=same")
    monkeypatch.setattr(inbox, "COUNTED_TO", 3)
    assert 'value="3">3</data>' in link(URL)
