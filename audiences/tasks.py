"""Keeping what the source and the calendar change. Each may be rung at any time, twice, or not at all."""

import logging
import time

from celery import shared_task

from audiences import contact_search, contact_tally, derived_contacts, do_not_call, hints, hours, sync_stops
from audiences.imports import running
from audiences.servicetitan_sync import SyncReport, sync
from common import clock, loops
from common.doorbell import ring
from integrations.models import Connection
from integrations.servicetitan.access import ServiceTitanAccess
from integrations.servicetitan.client import shared

log = logging.getLogger(__name__)


@shared_task
def sync_servicetitan() -> int:
    """Bring every connected account up to date, for up to 20 s; how many rows were applied.

    What is left then is rung for again, so that a first sync of many pages lets other work of the queue in.
    One account's failure never stops the others. In one process at a time: a slow vendor holds no second one.
    """
    with loops.only_one("sync_servicetitan") as held:
        applied, unfinished = _sync_all() if held else (0, False)
        if applied:
            contact_search.file_words()
    if unfinished and not loops.should_stop():
        ring(sync_servicetitan)
    return applied


def _sync_all() -> tuple[int, bool]:
    """(rows applied, whether something is left that could be had at once)."""
    deadline = time.monotonic() + loops.LONGEST_LOOP_SECONDS
    applied, unfinished = 0, False
    connections = Connection.objects.filter(
        provider=Connection.Provider.SERVICETITAN, account__sync_stop__isnull=True
    )
    for connection in connections.select_related("account").order_by("pk"):
        try:
            report = _sync(connection, deadline)
        except Exception:
            log.exception("sync of account %s broke off", connection.account_id)
            continue
        applied += sum(report.rows.values())
        unfinished |= not report.finished and not report.error
    return applied, unfinished


def _sync(connection: Connection, deadline: float) -> SyncReport:
    report = sync(
        connection.account,
        client=shared(ServiceTitanAccess.of(connection)),
        now=clock.now(),
        go_on=lambda: (
            time.monotonic() < deadline
            and not loops.should_stop()
            and not sync_stops.stopped(connection.account)
        ),
    )
    if report.error:
        log.warning("sync of account %s stopped at %s", connection.account_id, report.error)
    return report


@shared_task
def follow_hints() -> int:
    """Fetch what ServiceTitan's webhooks hinted at, for up to 20 s; how many hints.

    In turn with the sync: both write the mirror, and a slow vendor holds one worker.
    """
    deadline = time.monotonic() + loops.LONGEST_LOOP_SECONDS
    with loops.only_one("sync_servicetitan") as held:
        if not held:
            return 0
        return hints.follow(
            now=clock.now(), go_on=lambda: time.monotonic() < deadline and not loops.should_stop()
        )


@shared_task
def count_jobs() -> int:
    """Look at jobs and visits of contacts that are older than the note of them, and of those whose next visit
    has begun since, for up to 20 s; how many slices. Folds the tallies of contacts, too."""
    slices = 0
    contact_tally.fold()
    with loops.only_one("counting jobs") as held:
        for _ in loops.loop_until(loops.LONGEST_LOOP_SECONDS):
            now = clock.now()
            if not held or not (
                derived_contacts.count_next_jobs(now) or derived_contacts.note_begun_visits(now)
            ):
                break
            slices += 1
    return slices


@shared_task
def keep_openings() -> int:
    """Keep openings 14 days ahead and in step with the rules; how many were written."""
    return hours.refresh_openings(clock.now())


@shared_task
def read_do_not_call_lists() -> int:
    """Read uploaded do-not-call lists for up to 20 s, then ring for the rest; how many rows."""
    deadline = time.monotonic() + loops.LONGEST_LOOP_SECONDS
    read = do_not_call.read_waiting(
        now=clock.now(), go_on=lambda: time.monotonic() < deadline and not loops.should_stop()
    )
    if read and not loops.should_stop() and time.monotonic() >= deadline:
        ring(read_do_not_call_lists)
    return read


@shared_task
def import_contacts() -> int:
    """Take in files of contacts for up to 20 s, then ring for the rest; how many rows.

    In one process at a time: a file of a million rows leaves the queue's other workers to the rest.
    """
    deadline = time.monotonic() + loops.LONGEST_LOOP_SECONDS
    with loops.only_one("import_contacts") as held:
        done = 0
        if held:
            done = running.import_waiting(
                clock=clock.now, go_on=lambda: time.monotonic() < deadline and not loops.should_stop()
            )
            if done:
                contact_search.file_words()
    if done and not loops.should_stop() and time.monotonic() >= deadline:
        ring(import_contacts)
    return done
