"""What work costs the database: CPU of our own backend, and write-ahead log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common import sql


@dataclass
class Effort:
    """CPU seconds of the backend that served us, and bytes of WAL; filled in when the work is over."""

    cpu: float = 0.0
    wal: int = 0


@contextmanager
def effort() -> Iterator[Effort]:
    """Measure the statements inside, all on the default connection.

    The server must run on this machine, under Linux. WAL is the whole server's; nobody else may write.
    """
    pid = int(sql.value("SELECT pg_backend_pid()"))
    spent, cpu, wal = Effort(), _cpu(pid), _wal()
    yield spent
    spent.cpu, spent.wal = _cpu(pid) - cpu, _wal() - wal


def _cpu(pid: int) -> float:
    """Seconds on the processor, in nanoseconds' steps; /proc/<pid>/stat counts hundredths only."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _wal() -> int:
    return int(sql.value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
