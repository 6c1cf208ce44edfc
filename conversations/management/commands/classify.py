"""manage.py classify replies.tsv: how well replies are read, against labels that people gave them."""

import json
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, CommandError

from common import wilson
from conversations import reading
from conversations.models import Reading

_COLUMNS = ("text", "label")
_UNUSABLE = 2  # exit code: nothing was measured


class Reply(NamedTuple):
    """One reply and the label that a person gave it."""

    text: str
    label: str


class Command(BaseCommand):
    """Prints one JSON object; needs no database."""

    help = "Read the replies of a TSV file (columns text and label) and compare with their labels."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which file."""
        parser.add_argument("file", type=Path, help="tab-separated, first line is the header")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the file, read every reply, print the figures."""
        self.stdout.write(json.dumps(measure(load(options["file"]))))


def load(path: Path) -> list[Reply]:
    """The file's replies in order; CommandError naming the line that makes no sense."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise _refusal(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except UnicodeDecodeError as error:
        raise _refusal(f"{path} is not UTF-8 text (byte {error.start}).") from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    header = [name.strip().lower() for name in _cells(lines[0])]
    if not any(header):
        raise _refusal(f"{path} is empty; its first line must name the columns text and label.")
    for column in _COLUMNS:
        if column not in header:
            raise _refusal(f"{path} has no column “{column}”; its first line must name text and label.")
    at = [header.index(column) for column in _COLUMNS]
    replies = [
        _reply(_cells(line), at, f"{path}, line {number}")
        for number, line in enumerate(lines[1:], start=2)
        if line.strip()
    ]
    if not replies:
        raise _refusal(f"{path} has a header and no replies.")
    return replies


def _cells(line: str) -> list[str]:
    """A line's cells. Quotes are words of the customer, unless they wrap the cell and are doubled inside."""
    cells = []
    for cell in line.split("\t"):
        inner = cell[1:-1]
        wrapped = len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', "")
        cells.append(inner.replace('""', '"') if wrapped else cell)
    return cells


def _reply(cells: list[str], at: list[int], where: str) -> Reply:
    if len(cells) <= max(at):
        raise _refusal(f"{where}: a tab and a second cell are missing.")
    reply = Reply(cells[at[0]], cells[at[1]].strip())
    if reply.label not in reading.LABELS:
        raise _refusal(f"{where}: “{reply.label}” is no label; known are {', '.join(reading.LABELS)}.")
    return reply


def _refusal(words: str) -> CommandError:
    return CommandError(words, returncode=_UNUSABLE)


def measure(replies: Sequence[Reply]) -> dict[str, Any]:
    """Precision and recall by label, the shares held and missed (0 to 1), and milliseconds a reply.

    `held`: of the replies that are no opt-outs, those held for a person. `missed_optouts`: of the opt-outs,
    those neither opted out nor held. A share of nothing is null. Held are replies in doubt; a complaint or a
    wrong number that is read as such goes to people by its label and counts as routed. `intervals` has the
    same shares as [lowest, highest] at 95 %.
    """
    reading.read("The weights are read once, not with every reply.")
    began = time.perf_counter()
    verdicts = [reading.read(reply.text) for reply in replies]
    seconds = time.perf_counter() - began
    said = Counter(reply.label for reply in replies)
    predicted = Counter(verdict.label for verdict in verdicts)
    agreed = Counter(r.label for r, v in zip(replies, verdicts, strict=True) if r.label == v.label)
    outcomes = Counter(
        (r.label == reading.OPT_OUT, v.outcome) for r, v in zip(replies, verdicts, strict=True)
    )
    optouts = said[reading.OPT_OUT]
    return {
        "labels": {
            label: {
                "precision": _share(agreed[label], predicted[label]),
                "recall": _share(agreed[label], said[label]),
                "n": said[label],
            }
            for label in reading.LABELS
        },
        "held": _share(outcomes[False, Reading.Outcome.HOLD], len(replies) - optouts),
        "missed_optouts": _share(outcomes[True, Reading.Outcome.ROUTE], optouts),
        "ms_per_reply": round(seconds * 1000 / len(replies), 4),
        "intervals": {
            "labels": {
                label: {
                    "precision": interval(agreed[label], predicted[label]),
                    "recall": interval(agreed[label], said[label]),
                }
                for label in reading.LABELS
            },
            "held": interval(outcomes[False, Reading.Outcome.HOLD], len(replies) - optouts),
            "missed_optouts": interval(outcomes[True, Reading.Outcome.ROUTE], optouts),
        },
    }


def interval(part: int, whole: int) -> list[float] | None:
    """Wilson's 95 % interval of a share, [lowest, highest]; null for a share of nothing."""
    found = wilson.interval(part, whole)
    return [round(end, 4) for end in found] if found else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
