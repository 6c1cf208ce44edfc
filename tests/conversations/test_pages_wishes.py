"""Opting out and in from the pages, and correcting readings: the consequences in words, then the act."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry, User
from audiences import suppression
from audiences.models import Address, ContactAddress, OptOut
from common import clock
from conversations import inbound, opt_outs
from conversations.models import Message, Reading, ReadingCorrection, Thread
from integrations.messaging import InboundText
from tests import factories
from tests.accounts.making import signed_in
from tests.tampering import unguarded

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}
MODAL = {"refresh", "close-modal"}


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def agent(account: Account) -> User:
    return factories.make_user(account, "agent", name="Ana Agent")


@pytest.fixture
def browser(agent: User) -> Client:
    return signed_in(agent)


@pytest.fixture
def thread(account: Account) -> Thread:
    return factories.make_thread(account, body="Can you come Friday?", name="Pat Customer")


@pytest.fixture
def second(thread: Thread) -> Address:
    """Another phone of the thread's customer."""
    address = Address.objects.create(account=thread.account, channel="phone", value="+17735550199")
    ContactAddress.objects.create(contact=thread.contact, address=address, position=1)
    return address


def url(name: str, pk: int) -> str:
    return reverse(f"conversations:{name}", args=[pk])


def says(thread: Thread, body: str, sid: str = "SM1", **fields: Any) -> Message:
    text = InboundText(
        provider_id=sid, to=thread.number.e164, from_=thread.address.value, body=body, **fields
    )
    received = inbound.receive(text, account=thread.account, now=clock.now())
    assert received
    return Message.objects.get(pk=received.message_id)


def closed(*addresses: Address) -> list[bool]:
    found = suppression.in_force([address.pk for address in addresses])
    return [address.pk in found for address in addresses]


@pytest.mark.parametrize(
    ("scope", "both"), [({}, [True, True]), ({"scope": "everything"}, [True, True]), (None, [True, False])]
)
def test_an_agent_closes_everything_or_this_phone(
    thread: Thread, second: Address, browser: Client, scope: dict[str, str] | None, both: list[bool]
) -> None:
    page = browser.get(url("thread", thread.pk)).content.decode()
    assert "Every phone and mailbox" in page and "What you chose is closed to us at once" in page
    form = {"evidence": "On the phone", **({"scope": str(thread.address_id)} if scope is None else scope)}
    answer = browser.post(url("opt_out", thread.pk), form, follow=True)
    assert closed(thread.address, second) == both
    assert OptOut.objects.get(address=thread.address).evidence == "On the phone"
    assert ("Other addresses stay open" in answer.content.decode()) is (scope is None)


def test_a_phone_of_somebody_else_is_no_choice(thread: Thread, second: Address, browser: Client) -> None:
    other = factories.make_contact(thread.account, "+13125550188")
    form = {"scope": str(factories.phone_of(other).pk)}
    assert browser.post(url("opt_out", thread.pk), form).status_code == 422
    assert browser.post(url("opt_out_contact", thread.contact_id), form, headers=HTMX).status_code == 422
    assert not OptOut.objects.exists()


def test_the_contacts_page_has_the_same_door(thread: Thread, second: Address, browser: Client) -> None:
    page = reverse("audiences:contact", args=[thread.contact_id])
    door = url("opt_out_contact", thread.contact_id)
    assert door in browser.get(page).content.decode()
    question = browser.get(door, headers=HTMX).content.decode()
    assert "Opt out Pat Customer?" in question and "(773) 555-0199" in question and "<html" not in question
    assert not OptOut.objects.exists(), "asking changes nothing"
    done = browser.post(door, {"scope": str(second.pk), "evidence": "Called us"}, headers=HTMX)
    assert done.status_code == 204 and all(event in done["HX-Trigger"] for event in MODAL)
    assert closed(thread.address, second) == [False, True]
    assert browser.post(door, {}).headers["Location"] == page
    assert closed(thread.address, second) == [True, True]
    assert door not in browser.get(page).content.decode(), "nothing is left to close"


def test_an_opt_out_by_mistake_is_undone_with_the_customers_words(
    thread: Thread, second: Address, agent: User, browser: Client
) -> None:
    opt_outs.by_agent(thread.contact, by=agent, evidence="Wrong row", now=clock.now())
    door = url("opt_in", thread.pk)
    assert door in browser.get(url("thread", thread.pk)).content.decode()
    assert "Undo this opt-out?" in browser.get(door, headers=HTMX).content.decode()
    refused = browser.post(door, {"words": "  "}, headers=HTMX)
    assert refused.status_code == 422 and "Without it nobody may undo" in refused.content.decode()
    assert closed(thread.address, second) == [True, True]
    assert browser.post(door, {"words": "Email of Nov 3: do text me"}, headers=HTMX).status_code == 204
    assert closed(thread.address, second) == [False, True]
    row = OptOut.objects.get(address=thread.address)
    assert (row.lifted_by, row.lifted_evidence) == (agent, "Email of Nov 3: do text me")
    thread.refresh_from_db()
    assert thread.state == "open"
    page = browser.get(url("thread", thread.pk)).content.decode()
    assert "Ana Agent undid the opt-out and has the customer’s words: “Email of Nov 3: do text me”" in page
    assert "Wrote START" not in page
    assert AuditEntry.objects.filter(verb="opted_in", by=agent).exists()
    assert browser.post(door, {"words": "again"}).status_code == 422, "none is in force"


