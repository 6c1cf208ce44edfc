"""The creation modal at every stage, whole and with mistakes, and all that one steers campaigns with.

Clean for axe-core by day and night, on a laptop and a phone, no wider than that, and with room for fingers.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns import drafts
from campaigns.models import LaunchDraft, LaunchRules
from conversations.models import UnitPause
from tests.browser import axe, launching
from tests.browser.asking import layout
from tests.browser.conftest import SCREENS, Screen, Screens, Site
from tests.browser.launching import NAME, Town, address

LEAST_TARGET = 44  # px of what a finger aims at on a phone


@pytest.fixture(scope="module")
def town(site: Site) -> Town:
    return launching.settle(site)


@pytest.fixture
def screen(town: Town, screens: Screens) -> Iterator[Screen]:
    """The CSR's browser, in which nothing refreshes itself."""
    found = screens(NAME, "csr", still=True)
    found.show(1280)
    found.complaints()
    yield found
    LaunchDraft.objects.all().delete()
    LaunchRules.objects.all().delete()
    UnitPause.objects.all().delete()


def wrong_with(screen: Screen) -> list[str]:
    """What is wrong with what is shown: axe-core on a laptop and a phone, width and targets on phones, and
    what the console says."""
    told: list[str] = []
    for width in axe.WIDTHS:
        screen.show(width)
        told += [f"{width} {line}" for line in axe.by_day_and_night(screen.page)]
    for width in (size for size in SCREENS if size < 640):
        screen.show(width)
        told += [f"wider than {width}: {place}" for place in layout(screen.page, "wider", width)]
        told += [f"{width} small: {what}" for what in layout(screen.page, "small", LEAST_TARGET)]
        told += [f"{width} cut off: {what}" for what in layout(screen.page, "beside", "dialog[open]")]
    screen.show(1280)
    return told + screen.complaints()


def open_modal(screen: Screen, site: Site) -> Page:
    """The modal over the list of campaigns, where the draft was left."""
    page = screen.page
    page.goto(address(site, "campaigns:list"))
    page.get_by_role("link", name="New campaign").click()
    expect(page.locator("dialog#modal #launch-heading")).to_be_visible()
    return page


def go_on(page: Page) -> None:
    """Press what leads on, or what sends."""
    page.locator("dialog#modal .launch__foot .button--primary").click()


def rule(field: str, op: str, value: Any) -> dict[str, Any]:
    """One rule as a draft keeps it."""
    return {"match": "all", "rules": [{"field": field, "is": op, "value": value}]}


MISTAKES: dict[str, dict[str, Any]] = {
    "workflow": {"name": "", "workflow": ""},
    "audience": {"targeting": rule("last_job", "before", "soon")},
    "sender": {"number": ""},
    "time": {
        "start": "local", "starts_at": "2020-01-01T10:00", "repeats": "weeks", "repeats_until": "2020-01-01",
        "texts_per_hour": "0", "send_by_hours": "9999", "joining": "until", "joins_until": "2020-01-01",
        "again_days": "0", "credit_window_days": "0", "first": "percent", "canary_percent": "90",
        "canary_minutes": "0",
    },
}  # fmt: skip


@pytest.mark.parametrize("stage", drafts.ORDER)
def test_stage(screen: Screen, site: Site, town: Town, stage: str) -> None:
    town.draft(stage)
    page = open_modal(screen, site)
    expect(page.locator("#launch-heading")).to_have_text(drafts.STAGES[stage].heading)
    if stage == "time":
        page.locator("#launch-terms > summary").click()
    assert wrong_with(screen) == []


@pytest.mark.parametrize("stage", MISTAKES)
def test_stage_with_mistakes(screen: Screen, site: Site, town: Town, stage: str) -> None:
    """Each is said, leads to its field, and keeps what was typed."""
    typed = MISTAKES[stage]
    town.draft(stage, **typed)
    page = open_modal(screen, site)
    go_on(page)
    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    for link in summary.get_by_role("link").all():
        target = page.locator(f"[id='{(link.get_attribute('href') or '').removeprefix('#')}']")
        expect(target).to_have_count(1)
    assert wrong_with(screen) == []
    for name, value in typed.items():
        typed_in = "input:not([type=radio], [type=checkbox]), select"
        field = page.locator(f"#launch-form [name='{name}']:is({typed_in})")
        if field.count():
            expect(field).to_have_value(str(value))


