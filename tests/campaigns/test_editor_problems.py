"""What keeps a draft from being published is said at the step that it is about: on its card, in its panel,
and in the list of what is left to do, which leads there."""

from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, Role
from audiences.models import JobType
from campaigns import drawing, editor_page, graph, publishing, workflow_drafts
from campaigns.drawing import DrawnNode
from campaigns.models import Node, Workflow
from common import clock
from conversations.models import Message, ReceivedEmail
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
Nodes = list[tuple[str, str, dict[str, Any]]]
Edges = list[tuple[str, str, str]]
TEXT = ("text", "send_sms", {"body": "Hi {{ first_name }}"})
EMAIL = ("email", "send_email", {"subject": "Hi", "body": "Hello {{ first_name }}"})
CALL = ("call", "call", {"plan": {"words": {"en": "Hi {{ first_name }}"}}})
REPLY = ("reply", "wait_for_reply", {"timeout_minutes": 60})
PAUSE = ("pause", "wait", {"minutes": 5})
END = ("done", "end", {})
ASKS: dict[str, Any] = {"label": "yes", "field": "replied", "operator": "is", "value": True}


def draft(account: Account, nodes: Nodes, edges: Edges) -> Workflow:
    """A workflow whose draft says this."""
    workflow = Workflow.objects.create(account=account, name=f"Drawn {Workflow.objects.count()}")
    ways: dict[str, dict[str, str]] = {}
    for source, label, target in edges:
        ways.setdefault(source, {})[label] = target
    drawn = [DrawnNode(key, kind, key.capitalize(), chosen, ways.get(key, {})) for key, kind, chosen in nodes]
    by = factories.make_user(account, Role.MARKETER)
    workflow_drafts.apply(
        workflow, lambda _: drawing.of(drawn, nodes[0][0]), said="Drawn", revision=0, by=by, now=clock.now()
    )
    return workflow


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def mia(account: Account) -> Client:
    return signed_in(factories.make_user(account, Role.MARKETER, name="Mia Long"))


def to(*kinds_after: tuple[str, str, dict[str, Any]]) -> tuple[Nodes, Edges]:
    """These steps one after the other, then an end."""
    nodes = [*kinds_after, END]
    return nodes, [(a[0], "no_reply" if a[1] == "wait_for_reply" else "next", b[0])
                   for a, b in pairwise(nodes)]  # fmt: skip


def asking(**changed: Any) -> tuple[Nodes, Edges]:
    nodes: Nodes = [TEXT, ("asks", "branch", {"conditions": [{**ASKS, **changed}]}), END]
    label = changed.get("label", "yes")
    return nodes, [("text", "next", "asks"), ("asks", label, "done"), ("asks", "otherwise", "done")]


