"""Who a simulated customer is: seeded by phone, the same in every run."""

import random
import re
from dataclasses import dataclass
from functools import lru_cache

from sandbox.replies import TEXTS

# Shares of personalities, percent.
KINDS: dict[str, int] = {
    "ignores": 45,
    "reads": 6,  # delivered, read, never answers
    "books": 13,
    "asks": 8,
    "reschedules": 5,
    "wrong_number": 3,
    "complains": 3,
    "stops_by_word": 5,
    "stops_in_words": 4,
    "late": 4,
    "chats": 4,
}
SPANISH_SHARE = 0.13
LANDLINE_SHARE = 0.06
OFF_SHARE = 0.012
UNKNOWN_SHARE = 0.006
REPLY_MEDIAN_SECONDS = 8 * 60.0
LATE_MEDIAN_SECONDS = 5 * 3600.0
REPLY_SIGMA = 1.0

FIRST_WORDING = {
    "books": "booking_yes",
    "late": "booking_yes",
    "asks": "question",
    "reschedules": "reschedule",
    "wrong_number": "wrong_number",
    "complains": "complaint",
    "stops_by_word": "optout_word",
    "stops_in_words": "optout",
    "chats": "other",
}
# How likely a personality reacts to its first, second, third and later campaign text.
WILLING: dict[str, tuple[float, ...]] = {
    "books": (0.7, 0.5, 0.3, 0.1),
    "late": (0.8, 0.3, 0.1, 0.0),
    "asks": (0.7, 0.4, 0.2, 0.1),
    "reschedules": (0.6, 0.4, 0.2, 0.1),
    "wrong_number": (0.7, 0.5, 0.3, 0.2),
    "complains": (0.6, 0.4, 0.3, 0.2),
    "stops_by_word": (0.4, 0.6, 0.7, 0.8),
    "stops_in_words": (0.4, 0.6, 0.7, 0.8),
    "chats": (0.6, 0.4, 0.2, 0.1),
}
CONFIRMATION = re.compile(
    r"\b(confirm(ed|ation)|you('| a)re (all )?(set|booked|scheduled)|all set|is (booked|scheduled)"
    r"|see you (on|at|then)"
    r"|we('ve| have) (booked|scheduled)|confirmad[oa]|su cita (es|está|queda))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Traits:
    """One phone's nature."""

    kind: str
    spanish: bool
    landline: bool
    delivery_error: int | None

    @property
    def language(self) -> str:
        """Key of `replies.TEXTS`."""
        return "es" if self.spanish else "en"


@lru_cache(maxsize=200_000)
def traits(seed: int, phone: str) -> Traits:
    """The traits of a phone under a seed."""
    rng = random.Random(f"{seed}:{phone}")
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    spanish, draw = rng.random() < SPANISH_SHARE, rng.random()
    error: int | None = None
    if draw < LANDLINE_SHARE:
        error = 30006
    elif draw < LANDLINE_SHARE + OFF_SHARE:
        error = 30003
    elif draw < LANDLINE_SHARE + OFF_SHARE + UNKNOWN_SHARE:
        error = 30005
    return Traits(kind, spanish, error == 30006, error)


def first_wording(who: Traits, rng: random.Random, nth: int) -> str | None:
    """The wording key of a reaction to the `nth` campaign text (from 0), or None for silence."""
    chances = WILLING.get(who.kind)
    if chances is None or rng.random() >= chances[min(nth, len(chances) - 1)]:
        return None
    return FIRST_WORDING[who.kind]


def follow_up(who: Traits, rng: random.Random, body: str) -> str | None:
    """The wording key of an answer to a text that answered the customer, or None."""
    if CONFIRMATION.search(body):
        return "thanks" if rng.random() < 0.4 else None
    if who.kind in ("books", "late", "asks", "reschedules") and rng.random() < (0.7 if "?" in body else 0.35):
        return "answer"
    return "thanks" if rng.random() < 0.25 else None


def wording(key: str, who: Traits, rng: random.Random, name: str) -> str:
    """A text for the key in the customer's language, with a person's carelessness."""
    text = rng.choice(TEXTS[key, who.language]).format(name=name)
    if key in ("optout_word",):
        return text
    draw = rng.random()
    if draw < 0.15:
        return text.lower()
    if draw < 0.22:
        return text.rstrip(".!") + "!"
    if draw < 0.27 and len(text) > 12:
        # a slip of the thumb: two neighbours swapped
        at = rng.randrange(3, len(text) - 2)
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text


def delay_seconds(who: Traits, rng: random.Random) -> float:
    """How long this customer takes to answer at speed 1."""
    median = LATE_MEDIAN_SECONDS if who.kind == "late" else REPLY_MEDIAN_SECONDS
    return median * rng.lognormvariate(0.0, REPLY_SIGMA)
