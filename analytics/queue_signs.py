"""Signs of life of the processes that work on queues, for the dashboard to miss them."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, InterfaceError

from common import sql

log = logging.getLogger(__name__)
EVERY_SECONDS = 10.0
MISSED_AFTER_SECONDS = 120  # a worker is in one task for a minute at most
# What stops while nobody works on a queue.
WORK = {
    "sending": "No text or email leaves",
    "events": "Receipts are stored and not applied yet; replies and opt-outs are still taken in",
    "engine": "No contact moves to its next step",
    "bulk": "Syncs, bookings, launches’ intakes and counters wait",
}
_signed: dict[str, float] = {}  # by queue: monotonic, in this process


@dataclass(frozen=True)
class Missing:
    """A queue that nobody works on: when somebody was last seen, on the product's clock."""

    queue: str
    since: datetime
    means: str


def sign(queue: str) -> None:
    """Say that somebody works on this queue; cheap enough for every task, and never in its way."""
    last = _signed.get(queue)
    if queue not in WORK or (last is not None and time.monotonic() < last + EVERY_SECONDS):
        return
    try:
        sql.run(
            "INSERT INTO analytics_queuesign AS kept (queue, seen_at) VALUES (%s, clock_timestamp())"
            " ON CONFLICT (queue) DO UPDATE SET seen_at = excluded.seen_at",
            [queue],
        )
    except (DatabaseError, InterfaceError):
        log.warning("no sign of life of %s could be written", queue)
        return
    _signed[queue] = time.monotonic()


def missing(now: datetime) -> list[Missing]:
    """Queues nobody was seen on for two minutes; none in a deployment where nobody ever was. One query."""
    found = sql.rows(
        """
        SELECT queue, %(now)s - (clock_timestamp() - seen_at) FROM analytics_queuesign
        WHERE seen_at < clock_timestamp() - make_interval(secs => %(after)s) ORDER BY queue
        """,
        {"now": now, "after": MISSED_AFTER_SECONDS},
    )
    return [Missing(queue, since, WORK.get(queue, "")) for queue, since in found]
