"""Two people draw one workflow: both edits stand or neither is lost, and each takes back only their own."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from accounts.models import Account, User
from campaigns import drawing, editing, workflow_drafts, workflow_history
from campaigns.drawing import Drawing
from campaigns.editing import TOP, Place
from campaigns.models import Workflow, WorkflowRevision
from campaigns.workflow_drafts import NothingToUndo, Stale
from campaigns.workflow_history import Overlaid
from common import clock
from tests import factories
from tests.campaigns.test_editing import EDITS, edit, three

Operation = Callable[[Drawing], Drawing]


def edited(drawn: Drawing, edits: list[tuple[str, int, int, str]]) -> Drawing:
    """What comes of these edits; those that make no sense are passed over."""
    for one in edits:
        try:
            drawn = edit(drawn, *one)
        except editing.Impossible:
            continue
    return drawn


def parts(drawn: Drawing) -> dict[tuple[str, ...], Any]:
    """Every part of every step, and where everybody begins."""
    found: dict[tuple[str, ...], Any] = {("", "first"): drawn.first}
    for node in drawn.nodes:
        found |= {(node.key, "name"): node.name, (node.key, "kind"): node.kind}
        found |= {(node.key, "setting", name): value for name, value in node.settings.items()}
        found |= {(node.key, "way", label): target for label, target in node.ways.items()}
    return found


@settings(max_examples=150, deadline=None)
@given(EDITS, EDITS.map(lambda edits: edits[:3]), EDITS.map(lambda edits: edits[:3]))
def test_of_two_edits_at_once_both_stand_whole_or_it_is_said(
    base: list[Any], mine: list[Any], theirs: list[Any]
) -> None:
    before = edited(three(), base)
    after, present = edited(before, mine), edited(before, theirs)
    try:
        merged = workflow_history.patched(present, before, after)
    except Overlaid:
        return
    found, was = parts(merged), parts(before)
    for wanted in (parts(after), parts(present)):
        for part in was.keys() | wanted.keys():
            if was.get(part) != wanted.get(part):
                assert found.get(part) == wanted.get(part), f"{part} was lost"
    assert drawing.of(merged.nodes, merged.first) == merged


@settings(max_examples=100, deadline=None)
@given(EDITS, EDITS)
def test_a_change_and_its_opposite_leave_nothing(base: list[Any], more: list[Any]) -> None:
    before = edited(three(), base)
    after = edited(before, more)
    assert workflow_history.patched(after, after, before) == before


class Desk:
    """Somebody who draws."""

    def __init__(self, account: Account, workflow: Workflow, name: str, tab: str = "") -> None:
        self.by: User = factories.make_user(account, "marketer", name=name)
        self.workflow, self.tab, self.seen = workflow, tab, 0

    def does(self, operation: Operation, said: str = "Edited", *, look: bool = True) -> workflow_drafts.Draft:
        """One edit; `look`: having seen all that was done."""
        seen = workflow_drafts.of(self.workflow).revision if look else self.seen
        draft = workflow_drafts.apply(
            self.workflow, operation, said=said, revision=seen, by=self.by, now=clock.now(), tab=self.tab
        )
        self.seen = draft.revision
        return draft

    def undoes(self) -> Drawing:
        return workflow_drafts.undo(
            self.workflow, revision=self.seen, by=self.by, now=clock.now(), tab=self.tab
        ).drawn

    def redoes(self) -> Drawing:
        return workflow_drafts.redo(
            self.workflow, revision=self.seen, by=self.by, now=clock.now(), tab=self.tab
        ).drawn


def words(key: str, body: str, **more: Any) -> Operation:
    return lambda drawn: editing.change(
        drawn, key, settings={**drawn.by_key[key].settings, "body": body, **more}
    )


@pytest.fixture
def account(db: None) -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def workflow(account: Account) -> Workflow:
    """text → reply (no_reply → late → end), begun by somebody else."""
    made = Workflow.objects.create(account=account, name="Spring")
    drawn = editing.insert(Drawing(), TOP, "send_sms", key="text", name="Text", settings={"body": "Hi"})
    drawn = editing.insert(
        drawn, Place("text", "next"), "wait_for_reply", key="reply", name="Reply",
        settings={"timeout_minutes": 60},
    )  # fmt: skip
    drawn = editing.insert(
        drawn, Place("reply", "no_reply"), "send_sms", key="late", name="Late", settings={"body": "Still?"}
    )
    by = factories.make_user(account, "marketer")
    workflow_drafts.apply(made, lambda _: drawn, said="Began it", revision=0, by=by, now=clock.now())
    return made


@pytest.fixture
def mia(account: Account, workflow: Workflow) -> Desk:
    return Desk(account, workflow, "Mia")


@pytest.fixture
def ben(account: Account, workflow: Workflow) -> Desk:
    return Desk(account, workflow, "Ben")


def said(workflow: Workflow, key: str) -> str:
    return str(workflow_drafts.of(workflow).drawn.by_key[key].settings["body"])


def test_undoing_takes_back_only_ones_own(mia: Desk, ben: Desk, workflow: Workflow) -> None:
    mia.does(words("text", "Mia’s"), "Changed “Text”")
    ben.does(words("late", "Ben’s"), "Changed “Late”")
    mia.undoes()
    assert (said(workflow, "text"), said(workflow, "late")) == ("Hi", "Ben’s")
    mia.redoes()
    assert (said(workflow, "text"), said(workflow, "late")) == ("Mia’s", "Ben’s")
    ben.undoes()
    assert (said(workflow, "text"), said(workflow, "late")) == ("Mia’s", "Still?")
    with pytest.raises(NothingToUndo):  # the rest is whose who began it
        ben.undoes()
    assert workflow_history.own(workflow.pk, mia.by).undo is not None
    assert workflow_history.own(workflow.pk, mia.by).redo is None


def test_a_new_edit_leaves_nothing_to_redo(mia: Desk, workflow: Workflow) -> None:
    mia.does(words("text", "One"))
    mia.does(words("text", "Two"))
    mia.undoes()
    mia.does(words("late", "Three"))
    with pytest.raises(NothingToUndo):
        mia.redoes()
    mia.undoes()
    mia.undoes()
    assert (said(workflow, "text"), said(workflow, "late")) == ("Hi", "Still?")


def test_what_somebody_changed_since_is_not_undone_over_their_heads(
    mia: Desk, ben: Desk, workflow: Workflow
) -> None:
    mia.does(words("text", "Mia’s"))
    ben.does(words("text", "Ben’s"))
    with pytest.raises(Overlaid) as overlaid:
        mia.undoes()
    assert overlaid.value.names == ["Text"] and said(workflow, "text") == "Ben’s"
    ben.undoes()
    mia.undoes()
    assert said(workflow, "text") == "Hi"


def test_a_step_that_somebody_leads_to_is_not_undone_away(mia: Desk, ben: Desk, workflow: Workflow) -> None:
    new = {"key": "pause", "name": "Pause", "settings": {"minutes": 5}}
    mia.does(lambda drawn: editing.insert(drawn, Place("text", "next"), "wait", **new))
    ben.does(lambda drawn: editing.connect(drawn, Place("reply", "question"), "pause"))
    with pytest.raises(Overlaid):
        mia.undoes()
    assert workflow_drafts.of(workflow).drawn.by_key["reply"].ways["question"] == "pause"


def test_edits_of_two_who_did_not_see_each_other_both_stand(mia: Desk, ben: Desk, workflow: Workflow) -> None:
    mia.seen = ben.seen = workflow_drafts.of(workflow).revision
    mia.does(words("text", "Mia’s"), "Changed “Text”", look=False)
    new = {"key": "pause", "name": "Pause", "settings": {"minutes": 5}}
    draft = ben.does(
        lambda drawn: editing.insert(drawn, Place("text", "next"), "wait", **new), look=False
    )  # beside the words of the same step
    assert [row.said for row in draft.meanwhile] == ["Changed “Text”"]
    assert said(workflow, "text") == "Mia’s" and draft.drawn.by_key["text"].ways["next"] == "pause"


def test_two_who_change_the_same_are_told(mia: Desk, ben: Desk, workflow: Workflow) -> None:
    mia.seen = ben.seen = workflow_drafts.of(workflow).revision
    mia.does(words("text", "Mia’s"), look=False)
    with pytest.raises(Stale) as stale:
        ben.does(words("text", "Ben’s"), look=False)
    assert [row.by for row in stale.value.meanwhile] == [mia.by]
    assert said(workflow, "text") == "Mia’s"
    ben.does(words("text", "Ben’s"))  # having seen it
    ben.undoes()
    assert said(workflow, "text") == "Mia’s", "undoing brings back what was replaced"


def test_one_person_in_two_tabs_is_told_too_and_one_tab_is_not(mia: Desk, workflow: Workflow) -> None:
    mia.tab, mia.seen = "aaaaaaaa", workflow_drafts.of(workflow).revision
    before = mia.seen
    mia.does(words("text", "One"), look=False)
    mia.seen = before  # its answer is not there yet, and the next is sent
    mia.does(words("text", "Two"), look=False)
    mia.tab, mia.seen = "bbbbbbbb", before
    with pytest.raises(Stale):
        mia.does(words("text", "Other tab"), look=False)
    mia.seen = before
    assert mia.does(words("late", "Other tab"), look=False).meanwhile, "elsewhere both stand"
    assert (said(workflow, "text"), said(workflow, "late")) == ("Two", "Other tab")
    mia.tab, mia.seen = "cccccccc", before
    with pytest.raises(Stale):
        mia.undoes()  # it would take back what this tab has not shown


def test_what_lies_further_back_than_is_kept_cannot_be_undone(
    mia: Desk, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow_drafts, "KEPT_REVISIONS", 4)
    for number in range(5):
        mia.does(words("text", f"{number}"))
    for _ in range(2):
        mia.undoes()
    with pytest.raises(NothingToUndo):
        mia.undoes()
    assert WorkflowRevision.objects.filter(draft=workflow.pk).count() == 4
