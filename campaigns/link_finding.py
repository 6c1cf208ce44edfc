"""Finding links in words that hold merge fields, and putting fields for short ones in their place.

Only what is outside of Liquid's own tags is a link of the text: an address that a condition compares with, or
a filter's argument, stays as it is.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from conversations.rendering import LINK_FIELD

_FIELD, _TAG = "\ue000", "\ue001"  # stand for what Liquid fills in, and for what it decides by
_LIQUID = re.compile(
    r"\{%-?\s*(raw|comment)\b.*?\{%-?\s*end\1\s*-?%\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL | re.IGNORECASE
)
# Not part of an address: spaces, brackets and quotes that enclose it, dashes and stops of running text, and
# signs that nobody sees.
_ENDS = (
    r"\s\x00-\x1f<>\"“”„«»‹›‘`^\\{}|\ue001…—–、。，！？；：（）「」『』【】《》"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
)
_URL = re.compile(rf"(?<![\w@])https?://[^{_ENDS}]+", re.IGNORECASE)
_TRAILING = ".,;:!?'’*_~&"
_PAIRS = {")": "(", "]": "["}
FIELD = LINK_FIELD  # and its number: the merge field that stands for a link


class Found(NamedTuple):
    """A link in a text, and where it stands."""

    start: int
    end: int
    url: str


class Shortened(NamedTuple):
    """Texts with merge fields in place of their links, and the links by the number of their field."""

    texts: tuple[str, ...]
    links: tuple[str, ...]


def masked(text: str) -> str:
    """The text with Liquid's output and tags replaced by signs that stand nowhere else, as long as it was."""

    def mask(found: re.Match[str]) -> str:
        whole = found.group()
        return (_FIELD if whole.startswith("{{") else _TAG) * len(whole)

    return _LIQUID.sub(mask, text)


@lru_cache(maxsize=1024)
def find(text: str) -> tuple[Found, ...]:
    """The links of a text in their order. What follows them, like a full stop, is no part of them."""
    if "://" not in text:
        return ()
    found = []
    for match in _URL.finditer(masked(text)):
        url = _trimmed(match.group())
        if len(url) > url.index("://") + 3:
            end = match.start() + len(url)
            found.append(Found(match.start(), end, text[match.start() : end]))
    return tuple(found)


def _trimmed(url: str) -> str:
    """Without what ends the sentence; a closing bracket is the link's only where it was opened there."""
    while url:
        last = url[-1]
        if last in _TRAILING or (last in _PAIRS and url.count(last) > url.count(_PAIRS[last])):
            url = url[:-1]
        else:
            break
    return url


@lru_cache(maxsize=1024)
def shorten(texts: tuple[str, ...], whole: tuple[str, ...] = ()) -> Shortened:
    """Replace the links of `texts`, and those of `whole`, which are nothing but a link, by merge fields.

    Equal links are one, wherever they stand. A `whole` that is empty or no link is left. The texts come first
    in the answer, then what was whole.
    """
    links: dict[str, int] = {}

    def field(url: str) -> str:
        return f"{{{{ {FIELD}{links.setdefault(url, len(links) + 1)} }}}}"

    done = []
    for text in texts:
        parts, last = [], 0
        for found in find(text):
            parts += [text[last : found.start], field(found.url)]
            last = found.end
        done.append("".join(parts) + text[last:])
    done += [field(url.strip()) if is_link(url) else url for url in whole]
    return Shortened(tuple(done), tuple(links))


def is_link(text: str) -> bool:
    """Whether a text is one link and nothing else."""
    stripped = text.strip()
    return [found.url for found in find(stripped)] == [stripped]


def with_parameters(url: str, added: Mapping[str, str]) -> str:
    """The link with these query parameters, but for those it has itself or that say nothing."""
    mask = masked(url)
    cut = mask.find("#")
    cut = len(url) if cut < 0 else cut
    asked = mask[:cut].partition("?")[2]
    has = {part.partition("=")[0].lower() for part in re.split("[&;]", asked)}
    new = [f"{name}={quote(value, safe='')}" for name, value in added.items() if value and name not in has]
    if not new:
        return url
    joint = "?" if "?" not in mask[:cut] else "" if mask[:cut].endswith(("?", "&")) else "&"
    return f"{url[:cut]}{joint}{'&'.join(new)}{url[cut:]}"


def sample(text: str, address: str) -> str:
    """The text as somebody will read it, each link as long as `address`: for counting segments."""
    parts, last = [], 0
    for found in find(text):
        parts += [text[last : found.start], address]
        last = found.end
    return "".join(parts) + text[last:]


def in_texts(texts: Iterable[str]) -> list[str]:
    """The different links of some texts, in their order."""
    return list(dict.fromkeys(found.url for text in texts for found in find(text)))
