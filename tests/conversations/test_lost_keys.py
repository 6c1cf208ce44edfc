"""Keys pressed while no web process answered, had from a real provider sandbox a quarter of an hour later."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from audiences.models import OptOut
from common import clock
from conversations import abandonment, call_draining, call_reconciling, lost_keys
from conversations.models import Call, CallScript, CallSettings, PlannedCall, Thread
from tests import factories
from tests.conversations.conftest import Company
from tests.conversations.talking import again, agrees, place_all, placed

pytestmark = pytest.mark.django_db(transaction=True)
PHONE, OFFICE = "+12175550165", "+12175550166"
NOBODY = "http://127.0.0.1:9"
Move = Callable[[timedelta], Any]


@pytest.fixture(autouse=True)
def room(company: Company) -> None:
    CallSettings.objects.create(account=company.account, per_second=30, office_line=OFFICE)


def asked_for_a_key(company: Company) -> None:
    """Wait until the call that goes on listens for keys."""
    deadline = time.monotonic() + 20
    while "Gather" not in str(company.sandbox.ledger("call_twiml")[-1:]):
        assert time.monotonic() < deadline
        time.sleep(0.03)


def unheard(company: Company, digit: str) -> Call:
    """A script's call on which a key is pressed when nobody answers for us any more."""
    contact = factories.make_contact(company.account, PHONE)
    if not Call.objects.exists():
        agrees(contact)
    company.sandbox.steer(PHONE, by_hand=True)
    planned = factories.plan_call(contact, mode="script")
    place_all()
    deadline = time.monotonic() + 20
    while company.sandbox.on_the_phone(PHONE, "answer").status_code != 200:  # it does not ring yet
        assert time.monotonic() < deadline
        time.sleep(0.03)
    asked_for_a_key(company)
    company.sandbox.set_faults(calls={"documents": {"bad_signature": 1.0}})  # news of the call is signed well
    assert company.sandbox.on_the_phone(PHONE, "press", digits=digit).status_code == 200
    while "Digits" not in company.sandbox.ledger("call_twiml")[-1]["fields"]:
        assert time.monotonic() < deadline
        time.sleep(0.03)
    company.sandbox.set_faults(calls={"documents": {"bad_signature": 0.0}})
    call = Call.objects.exclude(state="refused").get(planned=planned)
    while call.ended_at is None:
        assert time.monotonic() < deadline, call.state
        call_draining.drain()
        call.refresh_from_db()
        time.sleep(0.03)
    assert (call.digits, OptOut.objects.count()) == ("", 0), "nobody has heard it"
    company.sandbox.http.post(f"{company.sandbox.base_url}/settings", json={"call_speed": 10_000_000})
    return call


def test_a_nine_that_nobody_heard_stops_everything_all_the_same(company: Company, later: Move) -> None:
    call = unheard(company, "9")
    waits = factories.plan_call(call.planned.contact)  # type: ignore[union-attr]
    assert lost_keys.take_in(now=clock.now()) == 0, "the provider does not show it yet"
    later(lost_keys.SHOWN_AFTER)
    assert lost_keys.take_in(now=clock.now()) == 1
    wish = OptOut.objects.get()
    assert (wish.source, wish.address.value, wish.provider_id) == ("phone", PHONE, call.provider_id)
    call.refresh_from_db()
    waits.refresh_from_db()
    assert (call.digits, call.opted_out_at is not None) == ("9", True)
    assert (waits.state, waits.code) == (PlannedCall.State.CANCELLED, "opted_out")
    assert lost_keys.take_in(now=clock.now()) == 0, "asked about once"


def test_a_call_back_that_nobody_heard_is_planned_and_a_wish_to_talk_was_abandoned(
    company: Company, later: Move
) -> None:
    call = unheard(company, "2")
    later(lost_keys.SHOWN_AFTER)
    assert lost_keys.take_in(now=clock.now()) == 1
    assert PlannedCall.objects.get(kind="call_back").origin == f"callback:{call.pk}"
    company.sandbox.http.post(f"{company.sandbox.base_url}/settings", json={"call_speed": 0})
    second = unheard_again(company, "1")
    later(lost_keys.SHOWN_AFTER)
    assert lost_keys.take_in(now=clock.now()) == 1
    assert abandonment.mark(now=clock.now()) == 1
    second.refresh_from_db()
    assert second.abandoned_at is not None


def unheard_again(company: Company, digit: str) -> Call:
    """As `unheard`, of the same person's next call."""
    PlannedCall.objects.filter(kind="call_back").delete()
    return unheard(company, digit)


def test_what_was_heard_is_not_acted_upon_again(company: Company, later: Move) -> None:
    contact = factories.make_contact(company.account, PHONE)
    agrees(contact)
    company.sandbox.http.post(f"{company.sandbox.base_url}/settings", json={"call_speed": 600})
    company.sandbox.steer(PHONE, answers="human", keys=["2"])
    factories.plan_call(contact, mode="script")
    place_all()
    deadline = time.monotonic() + 20
    while not Call.objects.exclude(ended_at=None).exists():
        assert time.monotonic() < deadline
        call_draining.drain()
        time.sleep(0.03)
    PlannedCall.objects.filter(kind="call_back").delete()
    company.sandbox.http.post(f"{company.sandbox.base_url}/settings", json={"call_speed": 10_000_000})
    later(lost_keys.SHOWN_AFTER)
    assert lost_keys.take_in(now=clock.now()) == 0
    assert Call.objects.get().keys_read_at is not None
    assert not PlannedCall.objects.filter(kind="call_back").exists()


