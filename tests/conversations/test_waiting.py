"""The number beside Conversations."""

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import Role
from conversations import waiting
from tests import factories
from tests.accounts.making import make_account, make_member, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    account = make_account("Acme")
    factories.make_thread(account, name="Writer")
    factories.make_thread(make_account("Beta"), name="Somebody else's")
    return signed_in(make_member(account, Role.AGENT))


def plain(response: HttpResponse) -> str:
    return " ".join(response.content.decode().split())


def test_number_is_there_at_once_and_304_while_it_is_the_same(client: Client) -> None:
    page = plain(client.get("/conversations/"))
    assert 'id="nav-waiting" value="1"' in page
    assert 'id="bar-waiting" value="1"' in page
    fragment = client.get("/conversations/waiting/", headers={"HX-Request": "true"})
    text = plain(fragment)
    assert 'id="nav-waiting" value="1"' in text
    assert 'id="bar-waiting" value="1" hx-swap-oob="true"' in text
    headers = {"HX-Request": "true", "HX-PTag": fragment["HX-PTag"]}
    assert client.get("/conversations/waiting/", headers=headers).status_code == 304


def test_many_are_not_counted_to_the_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST", 0)
    assert "0+<" in plain(client.get("/conversations/waiting/"))
