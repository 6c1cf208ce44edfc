"""What a contact's jobs are: one definition for rules, snapshots and what contacts keep.

A job counts unless it was cancelled, or deleted at the source. Its date is the day it was completed, or
made where it is not completed yet; the last job is the one of the latest date. SQL over alias j
(audiences_job); no parameters.
"""

from datetime import datetime, timedelta

JUST_BOOKED = timedelta(days=7)
"""A job made before somebody entered a campaign, but mirrored only afterwards, was unknown to the audience
that let them in: who has just booked is not asked to book. Older ones are history that arrives late, by a
first sync."""

JOB_TOTALS = """
    SELECT {what} FROM audiences_job j WHERE j.account_id = c.account_id
      AND j.servicetitan_customer_id = c.servicetitan_customer_id AND {counts}
"""
JOB_COUNTS = "(j.active AND j.status <> 'Canceled')"
JOB_AT = "coalesce(j.completed_on, j.created_on)"


def total(column: str, what: str) -> str:
    """SQL over contact c: what the sync keeps in `column`, or `what` of the contact's jobs where it has not
    looked at them since the column is there."""
    return f"coalesce(c.{column}, ({JOB_TOTALS.format(what=what, counts=JOB_COUNTS)}))"


VISIT_COUNTS = f"(p.status <> 'Canceled' AND {JOB_COUNTS})"
"""A visit counts where its job does, and it was not cancelled itself. SQL over p (audiences_appointment)
and its job j."""


def visited_within(days: int, now: datetime) -> tuple[str, tuple[datetime, ...]]:
    """SQL over contact c, with its parameters: whether a job was completed within so many days, or a visit
    begun.

    The sync keeps the latest beside the contact, and the first visit that lay ahead of it then: once that
    has begun, the contact is looked at again (`derived_contacts.note_begun_visits`), long before it could
    hide a later one. Only where nobody has looked yet, jobs and visits themselves are asked.
    """
    mine = "j.account_id = c.account_id AND j.servicetitan_customer_id = c.servicetitan_customer_id"
    since = now - timedelta(days=days)
    text = f"""coalesce(c.visited_at >= %s, false) OR coalesce(c.next_visit_at BETWEEN %s AND %s, false)
        OR c.visits_noted_at IS NULL AND (
            EXISTS (SELECT FROM audiences_job j WHERE {mine} AND {JOB_COUNTS} AND j.completed_on >= %s)
            OR EXISTS (SELECT FROM audiences_job j JOIN audiences_appointment p
                         ON p.account_id = j.account_id AND p.servicetitan_job_id = j.servicetitan_id
                       WHERE {mine} AND {VISIT_COUNTS} AND p.starts_at BETWEEN %s AND %s))"""
    return text, (since, since, now, since, since, now)


def booked_since(at: str) -> str:
    """SQL: whether job j was made after the instant `at`, or shortly before it and not known here then."""
    days = JUST_BOOKED.days
    return (
        f"({JOB_COUNTS} AND j.created_on > {at} - interval '{days} days'"
        f" AND (j.created_on > {at} OR j.first_seen_at > {at}))"
    )
