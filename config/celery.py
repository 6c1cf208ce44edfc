"""The Celery application: four queues, one solo worker each, and the rings of beat.

A task names its queue where it is defined, `@shared_task(queue=ENGINE)` with the constants below as plain
words; a test fails for one that does not. Tasks are doorbells (`common.doorbell`): acknowledged early,
expiring with their interval, safe to lose and to repeat.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_prerun, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

SENDING, EVENTS, ENGINE, BULK = "sending", "events", "engine", "bulk"
QUEUES = (SENDING, EVENTS, ENGINE, BULK)

app = Celery("truckroll")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def every(seconds: float, task: str, queue: str, *, expires: float | None = None) -> dict[str, Any]:
    """One ring of beat. It expires with its interval, so that rings never pile up behind a busy loop."""
    return {
        "task": task,
        "schedule": seconds,
        "options": {"queue": queue, "expires": expires or max(seconds, 2)},
    }


# Loops run at most 20 s (`common.loops`) on a queue with one solo worker, so one of each runs per worker;
# on several machines SKIP LOCKED keeps their claims apart, and what must be alone takes `loops.only_one`.
RINGS: dict[str, dict[str, Any]] = {
    "engine": every(1, "campaigns.tasks.run_engine", ENGINE),
    "send": every(1, "conversations.tasks.send", SENDING),
    "apply-events": every(1, "conversations.tasks.apply_events", EVENTS),
    "take-in": every(5, "campaigns.tasks.take_in", BULK),
    "book": every(3, "campaigns.tasks.book", BULK),
    "finish": every(5, "campaigns.tasks.finish", BULK),
    "sweep": every(10, "conversations.tasks.sweep", BULK),
    "squash": every(2, "analytics.tasks.squash", BULK),
}
app.conf.beat_schedule = RINGS


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Connected so that Celery leaves logging to `LOGGING` of the settings."""


@worker_shutting_down.connect
def _end_loops(**_: Any) -> None:
    from common import loops

    loops.request_stop()


@task_prerun.connect
def _check_connections(**_: Any) -> None:
    """A reused connection may have died with its server; with health checks on, this replaces it."""
    from django.db import close_old_connections

    close_old_connections()
