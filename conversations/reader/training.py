"""Training of the third tier: multinomial logistic regression over TF-IDF, without any library.

AdaGrad over a fixed order of lines, so that the same phrases give the same weights to the last bit.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter, mul

from conversations.reader import templates
from conversations.reader.classifier import LABELS, Classifier
from conversations.reader.features import features
from conversations.reader.wording import clauses, unquoted

MOST_FEATURES = 45_000
_ROUNDS = 4
_RATE = 0.4
_DECAY = 1e-4
_SCALE = 100  # weights are kept as hundredths


def train(lines: Sequence[templates.Line]) -> Classifier:
    """A classifier from these lines. Takes minutes."""
    counted = [Counter(features(clauses(unquoted(line.text)[0]))) for line in lines]
    seen = Counter(feature for counts in counted for feature in counts)
    known = [feature for feature, n in sorted(seen.items(), key=lambda item: (-item[1], item[0])) if n > 1]
    known = known[:MOST_FEATURES]
    rarity = {f: round(_SCALE * (1 + math.log(len(lines) / seen[f]))) for f in known}
    index = {feature: at for at, feature in enumerate(known)}
    examples = []
    for counts, line in zip(counted, lines, strict=True):
        values = {index[f]: (1 + math.log(n)) * rarity[f] / _SCALE for f, n in counts.items() if f in index}
        length = math.sqrt(sum(value * value for value in values.values())) or 1.0
        if len(values) > 1:
            at = tuple(values)
            examples.append(
                (
                    at,
                    itemgetter(*at),
                    [v / length for v in values.values()],
                    LABELS.index(line.label),
                    line.weight,
                )
            )
    weights, bias = _fit(examples, len(known))
    rows = {
        feature: (rarity[feature], *(round(_SCALE * weights[k][at]) for k in range(len(LABELS))))
        for feature, at in index.items()
    }
    return Classifier({f: row for f, row in rows.items() if any(row[1:])}, [round(_SCALE * b) for b in bias])


def _fit(examples: list, size: int) -> tuple[list[list[float]], list[float]]:
    """Weights by label and feature, and the bias by label."""
    count = len(LABELS)
    weights = [[0.0] * size for _ in range(count)]
    squares = [[1e-3] * size for _ in range(count)]
    bias, order, chance = [0.0] * count, list(range(len(examples))), random.Random(11)
    for _ in range(_ROUNDS):
        chance.shuffle(order)
        for i in order:
            at, pick, values, right, weight = examples[i]
            scores = [bias[k] + sum(map(mul, pick(weights[k]), values)) for k in range(count)]
            top = max(scores)
            powers = [math.exp(score - top) for score in scores]
            whole = sum(powers)
            for k in range(count):
                slope = weight * (powers[k] / whole - (k == right))
                if -1e-3 < slope < 1e-3:
                    continue
                bias[k] -= 0.02 * slope
                mine, past = weights[k], squares[k]
                for j, value in zip(at, values, strict=True):
                    step = slope * value + _DECAY * mine[j]
                    past[j] += step * step
                    mine[j] -= _RATE * step / math.sqrt(past[j])
    return weights, bias


def written(classifier: Classifier) -> str:
    """The classifier as its file's text: one feature a line, so that a change can be read."""
    head = {"labels": LABELS, "bias": classifier.bias}
    rows = ",\n".join(
        f"{json.dumps(feature, ensure_ascii=False)}:[{','.join(map(str, row))}]"
        for feature, row in sorted(classifier.rows.items())
    )
    return json.dumps(head)[:-1] + ', "rows": {\n' + rows + "\n}}\n"
