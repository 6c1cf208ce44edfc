"""What words are about: one name for all words of ceasing, another for all words for a text, and so on.

A wish never met in training is often made of concepts that were: that is what the trained part gains by them.
"""

from functools import cache, lru_cache

from conversations.reader.wording import WORDS

LONGEST_ENDING = 8  # letters that a star stands for at most


@cache
def _known() -> tuple[dict[str, str], dict[str, str]]:
    """Concept by whole word, and by the beginning of a word."""
    whole: dict[str, str] = {}
    beginnings: dict[str, str] = {}
    for line in (WORDS / "concepts.txt").read_text("utf-8").splitlines():
        if line.startswith("#") or "=" not in line:
            continue
        name, _, words = line.partition("=")
        for word in words.split():
            kept = beginnings if word.endswith("*") else whole
            kept.setdefault(word.rstrip("*"), name.strip())
    return whole, beginnings


@lru_cache(maxsize=8192)
def concept(word: str) -> str:
    """The concept of one canonical word, or nothing. The longest beginning counts where several fit."""
    whole, beginnings = _known()
    if found := whole.get(word):
        return found
    for size in range(len(word), max(1, len(word) - LONGEST_ENDING - 1), -1):
        if found := beginnings.get(word[:size]):
            return found
    return ""
