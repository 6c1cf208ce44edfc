"""The two outer locks of whatever may touch a customer, in their order: households, then addresses."""

from collections.abc import Iterable

from django.db import connection, transaction

from common import sql


def lock_households(household_ids: Iterable[int]) -> None:
    """Lock households in id order until the transaction ends. Always before addresses."""
    _lock("audiences_household", household_ids)


def lock_addresses(address_ids: Iterable[int]) -> None:
    """Lock addresses in id order until the transaction ends. Always after households, before messages."""
    _lock("audiences_address", address_ids)


def _lock(table: str, ids: Iterable[int]) -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("A lock outside a transaction ends with its statement.")
    with connection.cursor() as cursor:
        # Plain FOR UPDATE would deadlock with the key-share locks of foreign keys.
        cursor.execute(
            f"SELECT id FROM {table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [sql.array(sorted(set(ids)))],
        )
