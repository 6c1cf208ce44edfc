"""Downloads against bare COPY of the same rows, and the memory of whoever builds them."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Account, Membership, Role, User
from analytics.downloads import building, queueing, sources, statements
from analytics.downloads.columns import OF
from analytics.models import Download
from bench.contractor import Contractor
from bench.measurement import Measurement
from bench.stock import PEOPLE, Stock
from campaigns.models import Step
from common import clock

ROWS, FEW, MANY = 1_000_000, 10_000, 5_000_000
EXCEL = 200_000
ROUNDS = 3
ROOT = Path(__file__).resolve().parent.parent


def exports(
    rows: int = ROWS, few: int = FEW, many: int = MANY, excel: int = EXCEL, rounds: int = ROUNDS,
    people: int = PEOPLE, apart: bool = True,
) -> Iterator[Measurement]:  # fmt: skip
    """Rows a second of a CSV download, from the queue to the finished file, against one COPY of the same rows
    and columns, read and thrown away; then the most memory that its process ever has, at `many` rows and at
    `few`; for Excel files, at `excel` rows.
    """
    register()
    contractor = Contractor(2)
    stock = Stock(contractor, people=people, passed=("pause", "where", "text"))
    by = User.objects.create(email="bench@demo.example", name="Bench")
    Membership.objects.create(account=contractor.account, user=by, role=Role.CSR)
    stock.grow(rows)
    yield _against_copy(contractor.account, by, rows, rounds)
    stock.grow(many)
    for name, form, most in (("export_flatness", "csv", many), ("export_excel_flatness", "xlsx", excel)):
        small, large = (_peak(contractor.account, by, form, n, apart) for n in (few, most))
        yield Measurement(name, most, large, "MB", f"the same at {few:,} rows", small, large / small)


def register() -> None:
    """A source of as many steps as are asked for, the newest."""
    sources.register(sources.Source("bench", "Steps", (), _steps))


def _steps(account: Account, params: sources.Params) -> "QuerySet[Step]":
    newest = Step.objects.filter(campaign__account=account).order_by("-pk")
    return newest[: int(params["rows"])]


def _against_copy(account: Account, by: User, rows: int, rounds: int) -> Measurement:
    ours, bare = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        download = _queue(account, by, "csv", rows)
        _build(download, rows)
        ours.append(time.perf_counter() - began)
        queueing.delete(download, by=by)
        bare.append(_copied(account, rows))
    taken, least = median(ours), median(bare)
    print(f"export_vs_copy: medians of {rounds}, {taken:.2f} s, COPY {least:.2f} s", file=sys.stderr)
    return Measurement(
        "export_vs_copy", rows, rows / taken, "rows/s", "COPY of the same rows and columns",
        rows / least, least / taken,
    )  # fmt: skip


def _queue(account: Account, by: User, form: str, rows: int) -> Download:
    asked: dict[str, Any] = {"form": form, "by": by, "now": clock.now()}
    return queueing.ask(account, sources.get("bench"), {"rows": str(rows)}, **asked)[0]


def _build(download: Download, rows: int) -> None:
    """As the task does it, turn after turn."""
    while building.build_waiting(go_on=lambda: True):
        pass
    download.refresh_from_db()
    if (download.state, download.rows) != ("ready", rows):
        raise SystemExit(f"the download is {download.state} with {download.rows} rows: {download.error}")


def _copied(account: Account, rows: int) -> float:
    """Seconds for one COPY of the same rows and columns, as they are, thrown away as they arrive."""
    query, params = bare(account, rows)
    began, read = time.perf_counter(), 0
    with connection.cursor() as cursor, cursor.copy(query, params) as answer:
        for _ in answer:
            read += 1
    if read != rows:
        raise SystemExit(f"the baseline read {read} rows")
    return time.perf_counter() - began


def bare(account: Account, rows: int) -> tuple[str, list[Any]]:
    """COPY of the rows and columns of the download by one statement."""
    values = statements.values(OF[Step])
    found = _steps(account, {"rows": str(rows)})
    query, params = found.annotate(**values).values_list(*values).query.sql_with_params()
    return f"COPY ({query}) TO STDOUT (FORMAT csv)", list(params)


# Models are imported only once Django is set up.
_APART = "import sys, django; django.setup(); from bench import exports; exports.build_apart(*sys.argv[1:])"


def _peak(account: Account, by: User, form: str, rows: int, apart: bool) -> float:
    """The most memory in MB that a process of its own ever has, which builds one file of so many rows."""
    download = _queue(account, by, form, rows)
    if not apart:  # in small: this process's own
        _build(download, rows)
        queueing.delete(download, by=by)
        return _most_held()
    program = [sys.executable, "-c", _APART, str(download.pk), str(rows)]
    answer = subprocess.run(program, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(answer.stdout)
    queueing.delete(Download.objects.get(pk=download.pk), by=by)
    print(f"{form} of {rows:,} rows: {found}", file=sys.stderr)
    return float(found["peak_mb"])


def build_apart(pk: str, rows: str) -> None:
    """Build one download, and say what memory that took at most."""
    register()
    download = Download.objects.get(pk=pk)
    began = time.perf_counter()
    _build(download, int(rows))
    seconds = time.perf_counter() - began
    print(json.dumps({"peak_mb": _most_held(), "seconds": round(seconds, 1), "bytes": download.bytes}))


def _most_held() -> float:
    """The most memory in MB that this process ever had. `ru_maxrss` begins, on Linux, with what the parent
    held when it was started."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # macOS counts bytes