def test_a_provider_that_does_not_answer_is_asked_again(
    company: Company, later: Move, caplog: pytest.LogCaptureFixture
) -> None:
    unheard(company, "9")
    later(lost_keys.SHOWN_AFTER)
    stored = company.number.connection
    sound = stored.settings
    stored.settings = {**sound, "base_url": NOBODY}
    stored.save()
    with caplog.at_level(logging.WARNING, "conversations.lost_keys"):
        assert lost_keys.take_in(now=clock.now()) == 0
    assert "cannot be asked for" in caplog.text
    stored.settings = sound
    stored.save()
    assert lost_keys.take_in(now=clock.now()) == 1


def test_an_account_whose_provider_is_away_keeps_nobody_elses_nine_waiting(
    company: Company, later: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has more calls than a batch holds, all of them older."""
    monkeypatch.setattr(lost_keys, "BATCH", 2)
    call = unheard(company, "9")
    other = factories.make_account("Away Comfort")
    number = factories.make_number(other, "+12175550169", base_url=NOBODY)
    contact = factories.make_contact(other, PHONE)
    before = clock.now() - timedelta(hours=1)
    for place in range(5):
        Call.objects.create(
            account=other, direction="out", contact=contact, address=factories.phone_of(contact),
            number=number, state="completed", provider_id=f"CAaway{place}", answered_at=before,
            ended_at=before,
        )  # fmt: skip
    later(lost_keys.SHOWN_AFTER)
    assert lost_keys.take_in(now=clock.now()) == 1
    assert OptOut.objects.get().provider_id == call.provider_id
    assert set(Call.objects.filter(account=other).values_list("keys_read_at", flat=True)) == {None}


def test_a_nine_of_somebody_who_called_us_is_never_lost_either(
    company: Company, settings: Any, later: Move
) -> None:
    """A script had called them; they call back, and press it when nobody answers for us any more. Neither
    that nor the call's end is heard."""
    contact = factories.make_contact(company.account, PHONE)
    script = placed(contact)
    Call.objects.filter(pk=script.pk).update(state="completed", ended_at=clock.now())
    assert (
        company.sandbox.on_the_phone(PHONE, "call", to=company.number.e164, by_hand=True).status_code == 200
    )
    asked_for_a_key(company)
    web, settings.PUBLIC_URL = settings.PUBLIC_URL, NOBODY  # by which every signature is wrong
    assert company.sandbox.on_the_phone(PHONE, "press", digits="9").status_code == 200
    company.sandbox.settle()
    settings.PUBLIC_URL = web
    call = Call.objects.get(direction="in")
    assert (call.state, call.digits, OptOut.objects.count()) == ("ringing", "", 0), "nobody has heard it"
    later(call_reconciling.SILENT_AFTER + timedelta(seconds=1))
    call_reconciling.reconcile(now=clock.now())
    assert again(call).ended_at is not None
    company.sandbox.http.post(f"{company.sandbox.base_url}/settings", json={"call_speed": 10_000_000})
    assert lost_keys.take_in(now=clock.now()) == 0, "the provider does not show it yet"
    later(lost_keys.SHOWN_AFTER)
    assert lost_keys.take_in(now=clock.now()) == 1
    wish = OptOut.objects.get()
    assert (wish.source, wish.address.value, wish.provider_id) == ("phone", PHONE, call.provider_id)
    assert (again(call).digits, call.opted_out_at is not None) == ("9", True)
    thread = Thread.objects.get(contact=contact)
    assert (thread.state, thread.needs_reply) == ("closed", False)
    assert lost_keys.take_in(now=clock.now()) == 0, "asked about once"


def test_a_call_that_breaks_us_keeps_nobody_elses_nine_waiting_and_is_asked_about_again(
    company: Company, later: Move, caplog: pytest.LogCaptureFixture
) -> None:
    sick = unheard(company, "9")
    plan = sick.planned.script  # type: ignore[union-attr]
    PlannedCall.objects.update(
        script=CallScript.objects.create(account=company.account, content={"mode": "?"}, sha256="sick")
    )
    company.sandbox.http.post(f"{company.sandbox.base_url}/settings", json={"call_speed": 0})
    sound = unheard(company, "9")
    later(lost_keys.SHOWN_AFTER)
    with caplog.at_level(logging.ERROR, "conversations.lost_keys"):
        assert lost_keys.take_in(now=clock.now()) == 1
    assert f"the keys of call {sick.pk} cannot be acted upon" in caplog.text
    assert OptOut.objects.get().provider_id == sound.provider_id
    assert again(sick).keys_read_at is None
    PlannedCall.objects.filter(pk=sick.planned_id).update(script=plan)
    assert lost_keys.take_in(now=clock.now()) == 0, "not asked about in every round"
    later(lost_keys.BROKEN_FOR + timedelta(seconds=1))
    assert lost_keys.take_in(now=clock.now()) == 1
    assert again(sick).digits == "9"


def test_what_is_over_for_days_is_not_asked_about(company: Company, later: Move) -> None:
    unheard(company, "9")
    later(lost_keys.ASKED_FOR + timedelta(minutes=1))
    assert lost_keys.take_in(now=clock.now()) == 0
    assert Call.objects.get().keys_read_at is None
