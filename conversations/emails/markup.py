"""One person's words as HTML: paragraphs, lines, lists and links, everything else escaped.

People write plain text. An empty line begins a paragraph, lines that begin with “- ” are a list, and an
address written in the words is a link. A value that was merged in is never one, whatever it looks like.
"""

import re
from functools import lru_cache
from html import escape
from urllib.parse import urlsplit

_GAP = re.compile(r"\n[ \t]*\n\s*")
_ADDRESS = re.compile(r"https?://[^\s<>\"{}]+")
_LINK = re.compile(r"https?://[^\s<>\"]+")
_APART = "margin:0 0 16px"
_TRAILING = ".,;:!?)]}’”»'"
SLOT_SIGN, _HARMLESS = "-tr-", "‑tr‑"  # with hyphens that no provider takes for its own
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127], None)


def tidy(value: str) -> str:
    """Plain text without what would be more than text on its way: other line ends, control characters, and
    signs that a provider would fill."""
    value = value.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)
    if SLOT_SIGN in value:
        value = value.replace(SLOT_SIGN, _HARMLESS)
    return value.replace("<%", "< %") if "<%" in value else value


def line(value: str) -> str:
    """As `tidy`, in one line."""
    return tidy(" ".join(value.split()))


def paragraphs(text: str, *, paragraph: str, link: str, ours: tuple[str, ...]) -> str:
    """Tidy text as HTML. `paragraph` and `link` are the styles of their letters; an address is a link where
    it begins as one of `ours` does."""
    return "".join(_block(block, paragraph, link, ours) for block in _GAP.split(text.strip()) if block)


def _block(block: str, paragraph: str, link: str, ours: tuple[str, ...]) -> str:
    lines = block.split("\n")
    if all(one.startswith("- ") for one in lines):
        sign = f'<td width="20" valign="top" class="text" style="{paragraph}" aria-hidden="true">&bull;</td>'
        item = f'<td valign="top" class="text" style="padding:0 0 8px;{paragraph}">'
        said = (f'<tr role="listitem">{sign}{item}{_words(one[2:], link, ours)}</td></tr>' for one in lines)
        table = f'<table role="list" cellpadding="0" cellspacing="0" border="0" style="{_APART}">'
        return f"{table}{''.join(said)}</table>"
    words = "<br>".join(_words(one, link, ours) for one in lines)
    return f'<p class="text" style="{_APART};{paragraph}">{words}</p>'


def _words(text: str, link: str, ours: tuple[str, ...]) -> str:
    """One line, escaped, with its links."""
    if "://" not in text or not ours:
        return escape(text)
    parts, end = list[str](), 0
    for found in _LINK.finditer(text):
        address = found[0].rstrip(_TRAILING)
        if not address.startswith(ours):
            continue
        parts.append(escape(text[end : found.start()]))
        parts.append(f'<a class="link" style="{link}" href="{escape(address)}">{escape(address)}</a>')
        end = found.start() + len(address)
    parts.append(escape(text[end:]))
    return "".join(parts)


@lru_cache(maxsize=1024)
def addresses(template: str) -> tuple[str, ...]:
    """How the addresses that somebody wrote into a template begin, up to its first merge field: only what
    has a host of its own, so that no value can choose where a link leads."""
    found = []
    for match in _ADDRESS.finditer(template):
        followed = template[match.end() : match.end() + 1] == "{"
        if urlsplit(match[0]).netloc and (not followed or match[0].count("/") > 2):
            found.append(match[0].rstrip(_TRAILING))
    return tuple(found)
