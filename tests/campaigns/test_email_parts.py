"""What an email shows beside its words, as its author sets it: checked, and pointed at where it is wrong."""

from typing import Any

import pytest

from campaigns import launching
from campaigns.graph import GraphNode
from campaigns.nodes import KINDS
from campaigns.nodes.email_parts import EmailParts, address_problems
from tests import factories

KNOWN = {"first_name", "company"}
EMAIL = {"subject": "Hi", "body": "Hello"}


def problems(**parts: Any) -> dict[str, list[str]]:
    return EmailParts(**parts).part_problems(KNOWN)


def test_parts_are_kept_only_where_there_are_any() -> None:
    assert EmailParts().parts() == {}
    whole = EmailParts(design="estimate", heading=" Hi ", button_label="Go", button_url="https://a.example/")
    assert whole.parts() == {
        "design": "estimate", "heading": "Hi", "button": {"label": "Go", "url": "https://a.example/"},
    }  # fmt: skip
    assert [name for name, _ in whole.part_words()] == ["Heading", "Button", "Where the button leads"]


def test_what_is_wrong_is_pointed_at() -> None:
    assert problems(heading="Hi {{ first_name }}", button_label="Go", button_url="https://a.example/b") == {}
    assert set(problems(design="gone")) == {"design"}
    assert set(problems(heading="{{ nothing }}", preheader="{{")) == {"heading", "preheader"}
    assert set(problems(button_label="Go")) == {"button_url"}
    assert set(problems(button_url="https://a.example/")) == {"button_label"}


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://a.example/", "https://"), ("javascript:alert(1)", "https://"), ("a.example", "https://"),
        ("https://{{ company }}/", "website"), ("https://a.example{{ company }}", "website"),
        ("https:///x", "website"), ("https://a b.example/", "website"), ('https://a.example/"x', "address"),
        ("https://ann@a.example/", "address"), ("https://a.example/{{ gone }}", "gone"),
    ],
)  # fmt: skip
def test_an_address_leads_to_a_website_that_is_written_out(url: str, word: str) -> None:
    assert word in " ".join(address_problems(url, KNOWN))


@pytest.mark.parametrize(
    "url",
    ["https://a.example", "https://a.example/?n={{ first_name | downcase }}", "https://a.example:8443/x"],
)
def test_addresses_that_are_fine(url: str) -> None:
    assert address_problems(url, KNOWN) == []


def test_the_node_says_which_part_is_wrong() -> None:
    def said(**parts: Any) -> list[str]:
        return KINDS["send_email"].problems(GraphNode(1, "email", "send_email", "Email", {**EMAIL, **parts}))

    assert said(button_label="Go", button_url="https://www.example.com/{{ first_name }}") == []
    assert said(button_label="Go", button_url="http://x.example/")[0].startswith("Where the button leads: ")
    assert said(heading="x" * 201)[0].startswith("The heading is too long")


@pytest.mark.django_db
def test_no_campaign_with_an_email_is_launched_without_postal_address_and_identity(noon) -> None:
    account = factories.make_account()
    number = factories.make_number(account)
    factories.make_contact(account)
    nodes = [("email", "send_email", EMAIL), ("done", "end", {})]
    version = factories.make_workflow(account, nodes, [("email", "next", "done")])
    draft = launching.Draft(
        name="By mail", version=version, audience=factories.make_audience(account), number=number
    )
    with pytest.raises(launching.LaunchRefused, match="no mailbox to send them from"):
        launching.launch(account, draft, by=None, now=noon)
    mailbox = factories.make_mailbox(account, postal_address=" ")
    with pytest.raises(launching.LaunchRefused, match="postal address below each"):
        launching.launch(account, draft, by=None, now=noon)
    mailbox.postal_address = "12 Elm Street, Springfield, IL 62701"
    mailbox.save(update_fields=["postal_address"])
    assert launching.launch(account, draft, by=None, now=noon).status == "active"
