"""A CSR, a marketer and an agent at work on the whole product: workers, sandbox and demo company in it.

One product for all; each journey has customers of its own.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from config.demo.company import PASSWORD
from tests.journeys.office import Phones, rows
from tests.product import Product, wait_for

AUDIENCE = "West unit, maintenance members"
BY_WORKERS = 60_000  # ms for what workers and the sandbox do
UNDO = 60_000  # ms that a launch from the form waits, so that it can be undone
LIVE_REPLY, LIVE_FIGURE = 2_000, 3_000  # ms within which a page must show it
SLACK = 3_000  # ms more, for a machine that runs everything at once
TEXTED = """
    SELECT a.value, c.name FROM conversations_message m
    JOIN audiences_address a ON a.id = m.address_id JOIN audiences_contact c ON c.id = m.contact_id
    JOIN campaigns_campaign p ON p.lane_id = m.lane_id
    WHERE p.name = %s AND m.state = 'delivered' AND NOT EXISTS (
        SELECT 1 FROM conversations_message other WHERE other.address_id = a.id AND other.kind = 'inbound')
      AND NOT EXISTS (
        SELECT 1 FROM conversations_message other
        WHERE other.address_id = a.id AND other.lane_id IS DISTINCT FROM m.lane_id)
    ORDER BY m.id LIMIT 12
"""
FIRST_WAVE = """
    SELECT name FROM campaigns_campaign
    WHERE launched_at IS NOT NULL AND strpos(name, 'by phone') = 0 ORDER BY id LIMIT 1
"""
WorksAs = Callable[[str], Page]


@pytest.fixture(scope="module")
def demo() -> Iterator[Product]:
    """The demo company, whose customers write only when a journey says so."""
    folder = Path(settings.DATA_DIR) / f"product-{secrets.token_hex(4)}"
    product = Product(folder, TRUCKROLL_DEMO="1", TRUCKROLL_SANDBOX_SPEED="600")
    try:
        yield product.start(seconds=240)
    finally:
        product.remove()


@pytest.fixture(scope="module")
def phones(demo: Product) -> Iterator[Phones]:
    """The customers' side."""
    found = Phones(demo)
    found.be_predictable()
    yield found
    found.close()


