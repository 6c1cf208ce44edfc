"""Search: what is found, for whom, and how it is shown."""

import re

import pytest
from django.test import Client

from accounts import access
from accounts.models import Account, Role
from analytics import search
from audiences import suppression
from audiences.models import Address, ContactAddress
from audiences.templatetags.marking import marked
from tests import factories
from tests.accounts.making import make_member, signed_in
from tests.analytics.world import build
from tests.audiences import people

pytestmark = pytest.mark.django_db
TYPED = {"HX-Request": "true"}


@pytest.fixture
def account() -> Account:
    return factories.make_account("Acme")


@pytest.fixture
def client(account: Account) -> Client:
    return signed_in(make_member(account, Role.AGENT))


def titles(account: Account, words: str) -> dict[str, list[str]]:
    """What is found, by kind."""
    groups = search.find(account, words, threads=True)
    return {group.name: [hit.title for hit in group.hits] for group in groups}


def test_every_kind_is_found_by_its_name(account: Account) -> None:
    thread = factories.make_thread(account, name="Maple Grove")
    campaign = build(account=account).campaign
    campaign.name = "Maple season"
    campaign.save()
    factories.make_audience(account, name="Owners of maples")
    factories.make_workflow(account, name="Maple walk")
    assert titles(account, "maple") == {
        "contacts": ["Maple Grove"], "campaigns": ["Maple season"], "threads": ["Maple Grove"],
        "audiences": ["Owners of maples"], "workflows": ["Maple walk"],
    }  # fmt: skip
    assert titles(account, "grove MAPLE")["contacts"] == [thread.contact.name]
    assert titles(account, "maple oak") == {}


def test_a_word_is_sought_from_its_beginning(account: Account) -> None:
    for name in ("Alma Zamorano", "Jo Anders", "Zoe Tannehill", "Anna Stone"):
        factories.make_contact(account, name=name)
    assert titles(account, "an")["contacts"] == ["Anna Stone", "Jo Anders"]


def test_an_opt_out_is_told_before_all_else(account: Account) -> None:
    contact = factories.make_contact(account, name="Ann Doe", active=False)
    assert search.find(account, "doe", threads=False)[0].hits[0].warning == "Inactive"
    wish = {"channel": "phone", "source": "text", "evidence": "stop", "now": people.NOON}
    suppression.opt_out(factories.phone_of(contact), **wish)
    assert search.find(account, "doe", threads=False)[0].hits[0].warning == "Opted out"


def test_contact_is_found_by_phone_and_mailbox(account: Account) -> None:
    ann = people.contact(account, name="Ann Doe")
    people.phone(ann, value="+13125550142")
    mailbox = Address.objects.create(account=account, channel="email", value="ann@maples.example")
    ContactAddress.objects.create(contact=ann, address=mailbox, position=1)
    for words in ("3125550142", "(312) 555-0142", "0142", "ann@maples"):
        assert titles(account, words)["contacts"] == ["Ann Doe"], words
    (group,) = search.find(account, "0142", threads=True)
    assert "(312) 555-0142" in group.hits[0].note


def test_a_whole_phone_and_enter_opens_the_person(account: Account, client: Client) -> None:
    ann = people.contact(account, name="Ann Doe")
    people.phone(ann, value="+13125550142")
    assert client.get("/search/", {"q": "(312) 555-0142"})["Location"] == f"/contacts/{ann.pk}/"
    typed = client.get("/search/", {"q": "(312) 555-0142"}, headers=TYPED)
    assert typed.status_code == 200 and "Ann Doe" in typed.content.decode()
    assert client.get("/search/", {"q": "0142"}).status_code == 200


def test_nothing_of_another_account_is_found(account: Account, client: Client) -> None:
    other = factories.make_account("Rival")
    factories.make_thread(other, "+13125550142", name="Maple Grove")
    build(account=other)
    factories.make_audience(other, name="Maple owners")
    factories.make_workflow(other, name="Maple walk")
    for words in ("maple", "3125550142", "tune"):
        assert titles(account, words) == {}
        assert "Maple" not in client.get("/search/", {"q": words}, headers=TYPED).content.decode()


def test_six_of_a_kind_and_the_way_to_all(account: Account, client: Client) -> None:
    for n in range(7):
        factories.make_thread(account, name=f"Maple {n}", body="Hello")
    html = client.get("/search/", {"q": "maple"}).content.decode()
    assert len(re.findall(r'class="results__hit"', html)) == 12
    assert 'href="/contacts/?q=maple"' in html
    assert 'href="/conversations/?folder=all&amp;q=maple"' in html
    assert client.get("/conversations/", {"folder": "all", "q": "maple"}).content.decode().count("Maple") >= 7


def test_page_and_fragment(account: Account, client: Client) -> None:
    factories.make_contact(account, name="Maple Grove")
    page = client.get("/search/", {"q": "maple"})
    assert "<html" in page.content.decode() and 'value="maple"' in page.content.decode()
    assert "HX-Request" in page["Vary"]
    fragment = client.get("/search/", {"q": "maple"}, headers=TYPED).content.decode()
    assert "<html" not in fragment and "<mark>Maple</mark> Grove" in fragment


def test_states_without_results(client: Client) -> None:
    for words in ("", " ", "m"):
        assert "Type two letters" in client.get("/search/", {"q": words}).content.decode()
    assert "Nothing found" in client.get("/search/", {"q": "nobody"}).content.decode()


def test_what_was_typed_cannot_become_markup(account: Account, client: Client) -> None:
    factories.make_contact(account, name="<b>Maple</b> & Sons")
    html = client.get("/search/", {"q": "<b>maple"}, headers=TYPED).content.decode()
    assert "<b>" not in html and "&lt;b&gt;" in html
    assert "%_" not in html and titles(account, "%_") == {}, "wildcards are letters"
    assert marked("A & B <i>", "b") == "A &amp; <mark>B</mark> &lt;i&gt;"
    assert marked("(312) 555-0142", "5550142") == "(312) <mark>555-0142</mark>"
    assert marked("Ann", "") == "Ann"
    assert marked("Joanna Anders", "an") == "Joanna <mark>An</mark>ders"


def test_conversations_only_for_those_who_may_read_them(
    account: Account, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_thread(account, name="Maple Grove")
    assert "Conversations</h2>" in client.get("/search/?q=maple").content.decode()
    nobody = access.Capability("read conversations", frozenset())
    monkeypatch.setitem(access.CAN, "read_conversations", nobody)
    html = client.get("/search/?q=maple").content.decode()
    assert "Conversations</h2>" not in html and "Contacts</h2>" in html


def test_signed_out_goes_to_sign_in() -> None:
    assert Client().get("/search/?q=maple")["Location"].startswith("/login/")
