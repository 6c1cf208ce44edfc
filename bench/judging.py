"""The judge of `make faults`: what the provider's ledger says, against what the product says of itself.

Pure functions over facts gathered elsewhere (`bench.faulted`), so that each verdict can be shown to fall.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Entry = Mapping[str, Any]
RANK = {
    "queued": 0, "calling": 1, "unknown": 1, "accepted": 2, "sent": 3, "delivered": 4, "failed": 4,
    "rejected": 4, "expired": 4, "bounced": 4, "blocked": 4, "cancelled": 4,
}  # fmt: skip
TOLD = {"queued": 1, "sending": 2, "sent": 3, "delivered": 4, "undelivered": 4, "failed": 4}
UNDELIVERED = frozenset({"failed", "rejected", "expired", "bounced", "blocked"})
TRIED_AGAIN = frozenset({"30001", "30003", "30008", "30017", "30036", "30047", "30410"})
PAUSE_SECONDS = 2.0  # a pause stops new calls within this time
STEP_SECONDS = 5.0  # a claim lives for 3 s, and every process reads a moved clock within half a second
OPENS, CLOSES, SUNDAY = 9, 19, 6  # product.md: 9:00 to 19:00, Monday to Saturday


@dataclass(frozen=True)
class Passage:
    """One planned recipient's way, as the product tells it at the end."""

    phone: str
    enrollment: str = ""
    ended_reason: str = ""
    step: str = ""
    step_reason: str = ""
    open_steps: int = 0
    excluded: str = ""


@dataclass(frozen=True)
class Turn:
    """A message's change of state, recorded by a trigger; `code` is the one it had before."""

    was: str
    became: str
    code: str = ""


@dataclass
class Facts:
    """Everything one fault is judged by. Times are Unix seconds: `at` real, `wall` of the movable clock."""

    zones: dict[str, str]  # planned phone -> time zone
    texts: Sequence[Entry] = ()
    callbacks: Sequence[Entry] = ()
    inbounds: Sequence[Entry] = ()
    passages: Sequence[Passage] = ()
    states: Mapping[str, str] = field(default_factory=dict)  # provider id -> state of our message
    turns: Sequence[Turn] = ()
    drift: Sequence[int] = ()  # differences found by each recount
    pauses: Sequence[tuple[float, float]] = ()
    deaf: Sequence[tuple[float, float]] = ()  # while nobody could take in what customers wrote
    steps: Sequence[tuple[float, float]] = ()  # of the movable clock: when, and its offset before
    kept: frozenset[str] = frozenset()  # provider ids of what customers wrote, as the product has them
    missing: int = 0  # customers and jobs at the source that the product does not have
    stopping: frozenset[str] = frozenset()  # phones that said STOP
    confirmations: frozenset[str] = frozenset()  # provider ids of our texts that confirm an opt-out


def judge(facts: Facts) -> dict[str, int]:
    """The contract's figures; every one must be 0."""
    facts = replace(facts, texts=_but_for_first_tries(facts))
    regressions = downward(facts.turns) + contradicted(facts)
    facts = replace(facts, texts=_but_for_confirmations(facts))
    return {
        "duplicates": duplicates(facts),
        "lost": lost(facts) + unheard(facts) + facts.missing,
        "sends_after_stop": sends_after_stop(facts) + sends_in_pause(facts),
        "counter_drift": max(facts.drift, default=0),
        "regressions": regressions,
        "outside_window": outside_window(facts),
    }


def _but_for_first_tries(facts: Facts) -> list[Entry]:
    """The texts without those whose delivery failed and which were lawfully tried once more since: no message
    of ours bears their id any more, and another text went to that phone."""
    told = _told(facts)
    sent = Counter(text["to"] for text in facts.texts)
    return [
        text
        for text in facts.texts
        if not (
            told.get(text["sid"]) in ("undelivered", "failed")
            and text["sid"] not in facts.states
            and sent[text["to"]] == 2
        )
    ]


def _but_for_confirmations(facts: Facts) -> list[Entry]:
    """The texts without the one confirmation that each phone which said STOP may get; a second one stays."""
    kept, confirmed = [], set()
    for text in facts.texts:
        phone = text["to"]
        if text["sid"] in facts.confirmations and phone in facts.stopping and phone not in confirmed:
            confirmed.add(phone)
        else:
            kept.append(text)
    return kept


def duplicates(facts: Facts) -> int:
    """Texts the provider took beyond the one planned for each recipient; all of them for anybody else."""
    taken = Counter(text["to"] for text in facts.texts)
    return sum(n - (phone in facts.zones) for phone, n in taken.items())


