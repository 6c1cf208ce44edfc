"""Passages of a contact that proves to be another one, and that it was left out elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from campaigns import passages
from campaigns.locks import lock_enrollments
from common import sql

MERGED = "merged"
_PAIRS = "unnest(%(gone)s::bigint[], %(stays)s::bigint[]) AS t(gone, stays)"
# A campaign that knows both has counted both, and nobody is in it twice: passages stay where they are there.
_MOVE = f"""
UPDATE campaigns_enrollment e SET contact_id = t.stays FROM {_PAIRS}
WHERE e.contact_id = t.gone
  AND NOT EXISTS (SELECT FROM campaigns_enrollment o WHERE o.contact_id = t.stays
                  AND o.campaign_id = e.campaign_id)
  AND NOT EXISTS (SELECT FROM unnest(%(gone)s::bigint[], %(stays)s::bigint[]) AS u(gone, stays)
                  JOIN campaigns_enrollment o ON o.contact_id = u.gone AND o.campaign_id = e.campaign_id
                  WHERE u.stays = t.stays AND u.gone < t.gone)
"""
_MOVE_BOOKINGS = (
    f"UPDATE campaigns_booking b SET contact_id = t.stays FROM {_PAIRS} WHERE b.contact_id = t.gone"
)

# A launch that left out both has counted both; who entered was not left out.
_MOVE_EXCLUSIONS = f"""
UPDATE campaigns_exclusion x SET contact_id = t.stays FROM {_PAIRS}
WHERE x.contact_id = t.gone
  AND NOT EXISTS (SELECT FROM campaigns_exclusion o WHERE o.contact_id = t.stays
                  AND o.campaign_id = x.campaign_id AND o.occurrence = x.occurrence)
  AND NOT EXISTS (SELECT FROM campaigns_enrollment o WHERE o.contact_id = t.stays
                  AND o.campaign_id = x.campaign_id)
  AND NOT EXISTS (SELECT FROM unnest(%(gone)s::bigint[], %(stays)s::bigint[]) AS u(gone, stays)
                  JOIN campaigns_exclusion o ON o.contact_id = u.gone AND o.campaign_id = x.campaign_id
                    AND o.occurrence = x.occurrence
                  WHERE u.stays = t.stays AND u.gone < t.gone)
"""


def on_merged(*, pairs: Sequence[tuple[int, int]], now: datetime, **_: Any) -> None:
    """Passages go on as those of whoever goes on, at the phone they were begun with; where that one is or was
    in the campaign, too, the other's end. Receiver of `audiences.signals.contacts_merged`, after that of
    conversations: addresses and messages are locked."""
    params = dict(zip(("gone", "stays"), sql.arrays(pairs), strict=True))
    mine = "SELECT id FROM campaigns_enrollment WHERE contact_id = ANY(%(gone)s::bigint[])"
    lock_enrollments(sql.column(mine, params))
    sql.run(_MOVE, params)
    sql.run(_MOVE_BOOKINGS, params)
    sql.run(_MOVE_EXCLUSIONS, params)
    passages.end(sql.column(f"{mine} AND state = 'active' ORDER BY id", params), reason=MERGED, now=now)
