"""Words as they are sought and stored: plain letters, small, without punctuation; and misspellings of them.

The SQL function `contact_words` (migration 0021) splits what it indexes exactly so; a test compares the two.
"""

import string
from collections.abc import Iterator

from audiences.state_names import NAMES

MOST_WORDS = 8
_ACCENTED = "ÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõöøÙÚÛÜùúûüÝýÿŠšŽž"
_PLAIN = "aaaaaaaaaaaacceeeeeeeeiiiiiiiinnoooooooooooouuuuuuuuyyysszz"
_GAPS = "".join(sorted(set(string.punctuation) - {"'"})) + "\t\n\r\u00a0\u2013\u2014"
_STATES = {word.lower() for state in NAMES.items() for word in state if " " not in word}
_TABLE: dict[int, str | None] = (
    dict(zip(map(ord, _ACCENTED), _PLAIN, strict=True))
    | dict(zip(map(ord, string.ascii_uppercase), string.ascii_lowercase, strict=True))
    | {ord(gap): " " for gap in _GAPS}
    | {ord("'"): None, ord("\u2019"): None}  # O’Brien is one word
)


def split(text: str) -> list[str]:
    """The words of a text, as the index has them: “José O’Brien-Smith” is jose, obrien, smith."""
    return [word for word in text.translate(_TABLE).split(" ") if word]


def wanted(text: str) -> list[str]:
    """The words that somebody seeks, each once, and no more of them than make sense."""
    return list(dict.fromkeys(split(text)))[:MOST_WORDS]


def without_state(words: list[str]) -> list[str]:
    """The words but for those behind the first that are a state: no contact is indexed by its state."""
    return words[:1] + [word for word in words[1:] if word not in _STATES]


def misspelt(word: str) -> set[str]:
    """What may have been meant: one letter missing, too many, another, or two exchanged.

    The first letter stands, which people rarely get wrong, unless it changed places with the second. Empty
    for short words and numbers: one digit more names another house.
    """
    if len(word) < 3 or not (word.isascii() and word.isalpha()):
        return set()
    return set(_edits(word)) - {word}


def _edits(word: str) -> Iterator[str]:
    for at in range(len(word)):
        head, tail = word[:at], word[at:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        if at:
            yield head + tail[1:]
            for letter in string.ascii_lowercase:
                yield head + letter + tail[1:]
                yield head + letter + tail
    for letter in string.ascii_lowercase:
        yield word + letter
