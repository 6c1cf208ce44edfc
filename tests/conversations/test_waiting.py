"""The number beside Conversations."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import Account, BusinessUnit, Role
from common import clock
from conversations import call_queue, waiting
from conversations.models import PlannedCall, SendingPause, UnitPause
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


def test_the_frame_costs_one_query_while_nothing_is_paused(
    client: Client, django_assert_num_queries: Any
) -> None:
    account = Account.objects.get(name="Acme")
    contact = factories.make_contact(account)
    lane = factories.make_campaign_lane(account)
    PlannedCall.objects.create(
        account=account, lane=lane, contact=contact, address=factories.phone_of(contact), kind="campaign",
        number=factories.make_number(account), mode="person", state="queued", due_at=clock.now(),
    )  # fmt: skip
    with django_assert_num_queries(1):
        found = waiting.waiting(account)
    assert (found.count, found.calls, found.pause, found.units) == (1, 1, None, ())
    assert found.calls == call_queue.due_count(account.pk, clock.now(), most=waiting.MOST)
    pause = SendingPause.objects.create(account=account, at=clock.now())
    unit = BusinessUnit.objects.create(account=account, servicetitan_id=7, name="Plumbing")
    resting = UnitPause.objects.create(account=account, business_unit=unit, at=clock.now())
    with django_assert_num_queries(3):
        found = waiting.waiting(account)
    assert (found.count, found.calls, found.pause, found.units) == (1, 0, pause, (resting,))
    at, over = clock.now() - timedelta(hours=2), clock.now() - timedelta(hours=1)
    UnitPause.objects.update(at=at, until=over)  # it has ended by itself
    SendingPause.objects.update(lifted_at=clock.now())
    with django_assert_num_queries(1):
        found = waiting.waiting(account)
    assert (found.calls, found.pause, found.units) == (1, None, ())


def test_many_are_not_counted_to_the_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST", 0)
    assert "0+<" in plain(client.get("/conversations/waiting/"))
