"""Steps that wait for hours which their account has changed since are due again.

The engine then asks anew and puts off what is still closed. Whatever was put off by something else is asked
after, too: that costs a look and changes nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from audiences import account_hours
from audiences.models import AccountHours
from campaigns.scheduling import LIVE_VERSIONS
from common import sql

SLICE = 5_000
"""Steps made due in one transaction: nobody who ends an enrollment waits longer than for these."""
SETTLED = timedelta(seconds=30)
"""What began before the change may still put steps off by the former hours: then all is asked once more."""


def follow(*, now: datetime, go_on: Callable[[], bool]) -> int:
    """Make due what waits in accounts whose hours have changed; how many steps. May be repeated at will."""
    moved = 0
    for row in account_hours.waiting_for_new_hours():
        if not go_on():
            break
        moved += _ask_again(row, now, go_on)
        if go_on() and now >= row.changed_at + SETTLED:
            account_hours.asked_again(row, now=now)
    return moved


def _ask_again(row: AccountHours, now: datetime, go_on: Callable[[], bool]) -> int:
    """Every step of the account's texts that is scheduled for later and keeps to the account's window.

    Their ids are read first: a step that is put off again meanwhile must not be found once more.
    """
    waiting = sql.column(
        f"""
        SELECT s.id FROM campaigns_campaign c CROSS JOIN LATERAL ({LIVE_VERSIONS}) v
        JOIN campaigns_node n ON n.version_id = v.id AND n.kind = 'send_sms'
        JOIN campaigns_step s ON s.campaign_id = c.id AND s.node_id = n.id
        WHERE c.account_id = %s AND c.window_id IS NULL AND c.status IN ('active', 'paused')
          AND s.due_at > %s AND s.state = 'scheduled' ORDER BY s.id
        """,
        [row.account_id, now],
    )
    moved = 0
    for start in range(0, len(waiting), SLICE):
        if not go_on():
            break
        moved += len(_make_due(waiting[start : start + SLICE], now))
    return moved


def _make_due(step_ids: list[int], now: datetime) -> list[int]:
    """One statement, and its own transaction. What somebody else holds is being decided at this moment."""
    return sql.column(
        """
        WITH waiting AS MATERIALIZED (
            SELECT id FROM campaigns_step WHERE id = ANY(%(ids)s) AND state = 'scheduled'
              AND due_at > %(now)s ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
        UPDATE campaigns_step s SET due_at = %(now)s FROM waiting w WHERE s.id = w.id RETURNING s.id
        """,
        {"ids": step_ids, "now": now},
    )
