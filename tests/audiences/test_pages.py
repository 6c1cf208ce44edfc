"""The pages of audiences and contacts, as a browser asks for them."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Role
from audiences import suppression
from audiences.forms import AudienceForm
from audiences.models import Audience, ContactTag
from tests import factories
from tests.accounts.making import make_account, make_member, signed_in
from tests.analytics.world import build
from tests.audiences import people
from tests.audiences.people import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(db):
    return make_account()


@pytest.fixture
def csr(account):
    return signed_in(make_member(account, Role.CSR))


def test_audience_is_built_counted_and_changed(account, csr):
    vip = people.tag(account)
    ann = people.contact(account, name="Ann")
    ContactTag.objects.create(contact=ann, tag=vip)
    people.contact(account, name="Bob")
    count = csr.get("/audiences/count/", {"name": "", "tags": vip.pk}, headers={"HX-Request": "true"})
    assert '<data value="1">' in count.content.decode() and b"<html" not in count.content
    assert 'value="2"' in csr.get("/audiences/count/").content.decode()
    answer = csr.post("/audiences/new/", {"name": "VIPs", "tags": [vip.pk], "last_job_before": ""})
    assert answer.status_code == 302
    audience = Audience.objects.get()
    assert audience.rules == {"tags": [vip.pk]} and audience.created_by is not None
    csr.post(
        f"/audiences/{audience.pk}/",
        {
            "name": "Old",
            "kind": "residential",
            "last_job_before": "2026-06-02",
            "days_since_last_job_min": "3",
        },
    )
    audience.refresh_from_db()
    assert audience.rules == {
        "kind": "residential", "last_job_before": "2026-06-02", "days_since_last_job_min": 3,
    }  # fmt: skip
    page = csr.get(f"/audiences/{audience.pk}/").content.decode()
    assert 'value="2026-06-02"' in page and 'value="Old"' in page
    verbs = AuditEntry.objects.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["created_audience", "changed_audience"]


def test_mistakes_are_told_and_nothing_is_saved(account, csr):
    Audience.objects.create(account=account, name="VIPs")
    gone = people.tag(account, "Old tag", active=False)
    for wrong, words in (
        ({"name": ""}, "required"),
        ({"name": "VIPs"}, "of this name already"),
        ({"name": "X", "tags": [gone.pk]}, "was deleted in ServiceTitan"),
        ({"name": "X", "tags": [999999]}, "999999"),
        ({"name": "X", "days_since_last_job_min": "-1"}, "greater than or equal"),
    ):
        answer = csr.post("/audiences/new/", wrong)
        assert answer.status_code == 422 and words in answer.content.decode(), wrong
    assert Audience.objects.count() == 1
    count = csr.get("/audiences/count/", {"tags": gone.pk}).content.decode()
    assert "was deleted in ServiceTitan" in count and "<data" not in count


def test_two_tabs_with_one_name_make_one_audience(account):
    forms = [AudienceForm({"name": "VIPs"}, audience=Audience(account=account)) for _ in range(2)]
    assert all(form.is_valid() for form in forms)  # both looked before either stored
    assert [form.save() for form in forms] == [True, False]
    assert "of this name already" in str(forms[1].errors["name"])
    assert Audience.objects.count() == 1


def test_list_shows_words_counts_and_broken_rules(account, csr):
    people.contact(account)
    whole = Audience.objects.create(account=account, name="Everybody")
    broken = Audience.objects.create(account=account, name="Broken", rules={"planet": "Mars"})
    with CaptureQueriesContext(connection) as queries:
        page = csr.get("/audiences/").content.decode()
    assert not [query for query in queries if "count(*)" in query["sql"]], "no row is counted unasked"
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
        page = csr.get("/contacts/", {"q": wanted}).content.decode()
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
    assert "lifted words" not in page


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
        (csr.get("/audiences/count/", {"tags": vip.pk, "kind": "residential"}), 2),
        (csr.get("/audiences/count/"), 3),
    ):
        link = re.search(r'href="(/contacts/[^"]*)"><data value="(\d+)"', page.content.decode())
        assert link is not None and int(link[2]) == number
        rows = csr.get(unescape(link[1])).content.decode()
        assert f">{number} contacts</p>" in rows and "Gone" not in rows
    found = csr.get("/contacts/", {"audience": audience.pk, "q": "roe"}).content.decode()
    assert "Bob Roe" in found and "Ann Doe" not in found
    stranger = Audience.objects.create(account=make_account(), name="Others")
    assert csr.get("/contacts/", {"audience": stranger.pk}).status_code == 404


def test_contact_list_costs_the_same_for_many(account, csr, django_assert_max_num_queries):
    for _ in range(60):
        people.phone(people.contact(account))
    with django_assert_max_num_queries(13):
        page = csr.get("/contacts/").content.decode()
    assert page.count("(518) 555-") == 50 and "1–50 of 60 contacts" in page
    assert csr.get("/contacts/", {"page": "2"}).content.decode().count("(518) 555-") == 10
