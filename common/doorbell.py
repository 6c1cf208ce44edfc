"""Ring a Celery task once the present transaction has committed.

A ring carries nothing that the database lacks: a lost one costs at most the wait for the next tick of
beat, so a broker that is down or slow must neither fail nor hold up whoever rings.
"""

import logging
from typing import Any

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def ring(task: "Task[Any, Any]", *args: Any) -> None:
    """Publish `task` after commit; a broker that does not answer within seconds is logged, never raised."""

    def publish() -> None:
        _publish(task, args)

    transaction.on_commit(publish, robust=True)


def _publish(task: "Task[Any, Any]", args: tuple[Any, ...]) -> None:
    try:
        task.apply_async(args, retry=False)
    except OperationalError as error:
        log.warning("ring lost: %s (%s)", task.name, type(error).__name__)
