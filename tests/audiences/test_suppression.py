"""The gate refuses whom it must, defers whom it may, and costs the same for one as for hundreds."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from accounts.models import AuditEntry, User
from audiences import fitness, hours, suppression
from audiences.models import Opening, OptOut, ReachLimits, SendWindow
from tests.audiences import people
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db


def verdict(contact, address, now=NOON, **fields):
    reach = people.reach(contact, address, **fields)
    return suppression.may_reach([reach], now=now)[reach.key]


def stop(address, **fields):
    return suppression.opt_out(address, channel="phone", source="text", now=NOON, **fields)


@pytest.fixture
def ann(db):
    return people.contact(people.account(), name="Ann")


def test_reachable_at_noon_until_the_window_closes(ann):
    found = verdict(ann, people.phone(ann))
    assert found == suppression.Verdict(True, closes_at=NOON + timedelta(hours=7))


@pytest.mark.parametrize("medium", ["text", "call"])
def test_opted_out_is_refused_for_good_to_everybody(ann, medium):
    phone, other = people.phone(ann), people.phone(ann, 1)
    assert stop(phone).evidence == ""
    for fields in ({}, {"automated": False}, {"confirmation": True}, {"answers_message_at": NOON}):
        assert verdict(ann, phone, medium=medium, **fields) == suppression.Verdict(False, "opted_out")
    assert verdict(ann, other, medium=medium).allowed


def test_flags_of_the_contact_stop_the_product_but_not_a_person(ann):
    phone = people.phone(ann)
    for name, value, reason in (("active", False, "inactive"), ("do_not_service", True, "do_not_service")):
        setattr(ann, name, value)
        ann.save()
        assert verdict(ann, phone) == suppression.Verdict(False, reason)
        assert verdict(ann, phone, automated=False).allowed
        setattr(ann, name, not value)
        ann.save()


def test_do_not_text_counts_whoever_carries_the_flag_and_leaves_calls(ann):
    phone = people.phone(ann)
    spouse = people.contact(ann.account)
    people.phone(spouse, value=phone.value, do_not_text=True)
    assert verdict(ann, phone) == suppression.Verdict(False, "do_not_text")
    assert verdict(ann, phone, medium="call").allowed


def test_phones_that_cannot_receive(ann):
    landline = people.phone(ann, line_type="landline")
    assert verdict(ann, landline) == suppression.Verdict(False, "no_address")
    assert verdict(ann, landline, medium="call").allowed
    dead = people.phone(ann, 1, unreachable_since=NOON)
    assert verdict(ann, dead) == suppression.Verdict(False, "unreachable")
    assert verdict(ann, dead, automated=False) == suppression.Verdict(False, "unreachable")


def test_phone_no_longer_theirs_or_of_another_account_is_no_address(ann):
    stranger = people.contact(people.account("other"))
    theirs = people.phone(stranger)
    assert verdict(ann, theirs) == suppression.Verdict(False, "no_address")
    assert verdict(ann, theirs, automated=False) == suppression.Verdict(False, "no_address")
    mine = people.phone(ann)
    mine.contact_addresses.all().delete()
    assert verdict(ann, mine) == suppression.Verdict(False, "no_address")


def test_closed_window_defers_machines_and_warns_people(ann):
    phone, night = people.phone(ann), NOON + timedelta(hours=10)
    opens = NOON + timedelta(hours=21)  # nine in the morning
    assert verdict(ann, phone, night) == suppression.Verdict(False, "window", until=opens)
    assert verdict(ann, phone, night, confirmation=True) == suppression.Verdict(False, "window", until=opens)
    assert verdict(ann, phone, night, automated=False) == suppression.Verdict(True, "window")
    wrote = night - timedelta(minutes=30)
    assert verdict(ann, phone, night, answers_message_at=wrote).allowed
    assert not verdict(ann, phone, night, answers_message_at=wrote - timedelta(seconds=1)).allowed


def test_window_that_never_opens_is_asked_again_after_the_horizon(ann):
    sundays = SendWindow.objects.create(start_minute=540, end_minute=1140, days=0b1000000)
    ann.zone_set = hours.zone_set_for(state="AL", zip_code="35203")  # no Sundays in Alabama
    found = verdict(ann, people.phone(ann), window_id=sundays.pk)
    assert found == suppression.Verdict(False, "window", until=NOON + hours.HORIZON)


def test_caps_defer_until_they_free(ann):
    phone, frees = people.phone(ann), NOON + timedelta(hours=5)
    assert verdict(ann, phone, address_touches_24h=2).allowed
    full = {"address_touches_24h": 3, "address_frees_at": frees}
    assert verdict(ann, phone, **full) == suppression.Verdict(False, "phone_cap", until=frees)
    home = {"household_touches_24h": 2, "household_frees_at": frees}
    assert verdict(ann, phone, **home) == suppression.Verdict(False, "household_cap", until=frees)
    assert verdict(ann, phone, household_touches_7d=6).reason == "household_cap"
    for free in (
        {"automated": False},
        {"confirmation": True},
        {"answers_message_at": NOON - timedelta(hours=24)},
    ):
        assert verdict(ann, phone, **full, **home, **free).allowed
    assert not verdict(ann, phone, **full, answers_message_at=NOON - timedelta(hours=25)).allowed


def test_account_may_set_its_household_limits(ann):
    ReachLimits.objects.create(account=ann.account, household_per_day=3, household_per_week=4)
    phone = people.phone(ann)
    assert verdict(ann, phone, household_touches_24h=2, household_touches_7d=2).allowed
    assert not verdict(ann, phone, household_touches_24h=3, household_touches_7d=3).allowed
    assert not verdict(ann, phone, household_touches_24h=0, household_touches_7d=4).allowed


def test_one_batch_counts_its_own_touches(ann):
    spouse = people.contact(ann.account, household=ann.household)
    mine, hers = people.phone(ann), people.phone(spouse)
    batch = [
        people.reach(ann, mine),
        people.reach(spouse, hers, medium="call"),
        people.reach(ann, mine, medium="call"),
        people.reach(ann, mine, automated=False),
    ]
    found = suppression.may_reach(batch, now=NOON)
    assert [found[reach.key].allowed for reach in batch] == [True, True, False, True]
    assert found[batch[2].key].reason == "household_cap"
    assert found[batch[2].key].until == NOON + timedelta(hours=24)
    several = [people.reach(ann, mine, household_id=number) for number in range(4)]
    reasons = [v.reason for v in suppression.may_reach(several, now=NOON).values()]
    assert reasons == ["", "", "", "phone_cap"]


def test_hold_and_the_latest_obstacle_decide(ann):
    phone, held = people.phone(ann), NOON + timedelta(hours=72)
    assert verdict(ann, phone, held_until=held) == suppression.Verdict(False, "hold", until=held)
    assert verdict(ann, phone, held_until=held, automated=False).allowed
    assert verdict(ann, phone, held_until=held, confirmation=True).allowed
    assert verdict(ann, phone, held_until=NOON).allowed
    cap = {"address_touches_24h": 3, "address_frees_at": NOON + timedelta(hours=80)}
    assert verdict(ann, phone, held_until=held, **cap).reason == "phone_cap"


def test_query_count_does_not_grow_with_the_batch(ann, django_assert_max_num_queries):
    batch = []
    for state, code in (("NY", "10001"), ("CO", "80202"), ("CA", "90001")):
        for _ in range(5):
            someone = people.contact(ann.account, zone_set=hours.zone_set_for(state=state, zip_code=code))
            for medium in ("text", "call"):
                batch.append(people.reach(someone, people.phone(someone), medium=medium))
    suppression.may_reach(batch, now=NOON)
    with django_assert_max_num_queries(7):
        assert len(suppression.may_reach(batch, now=NOON)) == 30


def test_failing_lookup_sends_nothing(ann):
    reach = people.reach(ann, people.phone(ann), zone_set_id=987654321)
    with pytest.raises(KeyError):
        suppression.may_reach([reach], now=NOON)
    assert Opening.objects.count() == 0


def test_opt_out_is_recorded_once_with_its_evidence(ann):
    phone = people.phone(ann)
    row = stop(phone, contact=ann, evidence="please stop", detector="words-1", provider_id="SM1")
    assert (row.evidence, row.detector, row.at, row.contact) == ("please stop", "words-1", NOON, ann)
    assert stop(phone) is None
    assert suppression.in_force([phone.pk, 0]) == {phone.pk}
    assert not AuditEntry.objects.exists()


def test_lifting_keeps_the_row_and_allows_a_new_one(ann):
    phone, agent = people.phone(ann), User.objects.create_user("agent@demo.example", name="Ag")
    assert suppression.lift(phone, channel="phone", evidence="START", now=NOON) is None
    stop(phone, by=agent)
    lifted = suppression.lift(phone, channel="phone", evidence="START", now=NOON, by=agent)
    assert lifted.lifted_at == NOON and lifted.lifted_evidence == "START"
    assert suppression.in_force([phone.pk]) == set()
    assert verdict(ann, phone).allowed
    assert stop(phone) is not None and OptOut.objects.count() == 2
    assert sorted(AuditEntry.objects.values_list("verb", flat=True)) == ["opted_in", "opted_out"]


def test_whatever_ends_an_opt_out_stands_in_the_log(ann):
    """A START too: the log is sealed, and what ends an opt-out is not."""
    phone = people.phone(ann)
    made = stop(phone)
    suppression.lift(phone, channel="phone", evidence="Start please", now=NOON)
    kept = AuditEntry.objects.get()
    assert (kept.verb, kept.by, kept.detail) == (
        "opted_in", None, {"opt_out": made.pk, "words": "Start please"}
    )  # fmt: skip


def entry(contact, now=NOON):
    """(chosen address id, first reason) as one statement of a launch would find them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {fitness.MOMENT_SQL} SELECT a.id, {fitness.entry_reason_sql()} FROM audiences_contact c "
            f"LEFT JOIN LATERAL ({fitness.FIRST_TEXTABLE_ADDRESS_SQL}) a ON TRUE WHERE c.id = %s",
            [now, contact.pk],
        )
        return cursor.fetchone()