WRONG: dict[str, tuple[tuple[Nodes, Edges], str, str]] = {
    "unreachable": (([TEXT, END, ("lost", "send_sms", {"body": "Hi"})], [("text", "next", "done")]),
                    "lost", "It can never be reached from the first step."),
    "no exit": (([TEXT, PAUSE], [("text", "next", "pause"), ("pause", "next", "text")]),
                "text", "Nobody ever gets out of these steps: Text, Pause."),
    "endless loop": (([TEXT, ("a", "branch", {"conditions": [ASKS]}), ("b", "handoff", {"reason": "x"}), END],
                      [("text", "next", "a"), ("a", "yes", "b"), ("b", "next", "a"),
                       ("a", "otherwise", "done")]),
                     "a", "These steps go round without ever waiting: A, B."),
    "missing text": (to(("text", "send_sms", {"body": ""})), "text", "The text is missing."),
    "missing subject": (to(("email", "send_email", {"body": "Hi"})), "email", "The subject is missing."),
    "missing words of a call": (to(("call", "call", {"plan": {"words": {"en": ""}}})),
                                "call", "Write what the agent is to say: the words are empty."),
    "missing reason": (to(TEXT, ("gives", "handoff", {"reason": ""})), "gives", "The reason is missing."),
    "missing request": (to(TEXT, ("asks", "book_job", {"summary": ""})),
                        "asks", "The words of the request is missing."),
    "nothing noted": (to(TEXT, ("notes", "update_contact", {})),
                      "notes", "Choose a tag to add or remove, or a language."),
    "no time": (to(TEXT, ("pause", "wait", {})), "pause", "Say how long it waits"),
    "unknown merge field": (to(("text", "send_sms", {"body": "{{ nick }}"})),
                            "text", "There is no merge field “nick”."),
    "unreadable words": (to(("text", "send_sms", {"body": "{{ first_name"})), "text", "cannot be read"),
    "unknown question": (asking(field="shoe_size"), "asks", "There is no field “shoe_size”."),
    "odd comparison": (asking(operator="below"), "asks", "does not fit"),
    "way not drawn": (([TEXT, ("asks", "branch", {"conditions": [ASKS]}), END],
                       [("text", "next", "asks"), ("asks", "yes", "done")]),
                      "asks", "Nothing is drawn for “otherwise”."),
    "arm not drawn": (([TEXT, ("parts", "split", {"arms": [{"label": "a", "weight": 1},
                                                           {"label": "b", "weight": 1}]}), END],
                       [("text", "next", "parts"), ("parts", "a", "done")]),
                      "parts", "Nothing is drawn for “b”."),
    "a way it never leaves by": (([TEXT, END], [("text", "next", "done"), ("text", "booked", "done")]),
                                 "text", "It has an edge “booked” that it can never leave by."),
    "waits for nothing said": (to(REPLY, TEXT), "reply", "It waits for a reply before anything was sent."),
    "waits after a call only": (to(CALL, REPLY), "reply", "and only calls come before it"),
    "waits after an email, and none can leave": (to(EMAIL, REPLY), "reply", "no mailbox to send them from"),
    "a picture of another account": (to(("text", "send_sms", {"body": "Hi", "media": [999_999]})),
                                     "text", "A picture of this text is not among your files."),
    "a sound of another account": (
        to(("call", "call", {"plan": {"mode": "script", "words": {"en": "Hi"}, "plays": "nobodys"}})),
        "call", "The sound file of this call is not among your files."),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_points_at_its_step_and_keeps_it_from_being_published(
    name: str, account: Account, mia: Client
) -> None:
    (nodes, edges), key, words = WRONG[name]
    workflow = draft(account, nodes, edges)
    picture = editor_page.picture(workflow_drafts.of(workflow).drawn, account)
    assert [
        card.node.key for card in picture.cards.values() if any(words in p.words for p in card.problems)
    ] == [key]
    page = unescape(mia.get(f"/workflows/{workflow.pk}/edit/?step={key}").content.decode())
    card = page.split(f'id="card-{key}"')[0].rsplit("<div", 1)[1]
    assert "node-card--wrong" in card, "the card is marked"
    assert words in page.split('id="step-problems"')[1].split("<form", 1)[0], "the panel says it"
    links = page.split('class="editor__todo"')[1].split("</ol>")[0]
    assert f'?step={key}"' in links and words.removeprefix("It ") in links, "the list leads there"
    refused = mia.post(f"/workflows/{workflow.pk}/edit/publish/", {"revision": 1})
    assert refused.status_code == 422 and not workflow.versions.exists()
    assert words.removeprefix("It ") in unescape(refused.content.decode())


def test_what_is_about_the_whole_is_said_without_a_step(account: Account, mia: Client) -> None:
    workflow = draft(account, [PAUSE, END], [("pause", "next", "done")])
    page = unescape(mia.get(f"/workflows/{workflow.pk}/edit/").content.decode())
    assert "Nothing in this workflow reaches anybody." in page and "1 to finish" in page


def test_waiting_after_emails_alone_is_told_with_where_answers_go(account: Account, mia: Client) -> None:
    """It can be published: answers do count where they arrive. Once one has, nothing is told any more."""
    mailbox = factories.make_mailbox(account, reply_to="answers@comfort.example")
    workflow = draft(account, *to(EMAIL, REPLY))
    page = unescape(mia.get(f"/workflows/{workflow.pk}/edit/?step=reply").content.decode())
    panel = page.split('id="step-problems"')[1].split("<form", 1)[0]
    assert "Only emails come before it." in panel and "answers@comfort.example" in panel
    assert "none has so far" in panel and "alert--info" in panel and "alert--warning" not in panel
    assert "Ready" in page and "node-card--wrong" not in page
    asked = unescape(mia.get(f"/workflows/{workflow.pk}/edit/publish/").content.decode())
    assert "it can be published all the same" in asked and "answers@comfort.example" in asked
    ann = factories.make_contact(account, first_name="Ann")
    address = factories.give_mailbox(ann, "ann@example.org")
    answer = Message.objects.create(
        account=account, contact=ann, address=address, mailbox=mailbox, kind=Message.Kind.INBOUND,
        body="Yes", provider="sendgrid", provider_id="in:1", state="received", state_at=clock.now(),
    )  # fmt: skip
    ReceivedEmail.objects.create(message=answer, internet_id="<1@example.org>", whole="Yes")
    page = mia.get(f"/workflows/{workflow.pk}/edit/?step=reply").content.decode()
    assert "Only emails come before it." not in page
    mia.post(f"/workflows/{workflow.pk}/edit/publish/", {"revision": 1})
    assert workflow.versions.get().published_at


def test_a_text_before_it_is_enough(account: Account) -> None:
    nodes, edges = to(TEXT, EMAIL, CALL, REPLY)
    drawn = workflow_drafts.of(draft(account, nodes, edges)).drawn
    picture = editor_page.picture(drawn, account)
    assert not picture.cautions and not picture.problems


def test_another_accounts_answers_are_not_ours(account: Account) -> None:
    """The mailbox that sends and the answers that came must be this account's."""
    stranger = factories.make_account()
    factories.make_mailbox(stranger)
    drawn = workflow_drafts.of(draft(account, *to(EMAIL, REPLY))).drawn
    assert [p.key for p in editor_page.picture(drawn, account).problems] == ["reply"]


def test_a_job_type_of_somebody_else_is_told_and_left_to_the_office(account: Account) -> None:
    books = ("book", "book_job", {"summary": "Tune-up", "job_type": 77})
    drawn = workflow_drafts.of(draft(account, *to(TEXT, books))).drawn
    stranger = factories.make_account()
    JobType.objects.create(account=stranger, servicetitan_id=77, name="Tune-up")
    (caution,) = editor_page.picture(drawn, account).cautions
    assert caution.key == "book" and "no job type 77: the office decides" in caution.words
    assert not editor_page.picture(drawn, account).problems
    JobType.objects.create(account=account, servicetitan_id=77, name="Tune-up")
    assert not editor_page.picture(drawn, account).cautions


def test_the_check_of_publishing_is_the_check_of_the_page(account: Account) -> None:
    for (nodes, edges), _, _ in WRONG.values():
        if any(kind not in Node.Kind.values for _, kind, _ in nodes):
            continue
        version = factories.make_workflow(account, nodes, edges, publish=False)
        shown = editor_page.picture(workflow_drafts.drawn(version), account).problems
        assert sorted(graph.errors(version)) == sorted(problem.said for problem in shown)
        with pytest.raises(publishing.PublishRefused):
            publishing.publish(version, by=None, now=clock.now())


def test_steps_are_numbered_as_they_are_listed(account: Account) -> None:
    from campaigns import starters

    for starter in starters.STARTERS.values():
        version = starters.begin(account, starter, by=None, now=clock.now())
        picture = editor_page.picture(workflow_drafts.drawn(version), account)
        numbers = [mark.card.number for mark in picture.listed if mark.what == "step" and mark.card]
        assert numbers == list(range(1, len(picture.cards) + 1))
