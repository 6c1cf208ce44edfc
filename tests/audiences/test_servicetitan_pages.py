"""What single rows of ServiceTitan do to a contact."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from audiences import segments, suppression
from audiences import servicetitan_pages as pages
from audiences.models import Address, Contact, ContactAddress, Household, Job, JobTag, LocationTag, Tag
from tests.audiences import people, source
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(db):
    return people.account()


def addresses(customer_id=7):
    links = ContactAddress.objects.filter(contact__servicetitan_customer_id=customer_id).order_by("position")
    return [(link.address.value, link.do_not_text) for link in links.select_related("address")]


def pat():
    return Contact.objects.get(servicetitan_customer_id=7)


def test_customer_becomes_one_contact(account):
    pages.apply_customers(account, [source.customer(7, name="Doe, Jane", doNotService=True)])
    found = pat()
    assert (found.name, found.first_name, found.last_name) == ("Doe, Jane", "Jane", "Doe")
    assert found.do_not_service and found.active and found.kind == "residential"
    assert found.household.key == "a:7 MAIN ST 80202" and found.zone_set.key == "America/Denver|CO"
    pages.apply_customers(account, [source.customer(7, name="Doe Heating", type="Commercial", mergedToId=9)])
    found = pat()
    assert (found.first_name, found.active, found.household.key) == ("", False, "c:7")


def test_older_copy_never_overwrites_a_newer_one(account):
    newer = source.customer(7, name="New Name", modifiedOn="2026-11-02T00:00:00Z")
    pages.apply_customers(account, [newer, source.customer(7, name="Old Name")])
    assert pat().name == "New Name"
    pages.apply_customers(account, [source.customer(7, name="Old Name")])
    assert pat().name == "New Name"


def test_service_location_beats_the_billing_address_in_any_order(account):
    pages.apply_locations(account, [source.location(2, 7)])
    pages.apply_customers(account, [source.customer(7)])
    assert (pat().city, pat().zone_set.key, pat().household.key) == (
        "Miami", "America/New_York|FL", "a:9 OAK AVE #2 33101",
    )  # fmt: skip
    pages.apply_locations(account, [source.location(2, 8, modifiedOn="2026-11-03T00:00:00Z")])  # sold to 8
    pages.apply_customers(account, [source.customer(7, modifiedOn="2026-11-03T00:00:00Z")])
    assert pat().city == "Denver"


def test_state_written_out_is_the_state_that_is_meant(account):
    at = {"street": "5 Elm St", "city": "Duluth", "state": "Minnesota", "zip": ""}
    pages.apply_customers(account, [source.customer(7, address=at)])
    assert (pat().state, pat().zone_set.key) == ("MN", "America/Chicago|MN")
    pages.apply_locations(account, [source.location(2, 7, address=at | {"state": "Somewhere"})])
    assert (pat().state, pat().zone_set.key) == ("", "unknown|")


def test_people_of_one_home_share_a_household_and_companies_do_not(account):
    at = {"street": "5 Elm Street", "unit": "Apt 3", "city": "Denver", "state": "CO", "zip": "80202"}
    same = {"street": "5 elm st #3", "unit": None, "city": "Denver", "state": "CO", "zip": "80202-1111"}
    pages.apply_customers(
        account,
        [
            source.customer(1, address=at),
            source.customer(2, address=same),
            source.customer(3, address=same, type="Commercial"),
            source.customer(4, address={"street": "", "city": "", "state": "", "zip": ""}),
        ],
    )
    keys = dict(Contact.objects.values_list("servicetitan_customer_id", "household__key"))
    assert keys == {1: "a:5 ELM ST #3 80202", 2: "a:5 ELM ST #3 80202", 3: "c:3", 4: "c:4"}
    assert Household.objects.count() == 3


def test_phones_come_mobile_first_in_e164(account):
    pages.apply_contact_methods(
        account, [source.method(1, 7, "Phone", "303-555-0101")]
    )  # before the customer
    pages.apply_customers(account, [source.customer(7)])
    pages.apply_contact_methods(
        account,
        [
            source.method(5, 7, "Email", " Pat@Example.com "),
            source.method(2, 7, "MobilePhone", "(303) 555-0102", doNotText=True),
            source.method(3, 7, "Phone", "303 555 0103 ext 9"),  # behind an extension
            source.method(4, 7, "Phone", "call the office"),
            source.method(6, 7, "Fax", "303-555-0199"),
        ],
    )
    assert addresses() == [
        ("+13035550102", True), ("+13035550101", False), ("pat@example.com", False),
    ]  # fmt: skip
    assert Address.objects.get(value="+13035550102").line_type == "mobile"


def test_one_mailbox_is_one_address_however_it_was_typed(account):
    pages.apply_customers(account, [source.customer(7)])
    typed = [
        "Pat@example.com;",
        "<pat@example.com>",
        "pat@example.com",
        "pat@example",
        "a,b@example.com",
        "@",
    ]
    pages.apply_contact_methods(
        account, [source.method(number, 7, "Email", value) for number, value in enumerate(typed, 1)]
    )
    assert addresses() == [("pat@example.com", False)]


def test_two_methods_with_one_number_are_one_address_until_both_are_gone(account):
    pages.apply_customers(account, [source.customer(7)])
    mobile = source.method(2, 7, "MobilePhone", "3035550101")
    pages.apply_contact_methods(
        account, [mobile, source.method(1, 7, "Phone", "+13035550101", doNotText=True)]
    )
    assert addresses() == [("+13035550101", True)]
    later = "2026-11-05T00:00:00Z"
    pages.apply_contact_methods(account, [source.method(1, 7, "Phone", "x", active=False, modifiedOn=later)])
    assert addresses() == [("+13035550101", False)]
    pages.apply_contact_methods(
        account, [source.method(2, 7, "MobilePhone", "3035550101", active=False, modifiedOn=later)]
    )
    assert addresses() == [] and Address.objects.exists()


def test_changed_number_moves_and_an_address_added_by_people_stays(account):
    pages.apply_customers(account, [source.customer(7)])
    pages.apply_contact_methods(account, [source.method(1, 7, "MobilePhone", "3035550101")])
    own = people.phone(pat(), 9)
    suppression.opt_out(Address.objects.get(value="+13035550101"), channel="phone", source="text", now=NOON)
    changed = source.method(1, 7, "MobilePhone", "2125550101", modifiedOn="2026-11-05T00:00:00Z")
    pages.apply_contact_methods(account, [changed])
    assert addresses() == [("+12125550101", False), (own.value, False)]
    assert "NY" in pat().zone_set.states
    old = Address.objects.get(value="+13035550101")
    assert suppression.in_force([old.pk]) == {old.pk}


def test_method_that_moves_to_another_customer_leaves_the_first(account):
    pages.apply_customers(account, [source.customer(7), source.customer(8)])
    pages.apply_contact_methods(account, [source.method(1, 7, "MobilePhone", "3035550101")])
    moved = source.method(1, 8, "MobilePhone", "3035550101", modifiedOn="2026-11-05T00:00:00Z")
    pages.apply_contact_methods(account, [moved])
    assert addresses(7) == [] and addresses(8) == [("+13035550101", False)]


def test_tags_follow_the_customer_and_unknown_ones_wait_for_their_name(account):
    pages.apply_customers(account, [source.customer(7, tagTypeIds=[41, 42])])
    assert set(pat().tags.values_list("name", flat=True)) == {"#41", "#42"}
    pages.apply_tags(account, [source.tag(41, "VIP", active=False)])
    pages.apply_customers(account, [source.customer(7, tagTypeIds=[41])])
    assert [(tag.name, tag.active) for tag in pat().tags.all()] == [("VIP", False)]
    assert Tag.objects.count() == 2


@pytest.mark.parametrize(
    ("apply", "record", "model"),
    [
        (pages.apply_jobs, source.job, JobTag),
        (pages.apply_locations, source.location, LocationTag),
    ],
    ids=["jobs", "locations"],
)
def test_tags_of_jobs_and_locations_are_what_the_newest_copy_says(account, apply, record, model):
    def tags():
        return set(model.objects.values_list("tag__servicetitan_id", flat=True))

    newer = "2026-11-05T12:00:00Z"
    apply(account, [record(5, 7, tagTypeIds=[41, 42]), record(6, 7)])
    assert tags() == {41, 42}
    apply(account, [record(5, 7, tagTypeIds=[42, 43], modifiedOn=newer)])
    assert tags() == {42, 43}
    apply(account, [record(5, 7, tagTypeIds=[41])])
    assert tags() == {42, 43}, "an older copy came late"
    apply(account, [record(5, 7, modifiedOn=newer, tagTypeIds=[]), record(5, 7, tagTypeIds=[41])])
    assert tags() == set()


def test_last_job_counts_neither_cancelled_nor_deleted_ones(account):
    pages.apply_jobs(account, [source.job(1, 7)])  # before the customer
    pages.apply_customers(account, [source.customer(7)])
    assert pat().last_job_at == datetime(2026, 5, 1, 12, tzinfo=UTC)
    pages.apply_jobs(
        account,
        [
            source.job(2, 7, jobStatus="Scheduled", completedOn=None, createdOn="2026-10-01T12:00:00Z"),
            source.job(3, 7, jobStatus="Canceled", completedOn=None, createdOn="2026-10-05T12:00:00Z"),
            source.job(4, 7, active=False, completedOn="2026-10-09T12:00:00Z"),
        ],
    )
    assert pat().last_job_at == datetime(2026, 10, 1, 12, tzinfo=UTC)
    later = "2026-11-05T00:00:00Z"
    pages.apply_jobs(account, [source.job(2, 7, jobStatus="Canceled", completedOn=None, modifiedOn=later)])
    assert pat().last_job_at == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert Job.objects.get(servicetitan_id=1).job_type.name == "#5"


def test_a_contact_keeps_how_many_jobs_and_what_they_are_worth(account):
    def kept():
        return tuple(Contact.objects.values_list("job_count", "job_total").get(servicetitan_customer_id=7))

    pages.apply_jobs(account, [source.job(1, 7)])
    pages.apply_customers(account, [source.customer(7)])
    assert kept() == (1, Decimal("99.50")), "whichever came first"
    pages.apply_jobs(account, [source.job(2, 7, total=0.5), source.job(3, 7, total=None)])
    assert kept() == (3, 100)
    later = "2026-11-02T00:00:00Z"
    pages.apply_jobs(account, [source.job(1, 7, jobStatus="Canceled", modifiedOn=later)])
    assert kept() == (2, Decimal("0.50"))
    pages.apply_jobs(account, [source.job(2, 7, total=7, modifiedOn=later)])
    assert kept() == (2, 7)
    Contact.objects.update(job_count=None, job_total=None)  # of the release before
    worth = {"match": "all", "rules": [{"field": "revenue", "is": "at_least", "value": 7}]}
    jobs = {"match": "all", "rules": [{"field": "jobs", "is": "at_most", "value": 1}]}
    assert (segments.count(account, worth), segments.count(account, jobs)) == (1, 0)


def test_accounts_with_equal_ids_stay_apart(account):
    other = people.account("other")
    for one in (account, other):
        pages.apply_customers(one, [source.customer(7, name=one.name)])
        pages.apply_contact_methods(one, [source.method(1, 7, "MobilePhone", "3035550101")])
    names = Contact.objects.values_list("account__name", "name")
    assert sorted(names) == [("Demo", "Demo"), ("Other", "Other")]
    assert Address.objects.count() == 2 == Household.objects.count()


def test_phones_that_the_source_names_no_more_go_but_none_that_came_meanwhile(account) -> None:
    pages.apply_customers(account, [source.customer(1)])
    pages.apply_contact_methods(
        account,
        [
            source.method(11, 1, "MobilePhone", "3035550101"),
            source.method(12, 1, "Phone", "3035550102"),
            source.method(13, 1, "Phone", "3035550103", modifiedOn="2026-11-20T00:00:00Z"),
        ],
    )
    asked_at = datetime(2026, 11, 19, tzinfo=UTC)
    pages.drop_methods(account, [1], but=[11], known=asked_at)
    left = ContactAddress.objects.order_by("position").values_list("address__value", flat=True)
    assert list(left) == ["+13035550101", "+13035550103"]
