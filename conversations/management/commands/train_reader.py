"""manage.py train_reader: writes the weights of the reader's third tier from the phrases beside it."""

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from conversations.reader import classifier, templates, training
from conversations.reader.wording import canonical, normalise


class Command(BaseCommand):
    """Prints the recall on patterns held back, as one JSON object; needs no database."""

    help = "Train the reader of replies. With --check nothing is written: patterns held back are scored."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to write."""
        parser.add_argument("--check", action="store_true", help="score on patterns held back, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Score and calibrate on the patterns held back, then train on all of them and write."""
        lines = list(templates.lines())
        unseen = [line for line in lines if line.held_back]
        trial = training.train([line for line in lines if not line.held_back])
        by = training.warmth(trial, unseen)
        right: Counter[str] = Counter()
        for line in unseen:
            found = trial.likelihoods(canonical(normalise(line.text)))
            right[line.label] += max(found, key=found.__getitem__) == line.label
        said = Counter(line.label for line in unseen)
        share = {label: round(right[label] / said[label], 4) for label in classifier.LABELS if said[label]}
        if not options["check"]:
            whole = training.cooled(training.train(lines), by)
            classifier.WEIGHTS.write_text(training.written(whole), "utf-8")
        figures = {"lines": len(lines), "held_back": len(unseen), "recall": share, "cooled_by": by}
        self.stdout.write(json.dumps(figures))
