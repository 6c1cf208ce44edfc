"""How often a worker looks for garbage, and how often its threads take turns."""

import subprocess
import sys

from common.collecting import YOUNG_OBJECTS
from common.switching import TURN_SECONDS
from tests.product import ROOT

WORKER_THAT_IS_READY = """
import gc, sys
from celery.signals import worker_ready
from config.celery import app

app.loader.import_default_modules()
before = len(gc.get_objects())
worker_ready.send(sender=None)
print(gc.get_freeze_count() >= before * 0.9, gc.get_threshold()[0], gc.isenabled())
print(round(sys.getswitchinterval(), 6))
"""


def test_a_worker_passes_over_what_it_began_with_and_lets_threads_take_turns_often() -> None:
    """In a process of its own: it would change how the tests' own garbage is collected."""
    argv = [sys.executable, "-c", WORKER_THAT_IS_READY]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == ["True", str(YOUNG_OBJECTS), "True", str(TURN_SECONDS)]
