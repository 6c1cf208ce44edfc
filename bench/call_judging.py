"""The judge of faults amid calls: what the provider rang, by its ledger, against what the product says.

As `bench/judging.py` does of texts, by the same figures; pure functions over facts gathered elsewhere
(`bench/called.py`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench import judging
from bench.judging import Entry, Facts, Turn

RANK = {
    "calling": 0, "unknown": 0, "accepted": 1, "ringing": 2, "in_progress": 3, "completed": 4, "busy": 4,
    "no_answer": 4, "failed": 4, "rejected": 4, "cancelled": 4, "refused": 5,
}  # fmt: skip
FINAL = 4
SAYS = {  # the provider's last word, and what we may say then
    "completed": {"completed"}, "busy": {"busy"}, "no-answer": {"no_answer"}, "canceled": {"cancelled"},
    "failed": {"failed", "rejected"},
}  # fmt: skip


@dataclass
class CallFacts:
    """Everything one fault amid calls is judged by. `people` are the facts that texts share: who is
    planned, how their passages ended, what customers wrote, recounts, steps of the clock."""

    people: Facts
    calls: Sequence[Entry] = ()  # that the provider took
    rung: Sequence[Entry] = ()  # customers rung by an agent's call
    ends: Mapping[str, str] = field(default_factory=dict)  # sid → the provider's last word
    nines: Mapping[str, float] = field(default_factory=dict)  # phone → when its 9 was answered
    pressed: frozenset[str] = frozenset()  # phones that pressed 9, answered or not
    opted_out: frozenset[str] = frozenset()  # phones with an opt-out in force
    asked_back: frozenset[str] = frozenset()  # phones that pressed 2, answered or not
    promised: frozenset[str] = frozenset()  # phones for which a call back is planned, or was
    states: Mapping[str, str] = field(default_factory=dict)  # sid → state of our call
    turns: Sequence[Turn] = ()
    agreed: frozenset[str] = frozenset()  # phones that recorded voice may speak to
    heard: Sequence[Entry] = ()  # what was said to customers by a machine
    open_calls: int = 0  # planned calls and calls that nothing will end


def judge(facts: CallFacts) -> dict[str, int]:
    """The contract's figures; every one must be 0."""
    touched = [*scripted(facts), *facts.rung]
    people = facts.people
    people.texts = touched
    return {
        "duplicates": judging.duplicates(replace(people, texts=planned(facts))) + repeated(facts),
        "lost": judging.lost(people) + judging.unheard(people) + facts.open_calls + ignored(facts),
        "sends_after_stop": judging.sends_after_stop(people) + after_nine(facts, touched) + unasked(facts),
        "counter_drift": max(people.drift, default=0),
        "regressions": downward(facts.turns) + contradicted(facts),
        "outside_window": judging.outside_window(people),
    }


def ignored(facts: CallFacts) -> int:
    """Phones that pressed 9 and are not opted out, or 2 and are promised no call back."""
    return len(facts.pressed - facts.opted_out) + len(facts.asked_back - facts.promised)


def planned(facts: CallFacts) -> list[Entry]:
    """Calls to customers without the one by an agent for which they had asked: it is planned for itself."""
    kept, given = [*scripted(facts)], set[str]()
    asked = facts.asked_back & {call["to"] for call in kept}
    for leg in facts.rung:
        if leg["to"] in asked - given:
            given.add(leg["to"])
        else:
            kept.append(leg)
    return kept


def scripted(facts: CallFacts) -> list[Entry]:
    """Calls to customers, whom a script speaks to; the others ring agents first."""
    return [call for call in facts.calls if call["to"] in facts.people.zones]


def again(facts: CallFacts) -> list[str]:
    """Phones that were rung more often than planned, for whoever looks into it."""
    rung = Counter(each["to"] for each in planned(facts))
    return [phone for phone, n in rung.items() if n > 1]


def repeated(facts: CallFacts) -> int:
    """Requests that the provider took beyond the one of each attempt, and those that name none."""
    attempts = Counter(call["attempt"] for call in facts.calls)
    return sum(n - bool(attempt) for attempt, n in attempts.items())


def after_nine(facts: CallFacts, touched: Sequence[Entry]) -> int:
    """Calls to phones whose 9 had been answered."""
    return sum(call["received_at"] > facts.nines[call["to"]] for call in touched if call["to"] in facts.nines)


def unasked(facts: CallFacts) -> int:
    """Recordings that were placed or played to phones without a consent to them."""
    wrong = [call for call in scripted(facts) if call["to"] not in facts.agreed]
    heard = [
        entry
        for entry in facts.heard
        if entry["by"] != "provider" and entry["to"] in facts.people.zones and entry["to"] not in facts.agreed
    ]
    return len(wrong) + len(heard)


def downward(turns: Sequence[Turn]) -> int:
    """Changes of a call's state that lower its rank, or swap one end for another; what was given up for want
    of news may learn better, and what was proven not taken is final."""
    return sum(not _is_lawful(turn) for turn in turns)


def _is_lawful(turn: Turn) -> bool:
    if turn.code == "delivery_unknown":
        return True
    was, became = RANK[turn.was], RANK[turn.became]
    if was >= FINAL:
        return False
    return became > was or (turn.was, turn.became) == ("calling", "unknown")


def contradicted(facts: CallFacts) -> int:
    """Calls the provider took of which we do not say in the end what it says, or nothing at all."""
    wrong = 0
    for call in facts.calls:
        last = facts.ends.get(call["sid"], "")
        wrong += facts.states.get(call["sid"], "") not in SAYS.get(last, set())
    return wrong
