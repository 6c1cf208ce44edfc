"""The step between the servers and the product: schema, static files, demo company, first admin, providers.

Run by the supervisor as `python -m config.prepare`, and on a server with `--server`, where static files are
in the image and the sentence of a refusal goes to standard error. Exit code 3 means refused: under the
supervisor the sentence is in the data folder's `refusal` file, for it to print last, and what a newcomer
should know in `announcement`.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

REFUSED = 3
_GIVEN_WAY = {"55P03", "40P01"}  # lock_not_available, deadlock_detected
REFUSAL_FILE = "refusal"
ANNOUNCEMENT_FILE = "announcement"


def main(arguments: list[str]) -> int:
    """Do every step that is not done yet; the second start finds most of them done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    server = "--server" in arguments
    if sentence := newer_database():
        return refuse(sentence, server=server)
    migrate()
    if not server:
        collect_static()
    from config import first_account  # needs models, hence django.setup()

    demo = not server and os.environ.get("TRUCKROLL_DEMO") == "1"
    try:
        prepare_accounts(demo=demo)
    except first_account.Refused as refused:
        return refuse(str(refused), server=server)
    if not server:
        announce(demo=demo)
    return 0


def refuse(sentence: str, *, server: bool) -> int:
    """Leave the sentence for the supervisor to print last."""
    if server:
        print(sentence, file=sys.stderr, flush=True)
    else:
        (settings.DATA_DIR / REFUSAL_FILE).write_text(sentence)
    return REFUSED


def announce(*, demo: bool) -> None:
    """Leave for the supervisor to print how somebody signs in."""
    from config import first_account
    from config.demo import company

    published = demo and not os.environ.get("DATABASE_URL")
    sign_ins = company.sign_ins() if published else first_account.sign_ins(os.environ)
    (settings.DATA_DIR / ANNOUNCEMENT_FILE).write_text("\n".join(sign_ins))


def prepare_accounts(*, demo: bool) -> None:
    """The demo company or the first admin, and the first account's providers. Raises first_account.Refused.

    What a provider does not let us do is said and done at the next start.
    """
    from accounts.models import Account
    from config import first_account
    from config.demo import company

    said: list[str] = []
    own_database = bool(os.environ.get("DATABASE_URL"))
    if demo:
        try:
            call_command("prepare_demo")
        except CommandError as error:
            said.append(f"The demo company is not complete: {error}")
    # On a database of one's own the demo has nobody who could sign in.
    if os.environ.get("TRUCKROLL_ADMIN") and (not demo or own_database):
        said.append(first_account.make_admin())
    if not (demo and Account.objects.filter(name=company.NAME).exists()):  # the demo has connected its own
        said += first_account.connect_first(os.environ)
    print("".join(f"{sentence}\n" for sentence in said if sentence), end="", flush=True)


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
        patiently(lambda: call_command("migrate", verbosity=0, interactive=False))


def patiently(change: Callable[[], object], *, wait: str = "5s", tries: int = 12, pause: float = 2.0) -> None:
    """Make a change that locks tables, without holding up a running system for longer than `wait`.

    Who waits for a table lets nobody else pass. Where somebody holds it for long, or waits for us in turn,
    the change gives way and comes back `pause` seconds later; after so many tries the error is raised. What a
    migration had finished stays done.
    """
    for attempt in range(1, tries + 1):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [wait])
            change()
            return
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") not in _GIVEN_WAY or attempt == tries:
                raise
            print("a table is in use; trying again ...", flush=True)
            time.sleep(pause)
        finally:
            connection.close()  # with its timeout


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
    sys.exit(main(sys.argv[1:]))
