"""What the trained part sees of a text: its words, pairs of words, and pieces of words."""

from collections.abc import Iterator

SHORTEST, LONGEST = 3, 4  # letters in a piece
MOST_WORDS = 60  # of a text; the rest says nothing that the beginning did not


def features(text: str) -> Iterator[str]:
    """Every feature of a canonical text, with repetitions. Pairs of words hold a space, pieces a `_`."""
    words = text.split()[:MOST_WORDS]
    for word in words:
        yield word
    for one, other in zip(["^", *words], [*words, "$"], strict=True):
        yield f"{one} {other}"
    for word in words:
        marked = f"<{word}>"
        for size in range(SHORTEST, LONGEST + 1):
            for at in range(len(marked) - size + 1):
                yield "_" + marked[at : at + size]
    yield "#1" if len(words) < 2 else "#3" if len(words) < 4 else "#8" if len(words) < 9 else "#+"
