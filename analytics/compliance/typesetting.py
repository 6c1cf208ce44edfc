"""Setting a document page by page: headings, facts, paragraphs and tables on US letter paper.

Pages are written as they fill, so that a register of 50,000 lines needs little memory. A character that the
fonts lack shows as a box; the CSV file beside the document has it as it is.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import IO

from reportlab import rl_config
from reportlab.lib.pagesizes import letter
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = letter
LEFT, RIGHT, TOP, BOTTOM = 64.0, WIDTH - 64.0, HEIGHT - 84.0, 74.0
TEXT, STRONG = "Inter", "Inter-SemiBold"
INK, SOFT, FAINT = 0.10, 0.38, 0.80
_FONTS = Path(__file__).resolve().parent.parent / "fonts"
_TOTAL = "pages"


@cache
def _load() -> dict[str, dict[int, float]]:
    """Register the fonts once a process; the width of every character, for one point of size."""
    widths = {}
    for name, file in ((TEXT, "Inter-Regular.ttf"), (STRONG, "Inter-SemiBold.ttf")):
        font = TTFont(name, str(_FONTS / file))
        pdfmetrics.registerFont(font)
        widths[name] = {code: width / 1000 for code, width in font.face.charWidths.items()}
    return widths


@cache
def _easy() -> frozenset[str]:
    """Characters that the fonts have and that nothing need be asked about."""
    signs = frozenset(chr(code) for code in _load()[TEXT])
    return frozenset(sign for sign in signs if unicodedata.category(sign)[0] not in "CM") | {" "}


def printable(text: str) -> str:
    """Text as the fonts can set it: one line, composed, without marks that turn or hide what follows."""
    if _easy().issuperset(text):
        return " ".join(text.split())
    plain = unicodedata.normalize("NFC", text)
    known = _load()[TEXT]
    kept = []
    for sign in plain:
        if sign.isspace():
            kept.append(" ")
        elif unicodedata.category(sign) in ("Cc", "Cf", "Cs") or (
            unicodedata.category(sign) == "Mn" and ord(sign) not in known
        ):
            continue
        else:
            kept.append(sign if ord(sign) in known else "□")
    return " ".join("".join(kept).split())


@lru_cache(maxsize=20_000)
def width_of(text: str, font: str, size: float) -> float:
    """How wide `text` is set, in points."""
    widths = _load()[font]
    return size * sum(widths.get(ord(sign), 0.6) for sign in text)


def lines_of(text: str, font: str, size: float, width: float, most: int = 0) -> list[str]:
    """`text` broken into lines of at most `width`; with `most`, an ellipsis stands for the rest."""
    found, line, used = [], "", 0.0
    gap = width_of(" ", font, size)
    for word in printable(text).split(" "):
        wide = width_of(word, font, size)
        if not line or used + gap + wide <= width:
            line, used = (f"{line} {word}", used + gap + wide) if line else (word, wide)
            if used <= width:
                continue
            line = ""
        if line:
            found.append(line)
        while width_of(word, font, size) > width:  # a word wider than the column breaks anywhere
            cut = len(word)
            while cut > 1 and width_of(word[:cut], font, size) > width:
                cut = min(cut - 1, int(cut * width / width_of(word[:cut], font, size)) or 1)
            found.append(word[:cut])
            word = word[cut:]
        line, used = word, width_of(word, font, size)
    found.append(line)
    if most and len(found) > most:
        found = [*found[: most - 1], found[most - 1].rstrip(" .,") + "…"]
    return found


class Document:
    """A document that is being set; `finish` writes it to its file."""

    def __init__(self, file: IO[bytes], *, title: str, author: str, running: str, footer: str) -> None:
        _load()
        rl_config.useA85 = 0  # pages as bytes, not as text: smaller and quicker
        self._canvas = Canvas(file, pagesize=letter, pageCompression=1, invariant=1, lang="en-US")
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)
        self._canvas.setCreator("Truckroll")
        self._running = lines_of(running, TEXT, 8, RIGHT - LEFT, 1)[0]
        self._footer = lines_of(footer, TEXT, 7.5, RIGHT - LEFT - 90, 1)[0]
        self.pages = 0
        self.y = TOP
        self._begin()

    def _begin(self) -> None:
        self.pages += 1
        self.y = TOP
        if self.pages > 1:
            self._draw(LEFT, HEIGHT - 50, self._running, TEXT, 8, SOFT)
            self._rule(HEIGHT - 58)
        self._rule(56)
        self._draw(RIGHT - width_of(self._footer, TEXT, 7.5), 43, self._footer, TEXT, 7.5, SOFT)
        of = f"Page {self.pages} of "
        self._draw(LEFT, 43, of, TEXT, 7.5, SOFT)
        self._canvas.saveState()
        self._canvas.translate(LEFT + width_of(of, TEXT, 7.5), 43)
        self._canvas.doForm(_TOTAL)  # drawn by `finish`, once their number is known
        self._canvas.restoreState()

    def turn(self) -> None:
        """Go to the next page."""
        self._canvas.showPage()
        self._begin()

    def need(self, height: float) -> bool:
        """Turn the page unless `height` is left on it; whether it was turned."""
        if self.y - height >= BOTTOM:
            return False
        self.turn()
        return True

    def space(self, height: float) -> None:
        """Leave some room, but none at the top of a page."""
        if self.y < TOP:
            self.y -= height

    def _draw(
        self, x: float, y: float, text: str, font: str = TEXT, size: float = 9.5, gray: float = INK
    ) -> None:
        self._canvas.setFont(font, size)
        self._canvas.setFillGray(gray)
        self._canvas.drawString(x, y, text)

    def _rule(self, y: float, gray: float = FAINT, weight: float = 0.5, x: float = LEFT) -> None:
        self._canvas.setStrokeGray(gray)
        self._canvas.setLineWidth(weight)
        self._canvas.line(x, y, RIGHT, y)

    def title(self, over: str, title: str, under: str) -> None:
        """The head of the first page."""
        self.y = HEIGHT - 92
        self._draw(LEFT, self.y, printable(over), STRONG, 10, SOFT)
        self.y -= 34
        for line in lines_of(title, STRONG, 24, RIGHT - LEFT):
            self._draw(LEFT, self.y, line, STRONG, 24)
            self.y -= 30
        for line in lines_of(under, TEXT, 11.5, RIGHT - LEFT):
            self._draw(LEFT, self.y, line, TEXT, 11.5, SOFT)
            self.y -= 16
        self.y -= 6
        self._rule(self.y, INK, 1.2)
        self.y -= 22

    def heading(self, words: str) -> None:
        """The head of a section, never alone at the end of a page."""
        self.space(16)
        self.need(72)
        self._canvas.bookmarkHorizontalAbsolute(words, self.y + 14)
        self._canvas.addOutlineEntry(words, words, 0, closed=False)
        self._draw(LEFT, self.y, printable(words), STRONG, 13)
        self.y -= 20

    def paragraph(
        self, text: str, *, size: float = 9.5, gray: float = INK, indent: float = 0, font: str = TEXT
    ) -> None:
        """Running text."""
        for line in lines_of(text, font, size, RIGHT - LEFT - indent):
            self.need(size * 1.5)
            self._draw(LEFT + indent, self.y, line, font, size, gray)
            self.y -= size * 1.5
        self.y -= 6

    def quotation(self, text: str, source: str) -> None:
        """What somebody declared, and who and when."""
        for index, line in enumerate(lines_of(f"“{text}”", TEXT, 9.5, RIGHT - LEFT - 18)):
            self.need(28 if index == 0 else 14.25)
            self._bar(14.25)
            self._draw(LEFT + 14, self.y, line)
            self.y -= 14.25
        for line in lines_of(source, TEXT, 8.5, RIGHT - LEFT - 18):
            self.need(13)
            self._bar(13)
            self._draw(LEFT + 14, self.y, line, TEXT, 8.5, SOFT)
            self.y -= 13
        self.y -= 8

    def _bar(self, height: float) -> None:
        self._canvas.setFillGray(FAINT)
        self._canvas.rect(LEFT, self.y - height * 0.28, 2, height, stroke=0, fill=1)

    def facts(self, facts: Iterable[tuple[str, str]], *, label: float = 150) -> None:
        """Pairs of label and value, a thin rule between them."""
        for name, value in facts:
            names = lines_of(name, TEXT, 9.5, label - 14)
            values = lines_of(value, TEXT, 9.5, RIGHT - LEFT - label)
            self.need(14.25 * min(max(len(names), len(values)), 3) + 6)
            top = self.y
            for line in names:
                self._draw(LEFT, self.y, line, TEXT, 9.5, SOFT)
                self.y -= 14.25
            named, self.y = self.y, top
            for line in values:
                if self.y < BOTTOM:
                    self.turn()
                    named = self.y
                self._draw(LEFT + label, self.y, line)
                self.y -= 14.25
            self.y = min(self.y, named)
            self._rule(self.y + 7)
            self.y -= 6

    def figures(self, figures: Sequence[tuple[str, str]]) -> None:
        """The numbers that matter most, large, side by side."""
        self.need(56)
        step = (RIGHT - LEFT) / len(figures)
        for index, (value, words) in enumerate(figures):
            x = LEFT + index * step
            self._draw(x, self.y - 14, value, STRONG, 19)
            for line, part in enumerate(lines_of(words, TEXT, 8, step - 10, 2)):
                self._draw(x, self.y - 28 - 10.5 * line, part, TEXT, 8, SOFT)
        self.y -= 60

    def columns(self, columns: Sequence[tuple[str, float]]) -> None:
        """The head of a table: (name, x from the left edge) each."""
        self.need(40)
        for name, x in columns:
            self._draw(LEFT + x, self.y, name, STRONG, 8, SOFT)
        self.y -= 6
        self._rule(self.y, SOFT, 0.7)
        self.y -= 13

    def row(
        self,
        cells: Sequence[tuple[str, float, float]],
        below: Sequence[tuple[str, str, float]] = (),
        *,
        head: Sequence[tuple[str, float]] = (),
        indent: float = 0,
    ) -> None:
        """One row: cells (text, x, width), then lines (text, font, gray) under them.

        A row is never torn, unless it is longer than half a page; `head` is set again on a new page.
        """
        columns = [(x, lines_of(text, TEXT, 8.5, width, 3)) for text, x, width in cells]
        under = [
            (line, font, gray)
            for text, font, gray in below
            for line in lines_of(text, font, 8.5, RIGHT - LEFT - indent)
        ]
        tall = 12 * max(len(lines) for _, lines in columns)
        if self.need(min(tall + 12 * len(under) + 8, (TOP - BOTTOM) / 2)) and head:
            self.columns(head)
        for x, lines in columns:
            for index, line in enumerate(lines):
                self._draw(LEFT + x, self.y - 12 * index, line, TEXT, 8.5)
        self.y -= tall
        for line, font, gray in under:
            if self.need(12) and head:
                self.columns(head)
            self._draw(LEFT + indent, self.y, line, font, 8.5, gray)
            self.y -= 12
        self._rule(self.y + 5)
        self.y -= 9

    def finish(self) -> None:
        """Write the number of pages into every footer and close the file."""
        self._canvas.showPage()
        self._canvas.beginForm(_TOTAL, 0, -3, 60, 10)
        self._draw(0, 0, f"{self.pages:,}", TEXT, 7.5, SOFT)
        self._canvas.endForm()
        self._canvas.save()
