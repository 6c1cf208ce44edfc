"""The editor in a browser: built by keyboard alone, sixty steps laid out in time, nothing inaccessible."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bench.editor import measurements
from campaigns import editing, workflow_drafts, workflow_list
from campaigns.drawing import Drawing
from campaigns.editing import TOP, Place
from campaigns.models import Workflow
from common import clock
from tests import factories
from tests.accounts.making import signed_in
from tests.browser import axe
from tests.campaigns.browsing import looking

pytestmark = pytest.mark.django_db(transaction=True)
DRAWN = 15  # times
YES = {"label": "yes", "field": "replied", "operator": "is", "value": True}


@pytest.fixture
def workflow(live_server: Any) -> Workflow:
    account = factories.make_account("Comfort Air")
    factories.make_contact(account, "+13125550101", first_name="Ann", name="Ann Rivera")
    factories.make_audience(account, name="Everybody")
    by = factories.make_user(account, "marketer")
    return workflow_list.begin(account, "Spring", Drawing(), by=by, now=clock.now())


@pytest.fixture
def site(page: Page, live_server: Any, workflow: Workflow) -> Iterator[Page]:
    """A marketer's browser; anything on its console fails the test."""
    by = factories.make_user(workflow.account, "marketer")
    with looking(page, f"{live_server.url}/workflows/{workflow.pk}/edit/", by) as site:
        yield site


def test_a_workflow_is_built_and_published_by_keyboard_alone(site: Page, workflow: Workflow) -> None:
    keys = site.keyboard
    site.get_by_role("link", name="Add the first step").press("Enter")
    expect(site.get_by_role("button", name="Text A text from")).to_be_focused()
    keys.press("Enter")
    expect(site.locator("#panel-title")).to_be_focused()
    box = site.locator("#step-form textarea[name=body]")
    box.focus()
    keys.type("Hi {{ first_name }}, time for a tune-up?")
    expect(site.locator("#step-state")).to_contain_text("Kept")
    expect(site.locator(".message__bubble")).to_contain_text("Hi Ann, time for a tune-up?")
    keys.press("Escape")
    expect(site.locator(".node-card__head").first).to_be_focused()
    keys.press("Tab")  # the plus behind it
    keys.press("Enter")
    expect(site.locator("#panel .kinds")).to_be_visible()
    site.get_by_role("button", name="Wait For a while").press("Enter")
    expect(site.locator("#id_minutes")).to_have_value("2")
    keys.press("Escape")
    site.wait_for_timeout(300)  # cards move to their places
    keys.press("ArrowDown")
    expect(site.locator(".node-card__head").nth(2)).to_be_focused()
    keys.press("ArrowUp")
    keys.press("ArrowUp")
    expect(site.locator(".node-card__head").first).to_be_focused()
    keys.press("Control+z")
    expect(site.locator(".node-card__head")).to_have_count(2)
    keys.press("Control+Shift+z")
    expect(site.locator(".node-card__head")).to_have_count(3)
    site.get_by_role("link", name="Publish …").press("Enter")
    site.get_by_role("button", name="Publish version 1").press("Enter")
    expect(site.get_by_text("Spring v1 is published")).to_be_visible()
    assert [n.kind for n in workflow_drafts.of(workflow).published.nodes] == ["send_sms", "wait", "end"]


def test_steps_are_moved_copied_and_deleted_by_keyboard_alone(site: Page, workflow: Workflow) -> None:
    drawn = editing.insert(Drawing(), TOP, "send_sms", key="first", name="First", settings={"body": "Hi"})
    drawn = editing.insert(
        drawn, Place("first", "next"), "branch", key="who", name="Who", settings={"conditions": [YES]}
    )
    for way, key in (("yes", "thanks"), ("otherwise", "again")):
        at = Place("who", way)
        drawn = editing.insert(drawn, at, "send_sms", key=key, name=key.title(), settings={"body": key})
    by = factories.make_user(workflow.account, "marketer")
    workflow_drafts.apply(workflow, lambda _: drawn, said="Drawn", revision=0, by=by, now=clock.now())
    site.reload()

    def names() -> list[str]:
        return sorted(node.name for node in workflow_drafts.of(workflow).drawn.nodes)

    def opened(name: str) -> None:
        site.locator(".node-card__head", has_text=name).first.press("Enter")
        expect(site.locator("#panel-title")).to_be_focused()

    before = names()
    opened("Who")
    site.get_by_role("link", name="Delete …").press("Enter")
    stays = site.get_by_role("radio", name="Go on with “Thanks”")
    expect(stays).to_be_focused()
    site.keyboard.press("ArrowDown")
    expect(site.get_by_role("radio", name="Go on with “Again”")).to_be_checked()
    site.keyboard.press("Tab")
    expect(site.get_by_role("button", name="Delete step")).to_be_focused()
    site.keyboard.press("Enter")
    expect(site.locator(".node-card__head", has_text="Who")).to_have_count(0)
    assert "Who" not in names() and "Thanks" not in names() and "Again" in names()
    site.locator("#undo").press("Enter")
    expect(site.locator(".node-card__head", has_text="Thanks")).to_have_count(1)
    assert names() == before
    opened("Again")
    site.get_by_role("link", name="Copy to …").press("Enter")
    expect(site.locator(".places__place").first).to_be_focused()
    site.keyboard.press("Enter")
    expect(site.locator(".node-card__head", has_text="Again")).to_have_count(2)
    opened("Thanks")
    site.keyboard.press("Escape")
    expect(site.locator("#panel")).to_contain_text("go from step to step")


