"""Every verdict of the judge of calls falls when it should, and only then."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bench.call_judging import CallFacts, judge
from bench.judging import Facts, Passage, Turn

ANN, BOB, AGENT = "+13125550100", "+13125550101", "+13125550190"
NOON = datetime(2026, 12, 1, 18, tzinfo=UTC).timestamp()
KEYS = ("duplicates", "lost", "sends_after_stop", "counter_drift", "regressions", "outside_window")
CLEAN = dict.fromkeys(KEYS, 0)


def call(to: str = ANN, sid: str = "CA1", attempt: str = "a1", **fields: Any) -> dict[str, Any]:
    return {"to": to, "sid": sid, "attempt": attempt, "received_at": 100.0, "wall": NOON, **fields}


def finished(phone: str, **fields: Any) -> Passage:
    return replace(Passage(phone, "ended", "finished", "completed"), **fields)


def facts(people: Mapping[str, Any] | None = None, **fields: Any) -> CallFacts:
    """Ann was called by a script, Bob, who never agreed to one, by an agent."""
    base: dict[str, Any] = {
        "calls": [call(), call(AGENT, "CA2", "a2")],
        "rung": [call(BOB, "CA3", "")],
        "ends": {"CA1": "completed", "CA2": "no-answer"},
        "states": {"CA1": "completed", "CA2": "no_answer"},
        "turns": [Turn("calling", "accepted"), Turn("accepted", "completed")],
        "agreed": frozenset({ANN}),
        "heard": [{"to": ANN, "by": "say"}, {"to": AGENT, "by": "say"}, {"to": BOB, "by": "provider"}],
    }
    known = {
        "zones": {ANN: "America/Chicago", BOB: "America/Chicago"},
        "passages": [finished(ANN), finished(BOB)], "drift": [0, 0], **(people or {}),
    }  # fmt: skip
    return CallFacts(people=Facts(**known), **base | fields)


def wrong(given: CallFacts) -> dict[str, int]:
    return {name: n for name, n in judge(given).items() if n}


def test_a_clean_run_is_clean() -> None:
    assert judge(facts()) == CLEAN


def test_an_attempt_that_is_placed_twice_and_a_customer_who_is_rung_twice_are_duplicates() -> None:
    ends, states = {"CA9": "completed"}, {"CA9": "completed"}
    base = facts()
    more = {"ends": {**base.ends, **ends}, "states": {**base.states, **states}}
    again = [*base.calls, call(AGENT, "CA9", "a2")]
    assert wrong(facts(calls=again, **more)) == {"duplicates": 1}
    other_try = [*base.calls, call(ANN, "CA9", "a9")]
    assert wrong(facts(calls=other_try, **more)) == {"duplicates": 1}
    nameless = [*base.calls, call(AGENT, "CA9", "")]
    assert wrong(facts(calls=nameless, **more)) == {"duplicates": 1}
    assert wrong(facts(rung=[call(BOB, "CA3", ""), call(BOB, "CA4", "")])) == {"duplicates": 1}


def test_who_has_no_explained_end_is_lost() -> None:
    assert wrong(facts({"passages": [finished(ANN)]})) == {"lost": 1}
    assert wrong(facts(rung=[])) == {"lost": 1}, "completed, and nobody rang them"
    assert wrong(facts(open_calls=2)) == {"lost": 2}
    skipped = finished(BOB, step="skipped", step_reason="source_unreachable")
    assert wrong(facts({"passages": [finished(ANN), skipped]}, rung=[])) == {}


@pytest.mark.parametrize(("received_at", "after"), [(99.0, 0), (101.0, 1)])
def test_a_call_after_nine_or_stop_was_answered_is_one_too_many(received_at: float, after: int) -> None:
    given = facts(calls=[call(received_at=received_at), call(AGENT, "CA2", "a2")], nines={ANN: 100.0})
    assert judge(given)["sends_after_stop"] == after
    stopped = {
        "inbounds": [{"sid": "SM1", "from": ANN, "sent_at": 99.0, "answer": 200, "answered_at": 100.0}],
        "kept": frozenset({"SM1"}), "stopping": frozenset({ANN}),
    }  # fmt: skip
    given = facts(stopped, calls=[call(received_at=received_at), call(AGENT, "CA2", "a2")])
    assert judge(given)["sends_after_stop"] == after


def test_a_nine_that_nothing_came_of_is_lost() -> None:
    assert wrong(facts(pressed=frozenset({ANN}))) == {"lost": 1}
    assert wrong(facts(pressed=frozenset({ANN}), opted_out=frozenset({ANN}))) == {}


def test_a_call_back_that_was_asked_for_is_no_duplicate_and_never_forgotten() -> None:
    asked: dict[str, Any] = {"asked_back": frozenset({ANN}), "promised": frozenset({ANN})}
    rung = [call(BOB, "CA3", ""), call(ANN, "CA4", "")]
    assert wrong(facts(rung=rung)) == {"duplicates": 1}
    assert wrong(facts(rung=rung, **asked)) == {}
    assert wrong(facts(rung=[*rung, call(ANN, "CA5", "")], **asked)) == {"duplicates": 1}
    assert wrong(facts(asked_back=frozenset({ANN}))) == {"lost": 1}


def test_a_recording_without_consent_is_one_too_many() -> None:
    base = facts()
    placed = facts(
        calls=[*base.calls, call(BOB, "CA9", "a9")], rung=[], ends={**base.ends, "CA9": "busy"},
        states={**base.states, "CA9": "busy"},
    )  # fmt: skip
    assert wrong(placed) == {"sends_after_stop": 1}
    assert wrong(facts(heard=[*base.heard, {"to": BOB, "by": "play"}])) == {"sends_after_stop": 1}


@pytest.mark.parametrize(
    ("turn", "wrongs"),
    [
        (Turn("calling", "unknown"), 0), (Turn("unknown", "ringing"), 0), (Turn("calling", "refused"), 0),
        (Turn("failed", "completed", "delivery_unknown"), 0), (Turn("failed", "completed"), 1),
        (Turn("in_progress", "ringing"), 1), (Turn("completed", "busy"), 1), (Turn("refused", "calling"), 1),
        (Turn("unknown", "calling"), 1),
    ],
)  # fmt: skip
def test_a_call_that_falls_back_is_a_regression(turn: Turn, wrongs: int) -> None:
    assert judge(facts(turns=[turn]))["regressions"] == wrongs


@pytest.mark.parametrize("state", ["ringing", "busy", ""])
def test_a_call_that_ended_otherwise_than_we_say_is_a_regression(state: str) -> None:
    assert wrong(facts(states={"CA1": state, "CA2": "no_answer"})) == {"regressions": 1}


def test_drift_and_hours_are_those_of_texts() -> None:
    assert wrong(facts({"drift": [0, 3]})) == {"counter_drift": 3}
    night = datetime(2026, 12, 1, 8, tzinfo=UTC).timestamp()
    assert wrong(facts(rung=[call(BOB, "CA3", "", wall=night)])) == {"outside_window": 1}
