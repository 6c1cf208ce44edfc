"""An agent works the call queue by keys, and on a phone."""

import re
import threading
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from campaigns import visit_slots
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


def test_a_call_is_ended_by_one_key_and_its_outcome_asked_for(
    site: Site, screens: Screens, person: PlannedCall
) -> None:
    call = called(person, site)
    Call.objects.filter(pk=call.pk).update(
        state="in_progress", ended_at=None, agent_phone="+13125550178", provider_id="CAkeys",
        claimed_at=clock.now(),
    )  # fmt: skip
    PlannedCall.objects.filter(pk=person.pk).update(state="calling", taken_until=None)
    page = opened(site, screens, person, 1280)
    expect(page.get_by_role("button", name="End call")).to_be_visible()
    page.keyboard.press("h")
    expect(page.get_by_role("heading", name="Ending the call")).to_be_visible()
    expect(page.get_by_role("button", name="End call")).to_be_hidden()
    call.refresh_from_db()
    assert call.hang_up_at is not None
    Call.objects.filter(pk=call.pk).update(state="completed", ended_at=clock.now(), claimed_at=None)
    PlannedCall.objects.filter(pk=person.pk).update(
        state="taken", taken_until=clock.now() + timedelta(days=1)
    )
    expect(page.get_by_role("heading", name="Call ended")).to_be_visible()
    expect(page.get_by_role("button", name="Answered")).to_be_enabled()


def test_a_booking_can_be_asked_for_while_its_windows_are_sought(
    site: Site, screens: Screens, person: PlannedCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = threading.Event(), list[str]()
    opens = clock.now() + timedelta(days=1)

    def free(_: object, unit: object, __: object, *, now: datetime) -> visit_slots.Slots:
        asked.append(str(unit or ""))
        if len(asked) == 1:
            answers.wait(10)
            return visit_slots.Slots([], "ServiceTitan did not answer within three seconds", True)
        return visit_slots.Slots([(opens, opens + timedelta(hours=2))])

    monkeypatch.setattr(visit_slots, "free", free)
    page = opened(site, screens, person, 390)
    page.get_by_role("link", name="Book").click()
    windows = page.locator("#book-windows")
    expect(windows).to_contain_text("Asking ServiceTitan for free windows")
    page.get_by_label("What is to be done?").fill("Furnace is loud")
    expect(windows.get_by_label("No time agreed")).to_be_checked()
    answers.set()
    expect(windows).to_contain_text("did not answer within three seconds")
    page.get_by_role("button", name="Ask ServiceTitan again").click()
    expect(windows).to_contain_text("still has technicians for")
    expect(windows.get_by_role("radio")).to_have_count(2)
    windows.get_by_role("radio").nth(1).check()
    page.get_by_label("Business unit").select_option(index=1)
    for _ in range(200):
        if len(asked) == 3:
            break
        page.wait_for_timeout(50)
    assert len(asked) == 3 and asked[2]
    expect(windows.get_by_role("radio").nth(1)).to_be_checked()  # the window is still free
    assert page.get_by_label("What is to be done?").input_value() == "Furnace is loud"
    page.keyboard.press("Escape")


def test_calling_from_a_thread_is_beside_writing(site: Site, screens: Screens) -> None:
    thread = factories.make_thread(site.full.account, name="Tess Thread", phone=factories.reserved(991))
    screen = screens("full", "agent")
    screen.show(390)
    screen.page.goto(f"{site.url}/conversations/{thread.pk}/")
    call = screen.page.get_by_role("button", name="Call")
    box, write = call.bounding_box(), screen.page.locator("label[for=mode-reply]").bounding_box()
    assert box is not None and write is not None and abs(box["y"] - write["y"]) < 24 and box["height"] >= 44
    screen.page.keyboard.press("d")
    expect(screen.page.get_by_role("heading", name="Tess Thread")).to_be_visible()
    expect(screen.page).to_have_url(re.compile(r"/calls/\d+/"))


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
