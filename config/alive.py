"""A container's health: workers and beat leave a mark with every ring, and this reads it.

`TRUCKROLL_ALIVE` names the mark, a file among the system's temporary ones.
`python -m config.alive 300` exits 0 when it is younger than that many seconds,
`python -m config.alive http://...` when the address answers 200; otherwise 1. Importing it starts nothing.
"""

import os
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

VARIABLE = "TRUCKROLL_ALIVE"


def leave_marks() -> None:
    """Touch the mark whenever this process starts or publishes a task; nothing where no mark is named."""
    if not os.environ.get(VARIABLE):
        return
    left = _mark()
    from celery.signals import before_task_publish, task_prerun, worker_ready

    def mark(**_: object) -> None:
        left.touch()

    for signal in (before_task_publish, task_prerun, worker_ready):
        signal.connect(mark, weak=False, dispatch_uid="alive")


def healthy(question: str) -> bool:
    """Whether the address answers, or the mark is younger than that many seconds."""
    if question.startswith("http"):
        try:
            with urllib.request.urlopen(question, timeout=8) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
    try:
        age = time.time() - _mark().stat().st_mtime  # both written by the system's clock
    except FileNotFoundError:
        return False
    return age < float(question)


def _mark() -> Path:
    return Path(tempfile.gettempdir()) / os.environ[VARIABLE]


if __name__ == "__main__":
    sys.exit(0 if healthy(sys.argv[1]) else 1)
