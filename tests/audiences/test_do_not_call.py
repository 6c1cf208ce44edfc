"""Do-not-call lists: whom they keep from what, and whom the national registry does not."""

import io
from datetime import timedelta

import pytest

from accounts.models import AuditEntry, User
from audiences import do_not_call, suppression
from audiences.models import Consent, DoNotCallEntry, DoNotCallList, DoNotCallPart
from audiences.uploads import Unreadable
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


def taken_in(account, data, by=None, **fields):
    upload = do_not_call.Upload(**({"kind": "own", "name": "A list", "obtained_on": NOON.date()} | fields))
    raw = data.encode() if isinstance(data, str) else data
    by = by or User.objects.create_user(f"{account.slug}@demo.example", name="Ad")
    return do_not_call.take_in(account, upload, io.BytesIO(raw), len(raw), by=by, now=NOON)


def read_all(kept):
    do_not_call.read_waiting(now=NOON)
    kept.refresh_from_db()
    return sorted(DoNotCallEntry.objects.filter(list=kept).values_list("phone", flat=True))


def test_a_list_is_read_in_pieces_that_end_where_rows_end(ann, monkeypatch):
    monkeypatch.setattr(do_not_call, "PART", 40)
    rows = ['"312-555-0101","said\nno, twice"', "3125550102", "", "(312) 555-0101", "no phone", "a@b.com"]
    rows += [f"31255501{n:02}" for n in range(3, 40)]
    kept = taken_in(ann.account, "Phone,Note\n" + "\n".join(rows))
    pieces = list(DoNotCallPart.objects.filter(list=kept).order_by("first_row"))
    assert len(pieces) > 5 and sum(piece.rows for piece in pieces) == kept.rows == 44
    people.phone(ann, value="+13125550105")
    assert read_all(kept) == [f"+131255501{n:02}" for n in range(1, 40)]
    assert (kept.done, kept.phones, kept.duplicates, kept.rejected, kept.customers) == (44, 39, 1, 2, 1)
    assert kept.rejected_rows.splitlines() == [
        "Row 6: “no phone” is no phone number",
        "Row 7: it holds a mailbox; this is a list of phones",
    ]
    assert kept.read_at == NOON and not DoNotCallPart.objects.exists()


def test_the_registrys_own_files_are_read(ann):
    assert read_all(taken_in(ann.account, "202,5550123\r\n202,5550124\r\n")) == [
        "+12025550123",
        "+12025550124",
    ]


def test_a_worker_that_stops_leaves_the_rest_to_another(ann, monkeypatch):
    monkeypatch.setattr(do_not_call, "PART", 100)
    kept = taken_in(ann.account, "\n".join(f"3125550{n:03}" for n in range(100, 200)))
    turns = iter([True, True, False])
    assert 0 < do_not_call.read_waiting(now=NOON, go_on=lambda: next(turns, False)) < 100
    kept.refresh_from_db()
    assert kept.read_at is None and kept.seconds_left(NOON + timedelta(seconds=kept.done)) == 100 - kept.done
    assert len(read_all(kept)) == 100 and kept.duplicates == 0


def test_reading_takes_as_many_queries_whatever_the_size(ann, django_assert_num_queries):
    for size in (10, 500):
        taken_in(
            ann.account,
            "\n".join(f"3125{n:06}" for n in range(550000, 550000 + size)),
            by=User.objects.create_user(f"{size}@demo.example", name="Ad"),
        )
        with django_assert_num_queries(9):
            do_not_call.read_waiting(now=NOON)


@pytest.mark.parametrize(
    ("data", "words"), [(b"", "empty"), (b"PK\x03\x04", "workbook"), (b"\x89\0\0", "no text")]
)
def test_what_is_no_list_is_not_kept(ann, data, words):
    with pytest.raises(Unreadable, match=words):
        taken_in(ann.account, data)
    assert not DoNotCallList.objects.exists()


def test_a_list_with_an_open_quotation_mark_is_refused_whole(ann):
    rows = ["Phone,Name", '3125559999,"Bob', *(f"312555{number:04},Ann" for number in range(100))]
    with pytest.raises(Unreadable, match="quotation mark"):
        taken_in(ann.account, "\n".join(rows))
    assert not DoNotCallPart.objects.exists() and not DoNotCallList.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_list_that_cannot_be_read_keeps_no_other_waiting(ann):
    broken = taken_in(ann.account, "3125550101")
    DoNotCallPart.objects.filter(list=broken).update(rows=2**31 - 1)
    DoNotCallList.objects.filter(pk=broken.pk).update(done=1)  # one more than the column holds
    other = people.account("other")
    assert read_all(taken_in(other, "3125550102")) == ["+13125550102"]
    broken.refresh_from_db()
    assert broken.read_at is None and DoNotCallPart.objects.filter(list=broken).exists()


def test_too_many_rows_are_refused_whole(ann, monkeypatch):
    monkeypatch.setattr(do_not_call, "MOST_ROWS", 3)
    with pytest.raises(Unreadable, match="more than 3 rows"):
        taken_in(ann.account, "3125550101\n" * 4)
    assert not DoNotCallList.objects.exists() and not DoNotCallPart.objects.exists()


def test_a_confirmed_list_takes_the_place_of_another_which_stays_on_record(ann):
    phone, by = people.phone(ann), User.objects.create_user("ad@demo.example", name="Ad")
    old = listed(ann.account, phone.value, kind="registry")
    new = taken_in(ann.account, "3125550101", by=by, kind="registry", replaces=old)
    assert not do_not_call.confirm(new, by=by, now=NOON), "not read yet"
    read_all(new)
    assert verdict(ann, phone) == LISTED
    assert do_not_call.confirm(new, by=by, now=NOON) and not do_not_call.confirm(new, by=by, now=NOON)
    old.refresh_from_db()
    assert (old.ended_at, old.ended_why) == (NOON, "replaced") and old.entries.count() == 1
    assert verdict(ann, phone).allowed
    assert do_not_call.remove(new, by=by, now=NOON) and not do_not_call.remove(new, by=by, now=NOON)
    assert list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True)) == [
        "began_do_not_call_list", "ended_do_not_call_list",
    ]  # fmt: skip


def test_a_discarded_draft_leaves_nothing(ann):
    kept = taken_in(ann.account, "3125550101\n3125550102")
    read_all(kept)
    assert do_not_call.discard(kept, now=NOON)
    assert not do_not_call.confirm(kept, by=kept.by, now=NOON)
    do_not_call.read_waiting(now=NOON)
    assert not DoNotCallList.objects.exists() and not DoNotCallEntry.objects.exists()
