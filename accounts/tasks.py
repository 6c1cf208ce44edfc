"""Sealing what is evidence, and checking the seals. May be rung at any time, twice, or not at all."""

import time

from celery import shared_task

from accounts import sealing
from common import clock, loops

CHECK_SECONDS = 10.0


@shared_task
def seal_evidence() -> int:
    """Seal what is new, then check seals for up to 10 s, the longest unchecked first; seals made."""
    made = sealing.seal_all(now=clock.now(), go_on=lambda: not loops.should_stop())
    deadline = time.monotonic() + CHECK_SECONDS
    sealing.check_on(now=clock.now(), go_on=lambda: time.monotonic() < deadline and not loops.should_stop())
    return made
