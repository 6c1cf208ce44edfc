"""Two records of one person: whoever goes on has everything, in whatever order the source tells of it."""

from itertools import permutations

import pytest

from audiences import merging, suppression
from audiences import servicetitan_pages as pages
from audiences import servicetitan_work as work
from audiences.imports import running, undoing
from audiences.models import (
    Address,
    Consent,
    Contact,
    ContactAddress,
    ImportedContact,
    Job,
    OptOut,
    OwnId,
)
from audiences.servicetitan_sync import sync
from tests.audiences import people, source
from tests.audiences.importing import ANN, HEAD, counts, values
from tests.audiences.people import NOON
from tests.audiences.source import Tenant

pytestmark = pytest.mark.django_db
LATER = "2026-11-02T00:00:00Z"


def customer(number, **fields):
    return source.customer(number, name="Jo Dunn", **fields)


def of(number):
    return Contact.objects.get(servicetitan_customer_id=number)


def picture():
    """All that hangs on customers."""
    return (
        sorted(Job.objects.values_list("servicetitan_id", "servicetitan_customer_id")),
        sorted(
            ContactAddress.objects.values_list(
                "contact__servicetitan_customer_id", "address__value", "position"
            )
        ),
        sorted(Contact.objects.values_list("servicetitan_customer_id", "active", "last_job_at")),
    )


PIECES = (
    lambda account: pages.apply_customers(account, [customer(1)]),
    lambda account: pages.apply_customers(account, [customer(2, mergedToId=1, modifiedOn=LATER)]),
    lambda account: pages.apply_contact_methods(
        account,
        [source.method(11, 1, "MobilePhone", "3035550101"), source.method(12, 2, "Phone", "3035550102")],
    ),
    lambda account: pages.apply_jobs(account, [source.job(21, 1), source.job(22, 2)]),
)


def test_everything_is_the_others_in_whatever_order_it_comes() -> None:
    seen = []
    for number, order in enumerate(permutations(PIECES)):
        account = people.account(f"a{number}")
        for apply in (*order, *order):  # and all of it again
            apply(account)
        seen.append(picture())
        ContactAddress.objects.all().delete()
        Job.objects.all().delete()
        Contact.objects.all().delete()
    jobs, links, contacts = seen[0]
    assert all(each == seen[0] for each in seen)
    assert jobs == [(21, 1), (22, 1)]
    assert links == [(1, "+13035550101", 0), (1, "+13035550102", 1)]
    assert [(pk, active) for pk, active, _ in contacts] == [(1, True), (2, False)]


def test_a_chain_ends_at_its_last_link_and_a_circle_moves_nobody(account) -> None:
    pages.apply_customers(account, [customer(2, mergedToId=3), customer(3, mergedToId=4)])
    pages.apply_jobs(account, [source.job(21, 2)])
    assert Job.objects.get().servicetitan_customer_id == 3, "as far as anybody is known"
    pages.apply_customers(account, [customer(4)])
    assert Job.objects.get().servicetitan_customer_id == 4
    assert merging.survivors(account.pk, [2, 3, 4]) == {2: 4, 3: 4}
    pages.apply_customers(account, [customer(4, mergedToId=2, modifiedOn=LATER)])
    assert merging.survivors(account.pk, [2, 3, 4]) == {}
    assert Job.objects.get().servicetitan_customer_id == 4


def test_papers_locations_and_calls_follow(account) -> None:
    pages.apply_customers(account, [customer(1), customer(2, mergedToId=1)])
    pages.apply_locations(account, [source.location(31, 2)])
    invoice = source.records.Invoice.model_validate({"id": 5, "customer": {"id": 2}, "total": "9"})
    work.apply_invoices(account, [invoice])
    assert of(1).city == "Miami"
    assert set(merging._MIRRORED) and all(
        set(model.objects.values_list("servicetitan_customer_id", flat=True)) <= {1}
        for model in merging._MIRRORED
    )


