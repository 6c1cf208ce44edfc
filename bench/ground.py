"""A database server for one group of measurements: durable, as in production, and gone afterwards."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.collecting import collect_rarely
from common.switching import switch_often
from config import embedded
from config.processes import spawn, stop


@contextmanager
def database() -> Iterator[None]:
    """Start PostgreSQL in a temporary folder, migrate it, and point Django at it; once per process."""
    folder = Path(tempfile.gettempdir()) / f"truckroll-bench-{os.getpid()}"
    os.environ["TRUCKROLL_DATA"] = str(folder)
    os.environ.pop("DATABASE_URL", None)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    program = embedded.prepare_postgres(folder)
    with (folder / "postgres.log").open("ab") as log:
        process = spawn(program, stdout=log)
    try:
        embedded.wait_for_postgres(folder, process)
        _migrate()
        collect_rarely()  # as every worker does; what is compared with our code gains by it, too
        switch_often()
        yield
    finally:
        _disconnect()
        stop(process, program, seconds=20)
        embedded.remove(folder)


def _migrate() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def _disconnect() -> None:
    from django.db import connections

    connections.close_all()
