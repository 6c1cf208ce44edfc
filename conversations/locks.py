"""Locking messages, then planned calls: after their addresses, before attempts, calls, enrollments and steps,
always in id order."""

from collections.abc import Iterable

from common import sql


def lock_messages(message_ids: Iterable[int]) -> None:
    """Lock these messages until the caller's transaction ends, waiting for whoever holds one."""
    sql.run(
        "SELECT count(*) FROM (SELECT FROM conversations_message WHERE id = ANY(%s::bigint[])"
        " ORDER BY id FOR NO KEY UPDATE) held",
        [sql.array(sorted(message_ids))],
        often=True,
    )


def lock_idle_messages(message_ids: Iterable[int]) -> set[int]:
    """Lock those of these messages that nobody holds; which they are. Waits for nobody.

    For callers that hold enrollments or steps already, and so may not wait for a message.
    """
    found = sql.column(
        "SELECT id FROM conversations_message WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
        [sql.array(sorted(message_ids))],
    )
    return set(found)


def lock_planned_calls(planned_ids: Iterable[int]) -> None:
    """Lock these planned calls until the caller's transaction ends; after messages, before enrollments. Their
    calls are touched under these locks alone."""
    sql.run(
        "SELECT 1 FROM conversations_plannedcall WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE",
        [sql.array(sorted(planned_ids))],
    )


def lock_idle_planned_calls(planned_ids: Iterable[int]) -> set[int]:
    """As `lock_idle_messages`, of planned calls: those that nobody holds; waits for nobody."""
    found = sql.column(
        "SELECT id FROM conversations_plannedcall WHERE id = ANY(%s::bigint[])"
        " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
        [sql.array(sorted(planned_ids))],
    )
    return set(found)
