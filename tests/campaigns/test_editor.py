"""The editor's pages: drafts kept, colleagues warned, words with one home, versions published, files read."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client

from accounts.models import Account, Role
from campaigns import drawing, messages, node_forms, starters, workflow_drafts, workflow_files
from campaigns.editing import Place
from campaigns.models import MessageDraft, Workflow, WorkflowDraft, WorkflowVersion
from campaigns.workflow_files import Unreadable
from common import clock
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def mia(account: Account) -> Client:
    return signed_in(factories.make_user(account, Role.MARKETER, name="Mia Long"))


@pytest.fixture
def version(account: Account) -> WorkflowVersion:
    return factories.make_workflow(account, name="Tune-up")


def revision(version: WorkflowVersion) -> int:
    return workflow_drafts.of(version.workflow).revision


def typed(client: Client, version: WorkflowVersion, body: str, seen: int, **more: Any) -> Any:
    address = f"/workflows/{version.workflow_id}/edit/step/first_text/{more.pop('query', '')}"
    return client.post(address, {"step_name": "First text", "body": body, "revision": seen, **more}, **HTMX)


def test_a_blank_workflow_is_built_and_published(mia: Client, account: Account) -> None:
    mia.post("/workflows/new/", {"name": "Spring"})
    workflow = Workflow.objects.get(name="Spring")
    assert "Nothing is drawn yet" in mia.get(f"/workflows/{workflow.pk}/edit/").content.decode()
    mia.post(f"/workflows/{workflow.pk}/edit/add/", {"kind": "send_sms", "revision": 0})
    draft = workflow_drafts.of(workflow)
    text = draft.drawn.nodes[0]
    asked = mia.get(f"/workflows/{workflow.pk}/edit/publish/").content.decode()
    assert "to finish" in asked and "The text is missing" in asked
    refused = mia.post(f"/workflows/{workflow.pk}/edit/publish/", {"revision": draft.revision})
    assert refused.status_code == 422 and not workflow.versions.exists()
    address = f"/workflows/{workflow.pk}/edit/step/{text.key}/"
    mia.post(
        address, {"step_name": "Hello", "body": "Hi {{ first_name }}", "revision": draft.revision}, **HTMX
    )
    mia.post(f"/workflows/{workflow.pk}/edit/publish/", {"revision": workflow_drafts.of(workflow).revision})
    made = workflow.versions.get()
    assert made.published_at is not None
    assert list(made.nodes.values_list("name", flat=True)) == ["Hello", "Done"]
    assert "is published" in mia.get(f"/workflows/{workflow.pk}/edit/").content.decode()


def test_two_marketers_lose_nothing(mia: Client, account: Account, version: WorkflowVersion) -> None:
    ben = signed_in(factories.make_user(account, Role.MARKETER, name="Ben Ode"))
    assert typed(mia, version, "Mia’s words", 0).status_code == 200
    refused = typed(ben, version, "Ben’s words", 0)
    page = refused.content.decode()
    assert refused.status_code == 409 and "Mia Long" in page and "Put mine in its place" in page
    assert workflow_drafts.of(version.workflow).drawn.by_key["first_text"].settings["body"] == "Mia’s words"
    add = {"source": "reply", "label": "no_reply", "kind": "wait", "revision": 0}
    apart = ben.post(f"/workflows/{version.workflow_id}/edit/add/", add, **HTMX)
    assert apart.status_code == 409 and "both can stand" in apart.content.decode()
    again = f"/workflows/{version.workflow_id}/edit/add/?over={revision(version)}"
    assert ben.post(again, add, **HTMX).status_code == 200
    drawn = workflow_drafts.of(version.workflow).drawn
    assert drawn.by_key["first_text"].settings["body"] == "Mia’s words"
    assert "wait" in {node.kind for node in drawn.nodes}
    query = f"?over={revision(version)}"
    assert typed(ben, version, "Ben’s words", 0, query=query).status_code == 200
    for _ in range(3):
        mia.post(
            f"/workflows/{version.workflow_id}/edit/act/", {"what": "undo", "revision": revision(version)}
        )
    assert workflow_drafts.of(version.workflow).drawn == workflow_drafts.drawn(version)


def test_who_publishes_has_seen_what_is_published(mia: Client, version: WorkflowVersion) -> None:
    typed(mia, version, "New words", 0)
    answer = mia.post(f"/workflows/{version.workflow_id}/edit/publish/", {"revision": 0})
    assert answer.status_code == 409 and version.workflow.versions.count() == 1


def test_words_have_one_home(mia: Client, account: Account, version: WorkflowVersion) -> None:
    by = factories.make_user(account, Role.MARKETER)
    found = messages.one(version, "first_text")
    assert found is not None
    messages.keep(version.workflow, found, {"body": "Kept as a message"}, revision=0, by=by, now=clock.now())
    shown = workflow_drafts.of(version.workflow)
    assert shown.drawn.by_key["first_text"].settings["body"] == "Kept as a message"
    place = Place("reply", "no_reply")
    workflow_drafts.apply(
        version.workflow, lambda drawn: workflow_drafts.editing.disconnect(drawn, place), said="Cut",
        revision=0, by=by, now=clock.now(),
    )  # fmt: skip
    after = workflow_drafts.of(version.workflow)
    assert after.drawn.by_key["first_text"].settings["body"] == "Kept as a message"
    assert not MessageDraft.objects.exists()
    with pytest.raises(messages.InEditor):
        messages.keep(version.workflow, found, {"body": "Too late"}, revision=0, by=by, now=clock.now())
    assert "written in the" in mia.get(f"/workflows/{version.workflow_id}/messages/").content.decode()


def test_an_unpublished_version_is_drawn_anew(mia: Client, account: Account) -> None:
    version = starters.begin(account, starters.TUNE_UP, by=None, now=clock.now())
    typed(mia, version, "Hello there", 0)
    seen = revision(version)
    mia.post(f"/workflows/{version.workflow_id}/edit/publish/", {"revision": seen})
    version.refresh_from_db()
    assert version.published_at is not None and version.workflow.versions.count() == 1
    assert version.nodes.get(key="first_text").settings["body"] == "Hello there"
    assert WorkflowDraft.objects.get().version == version


def test_who_may_only_read_reads(account: Account, version: WorkflowVersion) -> None:
    csr = signed_in(factories.make_user(account, Role.CSR))
    page = csr.get(f"/workflows/{version.workflow_id}/edit/?step=first_text").content.decode()
    assert (
        "Your role reads this workflow" in page and "way__add" not in page and "fieldset disabled" not in page
    )
    assert typed(csr, version, "Mine", 0).status_code == 403


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
    "null characters": {"truckroll_workflow": 1, "nodes": [{**GOOD, "name": "a\x00b"}]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_words(name: str) -> None:
    content = HOSTILE[name] if isinstance(HOSTILE[name], bytes) else json.dumps(HOSTILE[name]).encode()
    with pytest.raises(Unreadable):
        workflow_files.read(content)


ODD = [
    ("branch", {"conditions": [{"label": {"a": 1}, "field": 7}, "x", {"label": "b", "operator": []}]}),
    ("branch", {"conditions": "x"}), ("split", {"arms": [{"label": "a", "weight": "x"}, 3]}),
    ("wait", {"until": 4}), ("wait", {"around": {"minutes": "x"}}), ("wait", {"minutes": "1e9"}),
    ("send_sms", {"body": 7, "spanish": {"body": 7}, "media": "x"}), ("send_email", {"subject": [1]}),
    ("update_contact", {"add_tags": 1}), ("call", {"plan": 1}), ("book_job", {"job_type": "x"}),
    ("handoff", {"reason": {}}), ("wait_for_reply", {"timeout_minutes": []}), ("end", {"x": 1}),
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


def test_the_list_clones_renames_and_archives(mia: Client, version: WorkflowVersion) -> None:
    pk = version.workflow_id
    mia.post(f"/workflows/{pk}/clone/")
    copy = Workflow.objects.get(name="Copy of Tune-up")
    assert len(workflow_drafts.of(copy).drawn.nodes) == len(
        drawing.read(workflow_drafts.drawn(version).stored()).nodes
    )
    assert mia.post(f"/workflows/{copy.pk}/rename/", {"name": "Tune-up"}).status_code == 422
    mia.post(f"/workflows/{copy.pk}/rename/", {"name": "Autumn", "description": "For filters"})
    mia.post(f"/workflows/{pk}/archive/")
    page = mia.get("/workflows/").content.decode()
    assert "Autumn" in page and "For filters" in page and "1 archived" in page and ">Tune-up<" not in page
    assert ">Tune-up<" in mia.get("/workflows/?archived=1").content.decode()
    mia.post(f"/workflows/{pk}/archive/", {"back": "1"})
    assert ">Tune-up<" in mia.get("/workflows/").content.decode()


def test_characters_that_no_text_may_have_are_left_out(mia: Client, version: WorkflowVersion) -> None:
    answer = typed(mia, version, "Hi \0there", revision(version), step_name="First\0 text")
    assert answer.status_code == 200
    node = workflow_drafts.of(version.workflow).drawn.by_key["first_text"]
    assert (node.settings["body"], node.name) == ("Hi there", "First text")
    mia.post("/workflows/new/", {"name": "Spr\0ing"})
    made = Workflow.objects.get(name="Spring")
    mia.post(f"/workflows/{made.pk}/rename/", {"name": "Sum\0mer", "description": "a\0b"})
    made.refresh_from_db()
    assert (made.name, made.description) == ("Summer", "ab")


def test_a_yes_is_no_answer_to_another_question() -> None:
    posted = QueryDict("name=Gold&was=gold&field=tag&operator=is&value=true")
    asked = {"label": "gold", "field": "replied", "operator": "is", "value": True}
    (row,) = node_forms.of("branch").settings(posted, {"conditions": [asked]})["conditions"]
    assert (row["field"], row["value"]) == ("tag", "")
    (row,) = node_forms.of("branch").settings(posted, {"conditions": [{**asked, "field": "tag"}]})[
        "conditions"
    ]
    assert row["value"] == "true"
