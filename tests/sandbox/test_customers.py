"""Simulated customers: the same in every run, varied, and true to a stop."""

import collections
import random

from sandbox import personas, replies
from tests.sandbox.messages import send
from tests.sandbox_process import SandboxProcess, StartSandbox
from tests.webhook_sink import Sink

PHONES = [f"+1{area}55501{n:02d}" for area in (312, 773, 872, 708) for n in range(100)]
CAMPAIGN = "Hi, it is time for your furnace tune-up. Reply YES to book, STOP to opt out."


def test_personality_depends_on_seed_and_phone_alone() -> None:
    first = [personas.traits(1, phone) for phone in PHONES]
    personas.traits.cache_clear()
    assert first == [personas.traits(1, phone) for phone in PHONES]
    assert first != [personas.traits(2, phone) for phone in PHONES]


def test_shares_are_near_what_is_promised() -> None:
    phones = [f"+1{area}555{n:04d}" for area in range(200, 250) for n in range(100)]
    kinds = collections.Counter(personas.traits(5, phone).kind for phone in phones)
    for kind, percent in personas.KINDS.items():
        assert abs(kinds[kind] / len(phones) * 100 - percent) < 1.5, kind


def test_every_wording_exists_in_both_languages_and_has_a_product_label() -> None:
    labels = {"optout", "booking_yes", "reschedule", "question", "complaint", "wrong_number", "other"}
    keys = {key for key, _ in replies.TEXTS}
    assert {(key, language) for key in keys for language in ("en", "es")} == set(replies.TEXTS)
    assert {replies.label(key) for key in keys} == labels
    who = personas.traits(1, PHONES[0])
    for key in keys:
        for n in range(40):
            assert "{" not in personas.wording(key, who, random.Random(n), "Ada")


def test_delays_have_the_promised_median() -> None:
    rng, who = random.Random(1), personas.Traits("books", False, False, None)
    delays = sorted(personas.delay_seconds(who, rng) for _ in range(4000))
    assert 7 * 60 < delays[2000] < 9 * 60


def talk(
    sandbox: SandboxProcess, rounds: int, phones: list[str] = PHONES[:160]
) -> list[tuple[str, str, str]]:
    """Text everybody `rounds` times, wait until all is said, and return who said what."""
    for number in range(rounds):
        for phone in phones:
            send(sandbox, to=phone, body=f"{CAMPAIGN} ({number})")
        sandbox.settle()
    return [(e["from"], e["body"], e["intent"]) for e in sandbox.ledger("inbound")]


def test_conversations_repeat_exactly_and_nobody_says_yes_after_stop(
    start_sandbox: StartSandbox, sink: Sink
) -> None:
    options = ("--customers", "demo", "--webhook-base", sink.base_url, "--seed", "4")
    said = talk(start_sandbox(*options, speed=200_000), rounds=2)
    again = talk(start_sandbox(*options, speed=200_000), rounds=2)
    assert sorted(said) == sorted(again)
    intents = collections.Counter(intent for _, _, intent in said)
    assert {"booking_yes", "question", "optout"} <= set(intents)
    stopped: set[str] = set()
    for phone, body, intent in said:
        assert intent == "optout" or phone not in stopped, (phone, body)
        if intent == "optout":
            stopped.add(phone)
    assert stopped


def test_a_booker_who_was_made_to_stop_never_says_yes_again(start_sandbox: StartSandbox, sink: Sink) -> None:
    options = ("--customers", "demo", "--webhook-base", sink.base_url)
    bookers = [phone for phone in PHONES if personas.traits(1, phone).kind == "books"]
    sandbox = start_sandbox(*options, speed=200_000)
    sandbox.set_faults(block_opted_out=False)
    for phone in bookers[:20]:
        sandbox.say(phone, "please stop these texts", intent="optout")
    said = talk(sandbox, rounds=2, phones=bookers)
    yes = {phone for phone, _, intent in said if intent == "booking_yes"}
    assert yes & set(bookers[20:])
    assert not yes & set(bookers[:20])


def test_silent_customers_receive_and_say_nothing(sandbox: SandboxProcess) -> None:
    for phone in PHONES[:60]:
        assert send(sandbox, to=phone, body=CAMPAIGN).status_code == 201
    sandbox.settle()
    assert sandbox.ledger("inbound") == []
    assert sandbox.http.get(f"{sandbox.base_url}/healthz").json()["pending"].get("reply", 0) == 0


def test_landlines_and_dead_phones_fail_in_demo_mode(start_sandbox: StartSandbox, sink: Sink) -> None:
    sandbox = start_sandbox("--customers", "demo", speed=600)
    landline = next(phone for phone in PHONES if personas.traits(1, phone).landline)
    sid = send(sandbox, to=landline, StatusCallback=sink.callback("x")).json()["sid"]
    sink.wait(lambda: len(sink.statuses(sid)) >= 2)
    assert set(sink.statuses(sid)) == {"sent", "undelivered"}


def test_confirmation_is_answered_with_thanks_at_most() -> None:
    who = personas.Traits("books", False, False, None)
    for text in ("You're all set for Tuesday 9-11.", "Your visit is booked.", "Su cita está confirmada"):
        keys = {personas.follow_up(who, random.Random(n), text) for n in range(60)}
        assert keys == {None, "thanks"}