@pytest.mark.parametrize("before", [True, False])
def test_what_the_carrier_holds_nobody_here_undoes(
    thread: Thread, agent: User, browser: Client, before: bool
) -> None:
    """Whichever came first: the customer's STOP, or the agent's own opt-out that hides it."""
    acts = [
        lambda: says(thread, "STOP"),
        lambda: opt_outs.by_agent(thread.contact, by=agent, evidence="", now=clock.now()),
    ]
    for act in acts if before else reversed(acts):
        act()
    door = url("opt_in", thread.pk)
    question = browser.get(door).content.decode()
    assert "nobody here can undo it" in question and "<textarea" not in question.split('id="question"')[1]
    refused = browser.post(door, {"words": "She says she wants them"}, headers=HTMX)
    assert refused.status_code == 422 and closed(thread.address) == [True]
    says(thread, "START", "SM2")
    assert closed(thread.address) == [False]
    opt_outs.by_agent(thread.contact, by=agent, evidence="", now=clock.now())
    assert browser.post(door, {"words": "She says she wants them"}).status_code == 302
    assert closed(thread.address) == [False], "after their START the carrier holds nothing"


def test_a_refusal_of_the_carrier_counts_as_held(thread: Thread, agent: User, browser: Client) -> None:
    text = Message.objects.create(
        account=thread.account, contact=thread.contact, address=thread.address, number=thread.number,
        kind="campaign", body="Hi", state="rejected", code="21610",
    )  # fmt: skip
    opt_outs.by_provider([text.pk], code="21610", now=clock.now())
    assert browser.post(url("opt_in", thread.pk), {"words": "Yes please"}).status_code == 422
    assert closed(thread.address) == [True]


def test_the_timeline_says_how_they_came_back(thread: Thread, browser: Client) -> None:
    says(thread, "please stop texting me")
    says(thread, "Unstop", "SM2")
    page = browser.get(url("thread", thread.pk)).content.decode()
    assert "Opted in again by writing Unstop" in page and "has opted out" not in page
    assert "Read as a wish for texts again" in page


def test_a_reading_is_explained_and_corrected(thread: Thread, agent: User, browser: Client) -> None:
    message = says(thread, "What does it cost?")
    door = url("reading", message.pk)
    assert f'href="{door}"' in browser.get(url("thread", thread.pk)).content.decode()
    question = browser.get(door, headers=HTMX).content.decode()
    read = Reading.objects.get(message=message)
    assert "Read as a question" in question and f"{round(read.score * 100)}% sure" in question
    assert read.detector in question and "What does it cost?" in question
    assert "queued texts are taken back" in question, "the consequences stand before the act"
    done = browser.post(door, {"label": "complaint"}, headers=HTMX)
    assert done.status_code == 204 and all(event in done["HX-Trigger"] for event in MODAL)
    kept = ReadingCorrection.objects.get()
    assert (kept.was, kept.now, kept.by) == ("question", "complaint", agent)
    assert "Ana Agent corrected it" in browser.get(door).content.decode()
    assert "Read as a complaint" in browser.get(url("thread", thread.pk)).content.decode()


@pytest.mark.parametrize(("only", "both"), [({}, [True, True]), ({"this_phone_only": "on"}, [True, False])])
def test_a_correction_to_an_opt_out_closes(
    thread: Thread, second: Address, browser: Client, only: dict[str, str], both: list[bool]
) -> None:
    message = says(thread, "What does it cost?")
    browser.post(url("reading", message.pk), {"label": "optout", **only})
    assert closed(thread.address, second) == both
    thread.refresh_from_db()
    assert thread.state == "closed"


def test_a_doubt_is_confirmed(thread: Thread, browser: Client) -> None:
    message = says(thread, "hmm")
    with unguarded(Reading):
        Reading.objects.filter(message=message).update(label="optout", outcome="hold", rule="hint")
    assert "Read as perhaps an opt-out" in browser.get(url("thread", thread.pk)).content.decode()
    browser.post(url("reading", message.pk), {"label": "optout"})
    assert closed(thread.address) == [True]
    assert Reading.objects.get(message=message).outcome == "opt_out"


def test_a_correction_away_opens_only_with_words(thread: Thread, browser: Client) -> None:
    message = says(thread, "take us off your list")
    door = url("reading", message.pk)
    assert "Without them the phone stays opted out" in browser.get(door).content.decode()
    browser.post(door, {"label": "question"})
    assert closed(thread.address) == [True]
    with unguarded(Reading):
        Reading.objects.filter(message=message).update(label="optout", outcome="opt_out")
    answer = browser.post(door, {"label": "other", "words": "Letter: text me"}, follow=True)
    assert closed(thread.address) == [False] and "The opt-out is lifted" in answer.content.decode()


def test_a_refused_correction_says_why(thread: Thread, browser: Client) -> None:
    message = says(thread, "STOP")
    door = url("reading", message.pk)
    assert "the carrier keeps the opt-out too" in browser.get(door).content.decode()
    refused = browser.post(door, {"label": "other", "words": "She wants them"}, headers=HTMX)
    assert refused.status_code == 422 and "Only the customer’s own START" in refused.content.decode()
    assert browser.post(door, {"label": "nonsense"}).status_code == 422
    assert closed(thread.address) == [True] and not ReadingCorrection.objects.exists()


def test_a_marketer_sees_how_and_corrects_nothing(thread: Thread, account: Account) -> None:
    browser = signed_in(factories.make_user(account, "marketer"))
    message = says(thread, "What does it cost?")
    page = browser.get(url("reading", message.pk)).content.decode()
    assert "Read as a question" in page and "Correct reading" not in page
    assert browser.post(url("reading", message.pk), {"label": "other"}).status_code == 403
