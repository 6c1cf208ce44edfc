"""A cluster with the product's schema, made once for each state of the migrations and kept between sessions.

Migrating an empty database takes longest of a start: a session's own cluster and every whole product of its
tests begin with a copy of this one.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from config import embedded
from config.processes import spawn, stop
from tests.product import ROOT

KEPT_SECONDS = 24 * 60 * 60  # of a seed of other migrations, which another session may be copying
_HOME = ROOT / ".test-data"


def sow(data_dir: Path) -> None:
    """Give a data folder without a cluster a copy of the migrated one, which is made where there is none."""
    seed = _seed()
    _HOME.mkdir(exist_ok=True)
    with seed.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (seed / "migrated").exists():
            _forget_old()
            embedded.remove(seed)  # one that was interrupted
            _migrate(seed)
    place = embedded.prepare_folders(data_dir)
    subprocess.run(["cp", "-a", str(embedded.place(seed) / "postgres"), str(place)], check=True)


def is_kept() -> bool:
    """Whether the cluster of these migrations is there already, so that sowing takes a moment only."""
    return (_seed() / "migrated").exists()


def _seed() -> Path:
    return _HOME / f"seed-{schema_hash()}"


def schema_hash() -> str:
    """What the schema depends on: every migration and every SQL file."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("*/migrations/**/*.py"), *ROOT.glob("*/sql/**/*.sql")]):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _forget_old() -> None:
    for folder in _HOME.glob("seed-*[!.lock]"):
        if folder.is_dir() and time.time() - folder.stat().st_mtime > KEPT_SECONDS:
            embedded.remove(folder)
            folder.with_suffix(".lock").unlink(missing_ok=True)


def _migrate(seed: Path) -> None:
    program = embedded.prepare_postgres(seed, durable=False)
    process = spawn(program, stdout=subprocess.DEVNULL)
    try:
        embedded.wait_for_postgres(seed, process)
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("TRUCKROLL_", "PYTEST"))
        }
        env = kept | {"DJANGO_SETTINGS_MODULE": "config.settings", "TRUCKROLL_DATA": str(seed)}
        env.pop("DATABASE_URL", None)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=env, check=True,
            capture_output=True,
        )  # fmt: skip
    finally:
        stop(process, program, seconds=20)
    (seed / "migrated").touch()
