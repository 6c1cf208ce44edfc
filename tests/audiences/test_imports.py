"""Contacts from files: who is added, who is known, what is refused, and that a kill changes none of it."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import Count

from accounts.models import AuditEntry
from audiences import segments, suppression
from audiences.imports import homes, running, undoing
from audiences.imports.running import Grounds
from audiences.models import (
    Address,
    Consent,
    Contact,
    ContactAddress,
    ContactImport,
    ContactImportPart,
    Household,
    ImportedContact,
    OptOut,
    OwnId,
    Tag,
)
from common import loops
from tests import factories
from tests.audiences import people
from tests.audiences.importing import ANN, BOB, CUSTOMERS, HEAD, counts, uploaded, values, whys, world
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db


def test_people_come_with_phones_mailboxes_home_and_place(account, bring) -> None:
    listed = bring(HEAD + ANN + BOB, tag="Spring")
    assert counts(listed) == {"added": 2} and listed.finished_at == NOON and listed.done == 3
    ann, bob = Contact.objects.order_by("name")
    assert (ann.name, ann.first_name, ann.last_name, ann.kind) == ("Ann Lee", "Ann", "Lee", "residential")
    assert (ann.street, ann.city, ann.state, ann.zip) == ("12 North Oak Street", "Chicago", "IL", "60601")
    assert (bob.state, bob.zip, ann.household) == ("IL", "60601-1234", bob.household)
    assert (values(ann), ann.zone_set.zones) == (["+13125550101", "ann@example.com"], ["America/Chicago"])
    assert ann.servicetitan_customer_id == -ann.pk, "no customer of ServiceTitan's, and nobody else's"
    assert not ContactImportPart.objects.exists()
    assert list(Tag.objects.get(name="Spring").contacts.order_by("pk")) == [ann, bob]
    verbs = list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs == ["imported_contacts", "finished_import"]


def test_an_audience_can_be_made_of_them_at_once(account, bring) -> None:
    bring(HEAD + ANN)
    second = bring(HEAD + BOB)
    rules = {"match": "all", "rules": [{"field": "import", "is": "any_of", "value": [second.pk]}]}
    assert segments.validate(account, rules) == []
    assert [c.name for c in segments.contacts(account, rules)] == ["Bob Lee"]


def test_the_same_file_twice_changes_nothing(account, bring) -> None:
    bring(HEAD + ANN + BOB)
    before = world(account), Address.objects.count(), Household.objects.count()
    assert counts(bring(HEAD + ANN + BOB)) == {"unchanged": 2}
    assert (world(account), Address.objects.count(), Household.objects.count()) == before


def test_somebody_named_again_in_the_file_gains_what_is_new(account, bring) -> None:
    listed = bring(HEAD + ANN + BOB + ANN.replace("ann@", "ann.lee@").replace("12 North", "99"))
    assert counts(listed) == {"added": 2, "repeated": 1}
    ann = Contact.objects.get(first_name="Ann")
    assert ann.street == "12 North Oak Street" and "ann.lee@example.com" in values(ann)
    assert whys(listed) == {4: "an earlier row names this person"}


def test_a_contact_of_servicetitan_only_gains_addresses(account, bring) -> None:
    known = people.contact(account, name="Ann Lee", first_name="Ann", last_name="Lee", street="1 Old Road",
                           state="NY", zip="12201")  # fmt: skip
    people.phone(known, value="+13125550101")
    home = known.household_id
    assert counts(bring(HEAD + ANN)) == {"merged": 1}
    known.refresh_from_db()
    assert (known.street, known.zip, known.household_id) == ("1 Old Road", "12201", home)
    assert values(known) == ["+13125550101", "ann@example.com"] and Contact.objects.count() == 1


def test_a_phone_that_servicetitan_did_not_know_counts_for_hours(account, bring) -> None:
    """It may ring elsewhere: its zone is a candidate from then on, also after the next sync."""
    from audiences.derived_contacts import derive

    known = people.contact(account, name="Ann Lee", first_name="Ann", last_name="Lee", state="NY",
                           zip="12201")  # fmt: skip
    people.phone(known, value="+15185550101")
    bring("Name,Phone,Phone 2\nLee ann,5185550101,\nAnn Lee,5185550101,2135550101\n")
    for _ in range(2):
        known.refresh_from_db()
        assert known.zone_set.zones == ["America/Los_Angeles", "America/New_York"]
        derive(account.pk, customer_ids=[known.servicetitan_customer_id])


def test_your_own_id_and_servicetitans_come_before_names(account, bring) -> None:
    bring("Customer ID,Name,Phone\nA-1,Ann Lee,3125550101\nA-2,Ann Lee,3125550101\n")
    assert Contact.objects.count() == OwnId.objects.count() == 2, "two ids are two people"
    listed = bring("Customer ID,Name,Phone\nA-1,Ann Lee-Park,3125550103\n")
    assert counts(listed) == {"updated": 1}
    assert OwnId.objects.get(value="A-1").contact.name == "Ann Lee-Park"
    known = people.contact(account, name="Cy", servicetitan_customer_id=77)
    listed = bring("ServiceTitan ID,Name,Phone\n77,Cyrus,3125550104\n")
    assert counts(listed) == {"merged": 1} and values(known) == ["+13125550104"]


def test_homes_share_phones_so_another_name_is_another_person(account, bring) -> None:
    rows = "Name,Phone\nAnn Lee,3125550101\nBob Lee,3125550101\nlee,3125550101\n"
    assert counts(bring(rows)) == {"added": 3}
    assert Address.objects.count() == 1


def test_a_contact_of_an_earlier_file_follows_the_newer_one(account, bring) -> None:
    bring(HEAD + ANN)
    listed = bring(HEAD + ANN.replace("12 North Oak Street", "7 Elm Court").replace("60601", "60602"))
    ann = Contact.objects.get()
    assert counts(listed) == {"updated": 1}
    assert (ann.street, ann.zip, ann.household.key) == ("7 Elm Court", "60602", "a:7 ELM CT 60602")
    assert counts(bring("Name,Phone,City\nAnn Lee,3125550101,\n")) == {"unchanged": 1}, "blanks say nothing"


def test_nobodys_wish_is_lifted_and_no_list_is_left(account, bring) -> None:
    known = people.contact(account, name="Ann Lee", first_name="Ann", last_name="Lee")
    phone = people.phone(known, value="+13125550101")
    OptOut.objects.create(
        account=account, address=phone, channel="phone", at=NOON - timedelta(days=700), source="agent"
    )
    grounds = Grounds(ContactImport.Ground.TEXTS, on=date(2026, 1, 5), proof="I agree.", place="Order form")
    listed = bring(HEAD + ANN.replace("Ann,", "Anna,") + BOB, grounds)
    assert counts(listed) == {"added": 2} and listed.consents == 1
    anna = Contact.objects.get(name="Anna Lee")
    reach = people.reach(anna, phone)
    assert not suppression.may_reach([reach], now=NOON)[reach.key].allowed
    given = Consent.objects.get()
    assert (given.contact.name, given.kind, given.source) == ("Bob Lee", "texts", "import")
    assert (given.proof, given.proof_at, given.recorded_by.name) == ("I agree.", "Order form", "Cass")
    assert given.given_at.astimezone(account.zone).isoformat()[:16] == "2026-01-05T00:00"


def test_a_date_a_row_and_both_kinds_of_consent(account, bring) -> None:
    rows = "Name,Phone,Consent date,Consent source\nAnn Lee,3125550101,3/14/2026,https://a.example\n"
    rows += "Bob,3125550102,,\n"
    listed = bring(rows, Grounds(ContactImport.Ground.CALLS, proof="Yes"))
    kept = Consent.objects.order_by("kind").values_list("kind", "proof_at")
    assert listed.consents == 2 and list(kept) == [
        ("recorded_calls", "https://a.example"), ("texts", "https://a.example"),
    ], "Bob gave no date, so nothing is on record of him"  # fmt: skip


def test_a_wrong_number_does_not_come_back_by_a_file(account, bring) -> None:
    known = people.contact(account, name="Ann Lee", first_name="Ann", last_name="Lee")
    people.phone(known, value="+13125550101")
    ContactAddress.objects.update(wrong_number_at=NOON)
    assert counts(bring(HEAD + ANN)) == {"merged": 1}
    assert ContactAddress.objects.get(address__channel="phone").wrong_number_at == NOON


LIST = HEAD + "".join(
    f"P{n % 31},Lee,312555{n % 31:04},{'' if n % 3 else f'p{n % 62}@example.com'},{n % 11} Elm St,Chicago,"
    "IL,60601\n"
    for n in range(80)
)


def test_wherever_it_is_killed_the_end_is_the_same(account, bring, monkeypatch) -> None:
    """One piece after the other dies with its transaction, then is taken in by another worker."""
    other = people.account("other")
    bring(LIST, into=other)
    monkeypatch.setattr("audiences.uploads.PIECE", 500)
    listed = bring(LIST, only_confirm=True)
    pieces, killed = listed.parts.count(), 0
    assert pieces > 6
    while ContactImport.objects.running().exists():
        before = ContactImport.objects.get(pk=listed.pk).done, Contact.objects.count()
        with monkeypatch.context() as dying:
            dying.setattr(ContactImport, "save", _die)
            with pytest.raises(KeyboardInterrupt), transaction.atomic():
                running.import_piece(listed.pk, now=NOON)
        killed += 1
        assert (ContactImport.objects.get(pk=listed.pk).done, Contact.objects.count()) == before
        running.import_piece(listed.pk, now=NOON)
    listed.refresh_from_db()
    assert killed == pieces and world(account) == world(other)
    theirs = ContactImport.objects.get(account=other)
    assert counts(listed) == counts(theirs) and listed.done == listed.rows == 81
    assert sum(counts(listed).values()) == 80
    outcomes = ImportedContact.objects.filter(of=listed).values_list("outcome").annotate(n=Count("contact"))
    assert dict(outcomes) == {"added": listed.added} and counts(listed) == {"added": 31, "repeated": 49}


@pytest.mark.django_db(transaction=True)
def test_what_is_made_ahead_of_a_piece_is_found_by_whoever_takes_it_in(account, by, monkeypatch) -> None:
    """A worker that ends between two pieces leaves phones and homes of the next; another goes on."""
    other = people.account("other")
    for into, size in ((other, 100_000), (account, 500)):
        monkeypatch.setattr("audiences.uploads.PIECE", size)
        listed = uploaded(into, by, LIST)
        assert running.confirm(listed, listed.meanings, CUSTOMERS, tag="", by=by, now=NOON)
        one_piece = iter((True, True))
        running.import_waiting(clock=lambda: NOON, go_on=partial(next, one_piece, False))
    ours = Address.objects.filter(account=account)
    assert 0 < Contact.objects.filter(account=account).count() < 31
    assert ours.filter(contact_addresses=None).exists(), "made while the piece before was written"
    running.import_waiting(clock=lambda: NOON)
    assert world(account) == world(other) and not ours.filter(contact_addresses=None).exists()
    homes_of = Household.objects.filter(contacts=None)
    assert not homes_of.exists(), "a home is made for whoever is new in it"


def _die(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_two_files_at_once_take_turns_and_make_nobody_twice(account, bring, monkeypatch) -> None:
    monkeypatch.setattr("audiences.uploads.PIECE", 500)
    first, second = bring(LIST, only_confirm=True), bring(LIST, only_confirm=True)
    assert running.import_piece(first.pk, now=NOON) and running.import_piece(second.pk, now=NOON)
    running.import_waiting(clock=lambda: NOON)
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.finished_at and second.finished_at
    other = people.account("other")
    bring(LIST, into=other)
    assert world(account) == world(other)


def test_pieces_of_one_account_never_go_in_side_by_side(account, bring) -> None:
    """Another worker is at another file of the account: neither would see whom the other makes."""
    listed = bring(HEAD + ANN, only_confirm=True)
    key = loops.key_of(f"import_contacts:{account.pk}")
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as worker:
        worker.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        assert running.import_piece(listed.pk, now=NOON) == 0 and not Contact.objects.exists()
    assert running.import_piece(listed.pk, now=NOON) == 2 and Contact.objects.exists()


def test_what_somebody_else_makes_meanwhile_is_taken_as_it_is(account, bring, monkeypatch) -> None:
    """A sync commits the same phone and the same home between our look and our writing."""
    phone = Address.objects.create(account=account, channel="phone", value="+13125550101", line_type="mobile")
    home = Household.objects.create(account=account, key="a:12 N OAK ST 60601")
    looks, real = [dict[str, int]()], homes._known
    monkeypatch.setattr(homes, "_known", lambda *args: looks.pop() if looks else real(*args))
    monkeypatch.setattr("audiences.imports.addresses.known", lambda *_: {})
    assert counts(bring(HEAD + ANN + BOB)) == {"added": 2}
    assert factories.phone_of(Contact.objects.get(first_name="Ann")) == phone
    assert home.contacts.count() == 2 and Address.objects.count() == 4


def test_a_cancelled_import_says_how_many_came_and_takes_no_more(account, bring, by, monkeypatch) -> None:
    monkeypatch.setattr("audiences.uploads.PIECE", 500)
    listed = bring(LIST, only_confirm=True)
    running.import_piece(listed.pk, now=NOON)
    assert running.cancel(listed, by=by, now=NOON) and not running.cancel(listed, by=by, now=NOON)
    assert running.import_waiting(clock=lambda: NOON) == 0 and not listed.parts.exists()
    listed.refresh_from_db()
    assert 0 < listed.done < listed.rows and listed.taken_in == Contact.objects.count()
    assert not listed.is_running and listed.seconds_left(NOON) is None


def test_an_import_that_breaks_says_so_and_goes_on_when_asked(account, bring, by, monkeypatch) -> None:
    listed = bring(HEAD + ANN, only_confirm=True)
    monkeypatch.setattr("audiences.imports.writing.write", _break)
    assert running.import_waiting(clock=lambda: NOON) == 0
    listed.refresh_from_db()
    assert listed.failed_at == NOON and not Contact.objects.exists()
    monkeypatch.undo()
    assert running.resume(listed, by=by) and not running.resume(listed, by=by)
    assert AuditEntry.objects.filter(verb="resumed_import").count() == 1
    running.import_waiting(clock=lambda: NOON)
    assert Contact.objects.get().name == "Ann Lee"


def _break(*_: Any, **__: Any) -> None:
    raise ValueError


def test_new_contacts_go_again_unless_they_were_used(account, bring, by) -> None:
    earlier = bring(HEAD + ANN)
    cal = "Cal,Doe,3125550103,,,,,\n"
    listed = bring(HEAD + ANN + BOB + cal + "Dee,Doe,3125550104,,,,,\n")
    bob, cal, dee = (Contact.objects.get(first_name=name) for name in ("Bob", "Cal", "Dee"))
    Consent.objects.create(account=account, address=factories.phone_of(cal), contact=cal, kind="texts",
                           source="form", proof="Yes", given_at=NOON, recorded_at=NOON)  # fmt: skip
    number = factories.make_number(account)
    from conversations.models import Thread

    Thread.objects.create(account=account, contact=dee, address=factories.phone_of(dee), number=number)
    assert undoing.ask(listed, by=by, now=NOON) and not undoing.ask(listed, by=by, now=NOON)
    running.import_waiting(clock=lambda: NOON)
    listed.refresh_from_db()
    assert (listed.undone_at, listed.removed, listed.retired) == (NOON, 1, 1)
    assert set(Contact.objects.values_list("first_name", "active")) == {
        ("Ann", True), ("Cal", False), ("Dee", True),
    }  # fmt: skip
    assert not Contact.objects.filter(pk=bob.pk).exists() and earlier.added == 1


def test_who_was_taken_back_comes_again_with_another_file(account, bring, by) -> None:
    agreed = Grounds(ContactImport.Ground.TEXTS, on=date(2026, 3, 1), proof="Yes")
    listed = bring(HEAD + ANN, agreed)
    undoing.ask(listed, by=by, now=NOON)
    running.import_waiting(clock=lambda: NOON)
    assert not Contact.objects.get().active, "a consent keeps them"
    assert counts(bring(HEAD + ANN, agreed)) == {"updated": 1} and Contact.objects.get().active


def test_an_undoing_that_breaks_holds_up_no_other(account, bring, by, monkeypatch) -> None:
    first, second = bring(HEAD + ANN), bring(HEAD + BOB)
    assert undoing.ask(first, by=by, now=NOON) and undoing.ask(second, by=by, now=NOON)
    real = undoing._remove
    monkeypatch.setattr(undoing, "_remove", lambda of, ids: _break() if of == first else real(of, ids))
    running.import_waiting(clock=lambda: NOON)
    assert Contact.objects.get().name == "Ann Lee"
    monkeypatch.undo()
    running.import_waiting(clock=lambda: NOON)
    assert not Contact.objects.exists()


def test_a_piece_takes_as_many_queries_whatever_its_size(
    account, bring, django_assert_max_num_queries
) -> None:
    for size in (5, 200):
        listed = bring(
            "Name,Phone,Email,Tags\n"
            + "".join(f"P{n},312555{n + size:04},p{n}@a{size}.example,T{n % 3}\n" for n in range(size)),
            only_confirm=True,
        )
        with django_assert_max_num_queries(27):
            running.import_piece(listed.pk, now=NOON)
    assert Contact.objects.count() == 5 + 200


def test_forgotten_drafts_go(account, by) -> None:
    uploaded(account, by, HEAD + ANN)
    running.import_waiting(clock=lambda: NOON + timedelta(days=8))
    assert not ContactImport.objects.exists()


def test_time_left_is_what_the_pace_says() -> None:
    listed = ContactImport(rows=100, done=25, begun_at=NOON, confirmed_at=NOON)
    later = NOON + timedelta(seconds=10)
    assert (listed.rate(later), listed.seconds_left(later)) == (2.5, 30)
    assert ContactImport(rows=5, confirmed_at=datetime(2026, 1, 1, tzinfo=UTC)).rate(later) is None


def test_rows_that_made_no_contact_are_deleted_after_their_time(account, bring, monkeypatch) -> None:
    monkeypatch.setattr(running, "FORGOTTEN_AT_ONCE", 1)
    bad = "Nobody,,,,,,,\n"
    listed = bring(HEAD + ANN + ANN + bad + bad)
    assert listed.kept_rows.count() == 3 and listed.rows_kept_until == NOON + timedelta(days=90)
    running.import_waiting(clock=lambda: NOON + timedelta(days=89))
    assert listed.kept_rows.count() == 3
    running.import_waiting(clock=lambda: NOON + timedelta(days=90))
    listed.refresh_from_db()
    assert (listed.kept_rows.count(), listed.rejected, listed.repeated) == (0, 2, 1)
