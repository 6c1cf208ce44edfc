"""What has touched a phone or a home, and what keeps a text from them: caps, holds, answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection

from audiences import suppression

DAY, WEEK = timedelta(hours=24), timedelta(days=7)


def frees(home: tuple[int, int, datetime | None, datetime | None]) -> datetime | None:
    """When a home's oldest counted touch leaves its day, or its week where the week is what is full."""
    _, of_week, first_of_day, first_of_week = home
    if of_week >= suppression.HOUSEHOLD_TOUCHES_PER_WEEK and first_of_week is not None:
        return first_of_week + WEEK
    return first_of_day + DAY if first_of_day is not None else None


def count(
    what: str, ids: set[int], now: datetime
) -> dict[int, tuple[int, int, datetime | None, datetime | None]]:
    """Automated touches by phone or household: in 24 h, in 7 days, and the oldest instant of each."""
    column, wanted = (
        ("m.address_id", "m.address_id = ANY(%(ids)s)")
        if what == "address_id"
        else (
            "c.household_id",
            "m.contact_id IN (SELECT id FROM audiences_contact WHERE household_id = ANY(%(ids)s))",
        )
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH touches AS (
                SELECT {column} AS who, COALESCE(m.accepted_at, m.state_at) AS at
                FROM conversations_message m JOIN audiences_contact c ON c.id = m.contact_id
                WHERE {wanted} AND m.kind IN ('campaign', 'automatic')
                  AND (m.accepted_at > %(week)s OR m.state IN ('calling', 'unknown')))
            SELECT who, count(*) FILTER (WHERE at > %(day)s), count(*),
                min(at) FILTER (WHERE at > %(day)s), min(at)
            FROM touches GROUP BY who
            """,
            {"ids": list(ids), "day": now - DAY, "week": now - WEEK},
        )
        return {row[0]: row[1:] for row in cursor.fetchall()}


def holds(pairs: Sequence[tuple[int, int]], now: datetime) -> dict[tuple[int, int], datetime]:
    """(contact, lane) → the end of the longest hold that keeps this lane from the contact."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT q.contact_id, q.lane_id, max(h.until)
            FROM unnest(%s::bigint[], %s::bigint[]) AS q(contact_id, lane_id)
            JOIN conversations_contacthold h ON h.contact_id = q.contact_id AND h.resolved_at IS NULL
                AND h.until > %s AND h.except_lane_id IS DISTINCT FROM q.lane_id
            GROUP BY 1, 2
            """,
            [[contact for contact, _ in pairs], [lane for _, lane in pairs], now],
        )
        return {(contact, lane): until for contact, lane, until in cursor.fetchall()}


def answered(message_ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    """Message → when the customer wrote what it answers; those that answer nothing are absent.

    A campaign's text is an answer where the customer has replied to that campaign within a day, the text
    was queued after that, and nothing automatic has gone to the phone since: one answer per reply.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT m.id, max(i.created_at)
            FROM conversations_message m
            JOIN conversations_message i ON i.address_id = m.address_id AND i.kind = 'inbound'
                AND i.created_at > %(day)s AND i.created_at <= m.created_at
            JOIN conversations_message asked ON asked.id = i.replies_to_id AND asked.lane_id = m.lane_id
            WHERE m.id = ANY(%(ids)s) AND m.kind IN ('campaign', 'automatic') AND NOT EXISTS (
                SELECT 1 FROM conversations_message since
                WHERE since.address_id = m.address_id AND since.id <> m.id AND since.created_at > %(week)s
                  AND since.kind IN ('campaign', 'automatic')
                  AND (since.accepted_at > i.created_at OR since.state IN ('calling', 'unknown')))
            GROUP BY m.id
            """,
            {"ids": list(message_ids), "day": now - DAY, "week": now - WEEK},
        )
        return dict(cursor.fetchall())
