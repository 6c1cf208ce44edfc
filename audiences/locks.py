"""The two outer locks of whatever may touch a customer, in their order: households, then addresses; the lock
between new jobs and those who enter campaigns; and the one around what jobs bring.

They put commits in order. What is only tried out commits nothing, and takes none of them: a customer's STOP
never waits for it here.
"""

from collections.abc import Iterable

from django.db import connection, transaction

from common import sql
from common.transactions import is_tried_out


def lock_households(household_ids: Iterable[int]) -> None:
    """Lock households in id order until the transaction ends. Always before addresses."""
    _lock("audiences_household", household_ids)


def lock_addresses(address_ids: Iterable[int]) -> None:
    """Lock addresses in id order until the transaction ends. Always after households, before messages."""
    _lock("audiences_address", address_ids)


_JOBS_LOCK_CLASS = 7104  # advisory locks, beside the account's id


def hold_jobs(account_id: int) -> None:
    """Let nobody enter a campaign until these jobs are committed, and wait for those who are entering.

    Else neither would see the other: the job's news would find no passage to end, and the audience no job.
    """
    _advise("pg_advisory_xact_lock", account_id)


def share_jobs(account_id: int) -> None:
    """As somebody enters: wait for jobs that are being written, and keep others back until the commit."""
    _advise("pg_advisory_xact_lock_shared", account_id)


_PAPERS_LOCK_CLASS = 7106


def hold_papers(account_id: int) -> None:
    """Let nobody else write what this account's jobs come from and bring until this is committed.

    Jobs, invoices, calls, bookings at the source, corrections of credit: who adds up sees every part.
    After `hold_jobs`, before any row.
    """
    _advise("pg_advisory_xact_lock", account_id, of=_PAPERS_LOCK_CLASS)


def _advise(function: str, account_id: int, *, of: int = _JOBS_LOCK_CLASS) -> None:
    _in_transaction()
    if not is_tried_out():
        sql.run(f"SELECT {function}(%s, %s)", [of, account_id])


def _in_transaction() -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("A lock outside a transaction ends with its statement.")


def _lock(table: str, ids: Iterable[int]) -> None:
    _in_transaction()
    if is_tried_out():
        return
    # Plain FOR UPDATE would deadlock with the key-share locks of foreign keys.
    sql.run(
        f"SELECT count(*) FROM (SELECT FROM {table} WHERE id = ANY(%s::bigint[])"
        " ORDER BY id FOR NO KEY UPDATE) held",
        [sql.array(sorted(set(ids)))],
        often=True,
    )
