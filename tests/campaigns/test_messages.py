"""The page where a workflow's words are written: drafts, colleagues at the same time, publishing."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry
from audiences.models import Audience, Contact
from campaigns import messages, publishing
from campaigns.models import MessageDraft, Workflow, WorkflowVersion
from common import clock
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
NODES: list[tuple[str, str, dict[str, Any]]] = [
    ("text", "send_sms", {"body": "Hi {{ first_name }}"}),
    ("email", "send_email", {"subject": "Hi", "body": "Hello {{ first_name }}"}),
    ("done", "end", {}),
]
EDGES = [("text", "next", "email"), ("email", "next", "done")]


class Desk:
    """A marketer at the page of one workflow."""

    def __init__(self, account: Account, workflow: Workflow, name: str = "Mia") -> None:
        self.user = factories.make_user(account, "marketer", name)
        self.client: Client = signed_in(self.user)
        self.workflow = workflow

    def url(self, name: str, *args: str) -> str:
        return reverse(f"campaigns:{name}", args=[self.workflow.pk, *args])

    def open(self, **query: Any) -> str:
        answer = self.client.get(self.url("messages"), query)
        assert answer.status_code == 200
        return str(answer.content.decode())

    def keep(self, key: str = "text", revision: int = 0, over: int | None = None, **words: str) -> Any:
        url = self.url("message", key) + ("" if over is None else f"?over={over}")
        return self.client.post(url, {"revision": revision, **words}, headers={"HX-Request": "true"})

    def publish(self) -> Any:
        page = self.client.get(self.url("messages_publish")).content.decode()
        found = re.search(r'name="seen" value="(\w+)"', page)
        assert found
        return self.client.post(self.url("messages_publish"), {"seen": found[1]})


@pytest.fixture
def account() -> Account:
    account = factories.make_account("Prairie")
    factories.make_contact(account, first_name="Ann", name="Ann Rivera")
    factories.make_audience(account, name="Everybody")
    return account


@pytest.fixture
def version(account: Account) -> WorkflowVersion:
    return factories.make_workflow(account, NODES, EDGES, name="Tune-up")


@pytest.fixture
def desk(account: Account, version: WorkflowVersion) -> Desk:
    return Desk(account, version.workflow)


def test_the_page_shows_every_message_as_a_real_contact_reads_it(desk: Desk) -> None:
    page = desk.open()
    assert "Hi {{ first_name }}" in page and "Hello {{ first_name }}" in page
    assert "Hi Ann" in page and "Everybody" in page
    assert "They have no email address" in page


def test_typed_words_are_kept_and_previewed_and_nothing_of_the_version_changes(desk: Desk) -> None:
    answer = desk.keep(body="Dear {{ first_name }}", spanish_body="Hola")
    assert answer.status_code == 200 and "Dear Ann" in answer.content.decode()
    draft = MessageDraft.objects.get()
    assert (draft.revision, draft.changed_by) == (1, desk.user)
    assert desk.workflow.versions.get().nodes.get(key="text").settings == {"body": "Hi {{ first_name }}"}
    assert "Dear {{ first_name }}" in desk.open() and "Hola" in desk.open()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"body": ""}, "Write the text: nothing can be sent without it."),
        ({"body": "Hi {{ nickname }}"}, "There is no merge field “nickname”."),
        ({"body": "Hi {{ first_name"}, "The text cannot be read"),
        ({"body": "x" * 1601}, "1 characters too long"),
        ({"body": 'Hi {{ first_name | default: "" }}'}, "A fallback is empty"),
        ({"body": "Hi", "spanish_body": "{{ apodo }}"}, "There is no merge field “apodo”."),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_kept_all_the_same(
    desk: Desk, words: dict[str, str], said: str
) -> None:
    answer = desk.keep(**words)
    assert answer.status_code == 200 and said in answer.content.decode()
    assert MessageDraft.objects.get().words["body"] == words["body"]
    assert "Cannot be published yet" in desk.open()
    refused = desk.publish()
    assert refused.status_code == 422 and WorkflowVersion.objects.count() == 1


def test_spanish_is_whole_or_not_there(desk: Desk) -> None:
    desk.keep("email", subject="Hi", body="Hello", spanish_body="Hola")
    assert "Spanish needs this, too" in desk.open()


def test_two_at_once_lose_nothing(account: Account, desk: Desk) -> None:
    """Who is slower is told whose words stand there, keeps what was typed, and decides."""
    other = Desk(account, desk.workflow, "Noor")
    assert desk.keep(body="Mia’s words").status_code == 200
    refused = other.keep(body="Noor’s words")
    page = refused.content.decode()
    assert refused.status_code == 409 and "Mia" in page and "Mia’s words" in page
    assert MessageDraft.objects.get().words["body"] == "Mia’s words"
    assert other.keep("email", subject="Hi", body="Another message").status_code == 200
    assert other.keep(body="Noor’s words", over=1).status_code == 200
    assert MessageDraft.objects.get(key="text").words["body"] == "Noor’s words"
    assert desk.keep(body="Mia again", revision=1).status_code == 409


def test_one_tab_is_not_its_own_rival(desk: Desk) -> None:
    """A second is on its way before the answer to the first is there."""
    first, second = desk.keep(body="One", tab="aaaaaaaa"), desk.keep(body="Two", tab="aaaaaaaa")
    assert first.status_code == second.status_code == 200
    assert MessageDraft.objects.get().words["body"] == "Two"


def test_one_person_in_two_tabs_writes_nothing_over(desk: Desk) -> None:
    assert desk.keep(body="One", tab="aaaaaaaa").status_code == 200
    refused = desk.keep(body="Two", tab="bbbbbbbb")
    page = refused.content.decode()
    assert refused.status_code == 409 and "You changed these words in another tab" in page and "One" in page
    assert MessageDraft.objects.get().words["body"] == "One"
    assert desk.keep(body="Two", tab="bbbbbbbb", over=1).status_code == 200
    assert MessageDraft.objects.get().words["body"] == "Two"
    assert desk.keep(body="Three", tab="aaaaaaaa", revision=1).status_code == 409
    tabs = re.findall(r'name="tab" value="([0-9a-f]{8})"', desk.open() + desk.open())
    assert len(set(tabs)) > 1, "every page has a name of its own"


def test_publishing_makes_a_version_with_the_words_and_nothing_else_changed(
    desk: Desk, version: WorkflowVersion
) -> None:
    desk.keep(body="Dear {{ first_name }}", spanish_body="Hola {{ first_name }}")
    assert desk.publish().status_code == 302
    made = desk.workflow.versions.get(number=2)
    assert made.published_at and made.created_by == desk.user
    assert {node.key: node.settings for node in made.nodes.all()} == {
        "text": {"body": "Dear {{ first_name }}", "spanish": {"body": "Hola {{ first_name }}"}},
        "email": NODES[1][2],
        "done": {},
    }
    assert [(e.source.key, e.label, e.target.key) for e in made.nodes.get(key="text").edges_out.all()] == [
        EDGES[0]
    ]
    assert version.nodes.get(key="text").settings == {"body": "Hi {{ first_name }}"}
    assert not MessageDraft.objects.exists()
    entry = AuditEntry.objects.get(verb="reworded")
    assert entry.by == desk.user and entry.detail["text"]["body"] == [
        "Hi {{ first_name }}", "Dear {{ first_name }}"
    ]  # fmt: skip


def test_a_version_nobody_published_takes_the_words_itself(account: Account) -> None:
    version = factories.make_workflow(account, NODES, EDGES, publish=False)
    desk = Desk(account, version.workflow)
    desk.keep(body="Dear {{ first_name }}")
    desk.publish()
    version.refresh_from_db()
    assert version.published_at and version.nodes.get(key="text").settings["body"] == "Dear {{ first_name }}"
    assert desk.workflow.versions.count() == 1


def test_only_what_was_looked_at_is_published(account: Account, desk: Desk) -> None:
    desk.keep(body="One")
    page = desk.client.get(desk.url("messages_publish")).content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen and "One" in page
    Desk(account, desk.workflow, "Noor").keep("email", subject="Hi", body="Two")
    answer = desk.client.post(desk.url("messages_publish"), {"seen": seen[1]})
    assert answer.status_code == 409 and "Nothing was published" in answer.content.decode()
    assert desk.workflow.versions.count() == 1


def test_nothing_changed_is_not_published(desk: Desk) -> None:
    desk.keep(body="Hi {{ first_name }}")
    assert desk.publish().status_code == 422
    assert desk.workflow.versions.count() == 1


def test_a_draft_is_thrown_away(desk: Desk) -> None:
    desk.keep(body="One")
    desk.client.post(desk.url("message_discard", "text"))
    assert not MessageDraft.objects.exists() and "One" not in desk.open()


def test_who_may_not_write_reads(account: Account, desk: Desk) -> None:
    agent = signed_in(factories.make_user(account, "agent"))
    page = agent.get(desk.url("messages")).content.decode()
    assert "Hi {{ first_name }}" in page and "<textarea" not in page and "Review and publish" not in page
    assert agent.post(desk.url("message", "text"), {"body": "x"}).status_code == 403


def test_one_contact_after_the_other(account: Account, desk: Desk) -> None:
    second = factories.make_contact(account, "+13125550102", first_name="Bo", name="Bo Diaz")
    first = Contact.objects.get(first_name="Ann")
    assert "Hi Ann" in desk.open() and f"contact={second.pk}" in desk.open()
    page = desk.open(contact=second.pk)
    assert "Hi Bo" in page and f"contact={first.pk}" in page
    Contact.objects.filter(pk=second.pk).update(first_name="")
    assert "Would be skipped." in desk.open(contact=second.pk)


def test_how_many_would_be_skipped(account: Account, desk: Desk) -> None:
    lost = factories.make_contact(account, "+13125550102", name="Nobody")
    Contact.objects.filter(pk=lost.pk).update(first_name="")
    page = desk.client.get(desk.url("messages_lacking")).content.decode()
    assert page.count("1 without first name") == 2
    desk.keep(body='Hi {{ first_name | default: "there" }}')
    page = desk.client.get(desk.url("messages_lacking")).content.decode()
    assert page.count("1 without first name") == 1


def test_a_workflow_that_sends_nothing_says_so(account: Account) -> None:
    nodes: list[Any] = [("wait", "wait", {"minutes": 60}), ("done", "end", {})]
    version = factories.make_workflow(account, nodes, [("wait", "next", "done")], publish=False)
    assert "This workflow says nothing" in Desk(account, version.workflow).open()
    bare = Workflow.objects.create(account=account, name="Bare")
    assert "This workflow has no version yet" in Desk(account, bare).open()


def test_without_an_audience_the_words_can_still_be_written(account: Account, desk: Desk) -> None:
    Audience.objects.all().delete()
    assert "Previews need an audience." in desk.open()
    assert desk.keep(body="One").status_code == 200


def test_words_are_compared_one_by_one() -> None:
    pieces = messages.compared("Hi Ann, see you", "Hi there, see you soon")
    assert "".join(p.words for p in pieces if p.kind != "new") == "Hi Ann, see you"
    assert "".join(p.words for p in pieces if p.kind != "gone") == "Hi there, see you soon"
    assert {"gone", "new", "same"} == {p.kind for p in pieces}
    added = messages.compared("Hi {{ a }}", "Hi {{ a }} and {{ b }}")
    assert [(piece.kind, piece.words) for piece in added] == [("same", "Hi {{ a }}"), ("new", " and {{ b }}")]


def test_a_draft_over_a_node_that_is_gone_waits_for_nobody(desk: Desk, version: WorkflowVersion) -> None:
    desk.keep(body="One")
    nodes = [("hello", "send_sms", "Hello", {"body": "Hi"}), ("done", "end", "Done", {})]
    made = publishing.draft(
        version.workflow, nodes=nodes, edges=[("hello", "next", "done")], by=None,
        now=clock.now() + timedelta(1),
    )  # fmt: skip
    assert [message.words["body"] for message in messages.of(made)] == ["Hi"]


def test_files_go_with_a_text_and_only_ones_own(account: Account, desk: Desk) -> None:
    file, theirs = factories.make_file(account), factories.make_file(factories.make_account(), color="blue")
    url = desk.url("message", "text")
    desk.client.post(
        url, {"revision": 0, "body": "Look", "media": [file.pk, theirs.pk]}, HTTP_HX_REQUEST="true"
    )
    page = desk.open()
    assert f'name="media" value="{file.pk}"' in page
    preview = page[page.index('id="preview-text"') :]
    assert file.name in preview[: preview.index("</section>")]  # as the contact would see it
    asked = desk.client.get(desk.url("messages_publish")).text
    assert file.name in asked and f'src="{reverse("conversations:attachment", args=[file.pk])}"' in asked
    desk.publish()
    version = WorkflowVersion.objects.order_by("pk").last()
    assert version is not None
    settings = version.nodes.get(key="text").settings
    assert settings["media"] == [file.pk] and settings["body"] == "Look"
    desk.client.post(url, {"revision": 0, "body": "Look"}, HTTP_HX_REQUEST="true")
    desk.publish()
    version = WorkflowVersion.objects.order_by("pk").last()
    assert version is not None and "media" not in version.nodes.get(key="text").settings


def test_a_messages_switches_are_published_and_stay_as_they_were_where_nobody_touched_them(
    desk: Desk,
) -> None:
    assert 'name="utm" value="on"' in desk.open()
    desk.client.post(
        desk.url("message", "text"), {"revision": 0, "body": "Look", "utm": ["off"], "as_sms": ["off", "on"]},
        HTTP_HX_REQUEST="true",
    )  # fmt: skip
    desk.publish()
    version = WorkflowVersion.objects.order_by("pk").last()
    assert version is not None
    settings = version.nodes.get(key="text").settings
    assert settings["utm"] is False and "as_sms" not in settings
    desk.keep(body="Look here")
    desk.publish()
    version = WorkflowVersion.objects.order_by("pk").last()
    assert version is not None and version.nodes.get(key="text").settings["utm"] is False
