"""An agent works the call queue by keys, and on a phone."""

import pytest
from playwright.sync_api import Page, expect

from common import clock
from conversations import call_taking, said_outcomes
from conversations.models import AgentPhone, Call, PlannedCall
from tests import factories
from tests.browser.conftest import Screens, Site


@pytest.fixture
def person(site: Site) -> PlannedCall:
    """Somebody whom the agent has open, with a phone to call from."""
    company = site.full
    contact = factories.make_contact(company.account, factories.reserved(990), name="Kay Keys")
    planned = factories.plan_call(contact)
    agent = company.users["agent"]
    AgentPhone.objects.get_or_create(account=company.account, user=agent, defaults={"phone": "+13125550178"})
    call_taking.take([planned.pk], by=agent, now=clock.now())
    return planned


def called(planned: PlannedCall, site: Site) -> Call:
    """The agent has called them, and they have talked."""
    now = clock.now()
    return Call.objects.create(
        account=planned.account, planned=planned, direction="out", contact=planned.contact,
        address=planned.address, number=planned.number, by=site.full.users["agent"], state="completed",
        accepted_at=now, answered_at=now, connected_at=now, ended_at=now,
    )  # fmt: skip


def opened(site: Site, screens: Screens, planned: PlannedCall, width: int) -> Page:
    screen = screens("full", "agent")
    screen.show(width)
    screen.page.goto(f"{site.url}/calls/{planned.pk}/")
    return screen.page


def test_an_outcome_is_one_key_and_so_is_its_undo(site: Site, screens: Screens, person: PlannedCall) -> None:
    page = opened(site, screens, person, 1280)
    expect(page.get_by_role("button", name="Voicemail")).to_be_disabled()
    page.keyboard.press("2")  # nobody was called: nothing happens
    called(person, site)
    expect(page.get_by_role("heading", name="Call ended")).to_be_visible()  # it came by itself
    page.keyboard.press("m")
    page.keyboard.type("Left word about Monday 3 pm")
    expect(page.get_by_label("Note about this call")).to_have_value("Left word about Monday 3 pm")
    page.get_by_label("Then the next person").uncheck()
    page.locator("h1").click()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Left a voicemail")).to_be_visible()
    person.refresh_from_db()
    assert said_outcomes.outcome_of(person) == "voicemail"
    assert person.calls.get().note == "Left word about Monday 3 pm"
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="Call ended")).to_be_visible()
    person.refresh_from_db()
    assert said_outcomes.outcome_of(person) == ""


def test_keys_do_nothing_where_they_are_switched_off(
    site: Site, screens: Screens, person: PlannedCall
) -> None:
    called(person, site)
    page = opened(site, screens, person, 1280)
    page.evaluate("localStorage.setItem('truckroll.shortcuts', 'off')")
    try:
        page.keyboard.press("1")
        page.keyboard.press("c")
        page.wait_for_timeout(300)
        person.refresh_from_db()
        assert person.code == "" and not page.locator("dialog#modal[open]").count()
    finally:
        page.evaluate("localStorage.removeItem('truckroll.shortcuts')")


def test_questions_open_by_key_and_what_is_typed_survives_the_polls(
    site: Site, screens: Screens, person: PlannedCall
) -> None:
    page = opened(site, screens, person, 1280)
    for key, title in (("c", "Call Kay Keys again"), ("s", "Skip Kay Keys?"), ("b", "Book Kay Keys")):
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("dialog#modal")).to_be_hidden()
    note = page.get_by_label("Note about this call")
    note.fill("Half a sentence")
    called(person, site)
    expect(page.get_by_role("heading", name="Call ended")).to_be_visible()
    expect(note).to_have_value("Half a sentence")
    expect(note).to_be_focused()


def test_on_a_phone_everything_is_a_finger_wide(site: Site, screens: Screens, person: PlannedCall) -> None:
    called(person, site)
    page = opened(site, screens, person, 390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("Answered", "Voicemail", "No answer", "Busy", "Call again"):
        box = page.get_by_role("button", name=name, exact=False).first.bounding_box()
        assert box is not None and box["height"] >= 44 and box["width"] >= 44
    page.get_by_label("Then the next person").uncheck()
    page.get_by_role("button", name="Busy").click()
    expect(page.locator("#now h2")).to_have_text("Busy")


def test_leaving_the_page_gives_the_person_back_soon(
    site: Site, screens: Screens, person: PlannedCall
) -> None:
    page = opened(site, screens, person, 1280)
    person.refresh_from_db()
    before = person.taken_until
    page.goto(f"{site.url}/contacts/")
    page.wait_for_timeout(500)
    person.refresh_from_db()
    assert before is not None and person.taken_until is not None
    assert (before - person.taken_until).total_seconds() > 30
