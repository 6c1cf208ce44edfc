"""The Celery application: four queues, a solo worker each (`bulk` has three), and the rings of beat.

`QUEUE_OF` names every task's queue (a test fails for one without). Tasks are doorbells (`common.doorbell`):
acknowledged early, expiring with their interval, safe to lose and to repeat.
"""

import os
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_prerun, worker_ready, worker_shutdown, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

SENDING, EVENTS, ENGINE, BULK = "sending", "events", "engine", "bulk"
QUEUES = (SENDING, EVENTS, ENGINE, BULK)

app = Celery("truckroll")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


# Loops run at most 20 s (`common.loops`) on solo workers, so one of each runs per worker; where a queue has
# several, SKIP LOCKED keeps their claims apart, and what must be alone takes `loops.only_one`: so does what
# waits for vendors on `bulk`, of whose three workers a slow vendor can thus never hold all.
QUEUE_OF: dict[str, str] = {
    "accounts.tasks.seal_evidence": BULK,
    "campaigns.tasks.run_engine": ENGINE,
    "conversations.tasks.send": SENDING,
    "conversations.tasks.apply_events": EVENTS,
    "analytics.tasks.squash": BULK,
    "analytics.tasks.build_reports": BULK,
    "analytics.tasks.build_downloads": BULK,
    "analytics.tasks.clear_old": BULK,
    "analytics.tasks.count_edges": BULK,
    "analytics.tasks.judge_jobs": BULK,
    "analytics.tasks.recount_counters": BULK,
    "analytics.tasks.count_statuses": BULK,
    "analytics.tasks.count_senders": BULK,
    "audiences.tasks.count_jobs": BULK,
    "audiences.tasks.follow_hints": BULK,
    "audiences.tasks.import_contacts": BULK,
    "audiences.tasks.keep_openings": BULK,
    "audiences.tasks.read_do_not_call_lists": BULK,
    "audiences.tasks.sync_servicetitan": BULK,
    "campaigns.tasks.take_in": BULK,
    "campaigns.tasks.book": BULK,
    "campaigns.tasks.check_links": BULK,
    "campaigns.tasks.finish": BULK,
    "campaigns.tasks.judge_clicks": BULK,
    "campaigns.tasks.follow_hours": BULK,
    "campaigns.tasks.look_again": BULK,
    "campaigns.tasks.move_numbers": BULK,
    "campaigns.tasks.move_versions": BULK,
    "campaigns.tasks.tidy_walkthroughs": BULK,
    "conversations.tasks.listen": BULK,
    "conversations.tasks.recheck": BULK,
    "conversations.tasks.sweep": BULK,
    "conversations.tasks.sweep_calls": BULK,
    "conversations.tasks.end_calls": BULK,
    "conversations.tasks.watch_senders": BULK,
    "conversations.tasks.fetch_media": BULK,
    "conversations.tasks.read_prices": BULK,
    "conversations.tasks.delete_recordings": BULK,
    "conversations.tasks.import_opt_outs": BULK,
    "integrations.tasks.keep_partitions": BULK,
}
app.conf.task_routes = {task: {"queue": queue} for task, queue in QUEUE_OF.items()}


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def every(seconds: float, task: str) -> dict[str, Any]:
    """One ring of beat. It expires with its interval, so that rings never pile up behind a busy loop.

    Beat keeps no schedule on disk: counted from long ago, every ring is due as beat starts. Otherwise the
    hourly ones would never come where nobody lets the product run for an hour.
    """
    options = {"queue": QUEUE_OF[task], "expires": max(seconds, 2)}
    return {"task": task, "schedule": seconds, "options": options, "last_run_at": LONG_AGO}


RINGS: dict[str, dict[str, Any]] = {
    "engine": every(1, "campaigns.tasks.run_engine"),
    "send": every(1, "conversations.tasks.send"),
    "apply-events": every(1, "conversations.tasks.apply_events"),
    "squash": every(2, "analytics.tasks.squash"),
    "book": every(3, "campaigns.tasks.book"),
    "judge-clicks": every(2, "campaigns.tasks.judge_clicks"),
    "check-links": every(60, "campaigns.tasks.check_links"),
    "take-in": every(5, "campaigns.tasks.take_in"),
    "finish": every(5, "campaigns.tasks.finish"),
    "follow-hours": every(10, "campaigns.tasks.follow_hours"),
    "move-versions": every(5, "campaigns.tasks.move_versions"),
    "move-numbers": every(5, "campaigns.tasks.move_numbers"),
    "tidy-walkthroughs": every(3600, "campaigns.tasks.tidy_walkthroughs"),
    "look-again": every(15, "campaigns.tasks.look_again"),
    "listen": every(3, "conversations.tasks.listen"),
    "recheck": every(2, "conversations.tasks.recheck"),
    "sweep": every(10, "conversations.tasks.sweep"),
    "sweep-calls": every(5, "conversations.tasks.sweep_calls"),
    "end-calls": every(3, "conversations.tasks.end_calls"),  # what a lost ring left going on
    "watch-senders": every(15, "conversations.tasks.watch_senders"),
    "read-prices": every(300, "conversations.tasks.read_prices"),
    "fetch-media": every(5, "conversations.tasks.fetch_media"),
    "delete-recordings": every(3600, "conversations.tasks.delete_recordings"),
    "import-opt-outs": every(15, "conversations.tasks.import_opt_outs"),
    "read-do-not-call-lists": every(15, "audiences.tasks.read_do_not_call_lists"),
    "import-contacts": every(15, "audiences.tasks.import_contacts"),
    "reports": every(15, "analytics.tasks.build_reports"),
    "judge-jobs": every(60, "analytics.tasks.judge_jobs"),
    "count-jobs": every(600, "audiences.tasks.count_jobs"),
    "count-edges": every(60, "analytics.tasks.count_edges"),
    "downloads": every(3, "analytics.tasks.build_downloads"),
    "count-statuses": every(60, "analytics.tasks.count_statuses"),
    "count-senders": every(60, "analytics.tasks.count_senders"),
    "clear-old": every(300, "analytics.tasks.clear_old"),
    "recount": every(60, "analytics.tasks.recount_counters"),
    "follow-hints": every(2, "audiences.tasks.follow_hints"),
    "sync": every(300, "audiences.tasks.sync_servicetitan"),
    "seal-evidence": every(60, "accounts.tasks.seal_evidence"),
    "openings": every(3600, "audiences.tasks.keep_openings"),
    "partitions": every(3600, "integrations.tasks.keep_partitions"),
}
app.conf.beat_schedule = RINGS


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Connected so that Celery leaves logging to `LOGGING` of the settings."""


@worker_ready.connect
def _tune_python(**_: Any) -> None:
    """Once everything is loaded."""
    from common.collecting import collect_rarely
    from common.switching import switch_often

    collect_rarely()
    switch_often()


@worker_shutting_down.connect
def _end_loops(**_: Any) -> None:
    from common import loops

    loops.request_stop()


@worker_shutdown.connect
def _finish_calls(**_: Any) -> None:
    """Calls go on between two tasks; where the end comes then, they are waited for and recorded."""
    from conversations import sending_on

    sending_on.finish()


@task_prerun.connect
def _check_connections(**_: Any) -> None:
    """A reused connection may have died with its server; with health checks on, this replaces it."""
    from django.db import close_old_connections

    close_old_connections()


@task_prerun.connect
def _sign(task: Any = None, **_: Any) -> None:
    """Whoever begins a task works on its queue: the dashboard misses a queue that nobody works on."""
    from analytics import queue_signs

    queue_signs.sign(QUEUE_OF.get(getattr(task, "name", ""), ""))
