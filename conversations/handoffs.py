"""A workflow hands people over: their threads ask for a person, and say why."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from common import sql
from conversations.opt_outs import REASON


class Handoff(NamedTuple):
    """Whose thread it is, and the number it is on where there is none yet (ids)."""

    account_id: int
    number_id: int
    contact_id: int
    address_id: int


def hand_over(people: Sequence[Handoff], *, reason: str, now: datetime) -> list[int]:
    """Open or reopen these threads for a person, with `reason` as what is asked; the threads' ids.

    One closed by an opt-out stays closed: the wish outranks the workflow. One statement for all; the caller
    gives each person once.
    """
    if not people:
        return []
    accounts, numbers, contacts, addresses = sql.columns(people)
    return sql.column(
        """
        INSERT INTO conversations_thread (account_id, number_id, contact_id, address_id, state, closed_reason,
            needs_reply, escalated_reason, created_at, last_message_at)
        SELECT p.account_id, p.number_id, p.contact_id, p.address_id, 'open', '',
            true, %(reason)s, %(now)s, %(now)s
        FROM unnest(%(accounts)s::bigint[], %(numbers)s::bigint[], %(contacts)s::bigint[],
            %(addresses)s::bigint[]) AS p(account_id, number_id, contact_id, address_id)
        ON CONFLICT (contact_id, address_id) DO UPDATE SET state = 'open', closed_reason = '',
            needs_reply = true, escalated_reason = EXCLUDED.escalated_reason,
            last_message_at = EXCLUDED.last_message_at
        WHERE conversations_thread.closed_reason <> %(opted_out)s
        RETURNING id
        """,
        {
            "accounts": accounts, "numbers": numbers, "contacts": contacts, "addresses": addresses,
            "reason": reason, "now": now, "opted_out": REASON,
        },
    )  # fmt: skip
