"""Writing down that somebody shall be booked. Asking ServiceTitan is `bookings`' work, outside of this."""

from datetime import datetime

from campaigns.nodes.base import Row
from common import sql

# What a workflow asked for itself has its own way on, and what comes of it is no reason to leave.
ASKED_SQL = "b.state IN ('requested', 'sent', 'accepted', 'converted')"
HAS_ASKED_SQL = f"EXISTS (SELECT 1 FROM campaigns_booking b WHERE b.enrollment_id = e.id AND {ASKED_SQL})"


def write(
    rows: list[Row],
    *,
    account_id: int,
    summary: str,
    job_type: int | None,
    business_unit: int | None,
    now: datetime,
) -> tuple[list[Row], list[Row]]:
    """One request per step, once for ever; returns (rows newly written, rows that had one before).

    `job_type` and `business_unit` are ServiceTitan's ids. The external id is derived from the step, so
    that a repeated request finds the first.
    """
    found = sql.column(
        """
        INSERT INTO campaigns_booking (account_id, external_id, contact_id, enrollment_id, step_id,
            business_unit_id, job_type_id, summary, state, state_at, requested_at, next_try_at, tries, reason,
            way)
        SELECT %(account)s, 'truckroll-step-' || s.id, e.contact_id, e.id, s.id,
            (SELECT id FROM accounts_businessunit
                WHERE account_id = %(account)s AND servicetitan_id = %(unit)s),
            (SELECT id FROM audiences_jobtype WHERE account_id = %(account)s AND servicetitan_id = %(type)s),
            %(summary)s, 'requested', %(now)s, %(now)s, clock_timestamp(), 0, '',
            'undecided'
        FROM campaigns_step s JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        WHERE s.id = ANY(%(steps)s)
        ON CONFLICT DO NOTHING RETURNING step_id
        """,
        {
            "account": account_id,
            "unit": business_unit,
            "type": job_type,
            "summary": summary,
            "now": now,
            "steps": [row.step_id for row in rows],
        },
    )
    fresh = set(found)
    return [row for row in rows if row.step_id in fresh], [row for row in rows if row.step_id not in fresh]
