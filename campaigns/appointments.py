"""Waiting around appointments: their times are read live, never as they were known at entry."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Account
from campaigns.locks import lock_open_steps
from common import sql


def moments(step_ids: list[int], *, offset: timedelta) -> dict[int, datetime]:
    """Step → when its wait is over: `offset` before (negative) or after the contact's appointment.

    The appointment is the earliest, not cancelled, that the wait has not begun too late for: a step that was
    entered after it waits for the next one. Steps without one are absent.
    """
    found = sql.rows(
        """
        SELECT s.id, min(p.starts_at) + %(offset)s
        FROM campaigns_step s
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        JOIN audiences_contact c ON c.id = e.contact_id
        JOIN audiences_job j ON j.account_id = c.account_id
            AND j.servicetitan_customer_id = c.servicetitan_customer_id
            AND j.active AND j.status <> 'Canceled'
        JOIN audiences_appointment p ON p.account_id = j.account_id
            AND p.servicetitan_job_id = j.servicetitan_id AND p.status <> 'Canceled'
            AND p.starts_at > s.created_at - greatest(%(offset)s, interval '0')
        WHERE s.id = ANY(%(steps)s) GROUP BY s.id
        """,
        {"steps": step_ids, "offset": offset},
    )
    return dict(found)


def on_changed(*, account: Account, job_ids: Collection[int], now: datetime, **_: Any) -> None:
    """Whoever waits around one of these visits looks again at once.

    Receiver of `audiences.signals.appointments_changed`, in the sync's transaction.
    """
    waiting = sql.column(
        """
        SELECT s.id FROM audiences_job j
        JOIN audiences_contact c ON c.account_id = j.account_id
            AND c.servicetitan_customer_id = j.servicetitan_customer_id
        JOIN campaigns_enrollment e ON e.contact_id = c.id AND e.state = 'active'
        JOIN campaigns_step s ON s.enrollment_id = e.id AND s.state = 'waiting'
        JOIN campaigns_node n ON n.id = s.node_id AND n.kind = 'wait' AND n.settings ? 'around'
        WHERE j.account_id = %s AND j.servicetitan_id = ANY(%s)
        """,
        [account.pk, sorted(job_ids)],
    )
    steps = [step.step_id for step in lock_open_steps(waiting)]
    sql.run("UPDATE campaigns_step SET due_at = %s WHERE id = ANY(%s) AND state = 'waiting'", [now, steps])
