"""Housekeeping of the counters. May be rung at any time, twice, or not at all."""

from celery import shared_task

from analytics import counters
from common import loops

_LONGEST_SECONDS = 5.0


@shared_task
def squash() -> int:
    """Fold deltas until none are left, for up to 5 s; how many."""
    total = 0
    for _ in loops.loop_until(_LONGEST_SECONDS):
        folded = counters.squash()
        total += folded
        if folded < counters.SQUASH_ROWS:
            break
    return total
