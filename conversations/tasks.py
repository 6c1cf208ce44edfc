"""The loops that send, listen and tidy. Each may be rung at any time, twice, or not at all."""

import time

from celery import shared_task
from django.conf import settings

from common import clock, loops
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations import (
    call_draining,
    call_ending,
    call_hanging_up,
    call_outcomes,
    call_reconciling,
    delivery,
    draining,
    listening,
    lost_keys,
    mail_events,
    opt_out_imports,
    placing_results,
    prices,
    receiving_media,
    rechecking,
    reconciling,
    recordings,
    remedies,
    safety,
    second_tries,
    sending_on,
)

MAKE_GOOD_EVERY_SECONDS = 300.0
_made_good_at: float | None = None  # monotonic; None in a process that has just begun


@shared_task
def send() -> int:
    """Send what is due for up to 20 s; how many calls ended."""
    return sending_on.send_on(loops.LONGEST_LOOP_SECONDS)


@shared_task
def apply_events() -> int:
    """Apply what providers told of texts, emails and calls as it comes for up to 20 s; how many events."""
    total = 0
    for left in loops.loop_until(loops.LONGEST_LOOP_SECONDS):
        listening.stay_alive(now=clock.now())
        # A sign of life, however much there is; news of texts, of emails and of calls take turns.
        done = draining.drain(min(left, listening.EVERY_SECONDS))
        done += mail_events.drain(min(left, listening.EVERY_SECONDS))
        done += call_draining.drain(min(left, listening.EVERY_SECONDS))
        total += done
        if not done:
            loops.nap(0.2)
    return total


@shared_task
def listen() -> int:
    """Have from the provider what customers wrote while nobody took it in; how many texts were new."""
    with loops.only_one("listen") as held:
        return listening.catch_up(now=clock.now()) if held else 0


@shared_task
def recheck() -> int:
    """Ask the source about people who are written to next where the mirror is old; how many messages."""
    with loops.only_one(loops.VENDORS) as held:
        return rechecking.work() if held else 0


@shared_task
def sweep() -> int:
    """Mark abandoned calls unknown, reconcile the unknown, then make good lost remedies; how many moved."""
    now = clock.now()
    old = settings.ABANDONED_AFTER_SECONDS
    swept = atomic_with_retry(delivery.sweep_abandoned)(older_than_seconds=old, now=now)
    swept += atomic_with_retry(placing_results.sweep_abandoned)(older_than_seconds=old, now=now)
    with loops.only_one(loops.VENDORS) as held:
        if not held:
            return swept
        swept += reconciling.reconcile_unknown(now=now)
        swept += call_reconciling.reconcile(now=now) + lost_keys.take_in(now=now)
        return swept + _make_good()


@shared_task
def sweep_calls() -> int:
    """End planned calls whose time is over, and what agents left open too long; how many."""
    now = clock.now()
    return call_outcomes.sweep_taken(now=now) + call_outcomes.sweep_late(now=now)


@shared_task
def end_calls() -> int:
    """Hang up scripted calls to phones that have opted out, and what one of ours wished ended; how many."""
    return call_ending.end_unwanted() + call_hanging_up.end_wished(now=clock.now())


@shared_task
def import_opt_outs() -> int:
    """Record confirmed lists of old opt-outs for up to 20 s, then ring for the rest; how many addresses."""
    deadline = time.monotonic() + loops.LONGEST_LOOP_SECONDS
    handled = opt_out_imports.record_confirmed(
        now=clock.now(), go_on=lambda: time.monotonic() < deadline and not loops.should_stop()
    )
    if handled and not loops.should_stop() and time.monotonic() >= deadline:
        ring(import_opt_outs)
    return handled


@shared_task
def watch_senders() -> int:
    """Pause senders that crossed a limit, and begin second tries that are due; how many of both."""
    with loops.only_one("watch-senders") as held:
        if not held:
            return 0
        now = clock.now()
        return safety.evaluate(now=now) + second_tries.begin_due(now=now)


@shared_task
def fetch_media() -> int:
    """Fetch what came with customers' texts for up to 20 s; how many files were settled."""
    with loops.only_one(loops.VENDORS) as held:
        return receiving_media.fetch_waiting(loops.LONGEST_LOOP_SECONDS) if held else 0


@shared_task
def read_prices() -> int:
    """Read from the provider what texts cost; how many prices were new."""
    with loops.only_one(loops.VENDORS) as held:
        return prices.read_due(now=clock.now()) if held else 0


@shared_task
def delete_recordings() -> int:
    """Have recordings of calls deleted whose time is over; how many."""
    with loops.only_one(loops.VENDORS) as held:
        return recordings.delete_old(now=clock.now()) if held else 0


def _make_good() -> int:
    """Remedies lost with a killed process: looked for when a process begins, then every five minutes."""
    global _made_good_at
    if _made_good_at is not None and time.monotonic() < _made_good_at + MAKE_GOOD_EVERY_SECONDS:
        return 0
    _made_good_at = time.monotonic()
    return remedies.make_good(now=clock.now())