def test_wishes_flags_tags_and_ids_go_with_the_phone(account) -> None:
    pages.apply_customers(account, [customer(1), customer(2)])
    pages.apply_contact_methods(account, [source.method(12, 2, "Phone", "3035550102", doNotText=True)])
    gone = of(2)
    wrong = people.phone(gone, 3, value="+13035550103")
    ContactAddress.objects.filter(address=wrong).update(wrong_number_at=NOON)
    OwnId.objects.create(account=account, value="A-2", contact=gone)
    stopped = Address.objects.get(value="+13035550102")
    suppression.opt_out(stopped, channel="phone", source="text", contact=gone, now=NOON, evidence="STOP")
    pages.apply_customers(account, [customer(2, mergedToId=1, modifiedOn=LATER)])
    links = {link.address_id: link for link in of(1).contact_addresses.all()}
    assert links[stopped.pk].do_not_text and links[wrong.pk].wrong_number_at == NOON
    assert not of(2).contact_addresses.exists() and OwnId.objects.get().contact == of(1)
    assert suppression.in_force(links) == {stopped.pk}


@pytest.fixture
def tenant(start_sandbox):
    client = Tenant(start_sandbox("--demo", "--demo-customers", "12", "--customers", "silent"))
    client.sandbox.set_faults(servicetitan={"rate_limit": 0})
    yield client
    client.close()


def test_the_office_merges_two_customers(tenant, account) -> None:
    assert sync(account, client=tenant, now=NOON).error == ""
    owners = Job.objects.values_list("servicetitan_customer_id", flat=True)
    gone = Contact.objects.filter(servicetitan_customer_id__in=owners).earliest("pk")
    stays = Contact.objects.exclude(pk=gone.pk).earliest("pk")
    jobs, phones = Job.objects.count(), {*values(gone), *values(stays)}
    tenant.sandbox.put_servicetitan(
        "customers", id=gone.servicetitan_customer_id, mergedToId=stays.servicetitan_customer_id, active=False
    )
    for _ in range(2):
        assert sync(account, client=tenant, now=NOON).error == ""
        gone.refresh_from_db()
        assert not gone.active and not gone.contact_addresses.exists()
        assert {*values(stays)} == phones and Job.objects.count() >= jobs
        assert not Job.objects.filter(servicetitan_customer_id=gone.servicetitan_customer_id).exists()


# Who came by a file, and is a customer of ServiceTitan.


def arrive(account, name="Lee, Ann", number=7) -> None:
    pages.apply_customers(account, [source.customer(number, name=name)])
    pages.apply_contact_methods(account, [source.method(number, number, "MobilePhone", "3125550101")])


def test_who_came_by_a_file_first_becomes_the_customer(account, bring) -> None:
    listed = bring(HEAD + ANN, tag="Fair")
    came = Contact.objects.get()
    mailbox = Address.objects.get(channel="email")
    suppression.opt_out(mailbox, channel="email", source="text", contact=came, now=NOON, evidence="no mail")
    Consent.objects.create(
        account=account, address=Address.objects.get(channel="phone"), contact=came, kind="texts",
        source="form", proof="Yes", given_at=NOON, recorded_at=NOON,
    )  # fmt: skip
    for _ in range(2):
        arrive(account)
    ann = of(7)
    assert Contact.objects.filter(active=True).get() == ann and ann.name == "Lee, Ann"
    assert values(ann) == ["+13125550101", "ann@example.com"]
    assert suppression.in_force([mailbox.pk]) == {mailbox.pk}
    assert Consent.objects.of_contact(ann).get().ended_at is None
    assert [tag.name for tag in ann.tags.all()] == ["Fair"]
    listed.refresh_from_db()
    assert ImportedContact.objects.get(of=listed, contact=ann).outcome == "merged"
    assert counts(listed) == {"merged": 1}, "each figure has as many people behind it"
    assert counts(bring(HEAD + ANN)) == {"merged": 1}, "the file again finds the customer"


def test_another_name_on_that_phone_stays_another_person(account, bring) -> None:
    bring(HEAD + ANN)
    arrive(account, "Lee, Bob")
    assert Contact.objects.filter(active=True).count() == 2


def test_taking_the_file_back_leaves_the_customer(account, bring, by) -> None:
    listed = bring(HEAD + ANN)
    arrive(account)
    assert undoing.ask(listed, by=by, now=NOON)
    running.import_waiting(clock=lambda: NOON)
    listed.refresh_from_db()
    assert Contact.objects.get(active=True) == of(7) and listed.removed == 0
    assert values(of(7)) == ["+13125550101", "ann@example.com"]


def test_a_customer_first_and_then_the_file_is_one_person(account, bring) -> None:
    arrive(account)
    assert counts(bring(HEAD + ANN)) == {"merged": 1} and Contact.objects.get() == of(7)
    assert not OptOut.objects.exists()
