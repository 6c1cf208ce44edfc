"""Workflows as files: what goes out comes back, and what is no workflow is refused with its place."""

import json
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Account, Role
from campaigns import starters, workflow_drafts, workflow_files
from campaigns.models import Workflow, WorkflowVersion
from campaigns.workflow_files import Unreadable
from common import clock
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def mia(account: Account) -> Client:
    return signed_in(factories.make_user(account, Role.MARKETER, name="Mia Long"))


@pytest.fixture
def version(account: Account) -> WorkflowVersion:
    return factories.make_workflow(account, name="Tune-up")


@pytest.mark.parametrize("starter", starters.STARTERS.values(), ids=starters.STARTERS)
def test_a_file_gives_back_what_was_exported(
    mia: Client, account: Account, starter: starters.Starter
) -> None:
    version = starters.begin(account, starter, by=None, now=clock.now())
    file = mia.get(f"/workflows/{version.workflow_id}/export/")
    upload = SimpleUploadedFile("w.json", file.content, "application/json")
    page = mia.post("/workflows/import/", {"file": upload}, follow=True)
    made = Workflow.objects.exclude(pk=version.workflow_id).get()
    assert made.name == f"{version.workflow.name} 2" and "Ready" in page.content.decode()
    before, after = workflow_drafts.drawn(version), workflow_drafts.of(made).drawn
    assert [(n.kind, n.name, n.settings, sorted(n.ways)) for n in before.nodes] == [
        (n.kind, n.name, n.settings, sorted(n.ways)) for n in after.nodes
    ]
    assert not {n.key for n in before.nodes} & {n.key for n in after.nodes}


GOOD = {"key": "a", "kind": "wait", "name": "A", "settings": {"minutes": 5}, "ways": {}}
HOSTILE: dict[str, Any] = {
    "no json": b"{",
    "no text": b"\xff\xfe\x00",
    "nested": b"[" * 100_000,
    "a list": b"[]",
    "another format": {"truckroll_workflow": 9, "nodes": []},
    "no nodes": {"truckroll_workflow": 1},
    "too many": {"truckroll_workflow": 1, "nodes": [GOOD] * 201},
    "a key twice": {"truckroll_workflow": 1, "nodes": [GOOD, GOOD]},
    "an odd key": {"truckroll_workflow": 1, "nodes": [{**GOOD, "key": "A b"}]},
    "an odd kind": {"truckroll_workflow": 1, "nodes": [{**GOOD, "kind": ["wait"]}]},
    "a way to nowhere": {"truckroll_workflow": 1, "nodes": [{**GOOD, "ways": {"next": "b"}}]},
    "odd ways": {"truckroll_workflow": 1, "nodes": [{**GOOD, "ways": {"next": {}}}]},
    "odd settings": {"truckroll_workflow": 1, "nodes": [{**GOOD, "settings": [1]}]},
    "odd words": {
        "truckroll_workflow": 1,
        "nodes": [{**GOOD, "kind": "send_sms", "settings": {"spanish": 1}}],
    },
    "odd name": {"truckroll_workflow": 1, "nodes": [{**GOOD, "name": 7}]},
    "not a number": b'{"truckroll_workflow": 1, "nodes": [], "name": NaN}',
    "half a character": {"truckroll_workflow": 1, "name": "\ud83d", "nodes": []},
    "a deep hole": json.dumps({"truckroll_workflow": 1, "nodes": [{**GOOD, "settings": {"x": "hole"}}]})
    .replace('"hole"', "[" * 300 + "]" * 300)
    .encode(),
    "an unknown key": {"truckroll_workflow": 1, "nodes": [], "owner": 1},
    "an unknown key of a step": {"truckroll_workflow": 1, "nodes": [{**GOOD, "id": 7}]},
    "an unknown setting": {"truckroll_workflow": 1, "nodes": [{**GOOD, "settings": {"hours": 7}}]},
    "too large": b" " * 2_000_001,
    "too much in one step": {
        "truckroll_workflow": 1,
        "nodes": [{**GOOD, "settings": {"minutes": "x" * 40_001}}],
    },
    "null characters": {"truckroll_workflow": 1, "nodes": [{**GOOD, "name": "a\x00b"}]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_words(name: str) -> None:
    content = HOSTILE[name] if isinstance(HOSTILE[name], bytes) else json.dumps(HOSTILE[name]).encode()
    with pytest.raises(Unreadable):
        workflow_files.read(content)


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ({"nodes": [GOOD, {**GOOD, "settings": {"hours": 7}}]}, "step 2 (“A”) may hold no “hours”"),
        ({"nodes": [{**GOOD, "colour": "red"}]}, "Step 1 of the file may hold no “colour”"),
        ({"nodes": [{**GOOD, "ways": {"next": "b"}}]}, "“A” leads by “next” to a step that is not in"),
        ({"nodes": [GOOD, {**GOOD, "kind": "pigeon"}]}, "Step 2 of the file is of a kind that does not"),
        ({"nodes": "all"}, "needs a list “nodes”"),
    ],
)  # fmt: skip
def test_a_file_that_is_refused_says_where_and_leaves_nothing(
    mia: Client, version: WorkflowVersion, file: dict[str, Any], place: str
) -> None:
    content = json.dumps({"truckroll_workflow": 1, **file}).encode()
    answer = mia.post("/workflows/import/", {"file": SimpleUploadedFile("w.json", content)}, follow=True)
    page = unescape(answer.content.decode())
    assert "Nothing was imported." in page and place in page and ">Tune-up<" in page
    assert Workflow.objects.count() == 1


