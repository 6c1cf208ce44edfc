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
    pid = backend()
    spent, cpu, wal = Effort(), processor_time(pid), _wal()
    yield spent
    spent.cpu, spent.wal = processor_time(pid) - cpu, _wal() - wal


def backend() -> int:
    """The process of the server that serves our default connection."""
    return int(sql.value("SELECT pg_backend_pid()"))


def processor_time(pid: int) -> float:
    """Seconds of a process on the processor, in nanoseconds' steps; its `stat` counts hundredths only."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _wal() -> int:
    return int(sql.value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
