"""What the trained part sees of a text: words, pairs, pieces of words, and what the words are about.

Sentences are told apart, so that a refusal in one and a word for texts in the next make no pair.
"""

from collections.abc import Iterator, Sequence

from conversations.reader import grammar, intents, scope
from conversations.reader.concepts import concept

SHORTEST, LONGEST = 3, 4  # letters in a piece
MOST_WORDS = 60  # of a text; the rest says nothing that the beginning did not


def features(parts: Sequence[str]) -> Iterator[str]:
    """Every feature of a text's canonical sentences, with repetitions.

    Pairs of words hold a space, pieces begin with `_`, concepts with `%` or `~`, rules that fire with `!`,
    cues beside the verb with `@`.
    """
    yield from marks(parts)
    left = MOST_WORDS
    total = 0
    for part in parts:
        words = part.split()[:left]
        left -= len(words)
        total += len(words)
        yield from words
        for one, other in zip(["^", *words], [*words, "$"], strict=True):
            yield f"{one} {other}"
        yield from _pieces(words)
        yield from _concepts(words)
    yield "#1" if total < 2 else "#3" if total < 4 else "#8" if total < 9 else "#+"


def _pieces(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        marked = f"<{word}>"
        for size in range(SHORTEST, LONGEST + 1):
            for at in range(len(marked) - size + 1):
                yield "_" + marked[at : at + size]


def _concepts(words: Sequence[str]) -> Iterator[str]:
    """Concepts in the order of their words, alone, in pairs and in threes, others passed over.

    And pairs of neighbours (`~`) where words without a concept stand for themselves, as in "stop by".
    """
    named = [f"%{found}" if (found := concept(word)) else word for word in words]
    for one, other in zip(["^", *named], [*named, "$"], strict=True):
        yield f"~{one} {other}"
    about = [name[1:] for name in named if name[0] == "%"]
    for name in about:
        yield f"%{name}"
    for one, other in zip(["^", *about], [*about, "$"], strict=True):
        yield f"%{one} %{other}"
    for one, other, third in zip(about, about[1:], about[2:], strict=False):
        yield f"%{one} %{other} %{third}"


def marks(parts: Sequence[str]) -> Iterator[str]:
    """Which rules of grammar and phrases fire: evidence among other evidence, thrice as heavy as a word."""
    text = " ".join(parts)
    found = [f"!{rule}" if (rule := grammar.opt_out_rule(text, tuple(parts))) else "!no rule"]
    bare = grammar.without_traps(text)
    if "/" in bare:
        found.append("!trap")
    if grammar.wants_them(text):
        found.append("!welcome")
    if grammar.hints(text):
        found.append("!hint")
    if not grammar.mentions(bare):
        found.append("!unmentioned")
    agrees = "-" if found[0] == "!no rule" else "+"
    for cue in scope.cues(text):
        found += [f"@{cue}", f"@{agrees}{cue}"]
    if intent := intents.intent(text):
        found += [f"!{intent.label}", f"!{intent.label} {intent.rule}"]
        if intent.whole:
            found.append("!whole")
    for mark in found:
        yield from (mark, mark, mark)