def lost(facts: Facts) -> int:
    """Planned recipients who end in no terminal and explained state that the ledger bears out.

    Explained: excluded with a reason, or a passage ended with a reason that leaves no step open, whose text
    is in the ledger or was failed or skipped with a reason. Who said STOP must have left for that reason.
    """
    taken = {text["to"] for text in facts.texts}
    explained = {
        passage.phone
        for passage in facts.passages
        if _is_explained(passage, passage.phone in taken, passage.phone in facts.stopping)
    }
    return len(facts.zones.keys() - explained)


def _is_explained(passage: Passage, taken: bool, stopping: bool) -> bool:
    if passage.excluded:
        return not stopping or passage.excluded == "opted_out"
    if passage.enrollment != "ended" or not passage.ended_reason or passage.open_steps:
        return False
    if stopping and passage.ended_reason != "opted_out":
        return False
    if passage.step == "completed":
        return taken
    return passage.step in ("failed", "skipped") and bool(passage.step_reason)


def unheard(facts: Facts) -> int:
    """Texts of customers that the product does not have, whether it answered for them or not."""
    return len({inbound["sid"] for inbound in facts.inbounds} - facts.kept)


def sends_after_stop(facts: Facts) -> int:
    """Requests that reached the provider after the product had answered that phone's STOP.

    Of a STOP that came while nobody could take it in: after somebody could again.
    """
    heard: dict[str, float] = {}
    for inbound in facts.inbounds:
        at = _heard_at(inbound, facts.deaf)
        if inbound["from"] in facts.stopping and at is not None:
            heard[inbound["from"]] = min(at, heard.get(inbound["from"], at))
    return sum(text["received_at"] > heard[text["to"]] for text in facts.texts if text["to"] in heard)


def _heard_at(inbound: Entry, deaf: Sequence[tuple[float, float]]) -> float | None:
    if 200 <= (inbound["answer"] or 0) < 300:
        return float(inbound["answered_at"])
    return next((until for since, until in deaf if since <= inbound["sent_at"] < until), None)


def sends_in_pause(facts: Facts) -> int:
    """Requests that reached the provider while the campaign was paused, from 2 s after the pause."""
    return sum(
        paused + PAUSE_SECONDS < text["received_at"] < resumed
        for text in facts.texts
        for paused, resumed in facts.pauses
    )


def downward(turns: Sequence[Turn]) -> int:
    """Changes of a message's state that lower its rank or swap one end for another.

    Three are lawful: a call proven refused goes back into the queue, one given up for want of news may learn
    better, and a delivery that failed for a passing reason is tried once more.
    """
    return sum(not _is_lawful(turn) for turn in turns)


def _is_lawful(turn: Turn) -> bool:
    if (turn.was, turn.became) == ("calling", "queued") or turn.code == "delivery_unknown":
        return True
    if turn.became == "queued" and turn.was in UNDELIVERED and turn.code in TRIED_AGAIN:
        return True
    was, became = RANK[turn.was], RANK[turn.became]
    return became > was or (was, became) == (1, 1)


def contradicted(facts: Facts) -> int:
    """Texts the provider took whose final state with us is not what its callbacks told us."""
    told = _told(facts)
    return sum(
        not _agrees(facts.states.get(text["sid"], ""), told.get(text["sid"], "")) for text in facts.texts
    )


def _told(facts: Facts) -> dict[str, str]:
    """The furthest status that a callback told us and we answered, by provider id."""
    told: dict[str, str] = {}
    for callback in facts.callbacks:
        if 200 <= (callback["answer"] or 0) < 300:
            known = told.get(callback["sid"], "queued")
            told[callback["sid"]] = max(known, callback["status"], key=TOLD.__getitem__)
    return told


def _agrees(state: str, told: str) -> bool:
    """Whether our state fits the furthest callback we answered. With none we may know more by asking."""
    if told == "delivered":
        return state == "delivered"
    if told in ("undelivered", "failed"):
        return state in UNDELIVERED
    return state in ("sent", "delivered") or (state == "accepted" and told != "sent")


def outside_window(facts: Facts) -> int:
    """Texts the provider took outside 9:00 to 19:00, Monday to Saturday, where their recipient lives.

    Where the clock had just stepped, the former time counts as well: what had been claimed by it may leave.
    """
    return sum(
        not any(_is_open(wall, facts.zones[text["to"]]) for wall in _walls(text, facts.steps))
        for text in facts.texts
        if text["to"] in facts.zones
    )


def _walls(text: Entry, steps: Sequence[tuple[float, float]]) -> list[float]:
    at = text["received_at"]
    before = [at + offset for step, offset in steps if step - 1 <= at < step + STEP_SECONDS]
    return [text["wall"], *before]


def _is_open(wall: float, zone: str) -> bool:
    local = datetime.fromtimestamp(wall, UTC).astimezone(ZoneInfo(zone))
    return OPENS <= local.hour < CLOSES and local.weekday() != SUNDAY
