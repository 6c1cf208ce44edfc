"""The loops that send, listen and tidy. Each may be rung at any time, twice, or not at all."""

from celery import shared_task
from django.conf import settings

from common import clock, loops
from common.transactions import atomic_with_retry
from conversations import delivery, draining, reconciling, sender


@shared_task
def send() -> int:
    """Send what is due for up to 20 s; how many calls were made."""
    return sender.run(loops.LONGEST_LOOP_SECONDS)


@shared_task
def apply_events() -> int:
    """Apply status callbacks as they come for up to 20 s; how many."""
    total = 0
    for _ in loops.loop_until(loops.LONGEST_LOOP_SECONDS):
        done = draining.drain()
        total += done
        if not done:
            loops.nap(0.2)
    return total


@shared_task
def sweep() -> int:
    """Mark abandoned calls unknown and reconcile the unknown; how many moved."""
    now = clock.now()
    swept = atomic_with_retry(delivery.sweep_abandoned)(
        older_than_seconds=settings.ABANDONED_AFTER_SECONDS, now=now
    )
    return swept + reconciling.reconcile_unknown(now=now)
