"""The page of one person with what every layer adds: figures, lists, and one timeline of everything."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.test import Client

from accounts import access
from accounts.models import Account, Role
from audiences import contact_history, contact_timeline, suppression
from audiences.models import (
    Appointment,
    BookingAtSource,
    CallAtSource,
    Consent,
    Contact,
    ContactAddress,
    ContactImport,
    CustomerMembership,
    Estimate,
    ImportedContact,
    Invoice,
    MembershipType,
)
from common import clock
from conversations.models import Note
from tests import factories
from tests.accounts.making import make_account, make_member, signed_in
from tests.analytics.world import build
from tests.audiences import people

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
DAY = timedelta(days=1)


@pytest.fixture
def account(db) -> Account:
    return make_account()


@pytest.fixture
def csr(account: Account) -> Client:
    return signed_in(make_member(account, Role.CSR))


def full(account: Account) -> Contact:
    """Somebody with a row of everything; jobs 1 and 2 count, the third was cancelled."""
    ann = people.contact(account, name="Ann Doe", street="12 Main Street", created_at=clock.now() - 900 * DAY)
    now, customer = clock.now(), ann.servicetitan_customer_id
    phone = people.phone(ann, value="+15185550142")
    done = people.job(
        ann, number="J1", total="250.50", created_on=now - 30 * DAY, completed_on=now - 29 * DAY
    )
    coming = people.job(ann, number="J2", status="Scheduled", created_on=now - 2 * DAY)
    people.job(ann, number="J3", status="Canceled", total="999", created_on=now - 3 * DAY)
    of = {"account": account, "servicetitan_customer_id": customer}
    for n, job in enumerate((done, coming)):
        Appointment.objects.create(
            account=account, servicetitan_id=n, servicetitan_job_id=job.servicetitan_id, status="Scheduled",
            starts_at=now + (n * 40 - 28) * DAY, ends_at=now + (n * 40 - 28) * DAY,
        )  # fmt: skip
    Estimate.objects.create(**of, servicetitan_id=1, name="Heat pump", status="Open", subtotal="9000",
                            created_on=now - 20 * DAY)  # fmt: skip
    Estimate.objects.create(**of, servicetitan_id=2, name="Filter", status="Sold", subtotal="90",
                            created_on=now - 19 * DAY, sold_at=now - 18 * DAY)  # fmt: skip
    Invoice.objects.create(**of, servicetitan_id=1, number="I1", total="250.50", balance="50.25",
                           invoiced_at=now - 28 * DAY)  # fmt: skip
    kind = MembershipType.objects.create(account=account, servicetitan_id=1, name="Comfort club")
    CustomerMembership.objects.create(
        **of, servicetitan_id=1, membership_type=kind, status="Active", starts_at=now - 400 * DAY
    )
    CallAtSource.objects.create(account=account, servicetitan_id=1, phone="+15185550142", direction="Inbound",
                                result="Booked", at=now - 31 * DAY)  # fmt: skip
    BookingAtSource.objects.create(
        account=account, servicetitan_id=1, servicetitan_job_id=done.servicetitan_id, source="Web",
        status="Converted", created_on=now - 32 * DAY,
    )  # fmt: skip
    Consent.objects.create(account=account, address=phone, contact=ann, kind="texts", source="form",
                           proof="I agree to texts", given_at=now - 100 * DAY)  # fmt: skip
    file = ContactImport.objects.create(
        account=account, name="old list.csv", ground="customers", confirmed_at=now - 50 * DAY
    )
    ImportedContact.objects.create(of=file, contact=ann, outcome="merged")
    suppression.opt_out(phone, channel="phone", source="text", evidence="no more please", now=now - 9 * DAY)
    suppression.lift(phone, channel="phone", evidence="START again", now=now - 8 * DAY)
    return ann


def moments(contact: Contact, kind: str = "") -> list[contact_timeline.Moment]:
    """Everything, page by page."""
    found, after = [], ""
    while True:
        page = contact_timeline.page(contact, kind, after, may=lambda what: True)
        found += page.moments
        if not (after := page.following):
            return found


def test_the_timeline_tells_everything_newest_first(account: Account) -> None:
    ann = full(account)
    told = moments(ann)
    assert [one.at for one in told] == sorted((one.at for one in told), reverse=True)
    for words in (
        "Visit planned", "Job J1 made", "Job J1 completed", "Job J3 made", "Estimate Heat pump",
        "Estimate Filter sold", "Invoice I1", "Membership began: Comfort club", "Call from (518) 555-0142",
        "Booking request from Web", "Agreed to promotional texts: (518) 555-0142",
        "Opted out: (518) 555-0142", "Opted in again: (518) 555-0142", "First known here",
        "In the file “old list.csv”",
    ):  # fmt: skip
        assert words in {one.text for one in told}, words
    assert {"no more please", "START again", "I agree to texts"} <= {one.body for one in told}
    for kind in contact_timeline.KINDS:
        mine = moments(ann, kind)
        assert all(one in told for one in mine) and (mine or kind in ("messages", "campaigns"))


def test_messages_notes_and_campaigns_stand_in_it_and_lead_on(account: Account, csr: Client) -> None:
    thread = factories.make_thread(account, name="Bob Roe", body="Is Friday free?")
    Note.objects.create(thread=thread, body="Wants mornings", by=None)
    world = build(account=account)
    enrollment = world.enrol(thread.contact)
    page = csr.get(f"/contacts/{thread.contact.pk}/").content.decode()
    for words in (
        "Is Friday free?",
        "Wants mornings",
        f"Entered “{enrollment.campaign.name}”",
        "Open thread",
    ):
        assert words in page, words
    assert "Open conversation" in page and f'href="/conversations/{thread.pk}/"' in page
    told = {one.text: one for one in moments(thread.contact)}
    assert told["Text from Bob Roe"].side == "in"


def test_messages_only_for_those_who_may_read_them(
    account: Account, csr: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = factories.make_thread(account, body="Is Friday free?")
    address = f"/contacts/{thread.contact.pk}/timeline/"
    assert "Is Friday free?" in csr.get(address, headers=HTMX).content.decode()
    nobody = access.Capability("read conversations", frozenset())
    monkeypatch.setitem(access.CAN, "read_conversations", nobody)
    assert "Is Friday free?" not in csr.get(address, headers=HTMX).content.decode()


def test_pages_of_the_timeline_lose_and_repeat_nothing(account: Account, csr: Client) -> None:
    ann = people.contact(account, name="Ann")
    at = clock.now() - DAY
    for n in range(70):  # most at one instant, from two sources
        people.job(ann, number=f"T{n}", created_on=at if n < 60 else at - n * DAY, completed_on=at)
    told = moments(ann)
    assert len(told) == 141 and len({(one.text, one.at) for one in told}) == 141
    first = csr.get(f"/contacts/{ann.pk}/timeline/", headers=HTMX).content.decode()
    following = unescape(re.search(r'hx-get="(/contacts/[^"]*after=[^"]*)"', first)[1])
    second = csr.get(following, headers=HTMX).content.decode()
    assert second.count('class="moment') >= 30 and "<section" not in second and "data-focus-next" in second
    whole = csr.get(following)
    assert whole.status_code == 302 and whole["Location"].startswith(f"/contacts/{ann.pk}/?kind=&after=")
    for nonsense in ("x", "2026-01-01_job_1", "9999-99-99_a_b", f"{at.isoformat()}_job_{'9' * 40}", "_"):
        assert csr.get(f"/contacts/{ann.pk}/", {"after": nonsense, "kind": "x"}).status_code == 200


def test_figures_and_the_lists_behind_them(account: Account, csr: Client) -> None:
    ann = full(account)
    stranger = people.contact(make_account(), servicetitan_customer_id=ann.servicetitan_customer_id)
    people.job(stranger, total="5000")
    found = contact_history.figures(ann)
    assert (found.revenue, found.valued, found.jobs, found.open_jobs) == (250.5, 1, 2, 1)
    assert (float(found.owed), found.unpaid, found.open_estimates) == (50.25, 1, 1)
    assert found.membership is not None and found.next_visit is not None
    assert found.next_visit.starts_at > clock.now()
    page = csr.get(f"/contacts/{ann.pk}/").content.decode()
    for words in ("1 of 2 jobs have a total", "$50.25", "on 1 invoice", "$9,000 offered", "Comfort club"):
        assert words in page, words
    for name, rows, words in (
        ("jobs", 3, "J3"), ("visits", 2, "Scheduled"), ("estimates", 2, "Heat pump"),
        ("invoices", 1, "$50.25"), ("memberships", 1, "Comfort club"), ("calls", 1, "Booked"),
        ("counted", found.jobs, "J1"), ("open", found.open_estimates, "Heat pump"),
        ("owed", found.unpaid, "$50.25"),
    ):  # fmt: skip
        html = csr.get(f"/contacts/{ann.pk}/history/", {"show": name}, headers=HTMX).content.decode()
        assert html.count('<th scope="row"') == rows and words in html, name
        assert name in ("jobs", "counted") or contact_history.LISTS[name].none not in html
    bare = people.contact(account)
    for name, one in contact_history.LISTS.items():
        html = csr.get(f"/contacts/{bare.pk}/history/", {"show": name}, headers=HTMX).content.decode()
        assert one.none in html
    assert "nothing on the board" in csr.get(f"/contacts/{bare.pk}/").content.decode()


def test_who_shares_the_home_and_the_phone(account: Account, csr: Client) -> None:
    ann = people.contact(account, name="Ann Doe", do_not_mail=True)
    phone = people.phone(ann)
    people.contact(account, name="Spouse Doe", household=ann.household)
    landlord = people.contact(account, name="Land Lord")
    ContactAddress.objects.create(contact=landlord, address=phone)
    gone = people.contact(
        account, name="Old Ann", merged_into_servicetitan_id=ann.servicetitan_customer_id, active=False
    )
    page = csr.get(f"/contacts/{ann.pk}/").content.decode()
    about, phones = (
        page.split('id="facts-heading"')[1],
        page.split('id="addresses-heading"')[1].split("</table>")[0],
    )
    assert "Spouse Doe" in about and "Land Lord" not in about
    assert "Land Lord" in phones and "Spouse Doe" not in phones
    assert f"Customer {ann.servicetitan_customer_id}" in page and "do not mail" in page
    assert f'<a href="/contacts/{ann.pk}/">Ann Doe</a>' in csr.get(f"/contacts/{gone.pk}/").content.decode()


def test_a_long_history_costs_what_a_short_one_does(
    account: Account, csr: Client, django_assert_max_num_queries
) -> None:
    ann = full(account)
    thread = factories.make_thread(account, body="Hello")
    for contact in (ann, thread.contact):
        for n in range(40):
            people.phone(contact, n + 5) if n < 5 else None
            people.job(contact, number=f"L{n}", created_on=clock.now() - n * DAY)
    for pk in (ann.pk, thread.contact.pk):
        with django_assert_max_num_queries(75):
            assert csr.get(f"/contacts/{pk}/").status_code == 200


def test_the_cursor_reads_what_it_writes() -> None:
    cursor = contact_timeline.Cursor(datetime.fromisoformat("2026-11-24T17:00:00.000001+00:00"), "opt-out", 7)
    assert contact_timeline.Cursor.read(str(cursor)) == cursor
