"""The words of calls on the page of a workflow's words: as they are heard, kept, published, counted."""

from typing import Any

import pytest

from accounts.models import Account, AuditEntry
from audiences.models import Contact
from campaigns import message_words, workflow_drafts
from tests import factories
from tests.campaigns.test_messages import Desk, account
from tests.conversations import talking

__all__ = ["account"]
pytestmark = pytest.mark.django_db


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "person",
        "call",
        {"plan": {"mode": "person", "words": {"en": "Hi {{ first_name }}, a word about your visit."}}},
    ),
    (
        "script",
        "call",
        {
            "plan": {
                "mode": "script", "words": {"en": "Hi {{ first_name }}, your plan ends."},
                "voicemail": {"en": "Please call us."}, "ring_seconds": 30,
            }
        },
    ),
    ("done", "end", {}),
]  # fmt: skip


@pytest.fixture
def caller(account: Account) -> Desk:
    """A marketer at the words of a workflow that only calls."""
    edges = [("person", "next", "script"), ("script", "next", "done")]
    return Desk(account, factories.make_workflow(account, CALLS, edges, name="Calls").workflow)


def agree(account: Account) -> None:
    talking.agrees(Contact.objects.get(account=account))


def test_the_words_of_calls_stand_there_as_they_are_heard(account: Account, caller: Desk) -> None:
    factories.make_number(account, "+13125550190")
    page = caller.open()
    assert "Hi Ann, a word about your visit." in page and "Press 1 to call Ann Rivera." in page
    assert "has not agreed in writing to recorded voice" in page and "Hello, this is Prairie." not in page
    agree(account)
    page = caller.open()
    for said in (
        "Hello, this is Prairie.", "To stop calls and texts from us, press 9", "Hi Ann, your plan ends.",
        "To have us call you back, press 2.", "Please call us.", "call 3 1 2, 5 5 5, 0 1 9 0",
    ):  # fmt: skip
        assert said in page


def test_words_of_a_call_are_kept_and_published_and_all_else_of_it_stays(
    account: Account, caller: Desk
) -> None:
    page = caller.keep("script", words="Hi {{ first_name }}, it ended.", voicemail="", spanish_words="Hola.")
    assert "Draft" in page.content.decode()
    assert caller.publish().status_code == 302
    version = caller.workflow.versions.order_by("-number").first()
    plan = version.nodes.get(key="script").settings["plan"]
    assert plan == {
        "mode": "script", "words": {"en": "Hi {{ first_name }}, it ended.", "es": "Hola."}, "voicemail": None,
        "ring_seconds": 30,
    }  # fmt: skip
    assert version.nodes.get(key="person").settings == CALLS[0][2]
    assert AuditEntry.objects.get(verb="reworded").detail["script"]["voicemail"] == ["Please call us.", ""]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ({"words": ""}, "Write the words"),
        ({"words": "Hi {{ nickname }}"}, "nickname"),
        ({"words": "x" * 1201}, "1 characters too long"),
        ({"words": "Hi", "spanish_voicemail": "Hola"}, "Spanish needs this, too"),
        (
            {"words": "Hi", "voicemail": "Call", "spanish_words": "Hola"},
            "The English call has voicemail words",
        ),
    ],
)
def test_wrong_words_of_a_call_are_kept_and_not_published(
    caller: Desk, words: dict[str, str], wrong: str
) -> None:
    kept = caller.keep("script", **words).content.decode()
    assert wrong in kept and "Cannot be published yet" in kept
    assert caller.publish().status_code == 422
    assert caller.workflow.versions.count() == 1


def test_who_would_be_passed_over_by_a_script_is_counted_and_nobody_by_a_person(
    account: Account, caller: Desk
) -> None:
    Contact.objects.filter(account=account).update(first_name="")
    caller.keep("script", words="Hi {{ membership_renewal_date }}")
    caller.keep("person", words="Hi {{ membership_renewal_date }}")
    found = caller.client.get(caller.url("messages_lacking")).content.decode()
    assert "#message-script" in found and "#message-person" not in found


def test_a_draft_of_a_call_comes_along_into_the_editor(account: Account, caller: Desk) -> None:
    caller.keep("person", words="Other words")
    draft = workflow_drafts.of(caller.workflow)
    assert draft.drawn.by_key["person"].settings["plan"]["words"] == {"en": "Other words"}


@pytest.mark.parametrize(
    "settings", [{}, {"plan": 7}, {"plan": {"words": "Hi", "voicemail": ["x"], "mode": 3}}]
)
def test_whatever_a_file_brought_has_words(settings: dict[str, Any]) -> None:
    assert set(message_words.of("call", settings).values()) == {""}
    kept = message_words.settings_of("call", {"words": "Hi"}, settings)["plan"]
    assert kept["words"] == {"en": "Hi"} and not kept.get("voicemail")


def test_the_editor_shows_a_call_as_it_is_heard(account: Account, caller: Desk) -> None:
    agree(account)
    shown = caller.client.get(caller.url("editor_step", "script"), headers={"HX-Request": "true"})
    assert "Hello, this is Prairie." in shown.content.decode()
