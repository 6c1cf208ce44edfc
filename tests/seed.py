"""A cluster with the product's schema, made once a session: whole products of tests begin with a copy of it.

Migrating an empty database takes a product longest, and every one of them would do the same again.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from config import embedded
from config.processes import spawn, stop
from tests.product import ROOT, Product


def sow(product: Product, seed: Path) -> None:
    """Give a product that has never started a copy of the migrated cluster in `seed`, which is made once."""
    with seed.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (seed / "migrated").exists():
            _migrate(seed)
    place = embedded.prepare_folders(product.data)
    subprocess.run(["cp", "-a", str(embedded.place(seed) / "postgres"), str(place)], check=True)


def _migrate(seed: Path) -> None:
    program = embedded.prepare_postgres(seed, durable=False)
    process = spawn(program, stdout=subprocess.DEVNULL)
    try:
        embedded.wait_for_postgres(seed, process)
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("TRUCKROLL_", "PYTEST"))
        }
        env = kept | {"DJANGO_SETTINGS_MODULE": "config.settings", "TRUCKROLL_DATA": str(seed)}
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True,
            capture_output=True,
        )  # fmt: skip
    finally:
        stop(process, program, seconds=20)
    (seed / "migrated").touch()
