"""Two people at one workflow, and one person in two tabs, each in a browser (playwright): nothing is lost."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from accounts.models import Account
from campaigns import editing, workflow_drafts, workflow_list
from campaigns.drawing import Drawing
from campaigns.editing import TOP, Place
from campaigns.models import MessageDraft, Workflow
from common import clock
from tests import factories
from tests.accounts.making import signed_in
from tests.browser import axe

pytestmark = pytest.mark.django_db(transaction=True)
Opened = Callable[..., Page]
BODY, STATE = "#step-form textarea[name=body]", "#step-state"


@pytest.fixture
def account(live_server: Any) -> Account:
    account = factories.make_account("Comfort Air")
    factories.make_contact(account, "+13125550101", first_name="Ann", name="Ann Rivera")
    factories.make_audience(account, name="Everybody")
    return account


@pytest.fixture
def workflow(account: Account) -> Workflow:
    """One text after the other, drawn by a colleague who is away."""
    drawn = editing.insert(Drawing(), TOP, "send_sms", key="first", name="First", settings={"body": "Hi"})
    drawn = editing.insert(
        drawn, Place("first", "next"), "send_sms", key="second", name="Second", settings={"body": "Again"}
    )
    by = factories.make_user(account, "marketer")
    return workflow_list.begin(account, "Spring", drawn, by=by, now=clock.now())


@pytest.fixture
def opened(browser: Browser, live_server: Any, account: Account) -> Iterator[Opened]:
    """Opens a page as somebody, in a browser of their own or as another tab of one that is open."""
    contexts = []
    users: dict[str, Any] = {}

    def open_page(name: str, path: str, tab_of: Page | None = None) -> Page:
        if tab_of is not None:
            page = tab_of.context.new_page()
        else:
            users[name] = users.get(name) or factories.make_user(account, "marketer", name=name)
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            contexts.append(context)
            cookie = signed_in(users[name]).cookies[settings.SESSION_COOKIE_NAME]
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
            page = context.new_page()
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def edit(workflow: Workflow, step: str = "") -> str:
    return f"/workflows/{workflow.pk}/edit/{f'?step={step}' if step else ''}"


def types(page: Page, words: str) -> None:
    """In the text of the step that is open."""
    page.locator(BODY).fill(words)


def body(workflow: Workflow, key: str) -> str:
    return str(workflow_drafts.of(workflow).drawn.by_key[key].settings["body"])


def test_two_who_edit_different_steps_both_keep_theirs(opened: Opened, workflow: Workflow) -> None:
    mia, ben = opened("Mia Long", edit(workflow, "first")), opened("Ben Ode", edit(workflow, "second"))
    types(ben, "Ben’s words")
    expect(ben.locator(STATE)).to_contain_text("Kept")
    types(mia, "Mia’s words")
    expect(mia.locator(STATE)).to_contain_text("Kept")
    expect(
        mia.get_by_text("It was edited meanwhile, and both stand. Ben Ode: Changed “Second”")
    ).to_be_visible()
    expect(mia.locator(BODY)).to_be_focused()
    expect(mia.locator(BODY)).to_have_value("Mia’s words")
    expect(mia.locator("#card-second")).to_contain_text("Ben’s words")
    assert (body(workflow, "first"), body(workflow, "second")) == ("Mia’s words", "Ben’s words")


def test_one_adds_a_step_where_the_other_writes(opened: Opened, workflow: Workflow) -> None:
    mia, ben = opened("Mia Long", edit(workflow, "first")), opened("Ben Ode", edit(workflow))
    types(mia, "Mia’s words")
    expect(mia.locator(STATE)).to_contain_text("Kept")
    ben.get_by_role("link", name="Add a step after First").press("Enter")
    ben.get_by_role("button", name="Wait For a while").press("Enter")
    expect(ben.locator("#id_minutes")).to_have_value("2")
    drawn = workflow_drafts.of(workflow).drawn
    assert [node.kind for node in drawn.nodes] == ["send_sms", "wait", "send_sms", "end"]
    assert body(workflow, "first") == "Mia’s words"


def test_two_who_write_the_same_are_told_and_nothing_is_lost(opened: Opened, workflow: Workflow) -> None:
    mia, ben = opened("Mia Long", edit(workflow, "first")), opened("Ben Ode", edit(workflow, "first"))
    types(ben, "Ben’s words")
    expect(ben.locator(STATE)).to_contain_text("Kept")
    types(mia, "Mia’s words")
    told = mia.get_by_role("alert").filter(has_text="Ben Ode edited the same meanwhile")
    expect(told).to_be_visible()
    expect(mia.locator(BODY)).to_have_value("Mia’s words")
    assert body(workflow, "first") == "Ben’s words"
    assert not axe.by_day_and_night(mia)
    told.get_by_role("button", name="Put mine in its place").press("Enter")
    expect(told).to_have_count(0)
    expect(mia.locator(STATE)).to_contain_text("Kept")
    assert body(workflow, "first") == "Mia’s words"
    mia.get_by_role("button", name="Undo: Changed “First”").press("Enter")
    expect(mia.locator(BODY)).to_have_value("Ben’s words")
    assert body(workflow, "first") == "Ben’s words", "undoing mine brings back theirs"


def test_undo_takes_back_ones_own_edit_and_no_other(opened: Opened, workflow: Workflow) -> None:
    mia, ben = opened("Mia Long", edit(workflow, "first")), opened("Ben Ode", edit(workflow, "second"))
    expect(ben.locator("#undo")).to_be_disabled()
    types(mia, "Mia’s words")
    expect(mia.locator(STATE)).to_contain_text("Kept")
    types(ben, "Ben’s words")
    expect(ben.locator(STATE)).to_contain_text("Kept")
    mia.locator("#open-second").focus()
    mia.keyboard.press("Control+z")
    expect(mia.locator("#card-first .node-card__text")).to_have_text("Hi")
    assert (body(workflow, "first"), body(workflow, "second")) == ("Hi", "Ben’s words")
    mia.locator("#open-second").focus()
    mia.keyboard.press("Control+Shift+z")
    expect(mia.locator("#card-first .node-card__text")).to_have_text("Mia’s words")
    assert body(workflow, "second") == "Ben’s words"


def test_who_comes_back_to_a_closed_laptop_loses_nothing(opened: Opened, workflow: Workflow) -> None:
    mia, ben = opened("Mia Long", edit(workflow, "first")), opened("Ben Ode", edit(workflow, "first"))
    mia.context.set_offline(True)
    types(mia, "Written on the train")
    expect(mia.locator(STATE)).to_contain_text("Not kept")
    types(ben, "Ben’s words")
    expect(ben.locator(STATE)).to_contain_text("Kept")
    mia.context.set_offline(False)
    told = mia.get_by_role("alert").filter(has_text="Ben Ode edited the same meanwhile")
    expect(told).to_be_visible(timeout=20_000)
    expect(mia.locator(BODY)).to_have_value("Written on the train")
    assert body(workflow, "first") == "Ben’s words"


def test_one_person_in_two_tabs_of_the_editor(opened: Opened, workflow: Workflow) -> None:
    one = opened("Mia Long", edit(workflow, "first"))
    other = opened("Mia Long", edit(workflow, "first"), tab_of=one)
    types(one, "In the first tab")
    expect(one.locator(STATE)).to_contain_text("Kept")
    types(one, "In the first tab, further")
    expect(one.locator("#card-first")).to_contain_text("further")
    types(other, "In the other tab")
    expect(other.get_by_role("alert").filter(has_text="You edited the same in another tab")).to_be_visible()
    assert body(workflow, "first") == "In the first tab, further"


def test_one_person_in_two_tabs_of_the_messages(opened: Opened, account: Account) -> None:
    version = factories.make_workflow(account)
    path = f"/workflows/{version.workflow_id}/messages/"
    one = opened("Mia Long", path)
    other = opened("Mia Long", path, tab_of=one)
    for words in ("In the first tab", "In the first tab, further"):
        one.locator("#id_first_text_body").fill(words)
        expect(one.locator("#preview-first_text")).to_contain_text(words)
    other.locator("#id_first_text_body").fill("In the other tab")
    told = other.get_by_role("alert").filter(has_text="You changed these words in another tab")
    expect(told).to_be_visible()
    expect(other.locator("#id_first_text_body")).to_have_value("In the other tab")
    assert MessageDraft.objects.get().words["body"] == "In the first tab, further"
    told.get_by_role("button", name="Keep mine").click()
    expect(told).to_have_count(0)
    assert MessageDraft.objects.get().words["body"] == "In the other tab"


NODES: list[tuple[str, str, dict[str, Any]]] = [
    ("text", "send_sms", {"body": "Hi"}), ("pause", "wait", {"minutes": 5}),
    ("late", "send_sms", {"body": "Still there?"}), ("done", "end", {}),
]  # fmt: skip
EDGES = [("text", "next", "pause"), ("pause", "next", "late"), ("late", "next", "done")]
LINES = """() => Object.fromEntries(["added", "removed", "changed"].map((change) => {
  const line = document.querySelector(`.diagram__edge.diagram__line--${change}`);
  const style = line && getComputedStyle(line);
  return [change, style && [style.stroke, style.strokeWidth, style.strokeDasharray]];
}))"""


def test_lines_that_came_went_and_were_led_elsewhere_differ_by_day_and_night(
    opened: Opened, account: Account
) -> None:
    first = factories.make_workflow(account, NODES, EDGES)
    nodes = [*NODES[:2], ("thanks", "send_sms", {"body": "Thanks"}), NODES[3]]
    edges = [("text", "next", "pause"), ("pause", "next", "thanks"), ("thanks", "next", "done"),
             ("text", "otherwise", "done")]  # fmt: skip
    factories.make_workflow(account, nodes, edges, workflow=first.workflow)
    page = opened("Mia Long", f"/workflows/{first.workflow_id}/versions/compare/")
    expect(page.locator(".campaign[data-drawn]")).to_be_visible()
    colours = set[str]()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        lines = page.evaluate(LINES)
        assert all(lines.values()), lines
        assert len({stroke for stroke, _, _ in lines.values()}) == 3, "three colours"
        assert lines["removed"][2] != "none" == lines["added"][2], "and dashes"
        colours |= {stroke for stroke, _, _ in lines.values()}
    assert len(colours) == 6, "each theme has its own"
    assert not axe.by_day_and_night(page)
    said = page.locator("#card-pause .node-card__ways").aria_snapshot()
    assert "Thanks" in said and "was → Late" in said and said.count("listitem") == 1
