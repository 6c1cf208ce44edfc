"""The step between the servers and the product: schema, static files, demo company or first admin.

Run by the supervisor as `python -m config.prepare`. Exit code 3 means refused: the sentence is in the
data folder's `refusal` file, for the supervisor to print last.
"""

import hashlib
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

REFUSED = 3
REFUSAL_FILE = "refusal"


def main() -> int:
    """Do every step that is not done yet; the second start finds most of them done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    if sentence := newer_database():
        return refuse(sentence)
    migrate()
    collect_static()
    demo = os.environ.get("TRUCKROLL_DEMO") == "1"
    if demo:
        call_command("prepare_demo")
    # On a database of one's own the demo has nobody who could sign in.
    if os.environ.get("TRUCKROLL_ADMIN") and (not demo or os.environ.get("DATABASE_URL")):
        return make_first_admin()
    return 0


def refuse(sentence: str) -> int:
    """Leave the sentence for the supervisor to print last."""
    (settings.DATA_DIR / REFUSAL_FILE).write_text(sentence)
    return REFUSED


def make_first_admin() -> int:
    """The admin that TRUCKROLL_ADMIN names; where people exist already, only a line says it was not made."""
    from accounts.models import User

    try:
        call_command("first_admin")
    except CommandError as error:
        if not User.objects.exists():
            return refuse(str(error))
        print(error, flush=True)
    return 0


def newer_database() -> str:
    """A sentence if the database holds migrations this version does not know, else nothing."""
    loader = MigrationExecutor(connection).loader
    ours = {label for label, _ in loader.disk_migrations}
    unknown = sorted(
        key for key in loader.applied_migrations if key not in loader.disk_migrations and key[0] in ours
    )
    if not unknown:
        return ""
    app, name = unknown[-1]
    return (
        f"This database belongs to a newer version of Truckroll (it knows {app}.{name}, we do not): "
        "update Truckroll, or choose another TRUCKROLL_DATA or DATABASE_URL."
    )


def migrate() -> None:
    """Bring the schema up to date; nothing runs when it already is."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        print("bringing the database up to date ...", flush=True)
        call_command("migrate", verbosity=0, interactive=False)


def collect_static() -> None:
    """Gather, hash and compress the static files, unless nothing changed since the last time."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    present = _static_fingerprint()
    if not stamp.is_file() or stamp.read_text() != present:
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        stamp.write_text(present)


def _static_fingerprint() -> str:
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(None):
            info = os.stat(storage.path(name))
            digest.update(f"{name} {info.st_size} {info.st_mtime_ns}\n".encode())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
