"""manage.py train_reader: writes the weights of the reader's third tier from the phrases beside it."""

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from conversations.reader import classifier, templates, training
from conversations.reader.wording import canonical, normalise


class Command(BaseCommand):
    """Prints the accuracy on patterns held back, as one JSON object; needs no database."""

    help = "Train the reader of replies. With --check nothing is written: patterns held back are scored."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to write."""
        parser.add_argument("--check", action="store_true", help="score on patterns held back, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Train on four fifths of the patterns and score on the others, or train on all and write."""
        lines = list(templates.lines())
        if not options["check"]:
            classifier.WEIGHTS.write_text(training.written(training.train(lines)), "utf-8")
            self.stdout.write(json.dumps({"lines": len(lines), "written": classifier.WEIGHTS.name}))
            return
        model = training.train([line for line in lines if not line.held_back])
        unseen = [line for line in lines if line.held_back]
        right: Counter[str] = Counter()
        for line in unseen:
            found = model.likelihoods(canonical(normalise(line.text)))
            right[line.label] += max(found, key=found.__getitem__) == line.label
        said = Counter(line.label for line in unseen)
        share = {label: round(right[label] / said[label], 4) for label in classifier.LABELS if said[label]}
        self.stdout.write(json.dumps({"lines": len(lines), "held_back": len(unseen), "recall": share}))
