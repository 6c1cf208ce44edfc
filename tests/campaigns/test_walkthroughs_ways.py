"""Splits and notes on a contact in a walkthrough."""

import pytest

from audiences.models import ContactTag
from campaigns import drawing
from campaigns.nodes import KINDS
from campaigns.walkthroughs import keeping, scene
from campaigns.walkthroughs.stage import NotNow
from common import sql
from tests import factories
from tests.campaigns.walking import DONE, NOON, TEXT, Nodes, begun, company, go, path, said, workflow

pytestmark = pytest.mark.django_db


def test_a_split_sends_the_same_way_each_time_and_the_other_side_can_be_taken() -> None:
    account, by, ann = company()
    arms = {"arms": [{"label": "one", "weight": 1}, {"label": "two", "weight": 1}]}
    nodes: Nodes = [*TEXT, ("half", "split", arms), ("end_one", "end", {}), ("end_two", "end", {})]
    edges = [("text", "next", "half"), ("half", "one", "end_one"), ("half", "two", "end_two")]
    version = factories.make_workflow(account, nodes, edges)
    walk = begun(by, version, ann)
    go(walk, "next")
    first = path(walk)
    keeping.undo(walk, revision=walk.revision, by=by, now=NOON)
    go(walk, "next")
    assert path(walk) == first, "sticky"
    other = "two" if first[-1] == "end_one" else "one"
    keeping.other_side(walk, "half", other, revision=walk.revision, by=by, now=NOON)
    assert path(walk)[-1] == f"end_{other}"


def test_a_tag_is_noted_on_nobody() -> None:
    account, by, ann = company()
    nodes: Nodes = [*TEXT, ("note", "update_contact", {"add_tags": ["Asked"], "language": "es"}),
                    ("mail", "send_email", {"subject": "Hi", "body": "Hello",
                                            "spanish": {"subject": "Hola", "body": "Buenas"}})]  # fmt: skip
    edges = [("text", "next", "note"), ("note", "next", "mail"), ("mail", "next", "done")]
    walk = begun(by, workflow(account, nodes, edges), ann)
    go(walk, "next")
    go(walk, "next")
    assert "adds the tag Asked" in said(walk)
    assert [event["subject"] for event in walk.shown["events"] if event["kind"] == "email"] == ["Hola"]
    ann.refresh_from_db()
    assert ann.language == "en" and not ContactTag.objects.exists()


def test_the_arms_of_a_split_are_the_node_kinds_own() -> None:
    """The id that is looked for sends the contact where it says."""
    account, by, ann = company()
    arms = {"arms": [{"label": "one", "weight": 1}, {"label": "two", "weight": 99}]}
    version = factories.make_workflow(
        account, [("half", "split", arms), *TEXT, *DONE],
        [("half", "one", "text"), ("half", "two", "done"), ("text", "next", "done")],
    )  # fmt: skip
    walk = begun(by, version, ann)
    keeping.other_side(walk, "half", "one", revision=walk.revision, by=by, now=NOON)
    assert path(walk)[:2] == ["half", "text"]
    node = drawing.read(walk.graph).by_key["half"].node
    assert scene.arm_of(KINDS["split"], walk.places["campaign"], node, ann.pk) == "one"


def drawn_so_far() -> int:
    return int(sql.value("SELECT last_value FROM campaigns_campaign_id_seq"))


def test_a_side_that_there_is_not_costs_no_ids_and_one_that_there_is_few() -> None:
    account, by, ann = company()
    arms = {"arms": [{"label": "one", "weight": 1}, {"label": "two", "weight": 1}]}
    nodes: Nodes = [("half", "split", arms), *TEXT, ("end_two", "end", {})]
    edges = [("half", "one", "text"), ("half", "two", "end_two"), ("text", "next", "done")]
    walk = begun(by, workflow(account, nodes, edges), ann)
    before = drawn_so_far()
    for label in ("three", "otherwise", "next", ""):
        with pytest.raises(NotNow, match="no such side"):
            keeping.other_side(walk, "half", label, revision=walk.revision, by=by, now=NOON)
    assert drawn_so_far() == before
    other = "one" if path(walk)[-1] == "end_two" else "two"
    keeping.other_side(walk, "half", other, revision=walk.revision, by=by, now=NOON)
    assert path(walk)[1] == ("text" if other == "one" else "end_two")
    assert drawn_so_far() - before < 100
