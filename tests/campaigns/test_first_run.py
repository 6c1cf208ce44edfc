"""The first run: every step read from its rows, and what a first launch is refused for."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AuditEntry
from audiences import consent, servicetitan_sync, suppression
from audiences.models import Address, Contact, OptOutImport, SyncCursor
from campaigns import enrolling, first_launch, first_run, launching, lifecycle, tasks
from campaigns.models import Campaign
from common import clock
from conversations import claiming, leasing, opt_out_imports, trial_texts
from conversations.models import Lane, Message
from integrations.models import Connection, SendingNumber
from tests import factories
from tests.accounts import making
from tests.accounts.making import signed_in

pytestmark = pytest.mark.django_db
URL, TEST = reverse("campaigns:first_run"), reverse("campaigns:test_text")
MINE = "+13125550139"


@pytest.fixture
def account() -> Account:
    """A contractor of whom nothing is known yet."""
    return making.make_account("Comfort Air")


@pytest.fixture
def admin(account: Account) -> Client:
    return signed_in(factories.make_user(account))


@dataclass
class Ready:
    """An account that lacks nothing for a first launch."""

    account: Account
    draft: launching.Draft

    def launch(self, **changes: Any) -> Campaign:
        draft = launching.Draft(**{**vars(self.draft), "token": uuid.uuid4(), **changes})
        return launching.launch(self.account, draft, by=None, now=clock.now())

    def refusal(self, **changes: Any) -> dict[str, list[str]]:
        with pytest.raises(launching.LaunchRefused) as refused:
            self.launch(**changes)
        return refused.value.errors


@pytest.fixture
def ready(account: Account) -> Ready:
    declare(account)
    settle(account)
    return furnished(account)


def furnished(account: Account) -> Ready:
    """What a launch is made of; nothing is declared."""
    for number in range(25):
        factories.make_contact(account, f"+131255501{number:02}")
    draft = launching.Draft(
        name="First wave",
        version=factories.make_workflow(account),
        audience=factories.make_audience(account),
        number=factories.make_number(account),
    )
    return Ready(account, draft)


def declare(account: Account) -> None:
    consent.declare(account, "existing", name="Ann Reed", by=None, now=clock.now())


def settle(account: Account) -> None:
    opt_out_imports.declare_none(account, by=factories.make_user(account), now=clock.now())


def synced(account: Account) -> None:
    for entity in (servicetitan_sync.JOB_TYPES, *servicetitan_sync.EXPORTS):
        now = clock.now()
        SyncCursor.objects.create(account=account, entity=entity, synced_at=now, complete_at=now)


def standings(account: Account) -> dict[str, str]:
    return {step.key: step.standing.value for step in first_run.of(account).steps}


def send(client: Client, number: SendingNumber, phone: str = MINE, token: str = "") -> Any:
    data = {"number": number.pk, "phone": phone, "token": token or str(uuid.uuid4())}
    return client.post(TEST, data)


def test_an_empty_account_begins_with_servicetitan(account: Account, admin: Client) -> None:
    assert standings(account) == {
        "servicetitan": "current", "opt_outs": "open", "consent": "open", "number": "open",
        "test": "blocked", "launch": "blocked",
    }  # fmt: skip
    page = admin.get(URL).content.decode()
    assert "0 of 6" in page and "Waits for a number to text from" in page


def test_every_step_follows_its_rows(account: Account) -> None:
    Connection.objects.create(account=account, provider="servicetitan")
    assert "first sync is running" in first_run.of(account).steps[0].note
    synced(account)
    declare(account)
    number = factories.make_number(account)
    assert standings(account) == {
        "servicetitan": "done", "opt_outs": "current", "consent": "done", "number": "done",
        "test": "open", "launch": "blocked",
    }  # fmt: skip
    settle(account)
    user = factories.make_user(account)
    message = trial_texts.send(
        account, number=number, phone=MINE, by=user, token=uuid.uuid4(), now=clock.now()
    )
    assert standings(account)["test"] == "current"
    Message.objects.filter(pk=message.pk).update(state=Message.State.DELIVERED, body="x")
    factories.make_workflow(account)
    assert standings(account)["launch"] == "blocked", "an audience is lacking"
    factories.make_audience(account)
    assert standings(account)["launch"] == "current"
    SendingNumber.objects.update(active=False)
    assert standings(account)["number"] == "current", "nothing is stored: what is undone is undone"


def test_a_sync_that_stopped_says_where(account: Account) -> None:
    Connection.objects.create(account=account, provider="servicetitan")
    SyncCursor.objects.create(account=account, entity="jobs", error="ServiceTitan answered 500 [500]")
    assert "stopped at jobs" in first_run.of(account).steps[0].note


def test_the_page_is_live(account: Account, admin: Client) -> None:
    asked = {"HX-Request": "true"}
    seen = admin.get(URL, headers=asked)
    again = asked | {"HX-PTag": seen["HX-PTag"]}
    assert admin.get(URL, headers=again).status_code == 304
    declare(account)
    assert "Ann Reed" in admin.get(URL, headers=again).content.decode()


@pytest.mark.parametrize("role", ["csr", "marketer", "agent"])
def test_others_see_the_state_and_who_does_it(account: Account, role: str) -> None:
    factories.make_number(account)
    client = signed_in(factories.make_user(account, role))
    page = client.get(URL).content.decode()
    assert "An admin does this" in page and "Send test text" not in page
    assert send(client, SendingNumber.objects.get()).status_code == 403


def test_nobody_launches_before_the_ground_is_declared(account: Account) -> None:
    ready = furnished(account)
    settle(account)
    assert ready.refusal() == {"": [consent.MISSING]}
    assert not Campaign.objects.exists()
    declare(account)
    ready.launch()


def test_the_ground_is_asked_for_at_every_launch(account: Account) -> None:
    ready = furnished(account)
    consent.declare_simulated(account)
    ready.launch()
    Connection.objects.update(settings={"account_sid": "AC1"})  # now its texts reach people
    assert ready.refusal() == {"": [consent.MISSING]}


def test_old_opt_outs_come_before_the_first_launch(account: Account) -> None:
    ready = furnished(account)
    declare(account)
    assert ready.refusal() == {"": [consent.OPT_OUTS_MISSING]}
    settle(account)
    ready.launch()
    ready.launch(name="Second wave")


def test_no_launch_overtakes_an_import(ready: Ready) -> None:
    OptOutImport.objects.create(
        account=ready.account, name="dnc.csv", values="+13125550101", phones=1, confirmed_at=clock.now()
    )
    (words,) = ready.refusal()[""]
    assert "dnc.csv is still being recorded: 0 of 1" in words
    opt_out_imports.record_confirmed(now=clock.now())
    ready.launch()


def test_the_first_launch_reaches_25_and_no_more(ready: Ready) -> None:
    extra = factories.make_contact(ready.account, "+13125550150")
    (words,) = ready.refusal()["audience"]
    assert "at most 25 people" in words and "reach 26" in words and "tag" in words
    Contact.objects.filter(pk=extra.pk).update(do_not_service=True)  # matched, and never admitted
    ready.launch()
    Contact.objects.update(do_not_service=False)
    ready.launch(name="Second wave")
    assert Campaign.objects.count() == 2


def test_whoever_the_sync_brings_after_the_check_is_not_let_in(ready: Ready) -> None:
    campaign = ready.launch()
    shared = Contact.objects.order_by("pk")[3]
    factories.make_contact(ready.account, factories.phone_of(shared).value)
    for number in range(30):
        factories.make_contact(ready.account, f"+131255502{number:02}")
    tasks.take_in()
    intake = campaign.intakes.get()
    assert (intake.admitted, intake.finished_at is None) == (25, False)
    assert campaign.enrollments.count() == 25
    later = ready.launch(name="Second wave")
    tasks.take_in()
    assert later.enrollments.count() == 55


def test_a_later_slice_of_a_first_launch_is_bounded_too(ready: Ready) -> None:
    campaign = ready.launch()
    intake = campaign.intakes.create()
    for _ in range(4):
        intake = enrolling.enroll_slice(campaign, intake.pk, now=clock.now(), size=10, most=13)
    assert campaign.enrollments.count() == intake.admitted == 13


def test_a_launch_that_waits_or_was_stopped_before_its_time_is_no_first_one(ready: Ready) -> None:
    now = clock.now()
    draft = launching.Draft(**{**vars(ready.draft), "token": uuid.uuid4()})
    waiting = launching.launch(ready.account, draft, by=None, now=now, at=now + timedelta(days=2))
    factories.make_contact(ready.account, "+13125550150")
    assert "at most 25 people" in ready.refusal()["audience"][0]
    lifecycle.stop(waiting, by=None, now=now)
    later = now + timedelta(days=3)
    assert not first_launch.launched_before(ready.account, now=later)


def test_launches_to_invented_customers_are_no_first_launch_to_real_ones() -> None:
    account = factories.make_account()
    for number in range(26):
        factories.make_contact(account, f"+131255501{number:02}")
    draft = launching.Draft(
        name="All", version=factories.make_workflow(account), audience=factories.make_audience(account),
        number=factories.make_number(account),
    )  # fmt: skip
    real = Ready(account, draft)
    invented = real.launch()
    lifecycle.pause(invented, by=factories.make_user(account), now=clock.now())
    Connection.objects.filter(account=account).update(settings={"account_sid": "AC1"})
    assert real.refusal() == {"": [consent.MISSING]}
    with pytest.raises(lifecycle.NotPossible, match="Nobody has declared"):
        lifecycle.resume(invented, by=factories.make_user(account), now=clock.now())
    declare(account)
    assert real.refusal() == {"": [consent.OPT_OUTS_MISSING]}
    settle(account)
    assert list(real.refusal()) == ["audience"]


def test_targeting_narrows_a_first_launch(ready: Ready) -> None:
    factories.make_contact(ready.account, "+13125550150", kind="commercial")
    assert "audience" in ready.refusal()
    ready.launch(targeting={"kind": "residential"})


def test_the_refusal_is_shown_in_the_launch_form_s_own_way(ready: Ready) -> None:
    assert launching.problems(ready.account, ready.draft, now=clock.now()) == {}
    factories.make_contact(ready.account, "+13125550150")
    assert list(launching.problems(ready.account, ready.draft, now=clock.now())) == ["audience"]


def test_an_invented_company_launches_to_any_number() -> None:
    account = factories.make_account()
    for number in range(30):
        factories.make_contact(account, f"+131255501{number:02}")
    draft = launching.Draft(
        name="All", version=factories.make_workflow(account), audience=factories.make_audience(account),
        number=factories.make_number(account),
    )  # fmt: skip
    launching.launch(account, draft, by=None, now=clock.now())
    page = signed_in(factories.make_user(account)).get(URL).content.decode()
    assert "invented" in page


def test_a_test_text_goes_through_the_senders_own_way(account: Account, admin: Client) -> None:
    number = factories.make_number(account)
    assert send(admin, number).status_code == 302
    message = Message.objects.get()
    assert (message.state, message.lane.kind if message.lane else "") == ("queued", Lane.Kind.TESTS)
    now = clock.now()
    (claim,) = claiming.claim(leasing.lease(10, now=now), now=now)
    assert (claim.to, claim.from_) == (MINE, number.e164) and "Comfort Air" in claim.body
    assert "On its way to the provider" in admin.get(URL).content.decode()
    assert AuditEntry.objects.filter(verb="sent_test_text").count() == 1


def test_a_test_text_is_sent_once_per_form(account: Account, admin: Client) -> None:
    number, token = factories.make_number(account), str(uuid.uuid4())
    for _ in range(2):
        assert send(admin, number, token=token).status_code == 302
    assert Message.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_instant_send_one_test_text(account: Account, admin: Client) -> None:
    number, token, cookies = factories.make_number(account), str(uuid.uuid4()), admin.cookies

    def click(_: int) -> int:
        client = Client()
        client.cookies = cookies
        try:
            return int(send(client, number, token=token).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(click, range(4))) == [302] * 4
    assert Message.objects.count() == 1


def test_no_test_text_to_a_phone_that_opted_out(account: Account, admin: Client) -> None:
    address = Address.objects.create(account=account, channel="phone", value=MINE)
    suppression.opt_out(address, channel="phone", source="text", now=clock.now())
    answer = send(admin, factories.make_number(account), "(312) 555-0139")
    assert answer.status_code == 422 and "has opted out" in answer.content.decode()
    assert not Message.objects.exists()


def test_the_gate_asks_again_when_the_text_leaves(account: Account, admin: Client) -> None:
    send(admin, factories.make_number(account))
    address = Address.objects.get(value=MINE)
    suppression.opt_out(address, channel="phone", source="text", now=clock.now())
    now = clock.now()
    assert claiming.claim(leasing.lease(10, now=now), now=now) == []
    assert "Not delivered: Not sent: opted out" in admin.get(URL).content.decode()


def test_a_late_test_text_is_no_surprise(account: Account, admin: Client) -> None:
    send(admin, factories.make_number(account))
    later = clock.now() + trial_texts.MAY_WAIT + timedelta(seconds=1)
    assert claiming.claim(leasing.lease(10, now=later), now=later) == []
    assert Message.objects.get().state == Message.State.EXPIRED


def test_my_own_phone_makes_nobody_to_be_reached(account: Account, admin: Client) -> None:
    send(admin, factories.make_number(account))
    assert list(Contact.objects.values_list("active", flat=True)) == [False]


@pytest.mark.parametrize("phone", ["", "911", "312 555 01", "312 555 0101 x5", "nobody"])
def test_what_is_no_phone_is_refused(account: Account, admin: Client, phone: str) -> None:
    answer = send(admin, factories.make_number(account), phone)
    assert answer.status_code == 422 and not Message.objects.exists()


def test_neither_a_paused_number_nor_anothers_is_offered(account: Account, admin: Client) -> None:
    paused = factories.make_number(account, active=False)
    theirs = factories.make_number(factories.make_account(), "+13125550191")
    for number in (paused, theirs):
        assert send(admin, number).status_code == 422
    assert not Message.objects.exists()
