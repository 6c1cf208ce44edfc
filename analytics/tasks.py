"""Folding counters, proving them, making files. Each may be rung at any time, twice, or not at all."""

import time
from collections.abc import Callable

from celery import shared_task

from analytics import attribution, counters, edge_counts, number_counts, recounting, retention, status_counts
from analytics.compliance import building
from analytics.downloads import building as downloading
from analytics.downloads import files
from common import clock, loops

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


@shared_task
def build_reports() -> int:
    """Make the compliance reports that wait, one process at a time, for up to 20 s; how many were finished.

    One that has begun is finished whatever it takes: seconds, or a minute for 50,000 opt-outs. The locks let
    a single worker of `bulk` be so long away.
    """
    deadline = time.monotonic() + loops.LONGEST_LOOP_SECONDS
    with loops.only_one(loops.FILES) as held:
        if not held:
            return 0
        building.expire(now=clock.now())
        return building.build_waiting(go_on=lambda: time.monotonic() < deadline and not loops.should_stop())


@shared_task
def build_downloads() -> int:
    """Make downloads that wait, in turns, one process at a time, for up to 20 s; how many were finished.

    An Excel file that has begun is finished whatever it takes.
    """
    deadline = time.monotonic() + loops.LONGEST_LOOP_SECONDS - downloading.TURN_SECONDS
    with loops.only_one(loops.FILES) as held:
        if not held:
            return 0
        files.expire(now=clock.now())
        return downloading.build_waiting(
            go_on=lambda: time.monotonic() < deadline and not loops.should_stop()
        )


@shared_task
def clear_old() -> int:
    """Delete old passages of ended campaigns, where it is night, for up to 20 s; how many slices."""
    slices = 0
    with loops.only_one("clearing") as held:
        campaign = retention.next_campaign(clock.now()) if held else None
        for _ in loops.loop_until(loops.LONGEST_LOOP_SECONDS):
            if campaign is None:
                break
            if retention.clear_slice(campaign, now=clock.now()):
                slices += 1
            else:
                campaign = retention.next_campaign(clock.now())
    return slices


def _count_past(what: str, fill_next: Callable[[], bool]) -> int:
    campaigns = 0
    with loops.only_one(f"counting {what}") as held:
        for _ in loops.loop_until(loops.LONGEST_LOOP_SECONDS):
            if not held or not fill_next():
                break
            campaigns += 1
    return campaigns


@shared_task
def count_statuses() -> int:
    """Count statuses and days of the time before they were counted, for up to 20 s; how many campaigns."""
    return _count_past("statuses", status_counts.fill_next)


@shared_task
def count_senders() -> int:
    """Count what each number sent before that was counted, for up to 20 s; how many campaigns."""
    return _count_past("senders", number_counts.fill_next)


@shared_task
def judge_jobs() -> int:
    """Judge jobs of which a call says something else by now, and jobs that were mirrored before any was
    judged, for up to 20 s; how many slices."""
    slices = 0
    with loops.only_one("judging jobs") as held:
        if held and attribution.judge_talks(clock.now()):
            slices += 1
        for _ in loops.loop_until(loops.LONGEST_LOOP_SECONDS):
            if not held or not attribution.judge_next():
                break
            slices += 1
    return slices


@shared_task
def count_edges() -> int:
    """Count the edges of the time before they were counted, for up to 20 s; how many campaigns."""
    return _count_past("edges", edge_counts.fill_next)


@shared_task
def recount_counters() -> int:
    """Compare counters with rows: at night, or because somebody asked, for up to 20 s; how many campaigns."""
    deadline = time.monotonic() + loops.LONGEST_LOOP_SECONDS
    with loops.only_one("recount") as held:
        if not held:
            return 0
        recounting.begin_nightly(clock.now())
        return recounting.go_on(
            clock=clock.now, more=lambda: time.monotonic() < deadline and not loops.should_stop()
        )
