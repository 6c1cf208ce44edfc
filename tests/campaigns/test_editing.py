"""Drawing workflows: every operation on any drawing gives a drawing, and what may be published runs."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import (
    drawing,
    editing,
    engine,
    enrolling,
    graph_errors,
    launching,
    workflow_drafts,
    workflow_history,
)  # fmt: skip
from campaigns.drawing import Drawing, DrawnNode
from campaigns.editing import TOP, Impossible, Place
from campaigns.models import Campaign, Enrollment, Step, Workflow
from conversations import call_outcomes, delivery
from conversations.models import Message, PlannedCall
from tests import factories

NOW = datetime.fromisoformat("2026-11-23T18:00:00+00:00")  # Monday noon in Chicago
_keys = count(1)
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

OUTCOMES = [outcome.value for outcome in PlannedCall.Outcome]
YES = {"label": "yes", "field": "replied", "operator": "is", "value": True}
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "send_sms": [{"body": "Hi {{ first_name }}"}],
    "wait": [{"minutes": 90}, {"until": {"days": [0, 3], "at": "10:00"}},
             {"around": {"field": "appointment", "minutes": -60}}],
    "wait_for_reply": [{"timeout_minutes": 60}],
    "branch": [{"conditions": [YES]}, {"conditions": [YES, {**YES, "label": "gold", "field": "clicked"}]}],
    "split": [{"arms": [{"label": "one", "weight": 1}, {"label": "two", "weight": 3}]}],
    "update_contact": [{"add_tags": ["Asked"]}],
    "handoff": [{"reason": "Wants a quote"}],
    "book_job": [{"summary": "Tune-up"}],
    "call": [{"plan": {"words": {"en": "Hi {{ first_name }}"}}}],
    "end": [{}],
}  # fmt: skip


def put(drawn: Drawing, at: Place, kind: str, which: int = 0) -> Drawing:
    chosen = SETTINGS[kind][which % len(SETTINGS[kind])]
    return editing.insert(drawn, at, kind, key=f"{kind}_{next(_keys)}", name=kind, settings=chosen)


KINDS = st.sampled_from(sorted(SETTINGS))
ANY = st.integers(0, 10_000)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(
            ["insert"] * 6
            + ["before", "change", "rename", "connect", "disconnect", "move", "up", "down", "copy", "delete"]
        ),
        ANY,
        ANY,
        KINDS,
    ),
    min_size=3,
    max_size=14,
)


def edit(drawn: Drawing, what: str, a: int, b: int, kind: str) -> Drawing:
    """One operation of the editor, on whatever step and place the numbers hit."""
    places = editing.places(drawn)
    at = places[a % len(places)]
    if what == "insert" or not drawn.nodes:
        return put(drawn, at, kind, b)
    node = drawn.nodes[b % len(drawn.nodes)]
    if what == "before":
        return editing.insert_before(
            drawn, node.key, kind, key=f"{kind}_{next(_keys)}", name=kind, settings=SETTINGS[kind][0]
        )
    if what == "change":
        other = SETTINGS[node.kind][a % len(SETTINGS[node.kind])]
        return editing.change(drawn, node.key, settings=other)
    if what == "rename":
        return editing.change(drawn, node.key, name=f"Step {a}")
    if what == "connect":
        return editing.connect(drawn, at, node.key)
    if what == "disconnect":
        return editing.disconnect(drawn, at)
    if what == "move":
        return editing.move(drawn, node.key, at)
    if what in ("up", "down"):
        return (editing.move_up if what == "up" else editing.move_down)(drawn, node.key)
    if what == "copy":
        return editing.copy(drawn, node.key, at, new=f"copy_{next(_keys)}")
    kept = [None, *drawing.way_order(node)]
    return editing.delete(drawn, node.key, keep=kept[a % len(kept)])


def sound(drawn: Drawing) -> None:
    """What holds of every drawing: keys once, ways to steps that are there, in the order people meet them."""
    keys = [node.key for node in drawn.nodes]
    assert len(set(keys)) == len(keys)
    assert all(target in keys for _, _, target in drawn.edges())
    assert drawing.of(drawn.nodes, drawn.first) == drawn
    assert drawing.read(drawn.stored()) == drawn


def tried(drawn: Drawing, edits: list[tuple[str, int, int, str]]) -> Drawing:
    for one in edits:
        try:
            after = edit(drawn, *one)
        except Impossible:
            continue
        sound(after)
        if one[0] not in ("delete",):
            gone = {node.key for node in drawn.nodes} - {node.key for node in after.nodes}
            assert not gone, f"{one[0]} lost {gone}"
        drawn = after
    return drawn


@settings(max_examples=100, deadline=None)
@given(EDITS)
def test_every_edit_gives_a_drawing_and_loses_nothing(edits: list[tuple[str, int, int, str]]) -> None:
    drawn = tried(Drawing(), edits)
    assert drawing.read(drawn.stored()) == drawn


def three() -> Drawing:
    drawn = put(Drawing(), TOP, "send_sms")
    drawn = put(drawn, Place(drawn.first, "next"), "wait_for_reply")
    return put(drawn, Place(drawn.nodes[1].key, "no_reply"), "wait")


def named(drawn: Drawing) -> list[str]:
    return [node.kind for node in drawn.nodes]


def test_a_first_step_gets_an_end_and_the_next_ones_go_in_between() -> None:
    drawn = three()
    assert named(drawn) == ["send_sms", "wait_for_reply", "wait", "end"]
    assert graph_errors.of(drawn.graph()) == []


def test_a_branch_put_in_between_leads_all_its_ways_to_what_followed() -> None:
    drawn = three()
    drawn = put(drawn, Place(drawn.nodes[1].key, "no_reply"), "branch")
    branch = next(node for node in drawn.nodes if node.kind == "branch")
    wait = next(node for node in drawn.nodes if node.kind == "wait")
    assert dict(branch.ways) == {"yes": wait.key, "otherwise": wait.key}
    assert graph_errors.of(drawn.graph()) == []


def test_a_renamed_way_keeps_where_it_leads_and_a_new_one_leads_on() -> None:
    drawn = three()
    drawn = put(drawn, Place(drawn.nodes[1].key, "no_reply"), "branch")
    key = next(node.key for node in drawn.nodes if node.kind == "branch")
    drawn = put(drawn, Place(key, "yes"), "handoff")
    before = drawn.by_key[key]
    asked = [{**YES, "label": "answered"}, {**YES, "label": "gold"}]
    drawn = editing.change(drawn, key, settings={"conditions": asked}, renamed={"yes": "answered"})
    after = drawn.by_key[key]
    assert after.ways["answered"] == before.ways["yes"]
    assert after.ways["gold"] == after.ways["otherwise"] == before.ways["otherwise"]


def test_a_step_moves_up_and_down_again() -> None:
    drawn = three()
    text, wait = drawn.nodes[0].key, drawn.nodes[2].key
    up = editing.move_up(drawn, wait)
    assert named(up) == ["send_sms", "wait", "wait_for_reply", "end"]
    assert editing.move_down(up, wait) == drawn
    top = editing.move_down(drawn, text)
    assert named(top)[:2] == ["wait_for_reply", "send_sms"]
    assert editing.move_up(top, text) == drawn


def test_deleting_a_branch_keeps_the_way_that_was_chosen() -> None:
    drawn = three()
    drawn = put(drawn, Place(drawn.nodes[1].key, "no_reply"), "branch")
    key = next(node.key for node in drawn.nodes if node.kind == "branch")
    drawn = put(drawn, Place(key, "yes"), "handoff")
    wait = next(node.key for node in drawn.nodes if node.kind == "wait")
    assert [n.kind for n in editing.goes_with(drawn, key, "otherwise")] == ["handoff"]
    kept = editing.delete(drawn, key, keep="otherwise")
    assert kept.by_key[kept.nodes[1].key].ways["no_reply"] == wait
    assert "handoff" not in named(kept)
    joined = editing.delete(drawn, key, keep="yes")
    assert "handoff" in named(joined) and "wait" in named(joined)
    assert named(editing.delete(drawn, key, keep=None)) == ["send_sms", "wait_for_reply"]


@pytest.mark.django_db
@settings(max_examples=8, deadline=None, suppress_health_check=SLOW)
@given(EDITS)
def test_undoing_is_the_opposite_of_doing(edits: list[tuple[str, int, int, str]]) -> None:
    account = factories.make_account()
    by = factories.make_user(account, "marketer")
    workflow = Workflow.objects.create(account=account, name=f"Drawn {next(_keys)}")
    states = [Drawing()]
    for one in edits:
        try:
            draft = workflow_drafts.apply(
                workflow, lambda drawn, one=one: edit(drawn, *one), said="Edited",
                revision=len(states) - 1 if len(states) > 1 else 0, by=by, now=NOW,
            )  # fmt: skip
        except Impossible:
            continue
        if draft.drawn != states[-1]:
            states.append(draft.drawn)
    revision = workflow_drafts.of(workflow).revision
    for before in reversed(states[:-1]):
        draft = workflow_drafts.undo(workflow, revision=revision, by=by, now=NOW)
        assert draft.drawn == before
    if len(states) > 1:
        assert workflow_history.own(workflow.pk, by).undo is None
    for after in states[1:]:
        draft = workflow_drafts.redo(workflow, revision=revision, by=by, now=NOW)
        assert draft.drawn == after
    for before in reversed(states[:-1]):
        assert workflow_drafts.undo(workflow, revision=revision, by=by, now=NOW).drawn == before


def accept(now: datetime) -> None:
    """The provider takes what is queued."""
    found = list(Message.objects.filter(state="queued"))
    Message.objects.filter(pk__in=[m.pk for m in found]).update(state="calling", body="Hello")
    delivery.advance([delivery.Move(m.pk, "accepted", f"SM{m.pk}", "", "", 1) for m in found], now=now)


def talk(now: datetime) -> bool:
    """Agents call whoever stands in the queue: a call step is open until its call has an outcome. Whether
    there was anybody."""
    waiting = list(PlannedCall.objects.filter(state="queued").order_by("pk").values_list("pk", flat=True))
    for pk in waiting:
        call_outcomes.outcome(pk, OUTCOMES[pk % len(OUTCOMES)], now=now)
    return bool(waiting)


def run(campaign: Campaign, rounds: int) -> None:
    """Let everything that is due happen, again and again, at the moments it is due."""
    now = NOW
    for _ in range(rounds):
        for _ in range(60):  # more than anybody can do at one instant
            moved = engine.run_round(now=now)
            if not talk(now) and not moved:
                break
            accept(now)
        due = Step.objects.filter(campaign=campaign, due_at__isnull=False).order_by("due_at")
        nearest = due.values_list("due_at", flat=True).first()
        if nearest is None:
            return
        now = max(now + timedelta(minutes=1), nearest)


@pytest.mark.django_db
@settings(max_examples=8, deadline=None, suppress_health_check=SLOW)
@given(EDITS)
def test_what_may_be_published_runs_to_an_end(edits: list[tuple[str, int, int, str]]) -> None:
    drawn = tried(three(), edits)
    account = factories.make_account()
    by = factories.make_user(account, "marketer")
    workflow = Workflow.objects.create(account=account, name=f"Drawn {next(_keys)}")
    draft = workflow_drafts.apply(workflow, lambda _: drawn, said="Drawn", revision=0, by=by, now=NOW)
    if graph_errors.of(drawn.graph()):
        with pytest.raises(workflow_drafts.publishing.PublishRefused):
            workflow_drafts.publish(workflow, revision=draft.revision, by=by, now=NOW)
        assert not workflow.versions.exists()
        return
    version = workflow_drafts.publish(workflow, revision=draft.revision, by=by, now=NOW)
    assert workflow_drafts.drawn(version) == drawn
    campaign = launch(account, version)
    run(campaign, rounds=20)
    steps = Step.objects.filter(campaign=campaign)
    assert steps.exists()
    assert not steps.filter(state="failed").exclude(reason="").exists(), "the engine stumbled"
    if not drawn.graph().cyclic:
        assert set(Enrollment.objects.filter(campaign=campaign).values_list("state", flat=True)) == {"ended"}


def launch(account: Any, version: Any) -> Campaign:
    place = next(_keys)
    number = factories.make_number(account, e164=f"+1312556{place:04}")
    factories.make_contacts(account, [f"+1312557{place:04}", f"+1312558{place:04}"])
    draft = launching.Draft(
        name="Drawn", version=version, audience=factories.make_audience(account), number=number
    )
    campaign = launching.launch(account, draft, by=None, now=NOW, at=None)
    enrolling.enroll(campaign, now=NOW)
    return campaign


def test_a_step_cannot_be_put_twice_or_without_a_kind() -> None:
    drawn = three()
    with pytest.raises(Impossible):
        editing.insert(drawn, TOP, "wait", key=drawn.first, name="", settings={})
    with pytest.raises(Impossible):
        editing.insert(drawn, TOP, "pigeon", key="pigeon", name="", settings={})


def test_a_drawing_leaves_out_ways_that_lead_nowhere() -> None:
    lost = DrawnNode("a", "wait", "A", {"minutes": 1}, {"next": "b"})
    assert drawing.of([lost], "a").nodes[0].ways == {}
