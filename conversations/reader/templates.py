"""The training lines: patterns that we wrote (`phrases/`), spelt out into replies with real slips.

Beside the patterns stand single replies as people write them (`phrases/said/`), varied a little. A fifth of
patterns and replies is held back by a hash of their text, so that what the trained part is judged on follows
nothing that it has seen.
"""

import random
import re
import zlib
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from conversations.reader.classifier import LABELS
from conversations.reader.wording import PHRASES, WORDS

FILES = {
    "optout_en": "optout", "optout_es": "optout", "booking_yes": "booking_yes", "reschedule": "reschedule",
    "question": "question", "complaint": "complaint", "wrong_number": "wrong_number", "other": "other",
}  # fmt: skip
FOLDS = 5
LINES_A_PATTERN = 10
VARIANTS = 2  # of a single reply
_HOLES = re.compile(r"\{(\w+)\}")
_CHOICE = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]")
_SLIPS_SHARE = 0.2
_BEFORE = (
    "hi", "hello", "hey", "good morning", "ok", "hi there", "hola", "buenas", "um", "so", "well", "sorry",
)  # fmt: skip
_AFTER = (
    "thanks", "thank you", "please", "lol", "sorry", "gracias", "por favor", "have a good day", "!", "!!",
)  # fmt: skip
_JOINTS = (". ", ", ", " ", "... ", " but ", " and ", "! ", " so ", "? ")
_MIXED = 500  # texts that say two things, for each fold


class Line(NamedTuple):
    """One training reply, its label, its fold, how much it counts, and whether it is as somebody wrote it."""

    text: str
    label: str
    fold: int
    weight: float = 1.0
    written: bool = False


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


def written() -> Iterator[tuple[str, str]]:
    """The single replies and their labels: a text file's name begins with its label, tables name each."""
    for file in sorted((PHRASES / "said").glob("*.txt")):
        label = next(label for label in LABELS if file.stem.startswith(label))
        for line in file.read_text("utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.strip(), label
    for file in sorted((PHRASES / "said").glob("*.tsv")):
        for line in file.read_text("utf-8").splitlines()[1:]:
            text, _, label = line.rpartition("\t")
            yield text, label


def exchanged(text: str, chance: random.Random) -> str:
    """The reply with some words replaced by others of their kind: another day, another unit, another name."""

    def another(found: re.Match[str]) -> str:
        kin = _kin().get(found[0].lower())
        return chance.choice(kin) if kin and chance.random() < 0.65 else found[0]

    return re.sub(r"[^\W\d_]+", another, text)


@cache
def _kin() -> dict[str, list[str]]:
    kinds = [line.split() for line in (WORDS / "kin.txt").read_text("utf-8").splitlines()]
    return {word: kind for kind in kinds for word in kind}


def _fold(seed: int) -> int:
    return (seed >> 3) % FOLDS


def lines() -> Iterator[Line]:
    """Every training line, always the same ones in the same order."""
    plain: dict[tuple[str, int], list[str]] = {}
    for line in (*_from_patterns(), *_from_written()):
        plain.setdefault((line.label, line.fold), []).append(line.text)
        yield line
    yield from _mixed(plain)


def _from_patterns() -> Iterator[Line]:
    gaps = slots()
    for name, label in FILES.items():
        for pattern in patterns(name):
            seed = zlib.crc32(pattern.encode())
            chance = random.Random(seed)
            for text in {spelt_out(pattern, gaps, chance): None for _ in range(LINES_A_PATTERN)}:
                if not text:
                    continue
                yield Line(text, label, _fold(seed), 0.3)
                if chance.random() < _SLIPS_SHARE:
                    yield Line(with_slip(text, chance), label, _fold(seed), 0.25)


def _from_written() -> Iterator[Line]:
    for text, label in written():
        seed = zlib.crc32(text.encode())
        chance = random.Random(seed)
        yield Line(text, label, _fold(seed), 2.0, written=True)
        for _ in range(VARIANTS):
            other = exchanged(text, chance)
            other = with_slip(other, chance) if chance.random() < 0.5 else other
            if chance.random() < 0.15:
                other = f"{chance.choice(_BEFORE)} {other}"
            if chance.random() < 0.15:
                other = f"{other} {chance.choice(_AFTER)}"
            if other != text:
                yield Line(other, label, _fold(seed), 0.6)


def _mixed(plain: dict[tuple[str, int], list[str]]) -> Iterator[Line]:
    """Two things said at once: a wish to be left alone wins over whatever stands before or after it."""
    chance = random.Random(7)
    others = [label for label in LABELS if label != "optout"]
    for fold in range(FOLDS):
        for _ in range(_MIXED):
            beside = chance.choice(plain[chance.choice(others), fold])
            wish = chance.choice(plain["optout", fold])
            pair = (beside, wish) if chance.random() < 0.7 else (wish, beside)
            yield Line(chance.choice(_JOINTS).join(pair), "optout", fold, 0.6)
        for _ in range(_MIXED):
            label = chance.choice(others)
            pair = (chance.choice(plain["other", fold]), chance.choice(plain[label, fold]))
            pair = pair if chance.random() < 0.6 else pair[::-1]
            yield Line(chance.choice(_JOINTS).join(pair), label, fold, 0.6)
