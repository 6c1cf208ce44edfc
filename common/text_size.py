"""What a text costs to send, as whoever writes it wants to know: the one counter of every page.

The figures are those of `common.segments`, which senders and budgets use; nothing is counted anywhere else.
"""

import unicodedata
from dataclasses import dataclass

from common.segments import count_segments, in_gsm, last_units, normalise_line_ends

PLAIN = {
    **dict.fromkeys("‘’‚‛′´`ʼ＇", "'"),
    **dict.fromkeys("“”„‟″«»＂", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f\u3000\t", " "),
    **dict.fromkeys("\u200b\u200c\u2060\ufeff\u00ad", ""),
    "…": "...",
    "•": "*",
    "·": "*",
}
"""What stands for the marks that word processors put in: the reader sees next to no difference."""
_NAMES = {
    "‘": "curly apostrophe", "’": "curly apostrophe", "“": "curly quote", "”": "curly quote",
    "–": "long dash", "—": "long dash", "…": "ellipsis", "\t": "tab",
    "\u00a0": "non-breaking space", "\u202f": "narrow space",
    "`": "backtick", "•": "bullet", "\u200b": "invisible space", "\ufeff": "invisible mark",
    "\u200d": "invisible joiner", "\ufe0f": "emoji variant mark", "\x1b": "escape",
}  # fmt: skip
_ONE, _EACH = {"GSM-7": 160, "UCS-2": 70}, {"GSM-7": 153, "UCS-2": 67}
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Forcing:
    """A character that makes the whole text Unicode; `instead` is what GSM-7 has for it, None for nothing."""

    char: str
    name: str
    instead: str | None

    @property
    def shown(self) -> str:
        """The character as a page can show it; what is invisible has only its name."""
        return "" if not self.char.isprintable() or self.char.isspace() or self.name in _UNSEEN else self.char


_UNSEEN = {"invisible space", "invisible mark", "invisible joiner", "emoji variant mark"}


@dataclass(frozen=True, slots=True)
class TextSize:
    """A text as carriers count it, and what would make it shorter."""

    segments: int
    unicode: bool
    units: int
    left: int  # further units until one segment more is needed
    forcing: tuple[Forcing, ...] = ()
    plain: str | None = None  # the text with what can be replaced replaced; None where nothing can
    plain_segments: int = 0

    @property
    def encoding(self) -> str:
        """“GSM-7” or “Unicode”."""
        return "Unicode" if self.unicode else "GSM-7"

    @property
    def named(self) -> tuple[Forcing, ...]:
        """The first of those characters; a page full of them names no more."""
        return self.forcing[:MOST_NAMED]

    @property
    def unnamed(self) -> int:
        """How many more there are."""
        return len(self.forcing) - len(self.named)

    @property
    def told(self) -> str:
        """What a screen reader hears when it changes: never every letter."""
        words = f"{self.segments} segment{'' if self.segments == 1 else 's'}, {self.encoding}"
        return words + (f", because of {self.forcing[0].name}" if self.forcing else "")


def size_of(text: str) -> TextSize:
    """The size of a text as typed. An empty one has none of a segment's units."""
    body = normalise_line_ends(text)
    counted = count_segments(body)
    most = (_ONE if counted.count == 1 else _EACH)[counted.encoding]
    units = counted.units if counted.count == 1 else last_units(body)
    forcing = tuple(
        Forcing(char, name_of(char), PLAIN.get(char)) for char in dict.fromkeys(body) if not in_gsm(char)
    )
    plain = plainly(body) if any(one.instead is not None for one in forcing) else None
    return TextSize(
        counted.count, counted.encoding == "UCS-2", counted.units, most - units, forcing, plain,
        count_segments(plain).count if plain is not None else 0,
    )  # fmt: skip


def plainly(text: str) -> str:
    """A text with curly quotes, dashes, dots and odd spaces as GSM-7 has them; letters stay what they are."""
    return "".join(char if in_gsm(char) else PLAIN.get(char, char) for char in text)


def name_of(char: str) -> str:
    """A character's name in plain words: “curly apostrophe”, “party popper”."""
    if char in _NAMES:
        return _NAMES[char]
    return unicodedata.name(char, f"character {ord(char):X}").lower()
