"""What has touched a phone, a mailbox or a home, and what keeps a message from them: caps, holds, answers.

Texts, emails and calls of campaigns count: at a phone texts and calls together, in a home all of them.
Agents' replies and calls, answers and confirmations are free, and so are not counted.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from common import sql

DAY, WEEK = timedelta(hours=24), timedelta(days=7)
UNIT_OF_CONTACT = """(
    SELECT j.business_unit_id FROM audiences_job j
    WHERE j.account_id = c.account_id AND j.servicetitan_customer_id = c.servicetitan_customer_id AND j.active
    ORDER BY j.created_on DESC, j.id DESC LIMIT 1)"""
"""SQL over a contact `c`: the business unit of its latest job."""


class Touches(NamedTuple):
    """Touches of one address or home by campaigns: how many in 24 h and in 7 days, and the oldest of each."""

    of_day: int
    of_week: int
    first_of_day: datetime | None
    first_of_week: datetime | None


NONE = Touches(0, 0, None, None)


def address_frees(address: Touches) -> datetime | None:
    """When an address's oldest counted touch leaves its day."""
    return address.first_of_day + DAY if address.first_of_day is not None else None


def household_frees(home: Touches, *, weekly: int) -> datetime | None:
    """When a home's oldest counted touch leaves its day, or its week where `weekly` is what is full."""
    if home.of_week >= weekly and home.first_of_week is not None:
        return home.first_of_week + WEEK
    return home.first_of_day + DAY if home.first_of_day is not None else None


def count_by_address(address_ids: Iterable[int], now: datetime) -> dict[int, Touches]:
    """Touches by address; untouched ones are absent."""
    return _count("{0}.address_id", "{0}.address_id = ANY(%(ids)s::bigint[])", address_ids, now)


def count_by_household(household_ids: Iterable[int], now: datetime) -> dict[int, Touches]:
    """Touches by household; untouched ones are absent."""
    members = "SELECT id FROM audiences_contact WHERE household_id = ANY(%(ids)s::bigint[])"
    return _count("c.household_id", f"{{0}}.contact_id IN ({members})", household_ids, now)


def _count(column: str, wanted: str, ids: Iterable[int], now: datetime) -> dict[int, Touches]:
    found = sql.rows(
        f"""
        WITH touches AS (
            SELECT {column.format("m")} AS who, COALESCE(m.accepted_at, m.state_at) AS at
            FROM conversations_message m JOIN audiences_contact c ON c.id = m.contact_id
            WHERE {wanted.format("m")} AND m.kind = 'campaign'
              AND (m.accepted_at > %(week)s OR m.state IN ('calling', 'unknown'))
            UNION ALL
            SELECT {column.format("k")}, COALESCE(k.accepted_at, k.state_at)
            FROM conversations_call k JOIN conversations_plannedcall p ON p.id = k.planned_id
            JOIN audiences_contact c ON c.id = k.contact_id
            WHERE {wanted.format("k")} AND p.kind = 'campaign'
              AND (k.accepted_at > %(week)s
                OR k.state IN ('calling', 'unknown', 'accepted', 'ringing', 'in_progress')))
        SELECT who, count(*) FILTER (WHERE at > %(day)s), count(*),
            min(at) FILTER (WHERE at > %(day)s), min(at)
        FROM touches WHERE at > %(week)s GROUP BY who
        """,
        {"ids": sql.array(ids), "day": now - DAY, "week": now - WEEK},
        often=True,
    )
    return {who: Touches(*counts) for who, *counts in found}


def holds(pairs: Sequence[tuple[int, int]], now: datetime) -> dict[tuple[int, int], datetime]:
    """(contact, lane) → the end of the longest hold that keeps this lane from the contact, a pause of its
    business unit among them, which has an end of its own or none in sight."""
    found = sql.rows(
        f"""
        WITH q AS (
            SELECT * FROM unnest(%(contacts)s::bigint[], %(lanes)s::bigint[]) AS q(contact_id, lane_id)),
        held AS (
            SELECT q.contact_id, q.lane_id, h.until FROM q
            JOIN conversations_contacthold h ON h.contact_id = q.contact_id AND h.resolved_at IS NULL
                AND h.until > %(now)s AND h.except_lane_id IS DISTINCT FROM q.lane_id
            UNION ALL
            SELECT q.contact_id, q.lane_id, coalesce(u.until, %(now)s + interval '1 day') FROM q
            JOIN conversations_lane l ON l.id = q.lane_id AND l.kind = 'campaign'
            JOIN conversations_unitpause u ON u.account_id = l.account_id AND u.lifted_at IS NULL
                AND (u.until IS NULL OR u.until > %(now)s)
            JOIN audiences_contact c ON c.id = q.contact_id AND u.business_unit_id = {UNIT_OF_CONTACT})
        SELECT contact_id, lane_id, max(until) FROM held GROUP BY 1, 2
        """,
        {
            "contacts": sql.array(contact for contact, _ in pairs),
            "lanes": sql.array(lane for _, lane in pairs),
            "now": now,
        },
        often=True,
    )
    return {(contact, lane): until for contact, lane, until in found}


def answered(message_ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    """Text → when the customer wrote what it answers; those that answer nothing are absent.

    A campaign's text is an answer where the customer has replied to that campaign within a day, the text
    was queued after that, and nothing automatic has gone to the phone since: one answer per reply.
    """
    return _answered("i.address_id = m.address_id", message_ids, now)


def answered_by_email(message_ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    """As `answered`, of emails: the customer texted, and nothing has gone to the mailbox since."""
    return _answered("i.contact_id = m.contact_id", message_ids, now) if message_ids else {}


def _answered(theirs: str, message_ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    found = sql.rows(
        f"""
        SELECT m.id, max(i.created_at)
        FROM conversations_message m
        JOIN conversations_message i ON {theirs} AND i.kind = 'inbound'
            AND i.created_at > %(day)s AND i.created_at <= m.created_at
        JOIN conversations_message asked ON asked.id = i.replies_to_id AND asked.lane_id = m.lane_id
        WHERE m.id = ANY(%(ids)s::bigint[]) AND m.kind IN ('campaign', 'automatic') AND NOT EXISTS (
            SELECT 1 FROM conversations_message since
            WHERE since.address_id = m.address_id AND since.id <> m.id AND since.created_at > %(week)s
              AND since.kind IN ('campaign', 'automatic')
              AND (since.accepted_at > i.created_at OR since.state IN ('calling', 'unknown')))
        GROUP BY m.id
        """,
        {"ids": sql.array(message_ids), "day": now - DAY, "week": now - WEEK},
        often=True,
    )
    return {row[0]: row[1] for row in found}
