"""Sending for real: SDK, HTTP, the sandbox's ledger as judge."""

import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from audiences.models import OptOut
from audiences.models.reach_limits import HOUSEHOLD_PER_DAY
from campaigns import engine
from campaigns.models import Step
from common import clock
from conversations import claiming, delivery, draining, leasing, reconciling, recorder, sender
from conversations.delivery import CallResult
from conversations.models import Attempt, Message, Thread
from integrations.messaging import DeliveryState, ProviderError, Receipt
from integrations.models import NumberDay
from tests import factories
from tests.conversations.conftest import Company, phone


def sent_to(company: Company) -> Counter[str]:
    return Counter(entry["to"] for entry in company.sandbox.ledger("message"))


def test_every_planned_text_is_sent_exactly_once(company: Company) -> None:
    campaign = company.launch(40)
    company.run()
    assert sent_to(company) == Counter(phone(i) for i in range(40))
    assert set(Step.objects.filter(node__key="first_text").values_list("state", flat=True)) == {"completed"}
    assert Step.objects.filter(campaign=campaign, node__key="reply", state="waiting").count() == 40
    entry = company.sandbox.ledger("message")[0]
    assert "Hi Pat" in entry["body"]
    attempts = {str(pk) for pk in Attempt.objects.values_list("pk", flat=True)}
    assert {e["attempt"] for e in company.sandbox.ledger("message")} == attempts


def test_callbacks_lead_to_delivered(company: Company) -> None:
    company.launch(3)
    company.run()
    company.sandbox.wait_for("callback", 6)
    draining.drain()
    assert set(Message.objects.values_list("state", flat=True)) == {"delivered"}


def test_a_throttled_text_waits_and_is_sent_once(company: Company) -> None:
    company.launch(10)
    company.sandbox.set_faults(http_429=0.5, seed=3)
    company.run()
    refused = Attempt.objects.filter(state="refused").count()
    assert 0 < refused < 10
    company.sandbox.clear_faults()
    time.sleep(2.2)  # the number is held back for a second, and so is each refused text
    company.run()
    assert Attempt.objects.count() == 10 + refused
    assert sent_to(company) == Counter(phone(i) for i in range(10))


def test_being_too_fast_does_not_lengthen_the_wait_of_a_text(company: Company) -> None:
    company.launch(2)
    engine.run_round(now=clock.now())
    for code in ("20429", "unreachable"):
        for _ in range(6):
            Message.objects.update(leased_until=None)
            claims = claiming.claim(leasing.lease(10, now=clock.now()), now=clock.now())
            assert len(claims) == 2
            error = ProviderError("No", permanent=False, accepted="no", code=code)
            recorder.record([CallResult(c.message_id, c.attempt_id, error) for c in claims])
        waits = {m.leased_until - datetime.now(UTC) for m in Message.objects.all()}
        if code == "20429":
            assert max(waits) < timedelta(seconds=2)
    assert min(waits) > timedelta(seconds=20)
    assert set(Message.objects.values_list("state", flat=True)) == {"queued"}


def test_recording_an_end_again_leaves_the_next_attempt_alone(company: Company) -> None:
    company.launch(2)
    engine.run_round(now=clock.now())
    first = claiming.claim(leasing.lease(10, now=clock.now()), now=clock.now())
    lost = ProviderError("Gone", permanent=False, accepted="no", code="unreachable")
    ends = [CallResult(c.message_id, c.attempt_id, lost) for c in first]
    recorder.record(ends)
    used = NumberDay.objects.get().segments
    Message.objects.update(leased_until=None)
    second = claiming.claim(leasing.lease(10, now=clock.now()), now=clock.now())
    assert len(second) == 2
    recorder.record(ends)  # its commit had succeeded, but the connection broke before it was said
    assert set(Message.objects.values_list("state", flat=True)) == {"calling"}
    assert NumberDay.objects.get().segments == used + 2
    taken = Receipt("", "queued", DeliveryState.ACCEPTED, 1)
    recorder.record([
        CallResult(c.message_id, c.attempt_id, replace(taken, provider_id=str(c.message_id))) for c in second
    ])  # fmt: skip
    assert set(Message.objects.values_list("state", flat=True)) == {"accepted"}


def test_an_accepted_call_whose_answer_was_lost_is_adopted_and_never_repeated(company: Company) -> None:
    company.launch(6)
    company.sandbox.set_faults(accept_then_drop=1.0, callbacks={"drop": 1.0}, seed=1)
    company.run()
    assert set(Message.objects.values_list("state", flat=True)) == {"unknown"}
    assert set(Step.objects.values_list("state", flat=True)) == {"waiting"}
    company.sandbox.clear_faults()
    Message.objects.update(claimed_at=clock.now() - timedelta(days=300))
    assert reconciling.reconcile_unknown(now=clock.now()) == 6
    company.run()
    assert sent_to(company) == Counter(phone(i) for i in range(6))
    assert Step.objects.filter(node__key="first_text", state="completed").count() == 6


