"""Short links as a send node queues: one code for each recipient and link, and nothing for words without."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import engine, graph, link_signs, links
from campaigns.models import DestinationCheck, LinkCode, LinkSettings, Step, TrackedLink
from campaigns.nodes import KINDS
from common import clock
from conversations import claiming, leasing
from conversations.models import Message
from tests import factories
from tests.campaigns.linking import BOOK, EDGES, NODES, OFFER, TEXT, launch, make_account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
OURS = "http://127.0.0.1:8000/l/"


def variables() -> list[dict[str, Any]]:
    return [message.variables or {} for message in Message.objects.order_by("pk")]


def bodies() -> list[str]:
    return [claim.body for claim in claiming.claim(leasing.lease(500, now=clock.now()), now=clock.now())]


def test_everybody_gets_a_code_of_their_own_for_each_link() -> None:
    account, _ = make_account(3)
    launch(account)
    assert TrackedLink.objects.count() == 2 and LinkCode.objects.count() == 6
    for message in Message.objects.all():
        codes = LinkCode.objects.filter(step__message=message).order_by("link__position")
        assert [code.link.url for code in codes] == [BOOK, OFFER]
        spelled = [f"{OURS}{link_signs.spell(code.pk)}" for code in codes]
        assert [message.variables[f"link_{n}"] for n in (1, 2)] == spelled  # type: ignore[index]
        assert message.carries_link and message.template is not None
        assert message.template.body.endswith("book at {{ link_1 }}. Or see {{ link_2 }} first")
    said = bodies()
    assert len(said) == len(set(said)) == 3
    assert all(body.startswith(f"Hi Pat, book at {OURS}") and BOOK not in body for body in said)


def test_words_without_a_link_cost_no_query_and_the_others_a_constant_number() -> None:
    plain = [("text", "send_sms", {"body": "Hi {{ first_name }}"}), ("done", "end", {})]
    found: dict[tuple[bool, int], list[str]] = {}
    for linked in (False, True):
        for people in (1, 9):
            account = factories.make_account()
            factories.make_number(account, factories.reserved(300 + 20 * linked + people))
            for n in range(people):
                factories.make_contact(account, factories.reserved(500 + 50 * linked + 20 * people + n))
            with CaptureQueriesContext(
                connection,
            ) as queries:
                launch(account, NODES if linked else plain)
            about = ("campaigns_linkcode", "campaigns_trackedlink", "campaigns_linksettings")
            said = [query["sql"] for query in queries if any(table in query["sql"] for table in about)]
            found[linked, people] = [one.split()[0] for one in said]
    assert found[False, 1] == found[False, 9] == []
    assert found[True, 1] == found[True, 9] and 0 < len(found[True, 1]) <= 6


def test_a_second_batch_of_a_node_uses_the_same_links() -> None:
    account, _ = make_account(2)
    campaign = launch(account)
    before = list(TrackedLink.objects.values_list("pk", flat=True))
    late = factories.make_contact(account, factories.reserved(40))
    step = Step.objects.filter(campaign=campaign).first()
    assert step is not None
    linked = links.in_words(campaign, "text", now=clock.now(), body=TEXT["body"])
    assert [link.pk for link in linked.links.values()] == before
    assert late.pk


def test_destinations_are_filled_for_each_person_and_never_with_a_hole() -> None:
    url = "https://comfort.example/{{ city }}?who={{ first_name }}"
    account, _ = make_account()
    known = factories.make_contact(account, factories.reserved(50), first_name="Ann & Bob/", city="Elm Town")
    launch(account, [("text", "send_sms", {"body": f"See {url}"}), ("done", "end", {})])
    code = LinkCode.objects.get()
    assert code.step.enrollment.contact_id == known.pk
    assert code.destination == (
        "https://comfort.example/Elm%20Town?who=Ann%20%26%20Bob%2F"
        "&utm_source=truckroll&utm_medium=sms&utm_campaign=fall-tune-up&utm_content=text"
    )
    [body] = bodies()
    assert body.startswith(f"See {OURS}")
    skipped = Message.objects.get(state="cancelled")
    assert skipped.code == "merge_field_missing" and skipped.contact_id != known.pk
    assert skipped.reason == "Nothing is known for: city"


def test_parameters_are_the_accounts_and_a_node_may_leave_them_out() -> None:
    account, _ = make_account()
    LinkSettings.objects.create(account=account, utm_source="comfort", utm_medium="text", utm_campaign="fall")
    launch(account, [
        ("text", "send_sms", {"body": f"{BOOK}?utm_source=own"}),
        ("plain", "send_sms", {"body": OFFER, "utm": False}), ("done", "end", {}),
    ], [("text", "next", "plain"), ("plain", "next", "done")])  # fmt: skip
    campaign = TrackedLink.objects.get().campaign
    assert TrackedLink.objects.get().destination == (
        f"{BOOK}?utm_source=own&utm_medium=text&utm_campaign=fall&utm_content=text"
    )
    plain = links.in_words(campaign, "plain", now=clock.now(), body=OFFER, utm=False)
    assert plain.links["link_1"].destination == OFFER


def test_a_domain_of_ones_own_is_used_while_it_works(settings: Any) -> None:
    settings.PUBLIC_URL = "https://app.example"
    account, _ = make_account()
    own = LinkSettings.objects.create(account=account, domain="go.comfort.example", expires_days=7)
    campaign = launch(account)
    assert variables()[0]["link_1"].startswith("https://app.example/l/")
    expires = LinkCode.objects.values_list("expires_at", flat=True)[0]
    assert abs(expires - clock.now() - timedelta(days=7)) < timedelta(minutes=1)
    own.works = True
    own.save()
    linked = links.in_words(campaign, "text", now=clock.now(), body=BOOK)
    assert linked.base == "https://go.comfort.example/l/"


def test_spanish_words_and_buttons_share_the_links_of_the_rest() -> None:
    account, _ = make_account()
    campaign = launch(account)
    content = {"es": {"body": f"Vea {BOOK}."}, "button": {"label": "Book", "url": OFFER}, "design": "letter"}
    linked = links.in_words(campaign, "mail", now=clock.now(), body=f"See {BOOK}.", content=content)
    assert linked.body == "See {{ link_1 }}."
    assert linked.content == {
        "es": {"body": "Vea {{ link_1 }}."}, "button": {"label": "Book", "url": "{{ link_2 }}"},
        "design": "letter",
    }  # fmt: skip
    assert content["es"] == {"body": f"Vea {BOOK}."}, "what was given stays as it was"


def test_emails_carry_links_too() -> None:
    account, [person] = make_account()
    factories.make_mailbox(account)
    factories.give_mailbox(person)
    nodes = [("mail", "send_email", {"subject": "Time", "body": f"See {BOOK}"}), ("done", "end", {})]
    launch(account, nodes, [("mail", "next", "done")])
    message = Message.objects.get()
    assert message.carries_link and "utm_medium=email" in TrackedLink.objects.get(trap=False).destination
    assert (message.variables or {})["link_1"].startswith(OURS)


def test_bad_destinations_keep_a_version_from_being_published() -> None:
    body = "See http://a.example, https://bit.ly/x and https://10.0.0.1/"
    node = graph.GraphNode(1, "text", "send_sms", "Text", {"body": body})
    assert len(KINDS["send_sms"].problems(node)) == 3
    assert "shortener" in json.dumps(KINDS["send_sms"].problems(node))


def test_what_is_published_is_looked_at_in_the_background() -> None:
    account, _ = make_account()
    factories.make_workflow(account, NODES, EDGES)
    assert set(DestinationCheck.objects.values_list("url", "checked_at")) == {(BOOK, None), (OFFER, None)}


def test_a_code_that_is_taken_is_drawn_again(monkeypatch: pytest.MonkeyPatch, noon: datetime) -> None:
    account, _ = make_account(2)
    drawn = iter([[7, 7, 8, 9], [11]])
    monkeypatch.setattr(link_signs, "draw", lambda count: next(drawn))
    launch(account)
    assert set(LinkCode.objects.values_list("pk", flat=True)) == {7, 8, 9, 11}
    assert engine.run_round(now=clock.now()) == 0 and noon


def test_an_email_holds_a_link_that_only_machines_follow() -> None:
    account, [person] = make_account()
    factories.make_mailbox(account)
    factories.give_mailbox(person)
    nodes = [("mail", "send_email", {"subject": "Time", "body": f"See {BOOK}"}), ("done", "end", {})]
    launch(account, nodes, [("mail", "next", "done")])
    trap = LinkCode.objects.get(link__trap=True)
    values = Message.objects.get().variables or {}
    assert values["trap_link"] == f"{OURS}{link_signs.spell(trap.pk)}"
    assert values["trap_link"] != values["link_1"]


def test_a_text_counts_for_its_longer_language_until_it_is_written() -> None:
    account, _ = make_account()
    long = {"body": "Hi", "spanish": {"body": "Hola " * 40}}
    launch(account, [("text", "send_sms", long), ("done", "end", {})])
    assert set(Message.objects.values_list("segments", flat=True)) == {2}


def test_words_that_leave_without_a_link_do_not_count_as_carrying_one() -> None:
    """Spanish that names no link, and a condition that is not met: nobody could have followed anything."""
    account, (english, spanish, elsewhere) = make_account(3, city="Elm Town")
    type(spanish).objects.filter(pk=spanish.pk).update(language="es")
    type(elsewhere).objects.filter(pk=elsewhere.pk).update(city="Oakville")
    body = f'Hello{{% if city == "Elm Town" %}}, book at {BOOK}{{% endif %}}'
    text = {"body": body, "spanish": {"body": "Hola, llámenos"}}
    launch(account, [("text", "send_sms", text), ("done", "end", {})])
    assert len(bodies()) == 3
    carrying = Message.objects.filter(carries_link=True).values_list("contact", flat=True)
    assert list(carrying) == [english.pk]
