"""The engine's loop, intakes, bookings and ends. Each may be rung at any time, twice, or not at all."""

import contextlib
import logging
import time
from collections.abc import Callable

from celery import shared_task

from audiences.segments import InvalidRules
from campaigns import (
    audience_looks,
    bookings,
    canary,
    click_judging,
    destinations,
    engine,
    enrolling,
    first_launch,
    lifecycle,
    link_domains,
    new_hours,
    pool_changes,
    repeating,
    version_moves,
)
from campaigns.models import Campaign
from campaigns.walkthroughs import keeping
from common import clock, loops
from common.doorbell import ring

log = logging.getLogger(__name__)


@shared_task
def run_engine() -> int:
    """Run due steps for up to 20 s; how many were taken."""
    return engine.work(loops.LONGEST_LOOP_SECONDS)


@shared_task
def take_in() -> int:
    """Bring launched campaigns' audiences in, for up to 20 s; how many campaigns were worked on.

    First, occurrences that are due begin, and it is decided whether who waits for a few others may follow.
    What is left then is rung for again. One campaign's trouble never stops the others.
    """
    go_on = _for_one_loop()
    worked, unfinished = 0, False
    with loops.only_one("take_in") as held:
        for campaign, occurrence in _to_take_in() if held else []:
            if unfinished := not go_on():
                break
            worked += 1
            unfinished = not _take_in(campaign, occurrence, go_on)
    if unfinished and not loops.should_stop():
        ring(take_in)
    return worked


def _to_take_in() -> list[tuple[Campaign, int]]:
    now = clock.now()
    for decide in (repeating.begin_due, canary.watch):
        try:
            decide(now=now)
        except Exception:
            log.exception("%s broke off", decide.__name__)
    return lifecycle.unfinished_intakes(now=now)


def _for_one_loop() -> Callable[[], bool]:
    """True for 20 s, unless the process is asked to end."""
    deadline = time.monotonic() + loops.LONGEST_LOOP_SECONDS
    return lambda: time.monotonic() < deadline and not loops.should_stop()


def _take_in(campaign: Campaign, occurrence: int, go_on: Callable[[], bool]) -> bool:
    """Whether nothing of this intake is left that another ring at once could do."""
    now = clock.now()
    most = first_launch.limit(campaign)
    try:
        intake = enrolling.enroll(campaign, now=now, occurrence=occurrence, go_on=go_on, most=most)
        return intake.finished_at is not None or canary.waiting(campaign.pk) is not None
    except enrolling.NotLaunched:
        log.info("campaign %s was undone before anybody entered", campaign.pk)
    except InvalidRules as invalid:
        # Its rules were good at launch: what they name is gone since. Never silently everybody.
        log.warning("campaign %s stopped: %s", campaign.pk, invalid)
        with contextlib.suppress(lifecycle.NotPossible):
            lifecycle.stop(campaign, by=None, now=now, reason=str(invalid))
    except Exception:
        log.exception("intake of campaign %s broke off", campaign.pk)
    return True


@shared_task
def look_again() -> int:
    """Let late joiners in, and who left the audience out, for up to 20 s; how many."""
    go_on, moved = _for_one_loop(), 0
    with loops.only_one("look_again") as held:
        for look in audience_looks.due(now=clock.now()) if held else []:
            if not go_on():
                break
            try:
                moved += audience_looks.go_on_with(look, now=clock.now(), go_on=go_on)
            except InvalidRules as invalid:  # never silently everybody, nor nobody
                log.warning("campaign %s: nobody joins or leaves: %s", look.campaign_id, invalid)
                audience_looks.give_up(look, str(invalid), now=clock.now())
            except Exception:
                log.exception("looking again for campaign %s broke off", look.campaign_id)
    return moved


@shared_task
def move_versions() -> int:
    """Move people of campaigns to other versions, a slice of each campaign in turn, for up to 20 s; how many
    slices. One campaign's trouble never stops the others."""
    go_on, slices = _for_one_loop(), 0
    with loops.only_one("move_versions") as held:
        waiting = [move.pk for move in version_moves.under_way()] if held else []
        while waiting and go_on():
            waiting = [move for move in waiting if go_on() and _move_slice(move)]
            slices += 1
    return slices


def _move_slice(move_id: int) -> bool:
    """Whether there may be another slice now."""
    try:
        return version_moves.go_on(move_id, now=clock.now())
    except Exception as error:
        log.exception("move %s broke off", move_id)
        version_moves.note_trouble(
            move_id, f"A slice broke off and is tried again: {type(error).__name__}. Nobody was half moved."
        )
        return False


@shared_task
def move_numbers() -> int:
    """Let what waits for a number that cannot send leave from another of its campaign’s; how many."""
    with loops.only_one("move_numbers") as held:
        return pool_changes.move_waiting(now=clock.now()) if held else 0


@shared_task
def follow_hours() -> int:
    """Ask again after texts that wait for hours which have changed; how many were made due."""
    with loops.only_one("follow_hours") as held:
        return new_hours.follow(now=clock.now(), go_on=lambda: not loops.should_stop()) if held else 0


@shared_task
def finish() -> int:
    """End what stopped campaigns still hold, and complete those that have run out."""
    now = clock.now()
    return lifecycle.finish_stopped(now=now) + lifecycle.complete_finished(now=now)


@shared_task
def judge_clicks() -> int:
    """Tell people's clicks from machines', for up to 20 s; how many."""
    judged, go_on = 0, _for_one_loop()
    with loops.only_one("judge_clicks") as held:
        while held and go_on() and (taken := click_judging.judge(now=clock.now())):
            judged += taken
    return judged


@shared_task
def check_links() -> int:
    """Ask link domains and destinations whether they answer, for up to 20 s; how many were asked."""
    asked, go_on = 0, _for_one_loop()
    with loops.only_one(loops.VENDORS) as held:
        for own in link_domains.due(clock.now()) if held else []:
            if go_on():
                link_domains.check(own, now=clock.now())
                asked += 1
        for one in destinations.due() if held else []:
            if go_on():
                destinations.check(one, now=clock.now())
                asked += 1
    return asked


@shared_task
def tidy_walkthroughs() -> int:
    """Delete walkthroughs of long ago; how many."""
    gone = 0
    while not loops.should_stop() and (some := keeping.tidy(now=clock.now())):
        gone += some
    return gone


@shared_task
def book() -> int:
    """Send booking requests to ServiceTitan and ask after those under way, for up to 20 s; how many."""
    with loops.only_one(loops.VENDORS) as held:
        return bookings.work(now=clock.now()) if held else 0
