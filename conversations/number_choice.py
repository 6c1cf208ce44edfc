"""Which number of ours somebody is texted and called from: decided here, and nowhere else.

A contact keeps the number of their thread. Who has none keeps the number of the pool that last wrote to or
called their phone. Everybody else is drawn by their phone, each number as often as it is fast: the same phone
draws the same number of the same pool whoever asks, and where a number comes or goes, as few as possible draw
another. A number that cannot send now is passed over while another of the pool can.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common import sql
from conversations.models import SafetyPause
from integrations import number_days

FITS = 10  # segments of the longest text: a day that leaves less may leave nobody anything
_DRAWN = """(SELECT d.id FROM unnest(%(pool)s::bigint[], %(pool_rates)s::int[]) AS d(id, rate)
    ORDER BY -ln(((hashint8extended({address}, d.id) & 9007199254740991)::float8 + 0.5)
        / 9007199254740992) / d.rate, d.id LIMIT 1)"""
# Of what was cancelled the customer saw nothing; what they sent themselves is their thread's.
_LAST_TEXT = """(SELECT k.number_id FROM conversations_message k
    WHERE k.address_id = {address} AND k.number_id = ANY(%(pool)s::bigint[]) AND k.kind <> 'inbound'
      AND k.state <> 'cancelled' ORDER BY k.created_at DESC, k.id DESC LIMIT 1)"""
_LAST_CALL = """(SELECT k.number_id FROM conversations_call k
    WHERE k.address_id = {address} AND k.number_id = ANY(%(pool)s::bigint[]) AND k.direction = 'out'
    ORDER BY k.created_at DESC LIMIT 1)"""
_THREADS_SQL = """LEFT JOIN conversations_thread t
    ON t.contact_id = {contact} AND t.address_id = {address}"""


@dataclass(frozen=True, slots=True)
class Pool:
    """Numbers to choose among as they are at one moment (`pool_of`).

    `unable` are those of the account that cannot send, while one of `ids` can.
    """

    ids: tuple[int, ...]
    rates: tuple[int, ...]  # of each, segments a second
    unable: tuple[int, ...] = ()

    @property
    def segments_per_second(self) -> int:
        """What they may send together."""
        return sum(self.rates)

    def chosen(self, contact: str, address: str) -> str:
        """SQL: the number for a contact and their phone; with `joins` and `params` in the statement."""
        several = [_LAST_TEXT, _LAST_CALL, _DRAWN] if len(self.ids) > 1 else ["%(only_number)s"]
        kept = "t.number_id"
        if self.unable:
            kept = "CASE WHEN t.number_id <> ALL(%(unable)s::bigint[]) THEN t.number_id END"
        return f"COALESCE({', '.join([kept, *several])})".format(contact=contact, address=address)

    @staticmethod
    def joins(contact: str, address: str) -> str:
        """SQL: what `chosen` reads beside the row it is asked for."""
        return _THREADS_SQL.format(contact=contact, address=address)

    @property
    def params(self) -> dict[str, Any]:
        """What `chosen` names."""
        found: dict[str, Any] = {"only_number": self.ids[0]}
        if len(self.ids) > 1:
            found = {"pool": list(self.ids), "pool_rates": list(self.rates)}
        return found | ({"unable": list(self.unable)} if self.unable else {})


def pool_of(account_id: int, number_ids: Sequence[int], *, now: datetime) -> Pool:
    """Those of these numbers that can send now; all of them where none can, so that their texts wait."""
    able = able_numbers(account_id, now=now)
    rates = {number: rate for number, (rate, _) in able.items()}
    wanted = [number for number in dict.fromkeys(number_ids) if number in able]
    can = [number for number in wanted if able[number][1]]
    chosen = can or wanted
    unable = tuple(number for number, (_, fit) in able.items() if not fit) if can else ()
    return Pool(tuple(chosen), tuple(rates[number] for number in chosen), unable)


def able_numbers(account_id: int, *, now: datetime) -> dict[int, tuple[int, bool]]:
    """Every number of an account → its segments a second, and whether it can send now.

    It can where it is switched on, does not rest by a safety rule, and its carrier's day is not used up.
    """
    found = sql.rows(
        f"""
        SELECT n.id, n.segments_per_second, n.active AND NOT EXISTS (
            SELECT 1 FROM conversations_safetypause r
            WHERE r.number_id = n.id AND {SafetyPause.IN_FORCE_SQL.format("r")}), n.daily_cap IS NOT NULL
        FROM integrations_sendingnumber n WHERE n.account_id = %(account)s ORDER BY n.id
        """,
        {"account": account_id, "now": now},
    )
    left = number_days.left([account_id], now) if any(capped for *_, capped in found) else {}
    return {
        number: (rate, sends and (number not in left or left[number][1] >= FITS))
        for number, rate, sends, _ in found
    }
