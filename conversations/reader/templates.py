"""The training lines: patterns that we wrote (`phrases/`), spelt out into replies with real slips.

A fifth of the patterns is held back by a hash of their text, so that what the trained part is judged on
follows patterns it has never seen.
"""

import random
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from conversations.reader.wording import PHRASES

FILES = {
    "optout_en": "optout", "optout_es": "optout", "booking_yes": "booking_yes", "reschedule": "reschedule",
    "question": "question", "complaint": "complaint", "wrong_number": "wrong_number", "other": "other",
}  # fmt: skip
LINES_A_PATTERN = 14
_HOLES = re.compile(r"\{(\w+)\}")
_CHOICE = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]")
_SLIPS_SHARE = 0.22
_MIXED_SHARE = 0.10
_BEFORE = (
    "hi",
    "hello",
    "hey",
    "good morning",
    "ok",
    "hi there",
    "hola",
    "buenas",
    "um",
    "so",
    "well",
    "sorry",
)
_AFTER = (
    "thanks",
    "thank you",
    "please",
    "lol",
    "sorry",
    "gracias",
    "por favor",
    "have a good day",
    "!",
    "!!",
)


class Line(NamedTuple):
    """One training reply, its label, and whether its pattern is among those held back."""

    text: str
    label: str
    held_back: bool


def patterns(name: str) -> list[str]:
    """The patterns of one file, comments and empty lines left out."""
    lines = (PHRASES / f"{name}.txt").read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def slots() -> dict[str, list[str]]:
    """What may stand in the gaps of a pattern."""
    found = {}
    for line in patterns("slots"):
        name, _, words = line.partition("=")
        found[name.strip()] = [word.strip() for word in words.split("|")]
    return found


def spelt_out(pattern: str, gaps: dict[str, list[str]], chance: random.Random) -> str:
    """One reply that follows the pattern: `(a|b)` one of them, `[a]` perhaps, `{slot}` a word for it."""

    def choose(found: re.Match[str]) -> str:
        one_of, perhaps = found.groups()
        if perhaps is not None and chance.random() < 0.5:
            return ""
        choices: str = one_of if one_of is not None else perhaps
        return chance.choice(choices.split("|"))

    text, inner = pattern, ""
    while text != inner:  # from the innermost brackets outwards
        inner, text = text, _CHOICE.sub(choose, text)
    text = _HOLES.sub(lambda found: chance.choice(gaps[found[1]]), text)
    return re.sub(r"\s+([,.!?])", r"\1", re.sub(r"\s+", " ", text)).strip(" ,")


def with_slip(text: str, chance: random.Random) -> str:
    """The text with one or two slips of hasty thumbs: swapped, lost, doubled or neighbouring letters."""
    for _ in range(1 if len(text) < 25 else 2):
        at = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
        if not at:
            return text
        i = chance.choice(at)
        slip = chance.randrange(4)
        middle = {0: text[i + 1] + text[i], 1: text[i + 1], 2: text[i] + text[i] + text[i + 1]}.get(
            slip, chance.choice("aeiourtn") + text[i + 1]
        )
        text = text[:i] + middle + text[i + 2 :]
    return text


def lines() -> Iterator[Line]:
    """Every training line, always the same ones in the same order."""
    gaps = slots()
    plain: dict[tuple[str, bool], list[str]] = {}
    for name, label in FILES.items():
        for pattern in patterns(name):
            seed = zlib.crc32(pattern.encode())
            held_back = seed % 5 == 0
            chance = random.Random(seed)
            spelt = {spelt_out(pattern, gaps, chance): None for _ in range(LINES_A_PATTERN)}
            for text in spelt:
                if not text:
                    continue
                plain.setdefault((label, held_back), []).append(text)
                yield Line(text, label, held_back)
                if chance.random() < _SLIPS_SHARE:
                    yield Line(with_slip(text, chance), label, held_back)
                if chance.random() < _MIXED_SHARE:
                    yield Line(f"{chance.choice(_BEFORE)} {text}", label, held_back)
                if chance.random() < _MIXED_SHARE:
                    yield Line(f"{text} {chance.choice(_AFTER)}", label, held_back)
    yield from _mixed(plain)


def _mixed(plain: dict[tuple[str, bool], list[str]]) -> Iterator[Line]:
    """Two things said at once: a wish to be left alone wins over whatever stands before or after it."""
    chance = random.Random(7)
    others = ("question", "complaint", "wrong_number", "other", "booking_yes", "reschedule")
    for held_back, count in ((False, 420), (True, 105)):
        for _ in range(count):
            label = chance.choice(others)
            beside = chance.choice(plain[label, held_back])
            wish = chance.choice(plain["optout", held_back])
            if chance.random() < 0.7:
                yield Line(f"{beside}. {wish}", "optout", held_back)
            else:
                yield Line(f"{wish}, {beside}", "optout", held_back)
