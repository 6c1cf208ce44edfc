"""The pages of audiences and contacts, as a browser asks for them."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from audiences import counting, suppression
from audiences.models import Audience, Consent, Contact, ContactTag
from tests import factories
from tests.accounts.making import make_account, make_member, signed_in
from tests.analytics.world import build
from tests.audiences import people
from tests.audiences.people import NOON
from tests.locks import kept_busy

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(db):
    return make_account()


@pytest.fixture
def csr(account):
    return signed_in(make_member(account, Role.CSR))


def unmarked(response) -> str:
    """A page without the marks of what was sought."""
    return re.sub("</?mark>", "", response.content.decode())


def test_list_shows_words_counts_and_broken_rules(account, csr):
    people.contact(account)
    whole = Audience.objects.create(account=account, name="Everybody")
    broken = Audience.objects.create(account=account, name="Broken", rules={"planet": "Mars"})
    with CaptureQueriesContext(connection) as queries:
        page = csr.get("/audiences/").content.decode()
    counts = [query["sql"] for query in queries if "count(*)" in query["sql"]]
    assert all("plannedcall" in sql for sql in counts), "no row but the frame's, of calls, is counted unasked"
    assert "All active contacts" in page and f"/audiences/{whole.pk}/count/" in page
    assert f"/audiences/{broken.pk}/count/" not in page
    count = csr.get(f"/audiences/{whole.pk}/count/").content.decode()
    assert f'<a href="/contacts/?audience={whole.pk}"><data value="1">1</data></a>' in count
    assert csr.get(f"/audiences/{broken.pk}/count/").content.decode().strip() == "—"
    assert "“planet” is not a rule that we know." in page


def test_contacts_are_found_by_name_phone_and_mailbox(account, csr):
    ann = people.contact(account, name="Ann Doe", city="Albany", state="NY")
    people.phone(ann, value="+15185550142")
    people.phone(people.contact(account, name="Bob Roe"), value="+15185550199")
    for wanted in ("ann", "doe ann", "(518) 555-0142", "518 555 0142", "+15185550142", "0142"):
        page = unmarked(csr.get("/contacts/", {"q": wanted}))
        assert "Ann Doe" in page and "Bob Roe" not in page, wanted
    fragment = csr.get("/contacts/", {"q": "nobody"}, headers={"HX-Request": "true"})
    assert b"<html" not in fragment.content and "Nobody here" in fragment.content.decode()
    assert "(518) 555-0142" in csr.get("/contacts/").content.decode()


def test_contact_page_shows_wishes_jobs_and_tags(account, csr):
    ann = people.contact(account, name="Ann")
    ContactTag.objects.create(contact=ann, tag=people.tag(account, "Gold plan"))
    people.job(ann, people.unit(account, "Plumbing"), people.job_type(account, "Leak"), total="120.50")
    phone = people.phone(ann)
    people.phone(ann, 1, do_not_text=True)
    suppression.opt_out(phone, channel="phone", source="text", evidence="leave me be", now=NOON)
    old = people.phone(ann, 2)
    suppression.opt_out(old, channel="phone", source="text", evidence="lifted words", now=NOON)
    suppression.lift(old, channel="phone", evidence="START", now=NOON + timedelta(hours=1))
    page = csr.get(f"/contacts/{ann.pk}/").content.decode()
    for words in ("leave me be", "No texts: marked", "Gold plan", "Plumbing", "Leak", "$120.50"):
        assert words in page, words
    table, timeline = page.split('id="timeline"')
    assert "lifted words" not in table and "lifted words" in timeline and "Opted in again" in timeline


def test_a_contact_of_a_file_has_no_history_in_servicetitan(account, csr):
    known = people.contact(account)
    filed = people.contact(account, servicetitan_customer_id=-7, active=False, city="Troy")
    assert "History in ServiceTitan" in csr.get(f"/contacts/{known.pk}/").content.decode()
    assert ">1 contact</p>" in csr.get("/contacts/", {"mirrored": 1}).content.decode()
    assert ">0 contacts for" in csr.get("/contacts/", {"mirrored": 1, "q": "troy"}).content.decode()
    assert ">1 contact for" in csr.get("/contacts/", {"q": "troy"}).content.decode()
    page = csr.get(f"/contacts/{filed.pk}/").content.decode()
    assert "in ServiceTitan" not in page and "its import was taken back" in page and "Troy" in page


@pytest.mark.django_db(transaction=True)
def test_a_list_that_takes_too_long_is_given_up(account, csr, monkeypatch):
    people.contact(account, name="Ann Doe")
    monkeypatch.setattr(counting, "AT_LENGTH", 0.05)
    with kept_busy("audiences_contact"):
        for asked in ({}, {"q": "ann"}):
            asked["matching"] = '{"match": "all", "rules": []}'
            assert "This takes too long" in csr.get("/contacts/", asked).content.decode(), asked


def test_too_many_values_are_told_and_never_fewer_taken(csr):
    typed = {"r-match": "all", "r-0-field": "tag", "r-0-is": "none_of", "r-0-value": range(1, 1201)}
    answer = csr.post("/audiences/count/", typed)
    assert answer.status_code == 200 and "Tag: choose at most 1,000." in answer.content.decode()


def test_contact_page_leads_to_threads_and_campaigns(account, csr):
    thread = factories.make_thread(account, name="Ann Doe")
    world = build(account=account)
    world.enrol(thread.contact)
    page = csr.get(f"/contacts/{thread.contact.pk}/").content.decode()
    assert f'href="/conversations/{thread.pk}/"' in page and "Needs reply" in page
    assert f'href="/campaigns/{world.campaign.pk}/"' in page and "On the way" in page


def test_every_count_opens_as_many_contacts(account, csr):
    vip = people.tag(account)
    for name in ("Ann Doe", "Bob Roe"):
        ContactTag.objects.create(contact=people.contact(account, name=name), tag=vip)
    people.contact(account, name="Cy Poe")
    people.contact(account, name="Gone", active=False)
    audience = Audience.objects.create(account=account, name="VIPs", rules={"tags": [vip.pk]})
    for page, number in (
        (csr.get(f"/audiences/{audience.pk}/count/"), 2),
        (csr.get(f"/audiences/{audience.pk}/"), 2),
        (csr.post("/audiences/count/", {"r-0-field": "tag", "r-0-is": "any_of", "r-0-value": vip.pk}), 2),
        (csr.post("/audiences/count/"), 3),
    ):
        link = re.search(r'href="(/contacts/[^"]*)"><data value="(\d+)"', page.content.decode())
        assert link is not None and int(link[2]) == number
        rows = csr.get(unescape(link[1])).content.decode()
        assert f">{number} contacts</p>" in rows and "Gone" not in rows
    found = unmarked(csr.get("/contacts/", {"audience": audience.pk, "q": "roe"}))
    assert "Bob Roe" in found and "Ann Doe" not in found
    stranger = Audience.objects.create(account=make_account(), name="Others")
    assert csr.get("/contacts/", {"audience": stranger.pk}).status_code == 404


def test_rules_without_a_meaning_list_nobody(account, csr):
    people.contact(account, name="Ann Doe")
    broken = Audience.objects.create(account=account, name="Broken", rules={"planet": "Mars"})
    for asked in ({"audience": broken.pk}, {"matching": "{"}, {"matching": "[]", "q": "ann", "go": "1"}):
        page = unmarked(csr.get("/contacts/", asked))
        assert "so nobody is listed" in page and "Ann Doe" not in page, asked
    for asked in ({"audience": "9" * 5000}, {"import": "9" * 5000}):
        assert csr.get("/contacts/", asked).status_code == 404
    assert csr.get("/contacts/", {"q": "ann", "after": "9" * 5000}).status_code == 200


def test_consents_of_a_contact_and_of_its_phones_are_sought_through_indexes(account):
    ann, bob = people.contact(account, name="Ann"), people.contact(account, name="Bob")
    shared, own = people.phone(ann), people.phone(bob)
    people.phone(bob, 1, value=shared.value)
    by_bob, of_bob = (
        Consent.objects.create(
            account=account, address=address, contact=bob, kind="texts", source="form", proof="I agree",
            given_at=NOON, recorded_at=NOON,
        )
        for address in (shared, own)
    )  # fmt: skip
    assert list(Consent.objects.of_contact(ann)) == [by_bob]
    assert set(Consent.objects.of_contact(bob)) == {by_bob, of_bob}
    assert "SubPlan" not in Consent.objects.of_contact(ann).explain(), "a scan of every consent"


def test_contact_list_costs_the_same_for_many(account, csr, django_assert_max_num_queries):
    for _ in range(60):
        people.phone(people.contact(account))
    with django_assert_max_num_queries(16):
        page = csr.get("/contacts/").content.decode()
    assert page.count("(518) 555-") == 50 and ">60 contacts</p>" in page
    following = unescape(re.search(r'rel="next" href="([^"]*)"', page)[1])
    rest = csr.get(f"/contacts/{following}").content.decode()
    assert rest.count("(518) 555-") == 10 and 'rel="next"' not in rest


def test_nobody_counts_everybody_for_a_list(account, csr):
    for n in range(3):
        factories.make_contact(account, f"+1312555010{n}", name=f"Person {n}")
    Contact.objects.filter(name="Person 2").update(active=False)
    factories.make_contact(account, "+13125550103", name="Of a file", servicetitan_customer_id=-9)
    factories.make_contact(factories.make_account("Another"), "+13125550104")
    url = reverse("audiences:contacts")
    for address, many in ((url, 4), (f"{url}?mirrored=1", 3)):
        with CaptureQueriesContext(connection) as asked:
            assert f">{many} contacts<" in csr.get(address).content.decode()
        counts = [
            one["sql"] for one in asked if "COUNT(*)" in one["sql"] and "audiences_contact" in one["sql"]
        ]
        assert counts == []
    assert ">1 contact for " in csr.get(url, {"q": "Person 1", "mirrored": "1"}).content.decode()
