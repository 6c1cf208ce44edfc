"""The third tier: how likely each label is, from weights trained beforehand. Plain Python, no library."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from operator import mul
from pathlib import Path

from conversations.reader.features import features

LABELS = ("optout", "booking_yes", "reschedule", "question", "complaint", "wrong_number", "other")
WEIGHTS = Path(__file__).parent / "weights.json"
_SCALE = 100


class Classifier:
    """Weights by feature: its rarity first, then one for each label, all in hundredths."""

    def __init__(self, rows: Mapping[str, Sequence[int]], bias: Sequence[int]) -> None:
        self.rows = rows
        self.bias = bias

    def knows(self, text: str) -> bool:
        """Whether any whole word of a canonical text was met in training."""
        return any(word in self.rows for word in text.split())

    def likelihoods(self, parts: Sequence[str]) -> dict[str, float]:
        """The probability of every label for a text of these canonical sentences; they sum to 1."""
        rows = self.rows
        found = [(rows[f], n) for f, n in Counter(features(parts)).items() if f in rows]
        scores = [float(b) for b in self.bias]
        if found:
            rarity, *weights = zip(*(row for row, _ in found), strict=True)
            values = [r if n == 1 else r * (1 + math.log(n)) for r, (_, n) in zip(rarity, found, strict=True)]
            length = math.sqrt(sum(map(mul, values, values))) or 1.0
            scores = [b + sum(map(mul, values, of)) / length for b, of in zip(scores, weights, strict=True)]
        top = max(scores)
        powers = [math.exp((score - top) / _SCALE) for score in scores]
        whole = sum(powers)
        return {label: power / whole for label, power in zip(LABELS, powers, strict=True)}


@cache
def trained() -> Classifier:
    """The classifier that was trained last, read once."""
    kept = json.loads(WEIGHTS.read_text("utf-8"))
    return Classifier(kept["rows"], kept["bias"])