def test_entry_takes_the_first_phone_that_may_be_texted(ann):
    assert entry(ann) == (None, "no_address")
    people.phone(ann, 0, line_type="landline")
    assert entry(ann) == (None, "no_address")
    flagged = people.phone(ann, 1, do_not_text=True)
    assert entry(ann) == (flagged.pk, "do_not_text")
    dead = people.phone(ann, 2, unreachable_since=NOON)
    assert entry(ann) == (dead.pk, "unreachable")
    good, spare = people.phone(ann, 3), people.phone(ann, 4)
    assert entry(ann) == (good.pk, "")
    stop(good)
    assert entry(ann) == (good.pk, "opted_out")  # the wish is not evaded by the spare phone
    assert spare.pk != good.pk


def test_entry_reasons_come_in_their_fixed_order(ann):
    stop(people.phone(ann, do_not_text=True))
    assert entry(ann)[1] == "do_not_text"
    ann.do_not_service = True
    ann.save()
    assert entry(ann)[1] == "do_not_service"
    ann.active = False
    ann.save()
    assert entry(ann)[1] == "inactive"
    assert [reason for reason, _ in fitness.ENTRY_REASONS] == [
        "inactive", "do_not_service", "no_address", "do_not_text", "unreachable", "opted_out", "do_not_call",
        "no_consent",
    ]  # fmt: skip


