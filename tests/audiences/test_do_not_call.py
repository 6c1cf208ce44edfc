"""Do-not-call lists: whom they keep from what, and whom the national registry does not."""

from datetime import timedelta

import pytest

from audiences import suppression
from audiences.models import Consent, DoNotCallEntry, DoNotCallList
from tests.audiences import people
from tests.audiences.people import NOON
from tests.audiences.test_consents import agree
from tests.audiences.test_suppression import entry

pytestmark = pytest.mark.django_db
LISTED = suppression.Verdict(False, "do_not_call")


@pytest.fixture
def ann(db):
    return people.contact(people.account(), name="Ann")


def listed(account, *phones, kind="own", **fields):
    values = {"confirmed_at": NOON, "read_at": NOON, "phones": max(len(phones), 1), "name": "A list"}
    made = DoNotCallList.objects.create(
        account=account, kind=kind, obtained_on=NOON.date(), **(values | fields)
    )
    DoNotCallEntry.objects.bulk_create(DoNotCallEntry(list=made, phone=phone) for phone in phones)
    return made


def verdict(of, address, **fields):
    reach = people.reach(of, address, **fields)
    return suppression.may_reach([reach], now=NOON)[reach.key]


@pytest.mark.parametrize("kind", ["own", "registry"])
def test_a_listed_phone_gets_nothing_automatic_that_it_did_not_ask_for(ann, kind):
    phone, other = people.phone(ann), people.phone(ann, 1)
    listed(ann.account, phone.value, kind=kind)
    assert verdict(ann, phone) == verdict(ann, phone, medium="call") == LISTED
    for free in (
        {"automated": False},
        {"confirmation": True},
        {"answers_message_at": NOON - timedelta(hours=24)},
    ):
        assert verdict(ann, phone, **free).allowed
    assert verdict(ann, phone, answers_message_at=NOON - timedelta(hours=25)) == LISTED
    assert verdict(ann, other).allowed
    assert entry(ann) == (phone.pk, "do_not_call"), "the next phone is no way around the list"


def test_customers_who_come_later_are_found_by_number(ann):
    listed(ann.account, "+15185550177")
    assert verdict(ann, people.phone(ann, value="+15185550177")) == LISTED


def test_lists_of_others_drafts_and_ended_ones_keep_nobody(ann):
    phone = people.phone(ann)
    listed(people.account("other"), phone.value)
    listed(ann.account, phone.value, confirmed_at=None)
    listed(ann.account, phone.value, ended_at=NOON, ended_why="replaced")
    assert verdict(ann, phone).allowed and entry(ann) == (phone.pk, "")


@pytest.mark.parametrize(
    ("last_job", "own", "registry"),
    [
        (NOON.replace(year=2025, month=5), False, True),  # exactly 18 months ago
        (NOON.replace(year=2025, month=5) - timedelta(seconds=1), False, False),
        (NOON, False, True),
        (None, False, False),
    ],
)
def test_work_bought_within_18_months_excuses_the_registry_alone(ann, last_job, own, registry):
    ann.last_job_at = last_job
    ann.save()
    phone = people.phone(ann)
    scrub = listed(ann.account, phone.value, kind="registry")
    assert verdict(ann, phone).allowed is registry
    assert (entry(ann)[1] == "") is registry
    scrub.kind = "own"
    scrub.save()
    assert verdict(ann, phone).allowed is own
    assert (entry(ann)[1] == "") is own


def test_a_written_agreement_to_texts_excuses_the_registry_alone(ann):
    phone = people.phone(ann)
    listed(ann.account, phone.value, kind="registry")
    agree(phone, Consent.Kind.RECORDED_CALLS)
    assert verdict(ann, phone) == LISTED
    agree(phone)
    assert verdict(ann, phone).allowed and entry(ann)[1] == ""
    listed(ann.account, phone.value, kind="own")
    assert verdict(ann, phone) == LISTED and entry(ann)[1] == "do_not_call"


def test_a_registry_list_is_stale_after_31_days(ann):
    scrub = listed(ann.account, kind="registry")
    own = listed(ann.account)
    stale = DoNotCallList.objects.stale
    for days, expected in ((31, []), (32, [scrub])):
        today = NOON.date() + timedelta(days=days)
        assert list(stale(ann.account_id, today)) == expected
        assert scrub.is_stale(today) is bool(expected) and not own.is_stale(today)
