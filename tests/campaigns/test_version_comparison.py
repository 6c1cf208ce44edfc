"""Two versions side by side: what came, went and changed, on the diagram and in words; and one alone."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, Role
from campaigns import graph, version_comparison
from campaigns.models import WorkflowVersion
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
TEXT = ("text", "send_sms", {"body": "Hi {{ first_name }}"})
PAUSE = ("pause", "wait", {"minutes": 5})
LATE = ("late", "send_sms", {"body": "Still there?"})
THANKS = ("thanks", "send_sms", {"body": "Thanks"})
END = ("done", "end", {})
FIRST = (
    [TEXT, PAUSE, LATE, END],
    [("text", "next", "pause"), ("pause", "next", "late"), ("late", "next", "done")],
)
SECOND = (
    [("text", "send_sms", {"body": "Hello {{ first_name }}"}), PAUSE, THANKS, END],
    [("text", "next", "pause"), ("text", "otherwise", "done"), ("pause", "next", "thanks"),
     ("thanks", "next", "done")],
)  # fmt: skip


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def mia(account: Account) -> Client:
    return signed_in(factories.make_user(account, Role.MARKETER))


@pytest.fixture
def first(account: Account) -> WorkflowVersion:
    return factories.make_workflow(account, *FIRST, name="Tune-up")


@pytest.fixture
def second(account: Account, first: WorkflowVersion) -> WorkflowVersion:
    return factories.make_workflow(account, *SECOND, workflow=first.workflow)


def test_every_step_and_way_is_in_it_with_what_became_of_it(
    first: WorkflowVersion, second: WorkflowVersion
) -> None:
    found = version_comparison.compare(graph.build(first), graph.build(second))
    became = {node.id: node.change for node in found.nodes}
    assert became == {
        "text": "changed", "pause": "changed", "was-late": "removed", "thanks": "added", "done": "same",
    }  # fmt: skip
    ways = {
        (node.id, way.label): (way.change, way.before, way.after) for node in found.nodes for way in node.ways
    }
    assert ways["text", "not reached"] == ("added", "", "Done")
    assert ways["pause", ""] == ("changed", "Late", "Thanks")
    assert ways["was-late", ""] == ("removed", "Done", "")
    assert ways["thanks", ""] == ("added", "", "Done")
    drawn = {(source, target) for source, target, _ in found.edges}
    assert drawn == {
        ("text", "pause"), ("text", "done"), ("pause", "thanks"), ("pause", "was-late"),
        ("was-late", "done"), ("thanks", "done"),
    }  # fmt: skip


def test_the_page_has_an_element_for_every_line(
    mia: Client, first: WorkflowVersion, second: WorkflowVersion
) -> None:
    """The drawing asks each for its place and for what became of it; readers hear the same in words."""
    page = mia.get(f"/workflows/{first.workflow_id}/versions/compare/").content.decode()
    assert "Version 1 and version 2" in page
    edges = version_comparison.compare(graph.build(first), graph.build(second)).edges
    for source, target, way in edges:
        assert f'id="card-{source}"' in page and f'id="card-{target}"' in page and f'id="{way}"' in page
    led = next(way for source, target, way in edges if (source, target) == ("pause", "was-late"))
    was = page.split(f'id="{led}"')[1][:80]
    assert 'data-change="removed"' in was and 'aria-hidden="true"' in was
    assert "was → Late" in page and "led elsewhere" in page
    for words in ("1</b> added", "1</b> removed", "2</b> changed", "1</b> unchanged"):
        assert words in page


def test_one_version_alone_says_so(mia: Client, account: Account, first: WorkflowVersion) -> None:
    page = mia.get(f"/workflows/{first.workflow_id}/versions/compare/").content.decode()
    assert "There is only one version" in page and "Version 1 and version 1" not in page
    assert "Edit the workflow" in page and 'id="diagram"' not in page and "Compare</button>" not in page
    reader = signed_in(factories.make_user(account, Role.CSR))
    assert (
        "Edit the workflow"
        not in reader.get(f"/workflows/{first.workflow_id}/versions/compare/").content.decode()
    )


@pytest.mark.parametrize("asked", ["?from=2&to=2", "?from=1&to=1"])
def test_a_version_with_itself_is_no_comparison(
    mia: Client, first: WorkflowVersion, second: WorkflowVersion, asked: str
) -> None:
    page = mia.get(f"/workflows/{first.workflow_id}/versions/compare/{asked}").content.decode()
    assert (
        "That is the same version twice" in page and "Compare</button>" in page and 'id="diagram"' not in page
    )


@pytest.mark.parametrize("asked", ["?from=9&to=x", "?to=2", ""])
def test_without_a_sound_choice_the_latest_two_are_compared(
    mia: Client, first: WorkflowVersion, second: WorkflowVersion, asked: str
) -> None:
    page = mia.get(f"/workflows/{first.workflow_id}/versions/compare/{asked}").content.decode()
    assert "Version 1 and version 2" in page


def test_a_workflow_without_a_version_has_nothing_to_compare(mia: Client) -> None:
    made: Any = mia.post("/workflows/new/", {"name": "Spring"})
    pk = made.headers["Location"].split("/")[2]
    assert "No version yet" in mia.get(f"/workflows/{pk}/versions/compare/").content.decode()