def test_entry_and_gate_give_the_same_reason(ann):
    for arrange in (
        lambda: people.phone(ann, do_not_text=True),
        lambda: people.phone(ann, unreachable_since=NOON),
    ):
        address = arrange()
        assert verdict(ann, address).reason == entry(ann)[1]
        address.delete()


@pytest.mark.django_db(transaction=True)
def test_opt_out_waits_for_a_claim_and_the_next_claim_sees_it():
    ann = people.contact(people.account())
    phone = people.phone(ann)
    done = threading.Event()

    def customer_says_stop():
        stop(phone)
        connections.close_all()
        done.set()

    with transaction.atomic():
        suppression.lock_households([ann.household_id])
        suppression.lock_addresses([phone.pk])
        assert verdict(ann, phone).allowed
        thread = threading.Thread(target=customer_says_stop)
        thread.start()
        assert not done.wait(0.5), "the opt-out did not wait for the claim's lock"
    thread.join(10)
    assert done.is_set()
    with transaction.atomic():
        suppression.lock_addresses([phone.pk])
        assert verdict(ann, phone).reason == "opted_out"


@pytest.mark.django_db(transaction=True)
def test_lock_outside_a_transaction_is_refused():
    with pytest.raises(transaction.TransactionManagementError):
        suppression.lock_addresses([1])
