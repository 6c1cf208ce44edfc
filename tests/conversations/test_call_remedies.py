"""What refused and failed calls ask of us beyond themselves, by the provider's own answers."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account, User
from audiences.models import Contact
from common import clock
from conversations import call_placing, call_remedies, problems
from conversations.models import Call, CallSettings, Lane, PlannedCall, SafetyPause, SendingProblem
from integrations.messaging import Remedy
from sandbox.voice import conduct
from tests import factories
from tests.conversations.conftest import Company
from tests.conversations.talking import agrees, place_all

NO_SUCH, REGION, CREDENTIALS = (conduct.PREFIX + nn for nn in ("01", "03", "12"))


def refused(company: Company, phone: str) -> tuple[Contact, Call]:
    """A script's call to a phone at which the provider refuses at once."""
    CallSettings.objects.get_or_create(account=company.account, defaults={"per_second": 30})
    contact = factories.make_contact(company.account, phone)
    agrees(contact)
    planned = factories.plan_call(contact, mode="script")
    place_all()
    return contact, Call.objects.exclude(state="refused").get(planned=planned)


@pytest.mark.django_db(transaction=True)
def test_a_phone_that_does_not_exist_is_given_up(company: Company) -> None:
    contact, call = refused(company, NO_SUCH)
    phone = factories.phone_of(contact)
    assert (call.state, call.code) == ("failed", "21211")
    assert (phone.unreachable_since is not None, phone.unreachable_reason) == (
        True, call_remedies.NO_SUCH_NUMBER,
    )  # fmt: skip
    assert not SendingProblem.objects.exists() and not SafetyPause.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_agents_phone_that_does_not_exist_is_no_customers(company: Company) -> None:
    agent: User = factories.make_user(company.account, "agent")
    contact = factories.make_contact(company.account)
    planned = factories.plan_call(contact)
    with pytest.raises(call_placing.CallRefused, match="not valid"):
        call_placing.place(planned.pk, by=agent, agent_phone=NO_SUCH)
    assert factories.phone_of(contact).unreachable_since is None
    planned.refresh_from_db()
    assert (planned.state, planned.taken_by) == (PlannedCall.State.TAKEN, agent)


@pytest.mark.django_db(transaction=True)
def test_a_region_that_is_switched_off_asks_an_admin_in_the_words_of_calls(company: Company) -> None:
    _, call = refused(company, REGION)
    assert (call.state, call.code) == ("rejected", "21215")
    (problem,) = problems.lately(company.account, now=clock.now())
    assert (problem.code, problem.meaning, problem.remedy, problem.campaign) == (
        "21215", "Calls to this region are switched off", Remedy.FIX_SETTINGS, "Tune-ups",
    )  # fmt: skip
    assert not SafetyPause.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_refused_credentials_stop_all_numbers_of_the_connection_and_nobody_else(company: Company) -> None:
    sister = factories.make_number(company.account, "+13125550197")
    other = factories.make_number(factories.make_account(), "+13125550198")
    refused(company, CREDENTIALS)
    resting = {pause.number_id: pause.code for pause in SafetyPause.objects.all()}
    assert resting == {company.number.pk: "20003", sister.pk: "20003"}
    assert other.pk not in resting
    (problem,) = SendingProblem.objects.all()
    assert (problem.number, problem.remedy) == (company.number, "stop_account")


@pytest.fixture
def account(db: None, noon: datetime) -> Account:
    return factories.make_account()


def call_of(account: Account, *, lane: Lane | None = None, **fields: Any) -> Call:
    contact = account.contacts.first() or factories.make_contact(account)
    planned = factories.plan_call(contact, **({"lane": lane} if lane else {}))
    return Call.objects.create(
        account=account, planned=planned, direction="out", contact=contact, address=planned.address,
        number=planned.number, **{"state": "rejected", "state_at": clock.now(), **fields},
    )  # fmt: skip


def test_a_problem_is_one_by_sender_campaign_and_code_however_often_it_comes(account: Account) -> None:
    first, lane = call_of(account), factories.make_campaign_lane(account)
    later = call_of(account, state_at=clock.now() + timedelta(minutes=5))
    elsewhere = call_of(account, lane=lane)
    asking = [(call.pk, Remedy.FIX_SETTINGS, "21215") for call in (first, later, elsewhere)]
    for _ in range(2):
        call_remedies.apply([*asking, (first.pk, Remedy.REPORT_BUG, "21205")], now=clock.now())
    found = {(one.code, one.lane_id): one for one in SendingProblem.objects.all()}
    assert set(found) == {
        ("21215", first.planned.lane_id), ("21215", lane.pk), ("21205", first.planned.lane_id)  # type: ignore[union-attr]
    }  # fmt: skip
    told = found["21215", first.planned.lane_id]  # type: ignore[union-attr]
    assert (told.first_at, told.last_at) == (first.state_at, later.state_at)


def test_news_from_before_a_resume_stops_nobody_again(account: Account) -> None:
    call = call_of(account)
    number = call.number
    SafetyPause.objects.create(
        account=account, number=number, rule="code", code="20003", reason="Refused",
        at=call.state_at - timedelta(minutes=1), lifted_at=call.state_at + timedelta(minutes=1),
    )  # fmt: skip
    call_remedies.apply([(call.pk, Remedy.STOP_ACCOUNT, "20003")], now=clock.now())
    assert not SafetyPause.objects.filter(lifted_at=None).exists()
    late = call_of(account, state_at=call.state_at + timedelta(minutes=2))
    call_remedies.apply([(late.pk, Remedy.STOP_ACCOUNT, "20003")], now=clock.now())
    assert SafetyPause.objects.filter(lifted_at=None).count() == 1


@pytest.mark.parametrize("remedy", [Remedy.NONE, Remedy.RETRY_LATER])
def test_what_asks_for_nothing_changes_nothing(account: Account, remedy: Remedy) -> None:
    call = call_of(account)
    call_remedies.apply([(call.pk, remedy, "13225")], now=clock.now())
    assert not SendingProblem.objects.exists() and not SafetyPause.objects.exists()
    assert factories.phone_of(call.planned.contact).unreachable_since is None  # type: ignore[union-attr]


def test_every_code_of_calls_has_its_own_words(account: Account) -> None:
    call = call_of(account)
    for code in call_remedies.MEANINGS:
        call_remedies.apply([(call.pk, Remedy.FIX_SETTINGS, code)], now=clock.now())
    said = {one.code: one.meaning for one in problems.lately(account, now=clock.now())}
    assert set(said) == set(call_remedies.MEANINGS)
    assert "The provider refused the message" not in said.values()
