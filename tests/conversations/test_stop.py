"""Once a STOP is answered, nothing begins to that phone. Judged by the sandbox's ledger and real time."""

import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.test import Client

from audiences.models import Address, Contact, OptOut
from campaigns import engine
from campaigns.models import Enrollment, Step
from common import clock
from conversations import claiming, inbound, leasing, opt_outs, sender, threads
from conversations.models import Attempt, Message, Thread
from integrations.messaging import InboundText
from integrations.models import ProviderEvent
from tests import factories
from tests.conversations.conftest import Company, phone

INTERLEAVINGS = 1000
PACE = 100  # texts a second
STOPS_AT_ONCE = 20  # more, and the threads of this one process keep its senders from calling in time
PATIENCE_SECONDS = 60.0
AFTERMATH_SECONDS = 2.0  # in which a text that should not leave would
KINDS = ("residential", "commercial")


def stop_from(company: Company, index: int, body: str = "STOP") -> InboundText:
    sid = f"SM{random.getrandbits(128):032x}"
    return InboundText(provider_id=sid, to=company.number.e164, from_=phone(index), body=body)


def no_ended_enrollment_keeps_an_open_step() -> bool:
    return not Step.objects.filter(enrollment__state="ended", state__in=Step.OPEN).exists()


@pytest.mark.xdist_group("stops")
def test_nothing_begins_after_the_answer_in_random_interleavings(company: Company) -> None:
    """Every phone says STOP at a random instant of the run that texts it, amid claims, calls and agents.

    A campaign walks all the phones; agents write to every other one meanwhile, again and again until they are
    refused. Fifty slots send. What reached the provider after its phone's STOP was answered is late.
    """
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    company.number.segments_per_second = PACE  # so that sending takes as long as the stops do
    company.number.save()
    company.launch(INTERLEAVINGS)
    agent = factories.make_user(company.account)
    open_threads = threads_with(company, range(0, INTERLEAVINGS, 2))
    company.sandbox.set_faults(slow={"rate": 0.5, "seconds": 0.2}, seed=seed)
    over = threading.Event()
    refused: set[str] = set()

    def run_product() -> None:
        while not over.is_set():
            engine.run_round(now=clock.now())
            sender.run(0.5, concurrency=50)
        connection.close()

    def write_as_agents(mine: list[tuple[str, Thread]], chance: random.Random) -> None:
        while not over.is_set() and mine:
            number, thread = chance.choice(mine)
            try:
                threads.reply(thread, body="Shall we?", by=agent, token=uuid.uuid4(), now=clock.now())
            except threads.ReplyRefused:
                refused.add(number)
                mine.remove((number, thread))
            time.sleep(0.08)
        connection.close()

    answered: dict[str, float] = {}

    def say_stop(index: int) -> None:
        if index % 3 == 0:  # the worst instant there is: just after a claim was committed
            patience = time.monotonic() + 0.6
            while not is_called(index) and time.monotonic() < patience:
                time.sleep(0.04)
        inbound.receive_now(stop_from(company, index), account=company.account)
        answered[phone(index)] = time.time()
        connection.close()

    def is_called(index: int) -> bool:
        return Message.objects.filter(address__value=phone(index), state="calling").exists()

    halves = open_threads[::2], open_threads[1::2]
    loops = [threading.Thread(target=run_product)]
    loops += [threading.Thread(target=write_as_agents, args=(h, random.Random(seed))) for h in halves]
    for loop in loops:
        loop.start()
    try:
        with ThreadPoolExecutor(STOPS_AT_ONCE) as pool:
            # In any order: texts leave in that of their phones, and some stops must come before them.
            list(pool.map(say_stop, chance.sample(range(INTERLEAVINGS), INTERLEAVINGS)))
        time.sleep(AFTERMATH_SECONDS)
        # What was taken back from a call that came too late is cancelled at its next claim.
        patience = time.monotonic() + PATIENCE_SECONDS
        while Message.objects.filter(state="queued").exists() and time.monotonic() < patience:
            time.sleep(0.2)
    finally:
        over.set()
        for loop in loops:
            loop.join()
    ledger = company.sandbox.ledger("message")
    late = [
        (entry["to"], entry["received_at"] - answered[entry["to"]])
        for entry in ledger
        if entry["received_at"] > answered[entry["to"]]
    ]
    assert late == [], f"seed {seed}"
    assert len(answered) == INTERLEAVINGS
    fates = Counter(Message.objects.exclude(kind="inbound").values_list("kind", "state"))
    sent = {
        kind: sum(n for (k, state), n in fates.items() if k == kind and state != "cancelled")
        for kind, _ in fates
    }
    assert 0 < sent["campaign"] < INTERLEAVINGS, f"{fates}: the run proves nothing (seed {seed})"
    assert sent["agent"] and fates["agent", "cancelled"], f"{fates}: the run proves nothing (seed {seed})"
    assert refused, "no agent was refused"
    assert no_ended_enrollment_keeps_an_open_step()
    assert not Enrollment.objects.filter(state="active").exists()
    assert not Message.objects.filter(state__in=["queued", "calling"]).exists()


