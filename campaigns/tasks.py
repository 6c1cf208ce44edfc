"""The engine's loop, intakes, bookings and ends. Each may be rung at any time, twice, or not at all."""

from celery import shared_task

from campaigns import bookings, engine, enrolling, lifecycle
from common import clock, loops


@shared_task
def run_engine() -> int:
    """Run due steps for up to 20 s; how many were taken."""
    return engine.work(loops.LONGEST_LOOP_SECONDS)


@shared_task
def take_in() -> int:
    """Bring every launched campaign's audience in; how many campaigns were worked on."""
    campaigns = lifecycle.unfinished_intakes()
    for campaign in campaigns:
        if loops.should_stop():
            break
        enrolling.enroll(campaign, now=clock.now())
    return len(campaigns)


@shared_task
def finish() -> int:
    """End what stopped campaigns still hold, and complete those that have run out."""
    now = clock.now()
    return lifecycle.finish_stopped(now=now) + lifecycle.complete_finished(now=now)


@shared_task
def book() -> int:
    """Send booking requests to ServiceTitan and ask after those under way; how many moved."""
    return bookings.work(now=clock.now())
