"""The words of an HTML page as plain text: for mails that have no plain part. What it gives is text, not
HTML.

Anybody may send us a page, so it is read in one pass: `html.parser` takes minutes for some that are broken on
purpose, and holds up the whole process meanwhile.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

LONGEST = 500_000  # characters that are read of a page
_SILENT = {"script", "style", "head", "title", "template", "noscript", "svg", "object"}
_OWN_LINE = {
    "address", "article", "blockquote", "div", "dl", "dt", "dd", "fieldset", "footer", "form", "h1", "h2",
    "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul",
}  # fmt: skip
_APART = {"p", "blockquote", "h1", "h2", "h3", "table"}
_CELLS = {"td", "th"}
_RAW = {"script": re.compile(r"</script", re.IGNORECASE), "style": re.compile(r"</style", re.IGNORECASE)}
_NAME = re.compile(r"</?([A-Za-z][^\s/>]{0,30})")
_TAG_END = re.compile(r"(?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+>")  # possessive: never tried in another way
_ALT = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_NO_CHARACTER = re.compile(r"&#0*[0-9]{8,};?")  # of more digits than Python reads as a number
_LONGEST_ATTRIBUTES = 5_000


class _Tag(NamedTuple):
    """A tag of a page, its name in small letters."""

    name: str
    opens: bool
    closes: bool
    attributes: str


def _parts(page: str) -> Iterator[str | _Tag]:
    """The words and tags of a page, in order. What begins and never ends is left out, as browsers do."""
    position, quoted = 0, True
    while (begin := page.find("<", position)) >= 0:
        yield _characters(page[position:begin])
        named = _NAME.match(page, begin)
        if named is None:
            if page[begin + 1 : begin + 2] not in ("!", "?", "/"):
                yield "<"
                position = begin + 1
                continue
            sign = "-->" if page.startswith("<!--", begin) else ">"
            if (end := page.find(sign, begin)) < 0:
                return
            position = end + len(sign)
            continue
        found = _TAG_END.match(page, named.end()) if quoted else None
        if found is None:  # a quotation mark that nothing closes: from here on they mean nothing
            quoted = False
        end = found.end() if found else page.find(">", named.end()) + 1
        if not end:
            return
        name, closing = named[1].lower(), page[begin + 1] == "/"
        attributes = page[named.end() : min(end - 1, named.end() + _LONGEST_ATTRIBUTES)]
        yield _Tag(name, not closing, closing or page[end - 2] == "/", attributes)
        position = end
        if name in _RAW and not closing:
            over = _RAW[name].search(page, end)
            if over is None:
                return
            position = over.start()
    yield _characters(page[position:])


def _characters(words: str) -> str:
    return unescape(_NO_CHARACTER.sub("\ufffd", words)) if "&" in words else words


class _Reader:
    """Collects what a person would read. Quotations of mail programs become lines that begin with “>”."""

    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self._silent = 0
        self._quoted = 0

    def read(self, part: str | _Tag) -> None:
        """The next words or tag."""
        if isinstance(part, str):
            if part and not self._silent:
                self._add(part)
            return
        if part.opens:
            self._begin(part.name, part.attributes)
        if part.closes:
            self._end(part.name)

    def _begin(self, tag: str, attributes: str) -> None:
        """A block begins a line, a cell stands apart, a quotation deepens, a picture says what it shows."""
        if tag in _SILENT:
            self._silent += 1
        elif tag == "br":
            self._line()
        elif tag == "img" and not self._silent:
            if found := _ALT.search(attributes):
                self._add(_characters(found[1] or found[2] or found[3] or ""))
        elif tag in _CELLS and not self._silent:
            self._add(" ")
        elif tag in _OWN_LINE:
            self._line(apart=tag in _APART)
            self._quoted += tag == "blockquote"

    def _end(self, tag: str) -> None:
        """A block ends its line."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _OWN_LINE:
            if tag == "blockquote":
                self._quoted = max(0, self._quoted - 1)
            self._line(apart=tag in _APART)

    def _add(self, words: str) -> None:
        """Words; white space is one space, as a page shows it."""
        words = re.sub(r"\s+", " ", words)
        here = self.lines[-1]
        if not here or here.endswith(" "):
            words = words.lstrip(" ")
        if words and not here and self._quoted:
            self.lines[-1] = "> " * min(self._quoted, 9)
        self.lines[-1] += words

    def _line(self, *, apart: bool = False) -> None:
        if self.lines[-1].strip():
            self.lines.append("")
        if apart and len(self.lines) > 1 and self.lines[-2].strip():
            self.lines.append("")


def plain(html: str) -> str:
    """The words of a page, line by line; nothing of its scripts, styles and addresses."""
    reader = _Reader()
    for part in _parts(html[:LONGEST]):
        reader.read(part)
    lines = [line.rstrip() for line in reader.lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
