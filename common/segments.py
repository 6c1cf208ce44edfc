"""How many SMS segments a text takes, and which character makes it expensive.

GSM-7: up to 160 units are one segment, then 153 each; `^{}\\[~]|€` and form feed cost two units. One
character outside that alphabet turns the whole text into UCS-2: up to 70 UTF-16 units, then 67 each.
A character of two units never straddles segments, so texts are packed greedily, not divided.
"""

from dataclasses import dataclass
from typing import Literal

from smsutil import gsm_split, is_valid_gsm, unicode_split

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
    body = normalise_line_ends(text)
    forced_by = next((char for char in body if not _in_gsm(char)), "")
    if forced_by:
        split = unicode_split(body)
        return Segments(len(split.parts), "UCS-2", split.total_bytes // 2, forced_by)
    if not body:
        return Segments(1, "GSM-7", 0)
    split = gsm_split(body)
    return Segments(len(split.parts), "GSM-7", split.total_bytes)


def normalise_line_ends(text: str) -> str:
    """CRLF and CR as LF: a carriage return costs a unit and shows nothing."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _in_gsm(char: str) -> bool:
    return char != ESCAPE and bool(is_valid_gsm(char))
