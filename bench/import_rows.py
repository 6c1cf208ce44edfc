"""Taking in a file of contacts: from its bytes to committed rows, against bare SQL writing the same rows."""

import io
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from accounts.models import Account, User
from audiences.imports import running
from audiences.imports.running import Grounds
from audiences.models import ContactImport
from bench.copying import copied
from bench.effort import effort
from bench.measurement import Measurement

ROWS = 200_000
NOW = datetime(2026, 12, 1, 17, tzinfo=UTC)
STREETS = ("Oak", "Elm", "Maple", "Cedar", "Lake", "Hill", "Park", "Washington")
CITIES = (("Chicago", "IL", "60601"), ("Denver", "CO", "80202"), ("Dallas", "TX", "75201"))
HEAD = "First name,Last name,Phone,Email,Street,City,State,ZIP\n"
AREAS = ("312", "303", "214")
# Written from other rows: first what others name.
TABLES = (
    "audiences_household", "audiences_address", "audiences_contact", "audiences_contactaddress",
    "audiences_importedcontact",
)  # fmt: skip


def import_rows(rows: int = ROWS) -> Measurement:
    """Rows a second of a file with name, phone, mailbox and service address, each somebody new.

    The baseline copies the finished rows to tables with the same keys and indexes, one INSERT … SELECT a
    table: it reads no file, finds nobody and understands nothing.
    """
    account = Account.objects.create(name="Bench imports", slug="bench-imports", timezone="America/Chicago")
    by = User.objects.create_user("bench@demo.example", name="Bench")
    data = "".join([HEAD, *_lines(rows)]).encode()
    seconds, spent = time.perf_counter(), time.process_time()
    with effort() as database:
        listed = running.take_in(account, io.BytesIO(data), len(data), name="bench.csv", by=by, now=NOW)
        uploaded = time.perf_counter() - seconds
        running.confirm(
            listed, listed.meanings, Grounds(ContactImport.Ground.CUSTOMERS), tag="", by=by, now=NOW
        )
        running.import_waiting(clock=lambda: NOW)
    seconds, spent = time.perf_counter() - seconds, time.process_time() - spent
    listed.refresh_from_db()
    if listed.added != rows or not listed.finished_at:
        raise SystemExit(f"{listed.added:,} of {rows:,} contacts were added")
    print(
        f"import_rows: a row takes {1e6 * spent / rows:.1f} µs of our processor,"
        f" {1e6 * database.cpu / rows:.1f} µs of the database's,"
        f" {database.wal / rows:.0f} bytes of log; {uploaded:.1f} s were the upload",
        file=sys.stderr,
    )
    bare = copied(TABLES)
    rate, baseline = rows / seconds, rows / bare
    return Measurement(
        "import_rows", rows, rate, "rows/s", "INSERT … SELECT of the finished rows", baseline, rate / baseline
    )


def _lines(rows: int) -> Iterator[str]:
    for n in range(rows):
        city, state, code = CITIES[n % len(CITIES)]
        phone = f"({AREAS[n % 3]}) {200 + n // 3 // 10_000 % 800}-{n // 3 % 10_000:04}"
        yield (
            f"Pat,Customer {n},{phone},pat{n}@example.com,{100 + n} {STREETS[n % len(STREETS)]} Street,"
            f"{city},{state},{code}\n"
        )