def threads_with(company: Company, indices: range) -> list[tuple[str, Thread]]:
    """An open thread with each of these phones, by its number."""
    made = []
    for number in map(phone, indices):
        address = Address.objects.get(value=number)
        contact = Contact.objects.get(contact_addresses__address=address)
        thread = Thread.objects.create(
            account=company.account, contact=contact, address=address, number=company.number
        )
        made.append((number, thread))
    return made


def test_a_stop_waits_for_the_call_in_flight(company: Company) -> None:
    company.launch(1)
    company.sandbox.set_faults(slow={"rate": 1.0, "seconds": 1.5})
    engine.run_round(now=clock.now())
    sending = threading.Thread(target=sender.run, args=(8,), kwargs={"concurrency": 5, "until_idle": True})
    sending.start()
    while not Message.objects.filter(state="calling").exists():
        time.sleep(0.02)
    inbound.receive_now(stop_from(company, 0), account=company.account)
    assert not Message.objects.filter(state="calling").exists()
    sending.join()
    assert Message.objects.filter(kind="campaign").get().state == "accepted"
    step = Step.objects.get()
    assert (step.state, step.reason) == ("skipped", "opted_out")


def test_a_stop_waits_for_a_claim_that_has_not_committed(company: Company) -> None:
    company.launch(1)
    engine.run_round(now=clock.now())
    received: list[inbound.Received | None] = []

    def say_stop() -> None:
        received.append(inbound.receive(stop_from(company, 0), account=company.account, now=clock.now()))
        connection.close()

    stopping = threading.Thread(target=say_stop)
    with transaction.atomic():
        (claim,) = claiming.claim(leasing.lease(1, now=clock.now()), now=clock.now())
        stopping.start()
        time.sleep(0.7)
        assert received == []
    stopping.join()
    assert received[0] and received[0].in_flight == (claim.message_id,)


def test_a_text_queued_while_a_stop_commits_waits_for_it(company: Company) -> None:
    """The stop looked for queued texts before this one was there: only the phone's lock is between them."""
    company.launch(1)
    ((_, thread),) = threads_with(company, range(1))
    claimed: list[list[claiming.Claim]] = []

    def queue_and_claim() -> None:
        Message.objects.create(
            account=company.account, lane=threads.agents_lane(company.account), contact=thread.contact,
            address=thread.address, number=thread.number, kind="agent", body="Hello?", state="queued",
            due_at=clock.now(),
        )  # fmt: skip
        claimed.append(claiming.claim(leasing.lease(1, now=clock.now()), now=clock.now()))
        connection.close()

    claiming_now = threading.Thread(target=queue_and_claim)
    with transaction.atomic():
        in_flight = opt_outs.record(
            [thread.address], contact=None, source=OptOut.Source.TEXT, now=clock.now()
        )
        claiming_now.start()
        time.sleep(0.7)
        assert claimed == []
    claiming_now.join()
    assert (in_flight, claimed) == ([], [[]])


def test_a_claim_after_the_stop_takes_nothing(company: Company) -> None:
    company.launch(1)
    engine.run_round(now=clock.now())
    leased = leasing.lease(1, now=clock.now())
    inbound.receive(stop_from(company, 0), account=company.account, now=clock.now())
    assert claiming.claim(leased, now=clock.now()) == []


def test_a_stop_nobody_can_record_is_answered_within_its_limit(company: Company) -> None:
    """The sender died in its call: after 5 s the claim is void, so the answer may go."""
    company.launch(1)
    engine.run_round(now=clock.now())
    Message.objects.update(state="calling", body="Hello")
    began = time.monotonic()
    inbound.receive_now(stop_from(company, 0), account=company.account)
    assert 4.5 < time.monotonic() - began < 30


