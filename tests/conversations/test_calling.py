"""Calling for real: SDK, HTTP, the sandbox's ledger as judge."""

from datetime import timedelta
from typing import Any

from audiences import consent_records
from common import clock, sql
from conversations import call_draining, call_placing, call_reconciling, sender
from conversations.models import Call, CallSettings, PlannedCall
from tests import factories
from tests.conversations.conftest import Company, phone

AGENT_PHONE = "+13125550177"
State = PlannedCall.State


def scripted(company: Company, many: int) -> list[PlannedCall]:
    """So many people who agreed to recorded calls, each to be called by a script now."""
    CallSettings.objects.create(account=company.account, per_second=30, most_at_once=50)
    given = consent_records.Agreement("recorded_calls", "paper", "You may play me recordings", clock.now())
    planned = []
    for contact in factories.make_contacts(company.account, [phone(index) for index in range(many)]):
        consent_records.record(factories.phone_of(contact), given, contact=contact, now=clock.now())
        planned.append(factories.plan_call(contact, mode="script"))
    return planned


def placed(company: Company) -> list[dict[str, Any]]:
    return list(company.sandbox.ledger("call"))


def test_every_planned_call_is_placed_exactly_once(company: Company) -> None:
    planned = scripted(company, 6)
    sender.run(20, concurrency=50, until_idle=True)
    assert sorted(entry["to"] for entry in placed(company)) == [phone(index) for index in range(6)]
    attempts = {str(attempt) for attempt in Call.objects.values_list("attempt", flat=True)}
    assert {entry["attempt"] for entry in placed(company)} == attempts
    assert not Call.objects.filter(accepted_at=None).exists()
    sender.run(5, concurrency=50, until_idle=True)
    assert len(placed(company)) == len(planned)


def test_a_call_whose_answer_is_lost_is_found_again_and_never_placed_twice(
    company: Company, settings: Any
) -> None:
    scripted(company, 3)
    company.sandbox.set_faults(calls={"accept_then_drop": 1.0})
    sender.run(20, concurrency=50, until_idle=True)
    company.sandbox.clear_faults()
    settings.RECONCILE_AFTER_SECONDS = -1
    for _ in range(3):
        call_draining.drain()
        call_reconciling.reconcile(now=clock.now())
        sender.run(5, concurrency=50, until_idle=True)
    assert len(placed(company)) == 3
    assert not Call.objects.filter(state__in=("calling", "unknown")).exists()
    assert Call.objects.exclude(provider_id=None).count() == 3


def test_an_agents_phone_rings_first_and_the_call_is_told_of(company: Company) -> None:
    (contact,) = factories.make_contacts(company.account, [phone(0)])
    agent = factories.make_user(company.account, "agent")
    planned = factories.plan_call(contact)
    call = call_placing.place(planned.pk, by=agent, agent_phone=AGENT_PHONE)
    (entry,) = placed(company)
    assert (entry["to"], entry["attempt"]) == (AGENT_PHONE, str(call.attempt))
    assert (call.state, call.by) == ("accepted", agent)
    planned.refresh_from_db()
    assert (planned.state, planned.taken_by) == (State.CALLING, agent)


def test_a_claim_that_died_before_the_request_is_given_up_and_nobody_was_called(
    company: Company, settings: Any
) -> None:
    from conversations import call_claiming, placing_results

    (planned,) = scripted(company, 1)
    call_claiming.claim_scripts(company.account.pk, [planned.lane_id], now=clock.now(), most=1)
    sql.run("UPDATE conversations_call SET claimed_at = claimed_at - interval '10 minutes'")
    placing_results.sweep_abandoned(older_than_seconds=60, now=clock.now())
    settings.RECONCILE_AFTER_SECONDS = -1
    Call.objects.update(valid_until=clock.now() - timedelta(seconds=1))
    for _ in range(2):
        call_reconciling.reconcile(now=clock.now())
        sender.run(5, concurrency=50, until_idle=True)
    planned.refresh_from_db()
    assert (planned.state, planned.code) == (State.FAILED, "delivery_unknown")
    assert placed(company) == []
