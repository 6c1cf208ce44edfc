"""What keeps a workflow from being published, each in words, and what the database keeps from changing."""

import pytest
from django.db import IntegrityError, transaction

from campaigns import graph, publishing
from campaigns.models import Edge, Node
from tests import factories

pytestmark = pytest.mark.django_db
TEXT = ("text", "send_sms", {"body": "Hi {{ first_name }}"})
WAIT = ("pause", "wait", {"minutes": 5})
NEAR = ("near", "wait", {"around": {"field": "appointment", "minutes": -60}})
END = ("done", "end", {})
HOME = {"label": "home", "field": "kind", "operator": "is", "value": "residential"}


def errors(nodes, edges):
    version = factories.make_workflow(factories.make_account(), nodes, edges, publish=False)
    return graph.errors(version)


def test_a_sound_workflow_has_nothing_wrong_with_it():
    assert errors([TEXT, WAIT, END], [("text", "next", "pause"), ("pause", "next", "done")]) == []


@pytest.mark.parametrize(
    ("nodes", "edges", "error"),
    [
        ([], [], "The workflow has no steps. Add at least one text and an end."),
        ([TEXT, ("call", "carrier_pigeon", {})], [("text", "next", "call")],
         "“Call” is of a kind that does not exist: carrier_pigeon."),
        ([TEXT, END], [], "“Done” can never be reached from the first step."),
        ([TEXT, END], [("text", "next", "done"), ("text", "booked", "done")],
         "“Text” has an edge “booked” that it can never leave by."),
        ([WAIT, END], [("pause", "next", "done")],
         "Nothing in this workflow reaches anybody. Add a text, an email or a call."),
        ([TEXT, ("a", "branch", {"conditions": [HOME]}), ("b", "branch", {"conditions": [HOME]})],
         [("text", "next", "a"), ("a", "home", "b"), ("b", "home", "a")],
         "These steps go round without ever waiting: A, B."),
        ([TEXT, NEAR, ("a", "branch", {"conditions": [HOME]})],
         [("text", "next", "near"), ("near", "next", "a"), ("near", "no_appointment", "text"),
          ("a", "home", "near"), ("a", "otherwise", "text")],
         "These steps go round without ever waiting: Near, A."),
        ([TEXT, END], [("text", "next", "done"), ("done", "next", "text")],
         "“Done”: An end cannot lead on. Remove its edges."),
        ([("text", "send_sms", {"body": ""})], [], "“Text”: The text is missing."),
        ([("text", "send_sms", {"body": "x" * 1520})], [],
         "“Text”: Longer than 1,519 characters: as somebody’s first text it would leave no room for the line "
         "on how to opt out."),
        ([("text", "send_sms", {"body": "Hi {{ nickname }}"})], [],
         "“Text”: There is no merge field “nickname”."),
        ([TEXT, ("pause", "wait", {})], [("text", "next", "pause")],
         "“Pause”: Say how long it waits: for a while, until a time of the week, or around a date."),
        ([("reply", "wait_for_reply", {"timeout_minutes": 5}), TEXT], [("reply", "no_reply", "text")],
         "“Reply” waits for a reply before anything was sent. Put a text before it."),
        ([TEXT, WAIT], [("text", "next", "pause"), ("pause", "next", "text")],
         "Nobody ever gets out of these steps: Text, Pause. Draw a way from one of them to an end."),
        ([TEXT, ("ask", "wait_for_reply", {"timeout_minutes": 5})],
         [("text", "next", "ask"), ("ask", "no_reply", "text")],
         "Nobody ever gets out of these steps: Text, Ask. Draw a way from one of them to an end."),
        ([TEXT, ("pause", "wait", {"minutes": 0})], [("text", "next", "pause")],
         "“Pause”: The time it waits is too small: at least 1."),
        ([TEXT, ("pause", "wait", {"minutes": 1, "hours": 2})], [("text", "next", "pause")],
         "“Pause”: There is no setting “hours”."),
        ([TEXT, ("check", "branch", {"conditions": [HOME]}), END],
         [("text", "next", "check"), ("check", "home", "done")],
         "“Check”: Nothing is drawn for “otherwise”."),
        ([TEXT, ("check", "branch", {"conditions": [HOME, HOME]}), END],
         [("text", "next", "check"), ("check", "home", "done"), ("check", "otherwise", "done")],
         "“Check”: Two ways have the same name."),
        ([TEXT, ("check", "branch", {"conditions": [{**HOME, "operator": "below"}]}), END],
         [("text", "next", "check"), ("check", "home", "done"), ("check", "otherwise", "done")],
         "“Check”: “below” does not fit “Residential or commercial”."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words(nodes, edges, error):
    assert error in errors(nodes, edges)


SPLIT = ("who", "split", {"arms": [{"label": "one", "weight": 1}, {"label": "two", "weight": 1}]})
UNTIL = ("until", "wait", {"until": {"days": [0], "at": "09:00"}})
REPLY = ("reply", "wait_for_reply", {"timeout_minutes": 60})
TAG = ("tag", "update_contact", {"add_tags": ["VIP"]})
BOOK = ("book", "book_job", {"summary": "Tune-up"})


@pytest.mark.parametrize(
    ("nodes", "edges", "round"),
    [
        ([TEXT], [("text", "next", "text")], "Text"),
        ([TEXT, TAG], [("text", "next", "tag"), ("tag", "next", "text")], "Text, Tag"),
        ([TEXT, SPLIT, UNTIL],
         [("text", "next", "who"), ("who", "one", "text"), ("who", "two", "until"),
          ("until", "next", "text")],
         "Text, Who"),
        ([TEXT, BOOK], [("text", "next", "book"), ("book", "not_booked", "text")], "Text, Book"),
    ],
)  # fmt: skip
def test_what_may_go_round_without_waiting_is_refused(nodes, edges, round):
    """A text that is skipped, a request that is refused: both are over at once, as often as one comes by."""
    assert f"These steps go round without ever waiting: {round}." in errors(nodes, edges)


@pytest.mark.parametrize("pause", [WAIT, UNTIL, REPLY])
def test_a_loop_through_instant_steps_that_waits_is_allowed(pause):
    key = pause[0]
    edges = [("text", "next", "who"), ("who", "one", key), ("who", "two", "done"), (key, "next", "tag")]
    assert errors([TEXT, SPLIT, pause, TAG, END], [*edges, ("tag", "next", "text")]) == []


def test_a_tangle_of_loops_is_told_in_time():
    """Every step leads to every other: more loops than could be counted, of which some are said."""
    arms = [f"arm_{letter}" for letter in "abcdefgh"]
    split = {"arms": [{"label": arm, "weight": 1} for arm in arms]}
    keys = [f"split_{number}" for number in "abcdefghijklmnopqrst"]
    nodes = [TEXT, *((key, "split", split) for key in keys)]
    edges = [("text", "next", keys[0])]
    for index, key in enumerate(keys):
        edges += [(key, arm, keys[(index + step + 1) % len(keys)]) for step, arm in enumerate(arms)]
    assert len([each for each in errors(nodes, edges) if "without ever waiting" in each]) == 5


def test_a_loop_that_waits_and_has_a_way_out_is_allowed():
    ways = [("text", "next", "ask"), ("ask", "no_reply", "text"), ("ask", "reply", "done")]
    assert errors([TEXT, ("ask", "wait_for_reply", {"timeout_minutes": 5}), END], ways) == []


def test_a_long_text_that_says_how_to_opt_out_needs_no_room_for_it():
    told = ("text", "send_sms", {"body": "x" * 1560 + " Reply STOP to opt out."})
    assert errors([told, END], [("text", "next", "done")]) == []


def test_a_faulty_draft_stays_a_draft():
    version = factories.make_workflow(factories.make_account(), [WAIT, END], [], publish=False)
    with pytest.raises(publishing.PublishRefused) as refused:
        publishing.publish(version, by=None, now=version.created_at)
    assert "Nothing in this workflow reaches anybody. Add a text, an email or a call." in refused.value.errors
    version.refresh_from_db()
    assert version.published_at is None


CHANGES = {
    "a node's settings": lambda v: Node.objects.filter(version=v, key="text").update(settings={}),
    "a node's name": lambda v: Node.objects.filter(version=v, key="text").update(name="Other"),
    "an edge's target": lambda v: Edge.objects.filter(version=v).update(target=v.nodes.get(key="text")),
    "an edge less": lambda v: Edge.objects.filter(version=v).delete(),
    "a node less": lambda v: Node.objects.filter(version=v, key="done")._raw_delete("default"),
    "a node more": lambda v: Node.objects.create(version=v, key="more", kind="end", name="More", position=9),
    "an edge more": lambda v: Edge.objects.create(
        version=v, source=v.nodes.get(key="text"), target=v.nodes.get(key="done"), label="otherwise"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_keeps_a_published_version_as_it_is(change):
    version = factories.make_workflow(factories.make_account(), [TEXT, END], [("text", "next", "done")])
    with pytest.raises(IntegrityError, match="published and never changes"), transaction.atomic():
        CHANGES[change](version)
    assert sorted(version.nodes.values_list("key", flat=True)) == ["done", "text"]


def test_a_draft_may_still_change():
    version = factories.make_workflow(
        factories.make_account(), [TEXT, END], [("text", "next", "done")], publish=False
    )
    CHANGES["an edge less"](version)
    CHANGES["a node less"](version)
    assert list(version.nodes.values_list("key", flat=True)) == ["text"]
