"""Contrast between colours, as WCAG 2.2 measures it, so that any brand's colour makes a readable email."""

import re
from functools import lru_cache

AA = 4.5
"""What ordinary text needs against its ground: WCAG 2.2, success criterion 1.4.3."""
WHITE, INK, BLACK = "#ffffff", "#17191d", "#000000"
HEX = re.compile(r"#[0-9a-f]{6}")


def is_colour(text: str) -> bool:
    """Whether this is a colour as we keep them: `#` and six small hexadecimal digits."""
    return HEX.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def letters_on(ground: str) -> str:
    """White or ink, whichever is read better on `ground`; black where neither is read well enough. One of the
    three always reaches AA."""
    best = WHITE if contrast(WHITE, ground) >= contrast(INK, ground) else INK
    return best if contrast(best, ground) >= AA else BLACK


@lru_cache(maxsize=1024)
def readable(colour: str, ground: str, least: float = AA) -> str:
    """`colour`, darkened or lightened no further than text of it on `ground` needs."""
    towards = INK if contrast(INK, ground) > contrast(WHITE, ground) else WHITE
    for percent in range(0, 101, 4):
        made = mixed(colour, towards, percent / 100)
        if contrast(made, ground) >= least:
            return made
    return towards


def mixed(colour: str, other: str, share: float) -> str:
    """`colour` with this share (0 to 1) of the other."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