def test_first_stage_of_an_empty_draft(screen: Screen, site: Site, town: Town) -> None:
    open_modal(screen, site)
    assert wrong_with(screen) == []


def test_another_draft_is_wanted(screen: Screen, site: Site, town: Town) -> None:
    town.draft("time")
    page = screen.page
    page.goto(address(site, "campaigns:list"))
    page.evaluate(
        "(url) => htmx.ajax('GET', url, {target: '#modal-body', swap: 'innerHTML'})",
        f"{reverse('campaigns:launch')}?audience={town.audience.pk}",
    )
    expect(page.get_by_role("button", name="Replace it")).to_be_visible()
    assert wrong_with(screen) == []


def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "TYPED_ABOVE", 2)


def test_review_of_many(screen: Screen, site: Site, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number has to be typed, a second person is needed, a unit rests."""
    many(monkeypatch)
    LaunchRules.objects.create(account=town.account, approval_above=2)
    town.storm()
    town.draft("review")
    page = open_modal(screen, site)
    expect(page.locator("#modal")).to_contain_text("need a second person")
    expect(page.locator("#modal")).to_contain_text("Campaigns rest for customers of Roofing")
    assert wrong_with(screen) == []
    page.get_by_label("Type 6 to confirm").fill("66")
    go_on(page)
    expect(page.locator("#modal [role=alert]")).to_be_focused()
    expect(page.get_by_label("Type 6 to confirm")).to_have_value("66")
    assert wrong_with(screen) == []


def test_review_of_nobody(screen: Screen, site: Site, town: Town) -> None:
    town.draft("review", targeting=rule("kind", "any_of", ["commercial"]))
    page = open_modal(screen, site)
    expect(page.locator("#modal")).to_contain_text("Nobody would get this")
    expect(page.get_by_role("button", name="Schedule for")).to_have_count(0)
    assert wrong_with(screen) == []


def test_review_that_was_overtaken(screen: Screen, site: Site, town: Town) -> None:
    draft = town.draft("review")
    page = open_modal(screen, site)
    draft.fields["name"] = "Renamed in another window"
    draft.save()
    go_on(page)
    expect(page.locator("#modal [role=alert]")).to_contain_text("were changed elsewhere")
    expect(page.locator("#modal [role=alert]")).to_be_focused()
    assert wrong_with(screen) == []


STEERED: dict[str, tuple[str, Callable[[Town], Any], str]] = {
    "held": ("analytics:campaign", Town.held, ""),
    "asked": ("analytics:campaign", lambda town: town.asked("Wants many"), ""),
    "refused": ("analytics:campaign", lambda town: town.asked("Was refused", refused="Wrong price"), ""),
    "first few": ("analytics:campaign", Town.first_few, ""),
    "first few failed": ("analytics:campaign", Town.warned, ""),
    "settings": ("analytics:campaign", Town.held, "?tab=settings"),
    "own request": ("campaigns:approval", lambda town: town.asked("Own request"), ""),
    "what failed": ("campaigns:retry", Town.failed, ""),
    "moving": ("campaigns:moves", Town.moving, ""),
}
"""What is looked at: the page, of which campaign, with which query."""


@pytest.mark.parametrize("state", STEERED)
def test_campaign_that_is_steered(screen: Screen, site: Site, town: Town, state: str) -> None:
    name, make, query = STEERED[state]
    screen.page.goto(address(site, name, make(town).pk, query=query))
    assert wrong_with(screen) == []


def test_list_of_what_waits(screen: Screen, site: Site, town: Town) -> None:
    made = [
        town.held(),
        town.asked("Waits in the list"),
        town.asked("Refused there", refused="No"),
        town.warned(),
    ]
    screen.page.goto(address(site, "campaigns:list"))
    for campaign in made:
        expect(screen.page.locator(f"#campaign-{campaign.pk}")).to_be_visible()
    assert wrong_with(screen) == []


QUESTIONS: dict[str, tuple[str, str]] = {
    "campaigns:pace": ("Most texts an hour", "0"),
    "campaigns:reschedule": ("Start at", "2020-01-01T10:00"),
    "campaigns:joining": ("Last day to join", "2020-01-01"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_question_with_a_mistake(screen: Screen, site: Site, town: Town, name: str) -> None:
    label, typed = QUESTIONS[name]
    campaign, page = town.held(), screen.page
    page.goto(address(site, "analytics:campaign", campaign.pk, query="?tab=settings"))
    page.locator(f"[hx-get='{reverse(name, args=[campaign.pk])}']").click()
    expect(page.get_by_label(label)).to_be_visible()
    assert wrong_with(screen) == []
    page.get_by_label(label).fill(typed)
    page.locator("dialog#modal .button--primary").click()
    expect(page.locator("#error-summary")).to_be_focused()
    expect(page.get_by_label(label)).to_have_value(typed)
    assert wrong_with(screen) == []


@pytest.mark.parametrize("name", ["campaigns:stop", "campaigns:resume"])
def test_question_of_a_verb(screen: Screen, site: Site, town: Town, name: str) -> None:
    campaign = town.warned() if name.endswith("resume") else town.held()
    screen.page.goto(address(site, name, campaign.pk))
    assert wrong_with(screen) == []


def test_approval_by_somebody_else(site: Site, town: Town, screens: Screens) -> None:
    screen = screens(NAME, "marketer", still=True)
    screen.complaints()
    campaign, page = town.asked("Looked at"), screen.page
    page.goto(address(site, "campaigns:approval", campaign.pk))
    expect(page.get_by_role("button", name="Approve and send to 6 contacts")).to_be_visible()
    assert wrong_with(screen) == []
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("alert").first).to_be_focused()
    expect(page.get_by_label("Why not")).to_have_attribute("aria-invalid", "true")
    assert wrong_with(screen) == []


def test_storm_day(screen: Screen, site: Site, town: Town) -> None:
    page = screen.page
    page.goto(address(site, "conversations:sending"))
    page.get_by_role("link", name="Pause a business unit").click()
    expect(page.get_by_label("Business unit")).to_be_visible()
    page.get_by_label("Until").fill("2020-01-01T10:00")
    page.get_by_role("button", name="Pause it").click()
    expect(page.locator("#error-summary")).to_be_focused()
    assert wrong_with(screen) == []
    town.storm()
    page.goto(address(site, "conversations:sending"))
    expect(page.locator("#live")).to_contain_text("Campaigns rest for its customers")
    assert wrong_with(screen) == []


def test_preview_of_a_move(site: Site, town: Town, screens: Screens) -> None:
    screen = screens(NAME, "marketer", still=True)
    screen.complaints()
    campaign, page = town.running("About to move"), screen.page
    page.goto(address(site, "campaigns:move", campaign.pk))
    choice = page.get_by_label("What becomes of those at First text")
    expect(choice).to_be_visible()
    assert wrong_with(screen) == []
    choice.focus()
    choice.select_option("exit")
    expect(page.locator("#preview")).to_contain_text("Their passage ends")
    expect(choice).to_be_focused()
    assert wrong_with(screen) == []


def test_playbooks(site: Site, town: Town, screens: Screens) -> None:
    screen = screens(NAME, "marketer", still=True)
    screen.complaints()
    town.held()
    page = screen.page
    page.goto(address(site, "campaigns:playbooks"))
    page.locator("#archive > summary").click()
    page.get_by_label("Name of a new playbook").fill("Spring")
    page.get_by_role("button", name="Add playbook").click()
    expect(page.get_by_label("Name of a new playbook")).to_be_focused()
    assert wrong_with(screen) == []


def test_versions(site: Site, town: Town, screens: Screens) -> None:
    screen = screens(NAME, "marketer", still=True)
    screen.complaints()
    town.held()
    workflow = town.version.workflow_id
    for name in ("campaigns:versions", "campaigns:compare_versions"):
        screen.page.goto(address(site, name, workflow))
        assert wrong_with(screen) == []


@pytest.mark.parametrize("limit", [1, None])
def test_settings_of_launches(site: Site, town: Town, screens: Screens, limit: int | None) -> None:
    screen = screens(NAME, "admin", still=True)
    screen.complaints()
    town.asked("Still waits")
    LaunchRules.objects.create(account=town.account, approval_above=limit)
    page = screen.page
    page.goto(address(site, "campaigns:launch_settings"))
    assert wrong_with(screen) == []
    page.get_by_label("Approval above").fill("0")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#error-summary")).to_be_visible()
    assert wrong_with(screen) == []
    LaunchRules.objects.all().delete()
