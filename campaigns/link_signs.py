"""The signs of short codes: eight of 62, and the number each stands for.

2·10¹⁴ codes: whoever tries one a millisecond at a deployment with ten million of them waits hours for a hit,
and is turned away long before (`campaigns/views/short_links.py`). Codes are drawn from the system's own
randomness, never counted up.
"""

import os
from array import array

SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 8
SPACE = len(SIGNS) ** LENGTH
_VALUE = {sign: value for value, sign in enumerate(SIGNS)}


def spell(number: int) -> str:
    """The code of a number below SPACE."""
    signs = []
    for _ in range(LENGTH):
        number, value = divmod(number, len(SIGNS))
        signs.append(SIGNS[value])
    return "".join(reversed(signs))


def read(code: str) -> int | None:
    """The number of a code; None for what cannot be one."""
    if len(code) != LENGTH:
        return None
    number = 0
    for sign in code:
        value = _VALUE.get(sign)
        if value is None:
            return None
        number = number * len(SIGNS) + value
    return number


def draw(count: int) -> list[int]:
    """So many numbers that nobody can guess. Two may be equal, though hardly ever: the caller looks."""
    return [number % SPACE for number in array("Q", os.urandom(8 * count))]
