"""What a phone does when it is called: steered by a test, by its magic number, or drawn from the seed."""

import random
from dataclasses import asdict, dataclass, fields
from typing import Any

from sandbox import personas

HUMAN, MACHINE, FAX, UNKNOWN = "human", "machine", "fax", "unknown"
BUSY, NO_ANSWER, FAILED = "busy", "no_answer", "failed"
ANSWERS = (HUMAN, MACHINE, FAX, UNKNOWN, BUSY, NO_ANSWER, FAILED)
MACHINE_ENDS = ("beep", "silence", "other")
DETECTED = ("", "human", "machine", "fax", "unknown")


class WrongConduct(ValueError):
    """A wish that no phone understands; the message says which."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """One phone's behaviour in one call; seconds are the sandbox's, divided by its speed."""

    answers: str = HUMAN
    rings: float = 6.0  # until it answers, or turns out busy
    # Pressed one by one, each when a Gather asks; an object {"digits", "at"} so long after answering.
    keys: tuple[Any, ...] = ()
    thinks: float = 2.0  # from a Gather's first word to the key
    hangs_up_after: float | None = None  # since it answered
    gives_up_after: float | None = None  # a caller of ours whom nobody answers
    talks: float | None = 60.0  # in a bridge, then hangs up; None: until the other does
    greeting: float = 8.0  # of a machine, until it records
    machine_ends: str = "beep"
    detected_as: str = ""  # what machine detection says where it errs
    speaks: float = 12.0  # into a recording
    by_hand: bool = False  # a person answers, presses and hangs up, in real time

    @classmethod
    def of(cls, wish: dict[str, Any]) -> "Conduct":
        """From JSON. Raises WrongConduct."""
        known = {one.name: one for one in fields(cls)}
        if strange := sorted(set(wish) - set(known)):
            raise WrongConduct(f"no conduct is called {strange[0]!r}; known: {', '.join(known)}")
        keys = wish.get("keys", ())
        if isinstance(keys, str):
            keys = (keys,)
        made = cls(**{**wish, "keys": tuple(keys)})
        if made.answers not in ANSWERS or made.machine_ends not in MACHINE_ENDS:
            raise WrongConduct(f"answers is one of {ANSWERS}, machine_ends one of {MACHINE_ENDS}")
        if made.detected_as not in DETECTED:
            raise WrongConduct(f"detected_as is one of {DETECTED}")
        for name in ("rings", "thinks", "greeting", "speaks", "hangs_up_after", "gives_up_after", "talks"):
            value = getattr(made, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise WrongConduct(f"{name} is a number of seconds")
        for key in made.keys:
            digits = key.get("digits") if isinstance(key, dict) else key
            if not isinstance(digits, str) or not digits or set(digits) - set("0123456789*#"):
                raise WrongConduct('keys are strings of digits, or {"digits", "at"}')
        return made

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


ORDINARY = Conduct()
STAFF = Conduct(keys=("1",))
"""The office and agents in demo mode: they take what they are asked to take by a key."""
PREFIX = "+183055501"
# +1 830 555 01NN: refused at once with (code, HTTP status).
REFUSED: dict[str, tuple[int, int]] = {
    "01": (21211, 400),
    "02": (21214, 400),
    "03": (21215, 400),
    "04": (21216, 400),
    "05": (13225, 400),
    "06": (13227, 400),
    "07": (21210, 400),
    "08": (21203, 400),
    "09": (20429, 429),
    "10": (10004, 429),
    "11": (22005, 400),
    "12": (20003, 401),
    "13": (10001, 403),
    "14": (20404, 404),
}
# NN: who picks up, call by call; the last stays.
PEOPLE: dict[str, tuple[Conduct, ...]] = {
    "20": (Conduct(),),
    "21": (Conduct(keys=("1",)),),
    "22": (Conduct(keys=("2",)),),
    "23": (Conduct(keys=("9",)),),
    "24": (Conduct(keys=("5", "1")),),
    "25": (Conduct(hangs_up_after=1.0),),
    "26": (Conduct(keys=("9",), thinks=0.1),),
    "27": (Conduct(keys=("1",), hangs_up_after=6.0),),
    "28": (Conduct(rings=25.0),),
    "29": (Conduct(talks=None),),
    "30": (Conduct(MACHINE),),
    "31": (Conduct(MACHINE, machine_ends="silence"),),
    "32": (Conduct(MACHINE, machine_ends="other"),),
    "33": (Conduct(MACHINE, greeting=45.0),),
    "34": (Conduct(MACHINE, detected_as="human"),),
    "35": (Conduct(detected_as="machine"),),
    "36": (Conduct(FAX),),
    "37": (Conduct(UNKNOWN),),
    "40": (Conduct(BUSY),),
    "41": (Conduct(NO_ANSWER),),
    "42": (Conduct(FAILED),),
    "43": (Conduct(BUSY), Conduct(keys=("1",))),
    "44": (Conduct(NO_ANSWER), Conduct(NO_ANSWER), Conduct(keys=("1",))),
    "45": (Conduct(FAILED), Conduct()),
    "50": (Conduct(rings=3.0, talks=90.0, keys=("1",)),),
    "51": (Conduct(rings=3.0, hangs_up_after=3.0, keys=("1",), thinks=0.5),),
    "52": (Conduct(BUSY, rings=1.0),),
    "53": (Conduct(rings=14.0, talks=90.0, keys=("1",)),),
    "54": (Conduct(rings=3.0, hangs_up_after=7.0, keys=("1",)),),
}
WORDS: dict[str, str] = {
    "20": "a person listens, presses nothing",
    "21": "presses 1",
    "22": "presses 2",
    "23": "presses 9",
    "24": "presses 5, then 1",
    "25": "hangs up after a second",
    "26": "presses 9 at the first word",
    "27": "presses 1, hangs up 6 s after answering, while a transfer rings",
    "28": "answers after 25 s",
    "29": "a person who never ends a conversation",
    "30": "machine, beep after 8 s",
    "31": "machine, then silence",
    "32": "machine, ends otherwise",
    "33": "machine with a greeting of 45 s",
    "34": "machine that detection takes for a person",
    "35": "person whom detection takes for a machine",
    "36": "fax",
    "37": "detection does not know",
    "40": "busy",
    "41": "no answer",
    "42": "failed",
    "43": "busy, from the second call on answers and presses 1",
    "44": "no answer twice, then answers and presses 1",
    "45": "failed, then answers",
    "50": "an office or agent: answers after 3 s, talks 90 s",
    "51": "an agent who hangs up 3 s after answering, while the customer rings",
    "52": "an office that is busy after a second",
    "53": "an office that answers after 14 s",
    "54": "an agent who hangs up 7 s after answering",
}
# NN: behaviour of the connection or of the callbacks; a person picks up.
ACCEPT_THEN_DROP = "70"
DROP_BEFORE_ACCEPT = "71"
ERROR_AFTER_ACCEPT = "72"
SLOW_ANSWER = "73"
NO_CALLBACKS = "74"
TRIPLED = "75"
REVERSED = "76"
NO_FINAL = "77"
SLOW_SECONDS = 10.0
BEHAVIOURS = {
    ACCEPT_THEN_DROP: "accepted, then the connection dies",
    DROP_BEFORE_ACCEPT: "the connection dies, nothing accepted",
    ERROR_AFTER_ACCEPT: "accepted, then 503",
    SLOW_ANSWER: "accepted, answered after 10 s",
    NO_CALLBACKS: "no status callback at all",
    TRIPLED: "every status callback three times",
    REVERSED: "status callbacks in reverse order",
    NO_FINAL: "no callback of the end",
}


def magic(phone: str) -> str:
    """The NN of a magic number, else nothing."""
    return phone[10:] if phone.startswith(PREFIX) and len(phone) == 12 else ""


# How a campaign's call ends in demo mode, percent.
SHARES = {NO_ANSWER: 34, MACHINE: 24, BUSY: 5, FAILED: 1, FAX: 1, HUMAN: 35}
KEY_OF = {
    "books": ("1", 0.75),
    "late": ("2", 0.7),
    "asks": ("1", 0.5),
    "reschedules": ("2", 0.6),
    "stops_by_word": ("9", 0.9),
    "stops_in_words": ("9", 0.8),
    "complains": ("9", 0.4),
    "chats": ("1", 0.4),
}


def drawn(seed: int, phone: str, nth: int, stopped: bool) -> Conduct:
    """What a simulated customer does at the nth call (from 0): the same in every run.

    Who has said stop presses 9 or hangs up, never 1.
    """
    rng = random.Random(f"{seed}:{phone}:call:{nth}")
    kind = personas.traits(seed, phone).kind
    answers = rng.choices(list(SHARES), list(SHARES.values()))[0]
    rings, talks = 3.0 + rng.random() * 12.0, 30.0 + rng.random() * 180.0
    if answers != HUMAN:
        return Conduct(answers, rings=rings, greeting=5.0 + rng.random() * 12.0)
    key, chance = KEY_OF.get(kind, ("", 0.0))
    if stopped:
        key, chance = "9", 0.8
    if rng.random() < chance:
        return Conduct(rings=rings, keys=(key,), thinks=2.0 + rng.random() * 10.0, talks=talks)
    leaves = 2.0 + rng.random() * 12.0 if rng.random() < 0.6 else None
    return Conduct(rings=rings, hangs_up_after=leaves, talks=talks)
