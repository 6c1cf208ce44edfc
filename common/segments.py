"""How many SMS segments a text takes, and which character makes it expensive.

GSM-7: up to 160 units are one segment, then 153 each; `^{}\\[~]|€` and form feed cost two units. One
character outside that alphabet turns the whole text into UCS-2: up to 70 UTF-16 units, then 67 each.
A character of two units never straddles segments, so texts are packed greedily, not divided.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from smsutil import gsm_split, is_valid_gsm, unicode_split
from smsutil.codecs import GSM_CHARSET, GSM_EXT_CHARSET

_ONE_SEGMENT = 160
ESCAPE = "\x1b"  # the library takes it for a letter; on the air it announces the extension table


@dataclass(frozen=True, slots=True)
class Segments:
    """The size of one text as carriers count it."""

    count: int
    encoding: Literal["GSM-7", "UCS-2"]
    units: int  # septets or UTF-16 units
    forced_by: str = ""  # the first character that forces UCS-2


def count_segments(text: str) -> Segments:
    """Segments of `text` as it will be sent (line ends as LF). An empty text counts as one."""
    if len(text) <= _ONE_SEGMENT and _SINGLE.issuperset(text):  # most are so, and millions are counted
        return Segments(1, "GSM-7", len(text))
    body = normalise_line_ends(text)
    septets = [_septets(char) for char in body]
    if 0 in septets:
        split = unicode_split(body)
        forced_by = body[septets.index(0)]
        return Segments(len(split.parts), "UCS-2", split.total_bytes // 2, forced_by)
    if sum(septets) <= _ONE_SEGMENT:
        return Segments(1, "GSM-7", sum(septets))
    split = gsm_split(body)
    return Segments(len(split.parts), "GSM-7", split.total_bytes)


def in_gsm(char: str) -> bool:
    """Whether GSM-7 has this character; one that it lacks turns a whole text into UCS-2."""
    return _septets(char) > 0


def last_units(text: str) -> int:
    """Units in the last segment of `text`, whose line ends are LF."""
    septets = [_septets(char) for char in text]
    if 0 in septets:
        parts = unicode_split(text).parts
        return len(parts[-1].content.encode("utf-16-be")) // 2 if parts else 0
    parts = gsm_split(text).parts
    return sum(_septets(char) for char in parts[-1].content) if parts else 0


def normalise_line_ends(text: str) -> str:
    """CRLF and CR as LF: a carriage return costs a unit and shows nothing."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@lru_cache(maxsize=4096)
def _septets(char: str) -> int:
    """Units that a character takes in GSM-7; 0 where it has none. The library takes its time over each."""
    if char == ESCAPE or not is_valid_gsm(char):
        return 0
    return 2 if char in GSM_EXT_CHARSET else 1


_SINGLE = frozenset(char for char in GSM_CHARSET if char != "\r" and _septets(char) == 1)