def test_a_file_goes_round_as_far_as_a_draft_and_no_further(mia: Client) -> None:
    """Steps in a circle are a draft, with the fault told at its step."""
    text = {"key": "a", "kind": "send_sms", "name": "A", "settings": {"body": "Hi"}, "ways": {"next": "b"}}
    content = json.dumps(
        {"truckroll_workflow": 1, "nodes": [text, {**GOOD, "key": "b", "ways": {"next": "a"}}]}
    )
    mia.post("/workflows/import/", {"file": SimpleUploadedFile("w.json", content.encode())})
    made = Workflow.objects.get()
    assert "Nobody ever gets out of these steps" in mia.get(f"/workflows/{made.pk}/edit/").content.decode()
    assert mia.post(f"/workflows/{made.pk}/edit/publish/", {"revision": 1}).status_code == 422


def test_nothing_of_one_account_comes_into_another_by_a_file(mia: Client, account: Account) -> None:
    """Pictures and sounds stay behind, ids of ServiceTitan are told of, keys are new."""
    plan = {"mode": "script", "words": {"en": "Hi"}, "plays": "token"}
    steps: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
        ("a", "send_sms", {"body": "Hi", "media": [1]}, {"next": "b"}),
        ("b", "call", {"plan": plan}, {"next": "c"}),
        ("c", "book_job", {"summary": "x", "job_type": 77}, {}),
    ]
    nodes = [
        {"key": key, "kind": kind, "name": key, "settings": chosen, "ways": ways}
        for key, kind, chosen, ways in steps
    ]
    content = json.dumps({"truckroll_workflow": 1, "nodes": nodes}).encode()
    mia.post("/workflows/import/", {"file": SimpleUploadedFile("w.json", content)})
    made = Workflow.objects.get()
    text, call, booking = workflow_drafts.of(made).drawn.nodes
    assert "media" not in text.settings and "plays" not in call.settings["plan"]
    assert not {text.key, call.key, booking.key} & {"a", "b", "c"}
    exported = json.loads(mia.get(f"/workflows/{made.pk}/export/").content)
    assert exported["nodes"][1]["settings"]["plan"] == {"mode": "script", "words": {"en": "Hi"}}
    stranger = signed_in(factories.make_user(factories.make_account(), Role.MARKETER))
    for path in ("export", "edit"):
        assert stranger.get(f"/workflows/{made.pk}/{path}/").status_code == 404
    for path in ("clone", "rename", "archive", "edit/publish"):
        assert stranger.post(f"/workflows/{made.pk}/{path}/", {"name": "Mine"}).status_code == 404


ODD = [
    ("branch", {"conditions": [{"label": {"a": 1}, "field": 7}, "x", {"label": "b", "operator": []}]}),
    ("branch", {"conditions": "x"}), ("split", {"arms": [{"label": "a", "weight": "x"}, 3]}),
    ("wait", {"until": 4}), ("wait", {"around": {"minutes": "x"}}), ("wait", {"minutes": "1e9"}),
    ("send_sms", {"body": 7, "spanish": {"body": 7}, "media": "x"}), ("send_email", {"subject": [1]}),
    ("update_contact", {"add_tags": 1}), ("call", {"plan": 1}), ("book_job", {"job_type": "x"}),
    ("handoff", {"reason": {}}), ("wait_for_reply", {"timeout_minutes": []}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "settings"), ODD)
def test_odd_settings_of_a_file_are_shown_and_never_published(
    mia: Client, kind: str, settings: dict[str, Any]
) -> None:
    nodes = [{"key": "a", "kind": kind, "name": "A", "settings": settings, "ways": {}}]
    content = json.dumps({"truckroll_workflow": 1, "name": "Odd", "nodes": nodes}).encode()
    mia.post("/workflows/import/", {"file": SimpleUploadedFile("w.json", content)})
    workflow = Workflow.objects.get(name="Odd")
    key = workflow_drafts.of(workflow).drawn.first
    page = mia.get(f"/workflows/{workflow.pk}/edit/?step={key}")
    assert page.status_code == 200
    answer = mia.post(f"/workflows/{workflow.pk}/edit/publish/", {"revision": 1})
    assert answer.status_code == 422 and not workflow.versions.exists()
