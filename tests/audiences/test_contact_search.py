"""Who is found, in which order, and by what; the index's words are those that the search seeks."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Role
from audiences import contact_search, search_words, suppression
from audiences.contact_search import Hit, find
from audiences.models import Address, Contact, ContactAddress, Location
from common import sql
from tests.accounts.making import make_account, make_member, signed_in
from tests.audiences import people
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db
TYPED = {"HX-Request": "true"}


@pytest.fixture
def account(db):
    return make_account()


def names(account, text, **more):
    """The names of whom a text finds, in their order."""
    found = find(account, text, **more)
    people_by_id = Contact.objects.in_bulk([hit.contact_id for hit in found.hits])
    return [people_by_id[hit.contact_id].name for hit in found.hits]


@pytest.fixture
def town(account):
    """Five people; all but the last live in Albany."""
    for name, street in (
        ("Ann Smith", "12 North Main Street"),
        ("Smithy Poe", "4 Oak Ave"),
        ("José O’Brien-Lee", "120 Main Street, Apt 4"),
        ("Lee Oakes", "7 Elm Court"),
    ):
        people.contact(account, name=name, street=street, city="Albany", state="NY", zip="12201")
    people.contact(account, name="Ann Albany", street="", city="Troy")
    return account


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("smith", ["Ann Smith", "Smithy Poe"]),  # the whole word before its beginning
        ("smi ann", ["Ann Smith"]),
        ("jose obrien", ["José O’Brien-Lee"]),
        ("lee o'brien", ["José O’Brien-Lee"]),
        ("lee", ["José O’Brien-Lee", "Lee Oakes"]),
        ("oak", ["Lee Oakes", "Smithy Poe"]),  # names before streets
        ("albany", ["Ann Albany", "Ann Smith", "José O’Brien-Lee", "Lee Oakes", "Smithy Poe"]),
        ("12 n main st", ["Ann Smith"]),
        ("12 main st", ["Ann Smith", "José O’Brien-Lee"]),  # the very number first
        ("12201 elm ct", ["Lee Oakes"]),
        ("oak avenue", ["Smithy Poe"]),
        ("ann 12201", ["Ann Smith"]),
        ("main, albany", ["Ann Smith", "José O’Brien-Lee"]),
        ("120 Main Street, Apt 4, Albany, NY 12201", ["José O’Brien-Lee"]),  # as our pages write it
        ("7 Elm Ct Albony NY", ["Lee Oakes"]),
        ("%", []),
        ("'n1/x':* | \\", []),
    ],
)  # fmt: skip
def test_names_and_addresses_in_any_order_and_spelling(town, text, found):
    assert names(town, text) == found


def test_misspellings_only_where_nothing_else_is_found(town):
    for text in ("simth", "smth", "smiith", "msith", "ann smitg"):
        found = find(town, text)
        assert "Ann Smith" in names(town, text), text
        assert found.meant == ["smith"], text
    assert find(town, "smith").meant == []
    assert names(town, "annn smtih") == ["Ann Smith"]
    assert names(town, "13 north main") == []  # another house is no misspelling
    assert names(town, "zzzz") == []


def test_numbers_say_by_what_they_found(account):
    ann = people.contact(account, name="Ann", servicetitan_customer_id=70001)
    bob = people.contact(account, name="Bob", servicetitan_customer_id=70002)
    job = people.job(ann, number="J-10482")
    Location.objects.create(account=account, servicetitan_id=555, servicetitan_customer_id=70002)
    assert find(account, "J-10482") == contact_search.Found([Hit(ann.pk, "job J-10482", True)])
    assert find(account, "job #J-10482").direct == ann.pk
    assert find(account, f"job {job.servicetitan_id}").hits == [Hit(ann.pk, f"job {job.servicetitan_id}")]
    assert find(account, "J-104").hits == [Hit(ann.pk, "job J-10482")]
    assert find(account, "customer 70002").hits == [Hit(bob.pk, "customer 70002")]
    assert find(account, "Location 555").hits == [Hit(bob.pk, "location 555")]
    assert find(account, "70001").hits == [Hit(ann.pk, "customer 70001")]
    assert find(account, "customer 555").hits == [] and find(account, "9" * 40).hits == []


def test_phones_and_mailboxes(account):
    ann, bob = people.contact(account, name="Ann"), people.contact(account, name="Bob")
    people.phone(ann, value="+15185550142")
    people.phone(bob, value="+13125550142")
    mailbox = Address.objects.create(account=account, channel="email", value="ann_b@maples.example")
    ContactAddress.objects.create(contact=ann, address=mailbox, position=1)
    for text in ("518 555 0142", "(518) 555-0142", "+15185550142", "1-518-555-0142"):
        assert find(account, text).direct == ann.pk, text
    assert names(account, "5550142") == names(account, "0142") == ["Ann", "Bob"]
    assert find(account, "0142").direct is None
    assert names(account, "518555") == names(account, "(518)") == ["Ann"]
    assert names(account, "ann_b@") == names(account, "ANN_B@Maples.example") == ["Ann"]
    assert names(account, "annxb@") == []  # an underscore is a letter
    people.contact(account, name="Zoe")
    shared = people.contact(account, name="Cy")
    ContactAddress.objects.create(contact=shared, address=Address.objects.get(value="+15185550142"))
    assert names(account, "5185550142") == ["Ann", "Cy"] and find(account, "5185550142").direct is None


def test_accounts_rules_and_bounds(town):
    other = make_account()
    stranger = people.contact(other, name="Ann Smith", servicetitan_customer_id=88001)
    people.phone(stranger, value="+15185550177")
    people.job(stranger, number="88123")
    for text in ("88001", "88123", "job 88123", "5185550177", "0177"):
        assert find(town, text).hits == [], text
    assert stranger.pk not in {hit.contact_id for hit in find(town, "ann").hits}
    rules = {"match": "all", "rules": [{"field": "city", "is": "is", "value": ["Troy"]}]}
    assert names(town, "ann", rules=rules) == ["Ann Albany"]
    few = find(town, "albany", most=2)
    assert len(few.hits) == 2 and few.more and not find(town, "albany", most=5).more
    Contact.objects.filter(name="Ann Smith").update(active=False)
    assert names(town, "ann") == ["Ann Albany", "Ann Smith"]  # whoever is reached comes first


@settings(max_examples=60, deadline=None)
@given(name=st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40))
def test_the_index_splits_words_as_the_search_does(name):
    stored = sql.value("SELECT tsvector_to_array(contact_words(7, %s, '', '', ''))", [name])
    assert {word[3:] for word in stored if word.startswith("n7/")} - {""} == set(search_words.split(name))


def test_every_question_goes_through_an_index(town):
    """A plan that reads the table once would read a million rows."""
    for _ in range(300):
        people.contact(town)
    sql.run("ANALYZE audiences_contact, audiences_address, audiences_contactaddress, audiences_job")
    with CaptureQueriesContext(connection) as queries, connection.cursor() as cursor:
        for text in ("smith", "12 main", "5185550142", "10482", "ann@maples", "smtih"):
            find(town, text)
        asked = [query["sql"] for query in queries if "WITH found" in query["sql"]]
        cursor.execute("SET LOCAL enable_seqscan = off")
        for statement in asked:
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan on audiences_" not in plan, plan
    assert len(asked) > 20


def test_the_page_marks_says_and_opens(account):
    csr = signed_in(make_member(account, Role.CSR))
    ann = people.contact(account, name="Ann Doe", street="12 Main Street", city="Albany")
    phone = people.phone(ann, value="+15185550142")
    people.job(ann, number="10482", created_on=NOON)
    suppression.opt_out(phone, channel="phone", source="text", evidence="STOP", now=NOON)
    page = csr.get("/contacts/", {"q": "job 10482"}, headers=TYPED).content.decode()
    assert "Job 10482" in page and "Opted out" in page
    assert csr.get("/contacts/", {"q": "10482", "go": "1"})["Location"] == f"/contacts/{ann.pk}/"
    assert csr.get("/contacts/", {"q": "10482"}).status_code == 200
    marked = csr.get("/contacts/", {"q": "main alb"}, headers=TYPED).content.decode()
    assert "12 <mark>Main</mark> Street" in marked and "<mark>Alb</mark>any" in marked
    meant = csr.get("/contacts/", {"q": "anna deo"}, headers=TYPED).content.decode()
    assert "as nobody is called “anna deo”" in meant
    for nonsense in ("x_y", "_", "2026-01-01_3", "9" * 30, "2026-01-01T00:00:00_1"):
        assert csr.get("/contacts/", {"after": nonsense}).status_code == 200
        assert csr.get("/contacts/", {"after": nonsense, "q": "ann"}).status_code == 200


def test_pages_follow_each_other_without_gap_or_repeat(account):
    csr = signed_in(make_member(account, Role.CSR))
    for n in range(120):  # three pages: dated, with ties, and undated
        job_at = NOON - timedelta(days=n // 4) if n % 3 else None
        people.contact(account, name=f"Maple {n:03}", last_job_at=job_at, active=n % 5 > 0)
    for query in ("", "maple"):
        seen, after = [], ""
        for _ in range(3):
            page = csr.get("/contacts/", {"q": query, "after": after}).context["page"]
            seen += [row.contact for row in page.rows]
            after = page.following
        assert len(seen) == len(set(seen)) == 120 and not after
        if not query:
            dated = [one.last_job_at for one in seen if one.last_job_at and one.active]
            assert dated == sorted(dated, reverse=True) and len(dated) == 64
            assert [one.last_job_at for one in seen[:64]] == dated
