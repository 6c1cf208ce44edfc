"""No way leads to a published workflow that cannot run: every door that publishes, every one that runs."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client

from accounts.models import Account, Role, User
from campaigns import (
    editing,
    graph,
    launching,
    messages,
    playbooks,
    publishing,
    starters,
    version_moves,
    workflow_drafts,
    workflow_list,
)  # fmt: skip
from campaigns.forms import launchable
from campaigns.models import Campaign, MessageDraft, Node, Workflow, WorkflowVersion
from common import clock, sql
from tests import factories
from tests.accounts.making import signed_in
from tests.campaigns.launched import launch

NODES: list[tuple[str, str, dict[str, Any]]] = [
    ("text", "send_sms", {"body": "Hi {{ first_name }}"}), ("pause", "wait", {}), ("done", "end", {}),
]  # fmt: skip
EDGES = [("text", "next", "pause"), ("pause", "next", "done")]
FAULT = "Say how long it waits"


@pytest.fixture
def account(db: None) -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def by(account: Account) -> User:
    return factories.make_user(account, Role.MARKETER)


@pytest.fixture
def mia(by: User) -> Client:
    return signed_in(by)


@pytest.fixture
def broken(account: Account) -> WorkflowVersion:
    """A version that nobody has published, and that cannot run."""
    return factories.make_workflow(account, NODES, EDGES, publish=False)


def nothing_published() -> bool:
    return not WorkflowVersion.objects.filter(published_at__isnull=False).exists()


def test_the_editor_refuses(mia: Client, broken: WorkflowVersion) -> None:
    answer = mia.post(f"/workflows/{broken.workflow_id}/edit/publish/", {"revision": 0})
    assert answer.status_code == 422 and FAULT in answer.content.decode() and nothing_published()


def test_the_page_of_a_version_refuses(mia: Client, broken: WorkflowVersion) -> None:
    page = mia.post(f"/workflows/{broken.pk}/publish/", follow=True).content.decode()
    assert FAULT in page and nothing_published()


def test_the_page_of_messages_refuses_and_keeps_what_was_written(
    mia: Client, by: User, broken: WorkflowVersion
) -> None:
    """Its words are right; another step is not."""
    message = messages.one(broken, "text")
    assert message is not None
    messages.keep(broken.workflow, message, {"body": "Hello"}, revision=0, by=by, now=clock.now())
    seen = messages.fingerprint(broken, messages.of(broken))
    answer = mia.post(f"/workflows/{broken.workflow_id}/messages/publish/", {"seen": seen})
    assert answer.status_code == 422 and FAULT in answer.content.decode() and nothing_published()
    assert MessageDraft.objects.get().words["body"] == "Hello"
    assert broken.nodes.get(key="text").settings["body"] == "Hi {{ first_name }}", "nothing is half done"


def test_messages_over_a_published_version_make_no_broken_one(
    mia: Client, by: User, account: Account
) -> None:
    version = factories.make_workflow(account)
    message = messages.one(version, "first_text")
    assert message is not None
    messages.keep(version.workflow, message, {"body": "{{ nick }}"}, revision=0, by=by, now=clock.now())
    seen = messages.fingerprint(version, messages.of(version))
    answer = mia.post(f"/workflows/{version.workflow_id}/messages/publish/", {"seen": seen})
    assert answer.status_code == 422 and version.workflow.versions.count() == 1


def test_an_imported_one_is_refused(mia: Client) -> None:
    node = {"key": "a", "kind": "send_sms", "name": "A", "settings": {"body": ""}, "ways": {}}
    loop = {"key": "b", "kind": "send_sms", "name": "B", "settings": {"body": "Hi"}, "ways": {"next": "b"}}
    for nodes in ([node], [loop]):
        content = json.dumps({"truckroll_workflow": 1, "name": "Odd", "nodes": nodes}).encode()
        mia.post("/workflows/import/", {"file": SimpleUploadedFile("w.json", content)})
        made = Workflow.objects.latest("pk")
        answer = mia.post(f"/workflows/{made.pk}/edit/publish/", {"revision": 1})
        assert answer.status_code == 422 and not made.versions.exists()


def test_a_clone_is_refused(mia: Client, by: User, broken: WorkflowVersion) -> None:
    mia.post(f"/workflows/{broken.workflow_id}/clone/")
    made = Workflow.objects.latest("pk")
    assert made.pk != broken.workflow_id
    assert mia.post(f"/workflows/{made.pk}/edit/publish/", {"revision": 1}).status_code == 422
    assert nothing_published()


def test_a_starter_that_was_broken_is_refused(mia: Client, account: Account) -> None:
    mia.post("/workflows/begin/tune-up-season/")
    workflow = Workflow.objects.get()
    address = f"/workflows/{workflow.pk}/edit/"
    mia.post(f"{address}step/first_text/", {"step_name": "First text", "body": "", "revision": 0})
    assert mia.post(f"{address}publish/", {"revision": 1}).status_code == 422 and nothing_published()


def test_code_is_refused_as_pages_are(broken: WorkflowVersion, by: User) -> None:
    """What a management command or the demo company would call."""
    with pytest.raises(publishing.PublishRefused, match=FAULT):
        publishing.publish(broken, by=None, now=clock.now())
    with pytest.raises(publishing.PublishRefused, match=FAULT):
        workflow_drafts.publish_version(broken, by=by, now=clock.now())
    assert nothing_published()


@pytest.mark.parametrize("drawn", [(NODES, EDGES), ()], ids=["broken", "sound"])
def test_a_draft_is_not_launched(account: Account, drawn: Any) -> None:
    version = factories.make_workflow(account, *drawn, publish=False)
    assert version not in launchable(account)
    factories.make_contact(account)
    with pytest.raises(launching.LaunchRefused, match="has not been published"):
        launch(account, version=version)
    assert not Campaign.objects.exists()


def test_what_was_published_under_older_rules_is_looked_at_again_before_it_runs(account: Account) -> None:
    factories.make_contact(account)
    version = factories.make_workflow(account, NODES, EDGES, publish=False)
    with transaction.atomic():  # as a release that knew less would have
        WorkflowVersion.objects.filter(pk=version.pk).update(published_at=clock.now())
    version.refresh_from_db()
    with pytest.raises(launching.LaunchRefused, match=FAULT):
        launch(account, version=version)


def test_nobody_is_moved_to_a_draft(mia: Client, account: Account, noon: Any) -> None:
    factories.make_contact(account)
    campaign = launch(account)
    workflow = campaign.version.workflow
    broken = factories.make_workflow(account, NODES, EDGES, publish=False, workflow=workflow)
    with pytest.raises(version_moves.MoveRefused):
        version_moves.begin(campaign, broken, {}, by=None, now=clock.now())
    campaign.refresh_from_db()
    assert campaign.version_id != broken.pk and not campaign.version_moves.exists()


def test_a_copied_playbook_runs_no_draft(account: Account, by: User, noon: Any) -> None:
    factories.make_contact(account)
    campaign = launch(account)
    spring = playbooks.add(account, "Spring", by=by)
    playbooks.put(campaign, spring, by=by)
    factories.make_workflow(account, NODES, EDGES, publish=False, workflow=campaign.version.workflow)
    copy, _ = playbooks.clone(spring, by=by, now=clock.now())
    assert Campaign.objects.get(playbook=copy).version_id == campaign.version_id


def test_the_database_lets_nobody_draw_in_what_is_published(account: Account, by: User) -> None:
    version = factories.make_workflow(account)
    with pytest.raises(Exception, match="published and never changes"), transaction.atomic():
        Node.objects.filter(version=version, key="first_text").update(settings={"body": ""})
    with pytest.raises(Exception, match="published and never changes"), transaction.atomic():
        publishing.redraw(version, nodes=[("a", "end", "A", {})], edges=[])


WAITS = "SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def beside(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Run this in another connection; what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def until_somebody_waits() -> None:
    for _ in range(500):
        sql.run("SELECT pg_sleep(0.01)")
        if sql.rows(WAITS):
            return
    raise AssertionError("nobody waited")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["version", "editor"])
def test_an_edit_between_the_check_and_the_freeze_cannot_be(door: str, monkeypatch: Any) -> None:
    """While somebody publishes, who edits the same waits, and then finds it published."""
    account = factories.make_account()
    by = factories.make_user(account, Role.MARKETER)
    version = starters.begin(account, starters.TUNE_UP, by=None, now=clock.now())
    workflow, threads = version.workflow, list[Any]()

    def breaks() -> None:
        if door == "version":  # words of an unpublished version are changed in it
            message = messages.one(version, "first_text")
            assert message is not None
            messages.keep(workflow, message, {"body": ""}, revision=0, by=by, now=clock.now())
            return
        workflow_drafts.apply(
            workflow, lambda drawn: editing.change(drawn, "first_text", settings={"body": ""}),
            said="Emptied", revision=0, by=by, now=clock.now(),
        )  # fmt: skip

    checked = graph.errors

    def check(which: WorkflowVersion) -> list[str]:
        found = checked(which)
        if not threads:
            threads.append(beside(breaks))
            until_somebody_waits()
        return found

    monkeypatch.setattr("campaigns.publishing.graph.errors", check)
    if door == "version":
        workflow_drafts.publish_version(version, by=by, now=clock.now())
    else:
        workflow_drafts.apply(
            workflow, lambda drawn: editing.change(drawn, "first_text", name="Hello"), said="Renamed",
            revision=0, by=by, now=clock.now(),
        )  # fmt: skip
        workflow_drafts.publish(workflow, revision=1, by=by, now=clock.now())
    thread, _ = threads[0]
    thread.join(10)
    assert not thread.is_alive()
    version.refresh_from_db()
    assert version.published_at
    assert graph.errors(version) == [] and version.nodes.get(key="first_text").settings["body"]


@pytest.mark.django_db(transaction=True)
def test_two_who_publish_at_once_make_one_version() -> None:
    account = factories.make_account()
    by = factories.make_user(account, Role.MARKETER)
    version = factories.make_workflow(account)
    workflow = version.workflow
    workflow_drafts.apply(
        workflow, lambda drawn: editing.change(drawn, "first_text", name="Hello"), said="Renamed",
        revision=0, by=by, now=clock.now(),
    )  # fmt: skip
    with transaction.atomic():
        workflow_drafts.publish(workflow, revision=1, by=by, now=clock.now())
        thread, raised = beside(lambda: workflow_drafts.publish(workflow, revision=1, by=by, now=clock.now()))
        until_somebody_waits()
    thread.join(10)
    assert [type(error) for error in raised] == [workflow_drafts.NothingToPublish]
    assert workflow.versions.count() == 2


def test_what_is_archived_is_neither_offered_nor_launched(account: Account, by: User) -> None:
    factories.make_contact(account)
    version = factories.make_workflow(account)
    workflow_list.archive(version.workflow, by=by, now=clock.now())
    version = WorkflowVersion.objects.get(pk=version.pk)
    assert version not in launchable(account)
    with pytest.raises(launching.LaunchRefused, match="is archived"):
        launch(account, version=version)