@pytest.fixture
def works_as(browser: Browser, demo: Product) -> Iterator[WorksAs]:
    """Sign somebody of the demo company in, by keyboard; anything on the console fails the journey."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def sign_in(who: str) -> Page:
        context = browser.new_context(base_url=demo.url, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto("/login/")
        page.keyboard.type(f"{who}@demo.example")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert not [line for line in said if "status of 422" not in line]


def figure(page: Page, metric: str) -> int:
    """A figure of the dashboard."""
    return int(page.locator(f"[data-metric={metric}]").get_attribute("value") or 0)


def texted(demo: Product, campaign: str, least: int = 4) -> list[tuple[Any, ...]]:
    """(phone, name) of customers whom this campaign has texted, alone, and who have not written."""
    found: list[tuple[Any, ...]] = []

    def enough() -> bool:
        found[:] = rows(demo, TEXTED, campaign)
        return len(found) >= least

    wait_for(enough, seconds=120, what=f"texts of {campaign}")
    return found


def press(page: Page, *keys: str) -> None:
    """One key after the other."""
    for key in keys:
        page.keyboard.press(key)


def bubble(page: Page, words: str) -> Locator:
    """What was said in the open thread."""
    return page.locator("#timeline .bubble").filter(has_text=words)


def test_csr_launches_watches_answers_and_sees_a_booking(
    works_as: WorksAs, demo: Product, phones: Phones
) -> None:
    page = works_as("csr")
    before = figure(page, "jobs_booked")

    # The modal, stage by stage; the summary goes along.
    press(page, "g", "c")
    page.get_by_role("link", name="New campaign").first.click()
    page.get_by_label("Campaign name").fill("Members of the west")
    choose(page, "Workflow", "Tune-up season")
    go_on(page, "Who should get it?")
    choose(page, "Audience", AUDIENCE)
    expect(page.locator("#launch-summary")).to_contain_text("would get it")
    go_on(page, "Which number sends it?")
    page.get_by_label("Main line").check()
    go_on(page, "When does it start?")
    go_on(page, "Check it, then send")
    page.get_by_role("button", name=re.compile(r"^Send to [\d,]+ contacts")).click()
    expect(page).to_have_url(re.compile(r"/campaigns/\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Members of the west")

    # The dashboard moves by itself, without a reload.
    press(page, "g", "d")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    page.evaluate("window.same = true")
    sent = figure(page, "total_texts")
    expect(page.locator("[data-metric=total_texts]")).not_to_have_attribute(
        "value", str(sent), timeout=UNDO + BY_WORKERS
    )
    asks, says_yes = texted(demo, "Members of the west")[:2]
    phones.say(asks[0], "How much does it cost these days?")
    waiting = page.locator(".dashboard__waiting")
    expect(waiting).to_contain_text("How much does it cost these days?", timeout=LIVE_FIGURE + SLACK)

    # Answered in the thread, where what the customer says next appears by itself.
    waiting.get_by_role("link", name=re.compile("How much does it cost these days")).click()
    page.get_by_label("Reply", exact=True).last.fill("It is $89. Shall we come?")
    page.get_by_role("button", name="Send reply").click()
    expect(bubble(page, "It is $89. Shall we come?")).to_be_visible()
    expect(bubble(page, "It is $89. Shall we come?")).to_contain_text("Delivered", timeout=BY_WORKERS)
    phones.say(asks[0], "Let me ask my wife")
    expect(bubble(page, "Let me ask my wife")).to_be_visible(timeout=LIVE_REPLY + SLACK)

    # Somebody else says yes: a booking, a job, a figure that opens its rows.
    page.goto("/")
    phones.say(says_yes[0], "Yes please, any day after 3")
    booked = page.locator("[data-metric=jobs_booked]")
    expect(booked).not_to_have_attribute("value", str(before), timeout=BY_WORKERS)
    booked.click()
    expect(page).to_have_url(re.compile("jobs_booked"))
    wait_for(
        lambda: page.reload() and says_yes[1] in page.content(), seconds=BY_WORKERS / 1000, what="the job"
    )


def choose(page: Page, label: str, words: str) -> None:
    """Choose what begins with these words."""
    select = page.get_by_label(label, exact=True)
    option = select.locator("option", has_text=words).first
    select.select_option(value=option.get_attribute("value"))


def go_on(page: Page, heading: str) -> None:
    """Continue to the stage of this heading."""
    page.get_by_role("button", name="Continue", exact=True).last.click()
    expect(page.get_by_role("heading", name=heading)).to_be_focused()


def test_marketer_reads_the_node_table_opens_rows_pauses_and_resumes(
    works_as: WorksAs, demo: Product, phones: Phones
) -> None:
    ((name,),) = rows(demo, FIRST_WAVE)
    writes = texted(demo, name)[0]
    page = works_as("marketer")
    press(page, "g", "c")
    page.locator("#main").get_by_role("link", name=name, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)

    # Every figure of the table opens as many rows.
    page.get_by_role("link", name="Node table", exact=True).click()
    cell = page.locator("[data-node=first_text][data-column=entered]")
    number = int(cell.get_attribute("value") or 0)
    assert number > 0
    cell.click()
    expect(page.locator("[data-rows]")).to_have_attribute("value", str(number))
    page.go_back()

    # Pausing is one press; resuming asks, and says what was and was not sent.
    page.get_by_role("button", name="Pause campaign").press("Enter")
    expect(page.locator("#main")).to_contain_text("Paused")
    page.get_by_role("link", name="Resume campaign").press("Enter")
    question = page.locator("dialog#modal")
    expect(question).to_contain_text("go on from where they stood")
    press(page, "Escape")
    expect(question).to_be_hidden()
    page.get_by_role("link", name="Resume campaign").press("Enter")
    expect(question).to_be_visible()
    question.get_by_role("button", name="Resume campaign").press("Enter")
    expect(page.get_by_role("button", name="Pause campaign")).to_be_visible()

    # A marketer reads conversations and answers none.
    press(page, "g", "i")
    expect(page.get_by_role("heading", level=1)).to_have_text("Conversations")
    phones.say(writes[0], "Are you the furnace people?")
    open_thread(page, "Are you the furnace people?")
    expect(page.get_by_text("Your role reads conversations")).to_be_visible()


def test_agent_works_the_inbox_by_keyboard(works_as: WorksAs, demo: Product, phones: Phones) -> None:
    ((name,),) = rows(demo, FIRST_WAVE)
    asks, stops = texted(demo, name)[-2:]
    phones.say(asks[0], "Can you also look at our ducts?")
    phones.say(stops[0], "My son told me to ask you about the price")
    page = works_as("agent")

    # To the customer: the search box finds by name, the inbox has the thread.
    press(page, "g", "i")
    expect(page.get_by_role("heading", level=1)).to_have_text("Conversations")
    open_thread(page, "Can you also look at our ducts?")
    expect(page.get_by_role("heading", level=1)).to_have_text(asks[1])

    # Reply, note, assign: no hand leaves the keyboard.
    press(page, "r")
    expect(page.locator("#id_body")).to_be_focused()
    page.keyboard.type("We do. Is Friday fine?")
    press(page, "Control+Enter")
    expect(bubble(page, "We do. Is Friday fine?")).to_be_visible()
    phones.say(asks[0], "Friday is fine")
    expect(bubble(page, "Friday is fine").last).to_be_visible(timeout=LIVE_REPLY + SLACK)
    page.locator("#main").focus()
    press(page, "n")
    expect(page.locator("#id_note_body")).to_be_focused()
    page.keyboard.type("Has a dog")
    press(page, "Control+Enter")
    expect(bubble(page, "Has a dog")).to_contain_text("Note for colleagues only")
    page.locator("#assign").focus()
    press(page, "Enter")
    page.get_by_role("button", name=re.compile("^Assign to ")).first.press("Enter")
    expect(page.locator(".thread__owner")).to_contain_text("Assigned to")

    # Closed, and on to the next one.
    page.locator("#main").focus()
    address = page.url
    press(page, "e")
    expect(page).not_to_have_url(address)
    page.goto(address)
    expect(page.locator(".thread__state")).to_contain_text("Closed")

    # Somebody asks on the phone to be left alone: asked once more, then nobody can write to them.
    page.goto("/conversations/?folder=needs_reply")
    open_thread(page, "My son told me to ask you about the price")
    page.locator("#opt-out summary").press("Enter")
    page.get_by_label("What the customer said").fill("Asked on the phone to be left alone")
    page.get_by_role("button", name="Opt out", exact=True).first.press("Enter")
    question = page.locator("dialog#confirm")
    expect(question).to_contain_text(f"Opt out {stops[1]}?")
    question.get_by_role("button", name="Opt out").press("Enter")
    expect(page.locator(".thread__state")).to_contain_text("Opted out")
    expect(page.get_by_role("button", name="Send reply")).to_have_count(0)
    expect(page.locator("#id_body")).to_have_count(0)


def open_thread(page: Page, words: str) -> None:
    """Open the thread whose last words these are, by keyboard."""
    line = page.locator(".threads__link").filter(has_text=words)
    expect(line).to_be_visible(timeout=LIVE_FIGURE + SLACK)
    line.focus()
    press(page, "Enter")
    expect(page.locator("#timeline")).to_contain_text(words)
    page.wait_for_load_state()  # words come before the boxes beneath them: a key would meet half a page
