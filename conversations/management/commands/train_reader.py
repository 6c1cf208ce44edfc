"""manage.py train_reader: writes the weights of the reader's third tier from the phrases beside it."""

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from conversations.reader import classifier, templates, training
from conversations.reader.wording import clauses, unquoted

_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Command(BaseCommand):
    """Prints one JSON object; needs no database and some minutes."""

    help = "Train the reader of replies. With --check FOLD nothing is written: a fifth held back is scored."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to write."""
        parser.add_argument(
            "--check", type=int, choices=range(templates.FOLDS), help="hold this fold back, write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Train on everything and write, or on four folds and score the replies of the fifth."""
        lines = list(templates.lines())
        if options["check"] is None:
            classifier.WEIGHTS.write_text(training.written(training.train(lines)), "utf-8")
            self.stdout.write(json.dumps({"lines": len(lines)}))
            return
        model = training.train([line for line in lines if line.fold != options["check"]])
        unseen = [line for line in lines if line.fold == options["check"] and line.written]
        self.stdout.write(
            json.dumps({"lines": len(lines), "held_back": len(unseen), **_scored(model, unseen)})
        )


def _scored(model: classifier.Classifier, unseen: list[templates.Line]) -> dict[str, Any]:
    """Recall by label, and precision and recall of opt-outs by the likelihood from which one is believed."""
    found = [(model.likelihoods(clauses(unquoted(line.text)[0])), line.label) for line in unseen]
    right = Counter(label for likely, label in found if max(likely, key=likely.__getitem__) == label)
    said = Counter(label for _, label in found)
    believed = {}
    for least in _THRESHOLDS:
        above = [label == "optout" for likely, label in found if likely["optout"] >= least]
        believed[least] = {
            "precision": round(sum(above) / max(1, len(above)), 4),
            "recall": round(sum(above) / max(1, said["optout"]), 4),
        }
    recall = {label: round(right[label] / said[label], 4) for label in classifier.LABELS if said[label]}
    return {"recall": recall, "optout_from": believed}
