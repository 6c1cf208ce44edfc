"""What numbers have handed over on the carrier's present day, and what their brands may still.

T-Mobile counts all numbers of a brand together; so do we, wherever one of them has a daily cap.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from common import sql
from integrations.carrier_limits import carrier_day
from integrations.models import NumberDay, SendingNumber


def count(segments: Mapping[int, int], now: datetime) -> None:
    """Add segments (or with a minus take them back) to today's counters of these numbers."""
    changed = sorted((number_id, change) for number_id, change in segments.items() if change)
    if not changed:
        return
    ids, changes = sql.columns(changed)
    sql.run(
        """
        INSERT INTO integrations_numberday AS d (number_id, day, segments)
        SELECT n.id, %(day)s, greatest(n.change, 0)
        FROM unnest(%(ids)s::bigint[], %(changes)s::int[]) AS n(id, change) ORDER BY n.id
        ON CONFLICT (number_id, day) DO UPDATE SET segments = greatest(0, d.segments
            + (SELECT c.change FROM unnest(%(ids)s::bigint[], %(changes)s::int[]) AS c(id, change)
               WHERE c.id = d.number_id))
        """,
        {"day": carrier_day(now), "ids": ids, "changes": changes},
    )


def segments(number_ids: Iterable[int], now: datetime) -> dict[int, int]:
    """Number → segments it has handed over on the carrier's present day; those without any are absent."""
    days = NumberDay.objects.filter(number__in=list(number_ids), day=carrier_day(now))
    return dict(days.values_list("number", "segments"))


def left(account_ids: Iterable[int], now: datetime) -> dict[int, tuple[str, int]]:
    """Number → (its brand, segments the brand may still hand over today); uncapped numbers are absent.

    The lowest cap of a brand's numbers is the brand's. A number without a brand id is one of its own.
    """
    found = sql.rows(
        """
        WITH ours AS (
            SELECT n.id, n.daily_cap, coalesce(d.segments, 0) AS used,
                n.account_id || ':' || coalesce(nullif(n.brand_id, ''), '#' || n.id) AS brand
            FROM integrations_sendingnumber n
            LEFT JOIN integrations_numberday d ON d.number_id = n.id AND d.day = %s
            WHERE n.account_id = ANY(%s)),
        brands AS (
            SELECT brand, min(daily_cap) - sum(used) AS remains FROM ours GROUP BY brand
            HAVING min(daily_cap) IS NOT NULL)
        SELECT ours.id, brand, greatest(remains, 0) FROM ours JOIN brands USING (brand)
        """,
        [carrier_day(now), sorted(set(account_ids))],
    )
    return {number_id: (brand, int(remains)) for number_id, brand, remains in found}


def left_of(number: SendingNumber, now: datetime) -> int | None:
    """Segments that one number may still hand over today; None where nothing but its rate limits it."""
    known = left([number.account_id], now).get(number.pk)
    return known[1] if known else None


def caps(account_id: int) -> dict[int, tuple[str, int]]:
    """Number → (its brand, segments a day of that brand); uncapped numbers are absent."""
    found = sql.rows(
        """
        WITH ours AS (
            SELECT id, daily_cap,
                account_id || ':' || coalesce(nullif(brand_id, ''), '#' || id) AS brand
            FROM integrations_sendingnumber WHERE account_id = %s),
        brands AS (
            SELECT brand, min(daily_cap) AS cap FROM ours GROUP BY brand HAVING min(daily_cap) IS NOT NULL)
        SELECT ours.id, brand, cap FROM ours JOIN brands USING (brand)
        """,
        [account_id],
    )
    return {number_id: (brand, cap) for number_id, brand, cap in found}


def cap_of(number: SendingNumber) -> int | None:
    """Segments a day of the number's brand; None without a cap."""
    ours = SendingNumber.objects.filter(account=number.account_id).exclude(daily_cap=None)
    same = ours.filter(brand_id=number.brand_id) if number.brand_id else ours.filter(pk=number.pk)
    return same.order_by("daily_cap").values_list("daily_cap", flat=True).first()
