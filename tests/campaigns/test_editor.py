"""The editor's pages: drafts kept, colleagues warned, words with one home, versions published."""

import json
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import Account, Role
from campaigns import drawing, messages, node_forms, starters, workflow_drafts
from campaigns.editing import Place
from campaigns.models import MessageDraft, Workflow, WorkflowDraft, WorkflowVersion
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


@pytest.mark.parametrize("address", ["/workflows/new/", "/workflows/import/"])
def test_whoever_types_the_address_of_a_new_one_is_asked_for_a_name(
    mia: Client, account: Account, address: str
) -> None:
    page = mia.get(address, follow=True)
    assert page.redirect_chain[-1] == ("/workflows/?new=1", 302)
    shown = page.content.decode()
    assert '<details class="menu" id="new-menu" open>' in shown and "Begin blank" in shown
    assert not Workflow.objects.filter(account=account).exists()
    assert 'id="new-menu">' in mia.get("/workflows/").content.decode(), "closed else"
    agent = signed_in(factories.make_user(account, Role.AGENT))
    assert agent.get(address).status_code == 403


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
    assert apart.status_code == 200 and "both stand. Mia Long: Changed" in apart.headers["HX-Trigger"]
    drawn = workflow_drafts.of(version.workflow).drawn
    assert drawn.by_key["first_text"].settings["body"] == "Mia’s words"
    assert "wait" in {node.kind for node in drawn.nodes}
    query = f"?over={revision(version)}"
    assert typed(ben, version, "Ben’s words", 0, query=query).status_code == 200
    act = f"/workflows/{version.workflow_id}/edit/act/"
    lost = mia.post(act, {"what": "undo", "revision": revision(version)}, **HTMX)
    assert (
        "would lose what was done since at “First text”"
        in json.loads(lost.headers["HX-Trigger"])["toast"]["messages"][0]["text"]
    )
    for who in (ben, ben, mia):
        who.post(act, {"what": "undo", "revision": revision(version)})
    assert workflow_drafts.of(version.workflow).drawn == workflow_drafts.drawn(version)


def test_a_form_shows_what_a_colleague_changed_in_the_same_step(
    mia: Client, account: Account, version: WorkflowVersion
) -> None:
    """Else the next key would write the field over that was theirs."""
    ben = signed_in(factories.make_user(account, Role.MARKETER, name="Ben Ode"))
    assert typed(mia, version, "Mia’s words", 0, spanish_body="").status_code == 200
    seen = revision(version)
    assert typed(mia, version, "Mia’s words", seen, spanish_body="Hola").status_code == 200
    stands = workflow_drafts.of(version.workflow).drawn.by_key["first_text"].settings
    merged = typed(ben, version, "Mia’s words", seen, step_name="Hello").content.decode()
    after = workflow_drafts.of(version.workflow).drawn.by_key["first_text"]
    assert (after.name, after.settings) == ("Hello", stands), "neither is lost"
    assert "Hola" in merged and 'hx-target="#panel"' in merged


def test_one_person_in_two_tabs_writes_nothing_over(mia: Client, version: WorkflowVersion) -> None:
    first = typed(mia, version, "In one tab", 0, tab="aaaaaaaa")
    assert 'name="tab" value="aaaaaaaa"' in first.content.decode(), "a tab keeps its name"
    assert typed(mia, version, "In one tab, further", 0, tab="aaaaaaaa").status_code == 200
    other = typed(mia, version, "In another", 0, tab="bbbbbbbb")
    assert other.status_code == 409 and "You edited the same in another tab" in other.content.decode()
    assert (
        workflow_drafts.of(version.workflow).drawn.by_key["first_text"].settings["body"]
        == "In one tab, further"
    )
    page = mia.get(f"/workflows/{version.workflow_id}/edit/").content.decode()
    names = [page.split('name="tab" value="')[1][:8] for _ in range(1)]
    assert names != ["aaaaaaaa"]


def test_a_step_that_a_colleague_took_away_is_told_and_what_was_typed_stays(
    mia: Client, account: Account, version: WorkflowVersion
) -> None:
    ben = signed_in(factories.make_user(account, Role.MARKETER, name="Ben Ode"))
    ben.post(
        f"/workflows/{version.workflow_id}/edit/step/first_text/delete/", {"keep": "next", "revision": 0}
    )
    for query in ("", f"?over={revision(version)}"):
        answer = typed(mia, version, "Mia’s words", 0, query=query)
        page = answer.content.decode()
        assert answer.status_code == 409 and "This step is not there any more" in page
        assert "Ben Ode: Deleted “First text”" in page and 'id="card-first_text"' not in page
        assert "Kept" not in page.split("<hx-partial")[0]
    shown = mia.get(f"/workflows/{version.workflow_id}/edit/step/first_text/", **HTMX)
    assert (
        "not there any more" in shown.headers["HX-Trigger"] and 'id="step-form"' not in shown.content.decode()
    )


def test_what_there_is_to_undo_is_ones_own(mia: Client, account: Account, version: WorkflowVersion) -> None:
    ben = signed_in(factories.make_user(account, Role.MARKETER, name="Ben Ode"))
    typed(mia, version, "Mia’s words", 0)
    page = f"/workflows/{version.workflow_id}/edit/"
    assert "Undo: Changed “First text”" in mia.get(page).content.decode()
    seen_by_ben = ben.get(page).content.decode()
    assert 'id="undo" aria-keyshortcuts="Control+Z" title="Nothing of yours to undo" disabled' in seen_by_ben
    answer = ben.post(f"{page}act/", {"what": "undo", "revision": revision(version)}, **HTMX)
    assert "nothing of yours to undo" in answer.headers["HX-Trigger"]
    assert workflow_drafts.of(version.workflow).drawn.by_key["first_text"].settings["body"] == "Mia’s words"


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


def test_archiving_offers_to_take_it_back(mia: Client, version: WorkflowVersion) -> None:
    page = mia.post(f"/workflows/{version.workflow_id}/archive/", follow=True).content.decode()
    back = f"/workflows/{version.workflow_id}/archive/?back=1"
    assert f'action="{back}"' in page and ">Tune-up<" not in page
    assert ">Tune-up<" in mia.post(back, follow=True).content.decode()


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
