"""What a contact's jobs are: one definition for rules, snapshots and what contacts keep.

A job counts unless it was cancelled, or deleted at the source. Its date is the day it was completed, or
made where it is not completed yet; the last job is the one of the latest date. SQL over alias j
(audiences_job); no parameters.
"""

from datetime import timedelta

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


def booked_since(at: str) -> str:
    """SQL: whether job j was made after the instant `at`, or shortly before it and not known here then."""
    days = JUST_BOOKED.days
    return (
        f"({JOB_COUNTS} AND j.created_on > {at} - interval '{days} days'"
        f" AND (j.created_on > {at} OR j.first_seen_at > {at}))"
    )
