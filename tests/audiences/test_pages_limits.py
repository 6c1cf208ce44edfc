"""Limits and recorded consents, do-not-call lists and the consents of one person, as people use them."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, AuditEntry
from audiences import do_not_call
from audiences.models import Consent, Contact, DoNotCallList, ReachLimits
from audiences.views.limits import fullest_week
from campaigns import samples
from common import clock
from tests import factories
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
LIMITS, LISTS = reverse("audiences:limits"), reverse("audiences:do_not_call")


@pytest.fixture
def account() -> Account:
    return factories.make_account("Acme")


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(factories.make_user(account))


@pytest.fixture
def ann(account: Account) -> Contact:
    return factories.make_contact(account, "+13125550101")


def save(client: Client, **fields: Any) -> Any:
    return client.post(LIMITS, {"household_per_day": 2, "household_per_week": 6} | fields)


def test_limits_are_changed_at_once_with_an_entry(account: Account, admin: Client) -> None:
    assert "2 in any 24 hours, 6 in any 7 days" in admin.get(LIMITS).content.decode()
    assert save(admin, household_per_day=3, household_per_week=9, texts_need_consent="on").status_code == 302
    row = ReachLimits.objects.get(account=account)
    assert (row.household_per_day, row.household_per_week, row.texts_need_consent) == (3, 9, True)
    entry = AuditEntry.objects.get(verb="changed_limits")
    assert entry.detail["household_per_week"] == "6 → 9"
    save(admin, household_per_day=3, household_per_week=9, texts_need_consent="on")
    assert AuditEntry.objects.filter(verb="changed_limits").count() == 1


@pytest.mark.parametrize(("day", "week"), [(0, 6), (4, 6), (2, 22), (3, 2), ("", 6), ("x", 6)])
def test_what_nobody_may_set_is_refused(admin: Client, day: Any, week: Any) -> None:
    answer = save(admin, household_per_day=day, household_per_week=week)
    assert answer.status_code == 422 and "Nothing was changed" in answer.content.decode()
    assert not ReachLimits.objects.exists()


def test_the_picture_shows_the_fullest_week() -> None:
    week = fullest_week(2, 5)
    assert week[:4] == [[True, True], [True, True], [True, False], [False, False]] and len(week) == 7


def test_the_switch_counts_whom_a_launch_leaves_out(account: Account, admin: Client, ann: Contact) -> None:
    factories.make_contact(account, "+13125550102")
    save(admin, texts_need_consent="on")
    give(admin, ann)
    found = samples.preview(
        account, audience=factories.make_audience(account), targeting={}, version=None, number=None,
        now=clock.now(),
    )  # fmt: skip
    assert (found.admitted, found.excluded) == (1, (("no_consent", 1),))


def give(client: Client, who: Contact, **fields: Any) -> Any:
    typed = {
        "address": factories.phone_of(who).pk, "kind": "texts", "source": "paper",
        "proof": "I agree to texts of Acme.", "proof_at": "Order 17", "given_on": "2026-01-15",
    }  # fmt: skip
    return client.post(reverse("audiences:consent_add", args=[who.pk]), typed | fields)


def test_an_agent_adds_and_withdraws_a_consent(account: Account, ann: Contact) -> None:
    agent = signed_in(factories.make_user(account, "agent"))
    assert give(agent, ann).status_code == 302
    page = agent.get(reverse("audiences:contact", args=[ann.pk])).content.decode()
    assert "I agree to texts of Acme." in page and "Order 17" in page and "In force" in page
    kept = Consent.objects.get()
    assert timezone.localtime(kept.given_at, account.zone).isoformat().startswith("2026-01-15T00:00")
    agent.post(reverse("audiences:consent_withdraw", args=[kept.pk]))
    kept.refresh_from_db()
    assert kept.ended_why == "withdrawn"
    assert "Withdrawn" in agent.get(reverse("audiences:consents")).content.decode()
    assert "No consent on record" in agent.get(reverse("audiences:consents") + "?kind=texts").content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"proof": "  "}, "no proof"),
        ({"given_on": "2099-01-01"}, "lies ahead"),
        ({"given_on": ""}, "required"),
        ({"source": "start"}, "valid choice"),
    ],
)
def test_a_consent_without_proof_or_of_tomorrow_is_refused(
    admin: Client, ann: Contact, fields: dict[str, str], words: str
) -> None:
    answer = give(admin, ann, **fields)
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not Consent.objects.exists()


def test_a_phone_of_somebody_else_is_no_choice(account: Account, admin: Client, ann: Contact) -> None:
    other = factories.make_contact(account, "+13125550102")
    assert give(admin, ann, address=factories.phone_of(other).pk).status_code == 422
    assert not Consent.objects.exists()


def test_whoever_may_not_record_sees_no_form(account: Account, ann: Contact) -> None:
    marketer = signed_in(factories.make_user(account, "marketer"))
    assert "Add consent" not in marketer.get(reverse("audiences:contact", args=[ann.pk])).content.decode()


def upload(client: Client, data: bytes, **fields: Any) -> Any:
    typed = {"kind": "own", "name": "Do not call", "obtained_on": "2026-01-15"} | fields
    return client.post(LISTS, typed | {"file": SimpleUploadedFile("list.csv", data)})


def test_a_list_is_uploaded_looked_at_and_put_in_force(account: Account, admin: Client, ann: Contact) -> None:
    answer = upload(admin, b"Phone\n3125550101\nnobody\n")
    kept = DoNotCallList.objects.get()
    url = reverse("audiences:do_not_call_list", args=[kept.pk])
    assert answer.status_code == 302 and answer["Location"] == url
    assert "begins within seconds" in admin.get(url).content.decode()
    do_not_call.read_waiting(now=clock.now())
    page = admin.get(url).content.decode()
    assert "“nobody” is no phone number" in page and "Put 1 phone in force" in page
    admin.post(reverse("audiences:do_not_call_confirm", args=[kept.pk]))
    assert "In force since" in admin.get(url).content.decode()
    contact_page = admin.get(reverse("audiences:contact", args=[ann.pk])).content.decode()
    assert "Our own list: Do not call" in contact_page
    admin.post(reverse("audiences:do_not_call_remove", args=[kept.pk]))
    assert "Earlier lists" in admin.get(LISTS).content.decode()
    assert not DoNotCallList.objects.in_force().exists()


def test_a_draft_is_discarded(admin: Client) -> None:
    upload(admin, b"3125550101")
    admin.post(reverse("audiences:do_not_call_discard", args=[DoNotCallList.objects.get().pk]))
    assert "Not in force yet" not in admin.get(LISTS).content.decode()


@pytest.mark.parametrize(
    ("data", "fields", "words"),
    [
        (b"", {}, "empty"),
        (b"PK\x03\x04", {}, "workbook"),
        (b"3125550101", {"obtained_on": "2099-01-01"}, "lies ahead"),
        (b"3125550101", {"name": ""}, "required"),
    ],
)
def test_what_is_no_list_is_refused(admin: Client, data: bytes, fields: dict[str, str], words: str) -> None:
    answer = upload(admin, data, **fields)
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not DoNotCallList.objects.exists()


def test_a_stale_scrub_warns_on_the_page_and_before_a_launch(account: Account, admin: Client) -> None:
    from campaigns import drafts
    from campaigns.views import launch_summary

    today = timezone.localdate(clock.now())
    kept = DoNotCallList.objects.create(
        account=account, kind="registry", name="Scrub", obtained_on=today - timedelta(days=33), phones=1,
        read_at=clock.now(), confirmed_at=clock.now(),
    )  # fmt: skip
    draft = drafts.open_for(account, factories.make_user(account))

    def said() -> str:
        return " ".join(launch_summary.warnings(samples.Preview(), drafts.Plan(draft, now=clock.now())))

    assert "older than 31 days" in admin.get(LISTS).content.decode()
    assert "Scrub, your scrub of the national registry" in said()
    DoNotCallList.objects.filter(pk=kept.pk).update(obtained_on=today - timedelta(days=20))
    assert "older than 31 days" not in admin.get(LISTS).content.decode() and said() == ""


def test_a_thread_warns_of_a_listed_phone(account: Account, admin: Client) -> None:
    thread = factories.make_thread(account, "+13125550109")
    url = reverse("conversations:thread", args=[thread.pk])
    assert "do-not-call list" not in admin.get(url).content.decode()
    upload(admin, b"3125550109")
    do_not_call.read_waiting(now=clock.now())
    admin.post(reverse("audiences:do_not_call_confirm", args=[DoNotCallList.objects.get().pk]))
    assert "do-not-call list (Our own list: Do not call)" in admin.get(url).content.decode()
