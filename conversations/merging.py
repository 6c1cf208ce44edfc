"""What was said with a contact that proves to be another one: it is that one's, threads, holds and all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from audiences.models import Address, Contact, OptOut
from common import sql
from conversations import opt_outs
from conversations.locks import lock_messages, lock_planned_calls
from conversations.models import Thread

_PAIRS = "unnest(%(gone)s::bigint[], %(stays)s::bigint[]) AS t(gone, stays)"
# Where both have a thread on one phone, or two who go: (the one that goes, the one that stays).
_DOUBLE = f"""
    (SELECT th.id, first_value(th.id) OVER (
        PARTITION BY t.stays, th.address_id ORDER BY th.contact_id <> t.stays, th.id) AS stays
     FROM (SELECT gone, stays FROM {_PAIRS} UNION SELECT stays, stays FROM {_PAIRS}) t
     JOIN conversations_thread th ON th.contact_id = t.gone)
"""
_MOVE = (
    f"UPDATE conversations_message m SET contact_id = t.stays FROM {_PAIRS} WHERE m.contact_id = t.gone",
    f"UPDATE conversations_plannedcall p SET contact_id = t.stays FROM {_PAIRS} WHERE p.contact_id = t.gone",
    f"UPDATE conversations_call k SET contact_id = t.stays FROM {_PAIRS} WHERE k.contact_id = t.gone",
    f"UPDATE conversations_contacthold h SET contact_id = t.stays FROM {_PAIRS} WHERE h.contact_id = t.gone",
)
# The thread that stays is as open, as urgent and as young as the two were together.
_FOLD = f"""
UPDATE conversations_thread th SET
    needs_reply = th.needs_reply OR other.needs_reply,
    state = CASE WHEN other.any_open THEN 'open' ELSE th.state END,
    closed_reason = CASE WHEN other.any_open THEN '' ELSE th.closed_reason END,
    escalated_reason = coalesce(nullif(th.escalated_reason, ''), other.escalated),
    assigned_to_id = coalesce(th.assigned_to_id, other.assigned),
    created_at = least(th.created_at, other.created_at),
    last_message_at = greatest(th.last_message_at, other.last_message_at),
    last_inbound_at = greatest(th.last_inbound_at, other.last_inbound_at)
FROM (
    SELECT d.stays, bool_or(o.needs_reply) AS needs_reply, bool_or(o.state = 'open') AS any_open,
        max(o.escalated_reason) AS escalated, max(o.assigned_to_id) AS assigned,
        min(o.created_at) AS created_at, max(o.last_message_at) AS last_message_at,
        max(o.last_inbound_at) AS last_inbound_at
    FROM {_DOUBLE} d JOIN conversations_thread o ON o.id = d.id WHERE d.id <> d.stays GROUP BY d.stays
) other
WHERE th.id = other.stays
"""
_DOUBLES = f"SELECT d.id, d.stays FROM {_DOUBLE} d WHERE d.id <> d.stays"
_MOVE_THREADS = (
    f"UPDATE conversations_thread th SET contact_id = t.stays FROM {_PAIRS} WHERE th.contact_id = t.gone"
)


def on_merged(*, pairs: Sequence[tuple[int, int]], **_: Any) -> None:
    """Give whoever goes on the other's messages, calls and holds. Receiver of
    `audiences.signals.contacts_merged`, which has locked the addresses."""
    params = dict(zip(("gone", "stays"), sql.arrays(pairs), strict=True))
    messages = "SELECT id FROM conversations_message WHERE contact_id = ANY(%(gone)s::bigint[])"
    lock_messages(sql.column(messages, params))
    planned = "SELECT id FROM conversations_plannedcall WHERE contact_id = ANY(%(gone)s::bigint[])"
    lock_planned_calls(sql.column(planned, params))
    for statement in _MOVE:
        sql.run(statement, params)


def on_threads_to_merge(
    *, pairs: Sequence[tuple[int, int]], left_alone: Sequence[tuple[int, int]], now: datetime, **_: Any
) -> None:
    """Give whoever goes on the other's threads, and keep who asked to be left alone alone at every address.
    Receiver of `audiences.signals.threads_to_merge`."""
    params = dict(zip(("gone", "stays"), sql.arrays(pairs), strict=True))
    sql.run(_FOLD, params)
    _join_threads(sql.rows(_DOUBLES, params))
    sql.run(_MOVE_THREADS, params)
    for contact_id, wish_id in left_alone:
        _leave_alone(contact_id, wish_id, now)


def _join_threads(doubles: Sequence[tuple[int, ...]]) -> None:
    """Put what names the first thread of each pair to the second; the first goes."""
    if not doubles:
        return
    gone, stays = sql.arrays(doubles)
    for relation in Thread._meta.related_objects:
        table, column = relation.related_model._meta.db_table, relation.field.column
        sql.run(
            f"UPDATE {table} r SET {column} = t.stays"
            f" FROM unnest(%s::bigint[], %s::bigint[]) AS t(gone, stays) WHERE r.{column} = t.gone",
            [gone, stays],
        )
    sql.run("DELETE FROM conversations_thread WHERE id = ANY(%s::bigint[])", [gone])


def _leave_alone(contact_id: int, wish_id: int, now: datetime) -> None:
    """Have an opt-out hold for every address of a contact that it did not name: same words, same source."""
    wish = OptOut.objects.get(pk=wish_id)
    has_one = OptOut.objects.filter(lifted_at=None, account=wish.account_id).values("address")
    links = {"contact_addresses__contact": contact_id, "contact_addresses__wrong_number_at": None}
    others = list(Address.objects.filter(**links).exclude(pk__in=has_one).order_by("pk"))
    if others:
        contact = Contact.objects.get(pk=contact_id)
        opt_outs.record(
            others, contact=contact, source=wish.source, evidence=wish.evidence, detector="merged", now=now
        )