@pytest.mark.parametrize(
    "body",
    ["STOP", "stop.", "Unsubscribe", "RESET", "Please stop texting me", "take me off your list",
     "Remove my number", "No me manden más mensajes", "Stop all messages please", "OPT OUT"],
)  # fmt: skip
def test_a_wish_in_words_ends_everything(company: Company, body: str) -> None:
    company.launch(1)
    company.run()
    received = inbound.receive_now(stop_from(company, 0, body), account=company.account)
    assert received and received.outcome == "opt_out"
    assert Enrollment.objects.get().ended_reason == "opted_out"
    thread = Thread.objects.get()
    assert (thread.state, thread.closed_reason) == ("closed", "opted_out")
    wish = OptOut.objects.get()
    assert wish.evidence == body
    text = Message.objects.get(kind="campaign")
    assert text.opted_out_at is not None
    assert text.replied_at is None
    with pytest.raises(threads.ReplyRefused, match="opted out"):
        threads.reply(
            thread, body="But wait", by=factories.make_user(company.account), token=uuid.uuid4(),
            now=clock.now(),
        )  # fmt: skip


def test_a_shared_phone_ends_everybody_on_it(company: Company) -> None:
    """Two people with one phone, each in a campaign of their own."""
    both = [factories.make_contact(company.account, phone=phone(0), kind=kind) for kind in KINDS]
    for kind in KINDS:
        company.launch(0, targeting={"kind": kind})
    live = Enrollment.objects.filter(state="active")
    assert set(live.values_list("contact", flat=True)) == {contact.pk for contact in both}
    inbound.receive_now(stop_from(company, 0), account=company.account)
    assert OptOut.objects.count() == 1
    assert not live.exists()


def test_only_their_own_start_restores(company: Company) -> None:
    company.launch(1)
    company.run()
    inbound.receive_now(stop_from(company, 0), account=company.account)
    yes = inbound.receive_now(stop_from(company, 0, "YES"), account=company.account)
    assert yes and OptOut.objects.get().lifted_at is None
    inbound.receive_now(stop_from(company, 0, "START"), account=company.account)
    assert OptOut.objects.get().lifted_at is not None
    assert Thread.objects.get().state == "open"


def test_an_unsigned_webhook_changes_nothing(company: Company, client: Client) -> None:
    company.sandbox.set_faults(callbacks={"drop": 1.0})  # no signed news meanwhile
    company.launch(1)
    company.run()
    before = (Message.objects.count(), ProviderEvent.objects.count(), Thread.objects.count())
    form = {
        "AccountSid": company.sandbox.credentials["account_sid"], "MessageSid": "SM1", "From": phone(0),
        "To": company.number.e164, "Body": "STOP",
    }  # fmt: skip
    attempt = Attempt.objects.get()
    for headers in ({}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "bm9uc2Vuc2U="}):
        assert client.post("/webhooks/twilio/messages/inbound", form, headers=headers).status_code == 403
        status = {**form, "MessageStatus": "delivered"}
        address = f"/webhooks/twilio/messages/status/{attempt.pk}"
        assert client.post(address, status, headers=headers).status_code == 403
    assert before == (Message.objects.count(), ProviderEvent.objects.count(), Thread.objects.count())
    assert not OptOut.objects.exists()


def test_a_repeated_webhook_changes_nothing_twice(company: Company) -> None:
    company.launch(1)
    company.run()
    text = stop_from(company, 0, "Yes please")
    assert inbound.receive_now(text, account=company.account)
    assert inbound.receive_now(text, account=company.account) is None
    assert Message.objects.filter(kind="inbound").count() == 1
    with ThreadPoolExecutor(4) as pool:
        again = stop_from(company, 0, "What does it cost?")

        def receive(_: int) -> object:
            try:
                return inbound.receive(again, account=company.account, now=clock.now())
            finally:
                connection.close()

        assert sum(result is not None for result in pool.map(receive, range(4))) == 1
    assert Message.objects.filter(kind="inbound").count() == 2


def test_a_stop_from_a_phone_nobody_knows_is_kept(company: Company) -> None:
    company.launch(1)
    inbound.receive_now(stop_from(company, 1234 % 90 + 5), account=company.account)
    assert OptOut.objects.get().address == Address.objects.get(value=phone(1234 % 90 + 5))
