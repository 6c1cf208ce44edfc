"""One person in two records, merged while campaigns run: nothing said is lost, nobody is counted twice."""

import pytest

from analytics.recount import recount
from audiences import servicetitan_pages as pages
from audiences import suppression
from audiences.models import Contact, OptOut
from campaigns import enrolling, launching
from campaigns.models import Booking, Enrollment, Exclusion
from common import clock
from conversations import opt_outs
from conversations.models import Call, ContactHold, Message, Note, Thread
from tests import factories
from tests.audiences import source

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def account():
    return factories.make_account()


def person(account, number: int, phone: str) -> Contact:
    """A customer as the sync brings them."""
    pages.apply_customers(account, [source.customer(number, name="Jo Dunn")])
    pages.apply_contact_methods(account, [source.method(number, number, "MobilePhone", phone)])
    return Contact.objects.get(account=account, servicetitan_customer_id=number)


def merge(account, gone: int, stays: int) -> None:
    row = source.customer(gone, name="Jo Dunn", mergedToId=stays, modifiedOn="2026-11-05T00:00:00Z")
    pages.apply_customers(account, [row])


def launch(account, *contacts: Contact) -> None:
    rules: dict[str, object] = {}
    draft = launching.Draft(
        name="Tune-ups", version=factories.make_workflow(account),
        audience=factories.make_audience(account, rules), number=factories.make_number(account),
    )  # fmt: skip
    campaign = launching.launch(account, draft, by=None, now=clock.now())
    enrolling.enroll(campaign, now=clock.now())
    assert {e.contact for e in Enrollment.objects.filter(campaign=campaign)} == set(contacts)


def test_a_passage_goes_on_as_that_of_whoever_goes_on(account) -> None:
    gone = person(account, 2, "3125550102")
    launch(account, gone)
    stays = person(account, 1, "3125550101")
    Booking.objects.create(account=account, external_id="b", contact=gone)
    for _ in range(2):
        merge(account, 2, 1)
        passage = Enrollment.objects.get()
        assert (passage.contact, passage.state) == (stays, "active")
        assert passage.address.value == "+13125550102" and Booking.objects.get().contact == stays
    assert stays.contact_addresses.filter(address=passage.address).exists(), "it may be reached there"
    assert recount().differences == []


def test_who_is_in_it_twice_leaves_once(account) -> None:
    gone, stays = person(account, 2, "3125550102"), person(account, 1, "3125550101")
    launch(account, gone, stays)
    merge(account, 2, 1)
    ended = Enrollment.objects.get(state="ended")
    assert (ended.contact, ended.ended_reason) == (gone, "merged")
    assert Enrollment.objects.get(state="active").contact == stays
    assert set(ended.step_set.values_list("state", "reason")) == {("skipped", "merged")}
    assert recount().differences == []


def test_who_was_left_out_stays_so_as_whoever_goes_on(account) -> None:
    gone, other = person(account, 2, "3125550102"), person(account, 3, "3125550103")
    suppression.opt_out(factories.phone_of(gone), channel="phone", source="text", now=clock.now())
    launch(account, other)
    stays = person(account, 1, "3125550101")
    for _ in range(2):
        merge(account, 2, 1)
        assert Exclusion.objects.get().contact == stays
    merge(account, 1, 3)
    assert Exclusion.objects.get().contact == stays, "who entered was not left out"
    assert recount().differences == []


def test_what_was_said_stands_in_one_thread(account) -> None:
    gone, stays = person(account, 2, "3125550102"), person(account, 1, "3125550102")
    number = factories.make_number(account)
    threads = [
        Thread.objects.create(
            account=account, contact=contact, address=factories.phone_of(contact), number=number,
            needs_reply=contact == gone, state="open" if contact == gone else "closed",
        )
        for contact in (gone, stays)
    ]  # fmt: skip
    for thread in threads:
        factories.make_inbound(thread)
    Note.objects.create(thread=threads[0], body="Prefers mornings")
    ContactHold.objects.create(contact=gone, reason="reply", until=clock.now())
    merge(account, 2, 1)
    thread = Thread.objects.get()
    assert (thread.contact, thread.state, thread.needs_reply) == (stays, "open", True)
    assert set(Message.objects.values_list("contact", flat=True)) == {stays.pk}
    assert Note.objects.get().thread == thread and ContactHold.objects.get().contact == stays


def test_calls_made_and_to_be_made_are_whoever_goes_on(account) -> None:
    gone, stays = person(account, 2, "3125550102"), person(account, 1, "3125550101")
    planned = factories.plan_call(gone, origin="callback:7", kind="call_back")
    factories.make_recorded_call(account)
    Call.objects.update(contact=gone)
    merge(account, 2, 1)
    planned.refresh_from_db()
    assert (planned.contact, Call.objects.get().contact, planned.state) == (stays, stays, "queued")
    assert recount().differences == []


@pytest.mark.parametrize("whole", [True, False])
def test_who_asked_to_be_left_alone_is_left_alone_everywhere(account, whole: bool) -> None:
    by = factories.make_user(account)
    stays = person(account, 1, "3125550101")
    launch(account, stays)
    gone = person(account, 2, "3125550102")
    if whole:
        opt_outs.by_agent(gone, by=by, evidence="Leave me alone", now=clock.now())
    else:
        suppression.opt_out(
            factories.phone_of(gone), channel="phone", source="text", contact=gone, now=clock.now()
        )
    for _ in range(2):
        merge(account, 2, 1)
    there = {row.address.value: row.evidence for row in OptOut.objects.select_related("address")}
    if whole:
        assert there == dict.fromkeys(("+13125550101", "+13125550102"), "Leave me alone")
    else:
        assert set(there) == {"+13125550102"}, "a STOP is about its phone"
    assert Enrollment.objects.get().state == ("ended" if whole else "active")
