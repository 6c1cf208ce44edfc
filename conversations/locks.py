"""Locking messages: after their addresses, before attempts, enrollments and steps, always in id order."""

from collections.abc import Iterable

from common import sql


def lock_messages(message_ids: Iterable[int]) -> None:
    """Lock these messages until the caller's transaction ends, waiting for whoever holds one."""
    sql.run(
        "SELECT 1 FROM conversations_message WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        [sql.array(sorted(message_ids))],
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
