"""Consents: recorded with proof, one in force, ended by a wish in the same transaction, never changed."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from accounts.models import AuditEntry, User
from audiences import consent_records, suppression
from audiences.consent_records import Agreement, Refused
from audiences.models import Consent, ReachLimits
from tests.audiences import people
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db
Kind, Source = Consent.Kind, Consent.Source


@pytest.fixture
def ann(db):
    return people.contact(people.account(), name="Ann")


def agree(address, kind=Kind.TEXTS, *, given_at=NOON - timedelta(days=30), contact=None, now=NOON, by=None):
    said = Agreement(
        kind, Source.FORM, "I agree to promotional texts.", given_at, "https://demo.example/form"
    )
    return consent_records.record(address, said, contact=contact, now=now, by=by)


def in_force(address):
    return set(Consent.objects.in_force().filter(address=address).values_list("kind", flat=True))


def test_a_consent_is_kept_with_its_proof_and_an_entry(ann):
    agent = User.objects.create_user("agent@demo.example", name="Ag")
    kept = agree(people.phone(ann), contact=ann, by=agent)
    assert (kept.proof, kept.proof_at) == ("I agree to promotional texts.", "https://demo.example/form")
    assert (kept.contact, kept.recorded_by, kept.recorded_at) == (ann, agent, NOON)
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.detail["proof"]) == ("recorded_consent", "I agree to promotional texts.")


def test_one_is_in_force_for_each_kind(ann):
    phone = people.phone(ann)
    first = agree(phone)
    agree(phone, Kind.RECORDED_CALLS)
    with pytest.raises(Refused, match="in force already"):
        agree(phone)
    with pytest.raises(IntegrityError), transaction.atomic():
        Consent.objects.create(
            account=ann.account, address=phone, kind=Kind.TEXTS, source=Source.FORM, proof="x", given_at=NOON,
            recorded_at=NOON,
        )  # fmt: skip
    by = User.objects.create_user("a@demo.example", name="A")
    assert consent_records.withdraw(first, by=by, now=NOON)
    assert not consent_records.withdraw(first, by=by, now=NOON + timedelta(hours=1))
    assert in_force(phone) == {Kind.RECORDED_CALLS}
    agree(phone)
    assert in_force(phone) == {Kind.TEXTS, Kind.RECORDED_CALLS}


def test_what_cannot_be_a_consent_is_refused(ann):
    phone = people.phone(ann)
    with pytest.raises(Refused, match="lies ahead"):
        agree(phone, given_at=NOON + timedelta(seconds=1))
    with pytest.raises(Refused, match="words"):
        consent_records.record(phone, Agreement(Kind.TEXTS, Source.PAPER, "  ", NOON), contact=None, now=NOON)
    assert not Consent.objects.exists()


def test_an_opt_out_ends_every_consent_of_that_phone_and_no_other(ann):
    phone, other = people.phone(ann), people.phone(ann, 1)
    for address in (phone, other):
        agree(address), agree(address, Kind.RECORDED_CALLS)
    suppression.opt_out(phone, channel="phone", source="text", now=NOON)
    assert in_force(phone) == set() and len(in_force(other)) == 2
    assert set(Consent.objects.filter(address=phone).values_list("ended_at", "ended_why")) == {
        (NOON, "opted_out")
    }


def test_what_was_given_before_a_wish_comes_back_by_start_alone(ann):
    phone = people.phone(ann)
    suppression.opt_out(phone, channel="phone", source="text", now=NOON)
    later = NOON + timedelta(days=1)
    with pytest.raises(Refused, match="has opted out"):
        agree(phone, given_at=later, now=later)
    suppression.lift(phone, channel="phone", evidence="START", now=later)
    with pytest.raises(Refused, match="opted out on Nov 24, 2026, after"):
        agree(phone, given_at=NOON, now=later)
    assert agree(phone, given_at=later, now=later).ended_at is None


def test_the_database_refuses_every_change_but_one_end(ann):
    kept = agree(people.phone(ann))
    rows = Consent.objects.filter(pk=kept.pk)
    for change in (
        {"proof": "other words"},
        {"given_at": NOON},
        {"kind": Kind.RECORDED_CALLS},
        {"ended_at": NOON, "ended_why": "withdrawn", "proof": "other words"},
    ):
        with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
            rows.update(**change)
    with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
        connection.cursor().execute("DELETE FROM audiences_consent")
    connection.check_constraints()  # a table with open checks cannot be emptied by anybody
    with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
        connection.cursor().execute("TRUNCATE audiences_consent")
    assert rows.update(ended_at=NOON, ended_why="withdrawn") == 1
    for change in ({"ended_at": None, "ended_why": ""}, {"ended_at": NOON + timedelta(days=1)}):
        with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
            rows.update(**change)


def test_recorded_voice_needs_a_consent_whoever_calls_and_why(ann):
    phone = people.phone(ann)
    agree(phone)  # to texts: another matter

    def verdict(**fields):
        reach = people.reach(ann, phone, **{"medium": "call", "recorded_voice": True, **fields})
        return suppression.may_reach([reach], now=NOON)[reach.key]

    for fields in ({}, {"automated": False}, {"confirmation": True}, {"answers_message_at": NOON}):
        assert verdict(**fields) == suppression.Verdict(False, "no_consent")
    assert verdict(recorded_voice=False).allowed and verdict(medium="text").allowed
    agree(phone, Kind.RECORDED_CALLS)
    assert verdict().allowed


def test_the_switch_keeps_campaign_texts_to_those_who_agreed(ann):
    phone = people.phone(ann)

    def verdict(**fields):
        reach = people.reach(ann, phone, **fields)
        return suppression.may_reach([reach], now=NOON)[reach.key]

    assert verdict().allowed
    ReachLimits.objects.create(account=ann.account, texts_need_consent=True)
    assert verdict() == suppression.Verdict(False, "no_consent")
    for free in (
        {"medium": "call"},
        {"automated": False},
        {"confirmation": True},
        {"answers_message_at": NOON - timedelta(hours=24)},
    ):
        assert verdict(**free).allowed
    agree(phone)
    assert verdict().allowed