def test_a_call_that_never_arrived_is_given_up_after_its_validity(company: Company) -> None:
    company.launch(1)
    company.sandbox.set_faults(drop_before_accept=1.0, seed=1)
    company.run()
    message = Message.objects.get()
    assert message.state == "unknown"
    Message.objects.update(claimed_at=clock.now() - timedelta(days=300), valid_until=clock.now())
    reconciling.reconcile_unknown(now=clock.now())
    reconciling.reconcile_unknown(now=clock.now())
    message.refresh_from_db()
    assert (message.state, message.code) == ("failed", "delivery_unknown")
    step = Step.objects.get(node__key="first_text")
    assert (step.state, step.reason) == ("failed", "delivery_unknown")
    assert not sent_to(company)


def test_a_text_the_provider_holds_an_opt_out_for_becomes_ours(company: Company) -> None:
    company.launch(2)
    company.sandbox.say(phone(0), "STOP", to=company.number.e164)
    OptOut.objects.update(lifted_at=clock.now())  # as if we had never heard it
    Thread.objects.update(state="open", closed_reason="")
    from campaigns.models import Enrollment

    Enrollment.objects.update(state="active", ended_at=None, ended_reason="")
    Step.objects.update(state="scheduled", due_at=clock.now(), reason="")
    company.run()
    assert OptOut.objects.get(lifted_at=None).source == "provider"
    assert sent_to(company) == Counter([phone(1)])


def test_an_abandoned_call_is_unknown_and_its_late_callback_settles_it(company: Company) -> None:
    company.launch(1)
    engine.run_round(now=clock.now())
    (claim,) = claiming.claim(leasing.lease(10, now=clock.now()), now=clock.now())
    Message.objects.update(claimed_at=clock.now() - timedelta(days=300))
    assert delivery.sweep_abandoned(older_than_seconds=60, now=clock.now()) == 1
    assert Message.objects.get().state == "unknown"
    # The call had left after all: the attempt in the callback's address proves it.
    access = company.number.connection
    company.sandbox.http.post(
        f"{company.sandbox.base_url}/2010-04-01/Accounts/{access.settings['account_sid']}/Messages.json",
        auth=(access.settings["account_sid"], access.credentials["auth_token"]),
        data={
            "To": claim.to, "From": claim.from_, "Body": claim.body, "ValidityPeriod": "3600",
            "StatusCallback": f"{_public()}/webhooks/twilio/messages/status/{claim.attempt_id}",
        },
    ).raise_for_status()  # fmt: skip
    company.sandbox.wait_for("callback", 2)
    draining.drain()
    assert Message.objects.get().state == "delivered"
    assert Step.objects.get(node__key="first_text").state == "completed"


def _public() -> str:
    from django.conf import settings

    return str(settings.PUBLIC_URL)


def test_a_number_keeps_to_its_rate(company: Company) -> None:
    company.number.segments_per_second = 10
    company.number.save()
    company.launch(30)
    engine.run_round(now=clock.now())
    began = time.monotonic()
    leased = sum(len(leasing.lease(100, now=clock.now())) for _ in range(3))
    assert 1 <= leased <= 10 * (time.monotonic() - began + leasing.BURST_SECONDS) + 1


def test_a_household_is_not_reached_more_often_than_its_cap(company: Company) -> None:
    first = factories.make_contact(company.account, phone=phone(90))
    for index in (91, 92):
        factories.make_contact(company.account, phone=phone(index), household=first.household)
    company.launch(0)
    company.run()
    assert sum(sent_to(company).values()) == HOUSEHOLD_PER_DAY
    held_back = Step.objects.get(node__key="first_text", state="scheduled")
    assert held_back.due_at > clock.now() + timedelta(hours=23)


def test_a_missing_merge_field_skips_that_person_with_the_reason(company: Company) -> None:
    factories.make_contact(company.account, phone=phone(95), first_name="", name="The Customer")
    company.launch(1)
    company.run()
    assert sent_to(company) == Counter([phone(0)])
    skipped = Step.objects.get(state="skipped")
    assert skipped.reason == "merge_field_missing"


def test_a_text_whose_time_to_send_is_over_is_skipped_as_too_late(company: Company) -> None:
    company.launch(1)
    engine.run_round(now=clock.now())
    Message.objects.update(send_by=clock.now() - timedelta(seconds=1))
    sender.run(5, concurrency=5, until_idle=True)
    step = Step.objects.get(node__key="first_text")
    assert (step.state, step.reason) == ("skipped", "too_late")
    assert not sent_to(company)


@pytest.mark.parametrize("copies", [2])
def test_two_senders_share_the_work_and_send_nothing_twice(company: Company, copies: int) -> None:
    import threading

    company.launch(60)
    engine.run_round(now=clock.now())
    threads = [
        threading.Thread(target=sender.run, args=(20,), kwargs={"concurrency": 10, "until_idle": True})
        for _ in range(copies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sent_to(company) == Counter(phone(i) for i in range(60))