def test_what_could_not_be_kept_says_so_and_is_kept_later(
    context: BrowserContext, live_server: Any, workflow: Workflow
) -> None:
    page = context.new_page()
    by = factories.make_user(workflow.account, "marketer")
    drawn = editing.insert(Drawing(), TOP, "send_sms", key="first", name="First", settings={"body": "Hi"})
    workflow_drafts.apply(workflow, lambda _: drawn, said="Drawn", revision=0, by=by, now=clock.now())
    cookie = signed_in(by).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page.goto(f"{live_server.url}/workflows/{workflow.pk}/edit/?step=first")
    page.context.set_offline(True)
    page.locator("#id_step_name").fill("Greeting")
    expect(page.locator("#step-state")).to_contain_text("Not kept")
    page.context.set_offline(False)
    expect(page.locator("#step-state")).to_contain_text("Kept", timeout=20_000)
    assert workflow_drafts.of(workflow).drawn.by_key["first"].name == "Greeting"


def test_who_may_only_look_sees_the_diagram(
    context: BrowserContext, live_server: Any, workflow: Workflow
) -> None:
    sixty(workflow)
    reader = signed_in(factories.make_user(workflow.account, "csr"))
    cookie = reader.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{live_server.url}/workflows/{workflow.pk}/edit/")
    expect(page.locator(".node-card__head").first).to_be_in_viewport()
    tops: list[float] = page.evaluate(
        "[...document.querySelectorAll('.node-card')].map((card) => card.getBoundingClientRect().top)"
    )
    assert tops[1] + 40 < tops[2], "the cards lie on each other"
    assert page.locator(".way__add").count() == 0 and not complaints


def sixty(workflow: Workflow) -> None:
    """Sixty steps, of which every fourth is a branch."""
    drawn = editing.insert(Drawing(), TOP, "send_sms", key="first", name="First", settings={"body": "Hi"})
    at = Place("first", "next")
    for n in range(58):
        key = f"step_{n}"
        kind = "branch" if n % 4 == 3 else "send_sms"
        chosen: dict[str, Any] = {"conditions": [YES]} if kind == "branch" else {"body": f"Text {n}"}
        drawn = editing.insert(drawn, at, kind, key=key, name=f"Step {n}", settings=chosen)
        at = Place(key, "yes" if n % 8 == 3 else "otherwise") if kind == "branch" else Place(key, "next")
    by = factories.make_user(workflow.account, "marketer")
    revision = workflow_drafts.of(workflow).revision
    workflow_drafts.apply(workflow, lambda _: drawn, said="Drawn", revision=revision, by=by, now=clock.now())


def test_sixty_steps_are_laid_out_in_time_and_the_same_each_time(site: Page, workflow: Workflow) -> None:
    sixty(workflow)
    site.emulate_media(reduced_motion="reduce")  # cards are where they stand, not on their way
    site.reload()
    expect(site.locator(".node-card__head")).to_have_count(60)
    places = (
        "[...document.querySelectorAll('.node-card')].map((card) => getComputedStyle(card).transform).join()"
    )
    first = site.evaluate(places)
    for _ in range(DRAWN):
        site.evaluate("document.dispatchEvent(new Event('diagram'))")
        assert site.evaluate(places) == first

    def took(what: str) -> list[int]:
        times = f"performance.getEntriesByName('{what}').map((one) => Math.round(one.duration))"
        found: list[int] = site.evaluate(times)
        return found

    layouts = took("layout")
    print("layout of 60 steps, ms:", layouts, "with measuring and drawing:", took("diagram"))
    assert layouts


def test_fitting_shows_all_of_it(site: Page, workflow: Workflow) -> None:
    sixty(workflow)
    site.reload()
    site.get_by_role("button", name="Fit").click()
    area = "((one) => [one.scrollWidth <= one.clientWidth, one.scrollHeight <= one.clientHeight + 1])"
    assert site.evaluate(f"{area}(document.getElementById('diagram'))") == [True, True]


def test_nothing_is_inaccessible_and_the_phone_has_its_list(site: Page, workflow: Workflow) -> None:
    sixty(workflow)
    told = []
    for width in axe.WIDTHS:
        site.set_viewport_size({"width": width, "height": 900})
        site.reload()
        told += axe.by_day_and_night(site)
        site.locator(".node-card__head").nth(4).click()
        expect(site.locator("#panel .panel__acts")).to_be_visible()
        told += axe.by_day_and_night(site)
        wide = site.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"it scrolls sideways at {width}"
        site.get_by_label("Close", exact=True).first.click()
    assert not told


def test_the_measurement_lays_out_the_page_as_it_is_served(
    browser: Browser, live_server: Any, settings: Any, tmp_path: Path
) -> None:
    settings.STATIC_ROOT = tmp_path
    found = list(measurements(steps=20, layouts=3, pages=1, browser=browser))
    assert [each.name for each in found] == ["editor_layout", "editor_layout_p95", "editor_layout_first"]
    assert {each.n for each in found} == {20} and all(each.value > 0 for each in found)
