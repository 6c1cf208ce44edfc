"""Settings, Numbers: added once in the deployment, paused with its consequences said, counted for today."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry
from campaigns import launching, number_use
from campaigns.models import Campaign
from common import clock
from conversations import leasing, trial_texts
from conversations.models import Message
from integrations import number_days
from integrations.models import Connection, NumberPace, SendingNumber
from tests import factories
from tests.accounts.making import signed_in
from tests.sandbox_process import SandboxProcess, sandbox, start_sandbox  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db
LIST, ADD = reverse("campaigns:numbers"), reverse("campaigns:number_add")


@pytest.fixture
def account() -> Account:
    return factories.make_account("Comfort Air")


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(factories.make_user(account))


def connect(account: Account, source: SandboxProcess) -> None:
    Connection.objects.create(
        account=account, provider="twilio",
        credentials={"auth_token": source.credentials["auth_token"]},
        settings={"account_sid": source.credentials["account_sid"], "base_url": source.base_url},
    )  # fmt: skip


def new(e164: str, rate: int | str = 1) -> dict[str, str]:
    return {"e164": e164, "label": "Office", "segments_per_second": str(rate)}


def page(client: Client, number: SendingNumber) -> str:
    return client.get(reverse("campaigns:number", args=[number.pk])).content.decode()


def switch(client: Client, number: SendingNumber, active: str) -> None:
    client.post(reverse("campaigns:number_switch", args=[number.pk]), {"active": active})
    number.refresh_from_db()


def launched(account: Account, number: SendingNumber) -> Campaign:
    factories.make_contact(account)
    draft = launching.Draft(
        name="Spring tune-ups", version=factories.make_workflow(account),
        audience=factories.make_audience(account), number=number,
    )  # fmt: skip
    return launching.launch(account, draft, by=None, now=clock.now())


def texted(number: SendingNumber, state: str, accepted_days_ago: float = 0.0) -> None:
    contact = number.account.contacts.first() or factories.make_contact(number.account)
    at = clock.now() - timedelta(days=accepted_days_ago)
    Message.objects.create(
        account=number.account, contact=contact, address=factories.phone_of(contact), number=number,
        kind="campaign", state=state, body="Hi", segments=2, created_at=at, accepted_at=at, state_at=at,
    )  # fmt: skip


def test_a_number_of_twilios_is_added(account: Account, admin: Client, sandbox: SandboxProcess) -> None:  # noqa: F811
    connect(account, sandbox)
    assert admin.post(ADD, new("(312) 555-0100", 3)).status_code == 302
    number = SendingNumber.objects.get()
    assert (number.e164, number.label, number.segments_per_second) == ("+13125550100", "Office", 3)
    assert number.provider_sid.startswith("PN") and NumberPace.objects.filter(number=number).exists()
    assert AuditEntry.objects.get(verb="added_number").by is not None
    assert "Office" in admin.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("e164", "rate", "words"),
    [
        ("12", 1, "This is no phone number"),
        ("312 555 0100 x4", 1, "This is no phone number"),
        ("", 1, "This field is required"),
        ("+13125550199", 1, "Your Twilio account does not have (312) 555-0199"),
        ("+13125550100", 0, "Choose a rate from 1"),
        ("+13125550100", 5000, "Choose a rate from 1"),
        ("+13125550100", "fast", "Enter a whole number"),
    ],
)
def test_what_cannot_be_added_is_said(
    account: Account,
    admin: Client,
    sandbox: SandboxProcess,  # noqa: F811
    e164: str,
    rate: int,
    words: str,
) -> None:
    connect(account, sandbox)
    answer = admin.post(ADD, new(e164, rate))
    assert answer.status_code == 422 and words in answer.content.decode()
    assert not SendingNumber.objects.exists()


def test_a_number_is_one_accounts_in_the_whole_deployment(account: Account, admin: Client) -> None:
    factories.make_number(account, "+13125550100")
    factories.make_number(factories.make_account("Rival Plumbing"), "+13125550101")
    assert "in your list already" in admin.post(ADD, new("3125550100")).content.decode()
    answer = admin.post(ADD, new("3125550101")).content.decode()
    assert "Another company on this server" in answer and "Rival" not in answer


def test_without_twilio_or_its_answer_nothing_is_added(account: Account, admin: Client) -> None:
    assert "Connect Twilio first" in admin.post(ADD, new("3125550100")).content.decode()
    factories.make_number(account, "+13125550109")  # its connection leads nowhere
    assert "did not say" in admin.post(ADD, new("3125550100")).content.decode()


def test_a_number_is_renamed_and_never_renumbered(account: Account, admin: Client) -> None:
    number = factories.make_number(account, "+13125550100", label="Old")
    url = reverse("campaigns:number", args=[number.pk])
    assert admin.post(url, new("+13125550199", 7) | {"label": "Main"}).status_code == 302
    number.refresh_from_db()
    assert (number.e164, number.label, number.segments_per_second) == ("+13125550100", "Main", 7)
    wrong = admin.post(url, {"label": "Unsaved", "segments_per_second": "0"})
    assert wrong.status_code == 422
    number.refresh_from_db()
    assert number.label == "Main"


def test_pausing_says_what_stands_still_then_holds_it(account: Account, admin: Client) -> None:
    number = factories.make_number(account, label="Main line")
    launched(account, number)
    shown = page(admin, number)
    assert "Spring tune-ups" in shown and "Pause Main line? 1 live campaign and 0 waiting texts" in shown
    switch(admin, number, "0")
    switch(admin, number, "0")
    assert not number.active
    assert AuditEntry.objects.filter(verb="paused_number").count() == 1
    assert "Activate number" in page(admin, number) and "Paused" in admin.get(LIST).content.decode()
    switch(admin, number, "1")
    assert number.active
    assert AuditEntry.objects.filter(verb="activated_number").count() == 1


def test_nothing_leaves_from_a_paused_number_and_all_of_it_after(account: Account, admin: Client) -> None:
    number = factories.make_number(account)
    trial_texts.send(
        account, number=number, phone="+13125550139", by=factories.make_user(account),
        token=uuid.uuid4(), now=clock.now(),
    )  # fmt: skip
    switch(admin, number, "0")
    assert leasing.lease(10, now=clock.now()) == []
    assert "1 text waits and leaves" in " ".join(page(admin, number).split())
    switch(admin, number, "1")
    assert len(leasing.lease(10, now=clock.now())) == 1


def test_today_says_what_was_handed_over_and_how_the_latest_fared(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, other = factories.make_number(account), factories.make_number(account, e164="+13125550191")
    now = clock.now()
    number_days.count({number.pk: 8}, now)
    number_days.count({number.pk: 5}, now - timedelta(days=2))
    for state in ("delivered", "delivered", "failed", "sent"):
        texted(number, state)
    texted(number, "delivered", accepted_days_ago=2)
    use, idle = number_use.today(account, [number, other], now=now)
    assert (use.segments, use.delivered, use.failed) == (8, 2, 1)
    assert (use.arrived.part, use.arrived.whole, use.arrived.percent) == (2, 3, "66.7%")
    assert (idle.segments, idle.arrived.whole) == (0, 0)
    texted(number, "failed")
    monkeypatch.setattr(number_use, "LATEST", 2)
    (latest,) = number_use.today(account, [number], now=clock.now())
    assert (latest.delivered, latest.failed) == (0, 1), "of the last two, one is on its way"
    (tomorrow,) = number_use.today(account, [number], now=now + timedelta(days=1))
    assert (tomorrow.segments, tomorrow.arrived.whole) == (0, 0)


def test_an_empty_list_shows_the_way(admin: Client) -> None:
    assert "No number yet" in admin.get(LIST).content.decode()
