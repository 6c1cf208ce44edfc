"""Every verdict of the faults' judge falls when it should, and only then."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bench.judging import Facts, Passage, Turn, judge

ANN, BOB = "+13125550100", "+13125550101"
NOON = datetime(2026, 12, 1, 18, tzinfo=UTC).timestamp()
KEYS = ("duplicates", "lost", "sends_after_stop", "counter_drift", "regressions", "outside_window")
CLEAN = dict.fromkeys(KEYS, 0)


def text(to: str = ANN, sid: str = "SM1", received_at: float = 100.0, wall: float = NOON) -> dict[str, Any]:
    return {"to": to, "sid": sid, "received_at": received_at, "wall": wall}


def callback(status: str, sid: str = "SM1", answer: int | None = 204) -> dict[str, Any]:
    return {"sid": sid, "status": status, "answer": answer}


def wrote(to: str = ANN, **fields: Any) -> dict[str, Any]:
    return {"sid": "SM9", "from": to, "sent_at": 98.0, "answer": 200, "answered_at": 99.0, **fields}


def finished(phone: str, **fields: Any) -> Passage:
    return replace(Passage(phone, "ended", "finished", "completed"), **fields)


def facts(**fields: Any) -> Facts:
    base: dict[str, Any] = {
        "zones": {ANN: "America/Chicago", BOB: "Pacific/Honolulu"},
        "texts": [text(), text(BOB, "SM2", wall=NOON + 2 * 3600)],
        "callbacks": [callback("sent"), callback("delivered"), callback("delivered", "SM2")],
        "passages": [finished(ANN), finished(BOB)],
        "states": {"SM1": "delivered", "SM2": "delivered"},
        "turns": [Turn("queued", "calling"), Turn("calling", "accepted"), Turn("accepted", "delivered")],
        "drift": [0, 0],
        "kept": frozenset({"SM9"}),
    }
    return Facts(**base | fields)


def wrong(given: Facts) -> dict[str, int]:
    return {name: n for name, n in judge(given).items() if n}


def test_a_clean_run_is_clean() -> None:
    assert judge(facts()) == CLEAN


@pytest.mark.parametrize("extra", [text(sid="SM1"), text("+19995550100", "SM1")])
def test_a_second_text_and_one_that_nobody_planned_are_duplicates(extra: dict[str, Any]) -> None:
    assert wrong(facts(texts=[*facts().texts, extra])) == {"duplicates": 1}


@pytest.mark.parametrize(
    "passage",
    [
        Passage("+19995550100"),
        finished(BOB, enrollment="active", ended_reason=""),
        finished(BOB, ended_reason=""),
        finished(BOB, open_steps=1),
        finished(BOB, step="waiting"),
        finished(BOB, step="failed"),
        finished(BOB, step=""),
    ],
)
def test_who_ends_nowhere_is_lost(passage: Passage) -> None:
    assert wrong(facts(passages=[finished(ANN), passage])) == {"lost": 1}


def test_a_text_that_only_the_product_believes_in_is_lost() -> None:
    assert wrong(facts(texts=[text()])) == {"lost": 1}


@pytest.mark.parametrize(
    "passage",
    [
        Passage(BOB, excluded="no_address"),
        finished(BOB, step="failed", step_reason="delivery_unknown"),
        finished(BOB, step="skipped", step_reason="too_late"),
    ],
)
def test_who_was_explained_is_not_lost(passage: Passage) -> None:
    assert judge(facts(texts=[text()], passages=[finished(ANN), passage])) == CLEAN


def test_nothing_may_begin_after_the_answer_to_a_stop() -> None:
    stopped = finished(ANN, ended_reason="opted_out", step="skipped", step_reason="opted_out")
    heard = wrote()
    after = facts(stopping=frozenset({ANN}), passages=[stopped, finished(BOB)], inbounds=[heard])
    assert wrong(after) == {"sends_after_stop": 1}
    assert judge(replace(after, inbounds=[{**heard, "answered_at": 101.0}])) == CLEAN
    assert judge(replace(after, inbounds=[{**heard, "answer": 503}])) == CLEAN
    assert wrong(replace(after, passages=facts().passages, inbounds=[])) == {"lost": 1}


def test_one_confirmation_of_a_stop_is_lawful_and_no_more() -> None:
    stopped = finished(ANN, ended_reason="opted_out", step="skipped", step_reason="opted_out")
    confirming = text(sid="SM3", received_at=103.0, wall=NOON + 12 * 3600)
    after = facts(
        stopping=frozenset({ANN}), passages=[stopped, finished(BOB)], confirmations=frozenset({"SM3", "SM4"}),
        inbounds=[wrote(answered_at=102.0)],
        texts=[*facts().texts, confirming], states={**facts().states, "SM3": "sent", "SM4": "sent"},
    )  # fmt: skip
    assert judge(after) == CLEAN
    second = replace(after, texts=[*after.texts, {**confirming, "sid": "SM4", "wall": NOON}])
    assert wrong(second) == {"duplicates": 1, "sends_after_stop": 1}
    unnamed = replace(after, confirmations=frozenset())
    assert wrong(unnamed) == {"duplicates": 1, "sends_after_stop": 1, "outside_window": 1}
    assert wrong(replace(after, stopping=frozenset()))["duplicates"] == 1
    lost = replace(after, texts=[confirming, after.texts[1]], passages=[finished(ANN), finished(BOB)])
    assert wrong(lost) == {"lost": 1}


def test_nothing_may_begin_two_seconds_after_a_pause() -> None:
    assert wrong(facts(pauses=[(97.0, 105.0)])) == {"sends_after_stop": 2}
    assert judge(facts(pauses=[(99.0, 105.0), (50.0, 99.0)])) == CLEAN


def test_the_worst_recount_counts() -> None:
    assert wrong(facts(drift=[0, 3, 1])) == {"counter_drift": 3}


@pytest.mark.parametrize(
    "turn",
    [
        Turn("delivered", "sent"),
        Turn("sent", "accepted"),
        Turn("delivered", "failed"),
        Turn("unknown", "queued"),
        Turn("accepted", "unknown"),
    ],
)
def test_a_state_that_falls_is_a_regression(turn: Turn) -> None:
    assert wrong(facts(turns=[turn])) == {"regressions": 1}


@pytest.mark.parametrize(
    "turn",
    [
        Turn("calling", "queued"),
        Turn("calling", "unknown"),
        Turn("unknown", "delivered"),
        Turn("failed", "sent", "delivery_unknown"),
    ],
)
def test_lawful_changes_are_no_regressions(turn: Turn) -> None:
    assert judge(facts(turns=[turn])) == CLEAN


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([callback("delivered"), callback("sent")], "sent"),
        ([callback("undelivered")], "delivered"),
        ([callback("sent")], "accepted"),
        ([callback("delivered")], "unknown"),
        ([], "unknown"),
        ([], "failed"),
        ([callback("delivered", answer=None)], ""),
    ],
)
def test_a_state_that_contradicts_what_was_told_is_a_regression(told: list[Any], state: str) -> None:
    given = facts(callbacks=[*told, callback("delivered", "SM2")], states={"SM1": state, "SM2": "delivered"})
    assert wrong(given) == {"regressions": 1}


def test_a_callback_that_never_got_through_binds_nobody() -> None:
    unheard = [callback("delivered", answer=None), callback("delivered", "SM2")]
    assert judge(facts(callbacks=unheard, states={"SM1": "accepted", "SM2": "delivered"})) == CLEAN


@pytest.mark.parametrize("hours", [0.99, 11, 5 * 24 + 2])
def test_a_text_outside_its_recipients_hours_is_seen(hours: float) -> None:
    # In Hawaii, where it was 8:00 at noon in Chicago: 8:59, 19:00, and a Sunday's 10:00.
    wall = NOON + hours * 3600
    assert wrong(facts(texts=[text(), text(BOB, "SM2", wall=wall)])) == {"outside_window": 1}


def test_who_could_not_be_heard_counts_from_when_somebody_could_hear() -> None:
    stopped = finished(ANN, ended_reason="opted_out")
    unanswered = wrote(answer=None, sent_at=50.0)
    given = facts(stopping=frozenset({ANN}), passages=[stopped, finished(BOB)], inbounds=[unanswered])
    assert judge(given) == CLEAN
    assert wrong(replace(given, deaf=[(40.0, 99.0)])) == {"sends_after_stop": 1}
    assert judge(replace(given, deaf=[(40.0, 101.0), (60.0, 99.0)])) == CLEAN


def test_what_a_customer_wrote_and_nobody_kept_is_lost() -> None:
    assert judge(facts(inbounds=[wrote(answer=503), wrote()])) == CLEAN
    assert wrong(facts(inbounds=[wrote(sid="SM8", answer=503), wrote(sid="SM8")])) == {"lost": 1}


def test_what_the_source_has_and_we_have_not_is_lost() -> None:
    assert wrong(facts(missing=2)) == {"lost": 2}


@pytest.mark.parametrize(("stepped_at", "seen"), [(99.0, 0), (100.5, 0), (94.0, 1), (102.0, 1)])
def test_what_was_claimed_by_the_former_time_may_leave(stepped_at: float, seen: int) -> None:
    night = facts(texts=[text(wall=NOON + 8 * 3600), facts().texts[1]])
    assert judge(replace(night, steps=[(stepped_at, NOON)]))["outside_window"] == seen
    assert wrong(replace(night, steps=[(stepped_at, NOON + 8 * 3600)])) == {"outside_window": 1}
