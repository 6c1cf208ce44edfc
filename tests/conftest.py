"""Servers, databases and browser of the test session.

The controller starts one PostgreSQL and one Valkey in the session's own data folder (`tests/settings.py`)
and removes them afterwards. The cluster begins as a copy of a migrated one (`tests/seed.py`), whose database
every worker clones.
"""

import fcntl
import gc
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.commands import flush
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import client
from django.test.testcases import LiveServerThread
from xdist.scheduler import LoadScopeScheduling

from analytics.recount import recount
from audiences import counting
from common import clock, sql
from common.transactions import atomic_with_retry
from config import embedded
from config.processes import alive, spawn, stop
from tests.forgetting import forget_everybody
from tests.product import Product
from tests.seed import is_kept, schema_hash, sow
from tests.web_server import WebServer

MONDAY_NOON = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # in Chicago
ROOT = Path(__file__).resolve().parent.parent
# How long an example takes says how busy the machine is, and nothing about the product.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")
counting.FIRST_PAINT = 5.0  # nor how long a page waits for a count: what comes later has its own tests
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHARES_A_PRODUCT = {
    "tests/browser/test_journeys.py",
    "tests/running/test_supervisor.py",
    "tests/running/test_celery.py",
    "tests/running/test_stops.py",
}
# Minutes of mostly waiting: begun last, they would keep one worker busy after all others are done.
LONGEST = (
    "tests/running/test_supervisor.py",
    "tests/running/test_kills.py",
    "tests/running/test_call_kills.py",
    "tests/running/test_move_kills.py",
    "tests/running/test_celery.py",
    "tests/conversations/test_stop.py::test_nothing_begins",
    "tests/journeys/",
    "tests/browser/test_journeys.py",
)
# These watch processes, the product's and a browser's, by the clock: a machine that stands still for a second
# may fail one. It is looked at once more and shown in the summary; what fails twice has failed. Nothing else
# is run again: a race that loses one time in ten in a test of claims or counters is a fault of the product,
# and so is a text sent twice or a click lost one time in ten in those that kill and stop.
WATCHED = ("tests/browser/", "tests/journeys/", "tests/running/", "tests/sandbox/")
JUDGED_AT_ONCE = re.compile(r"tests/running/test_(\w*kills|stops)\.py")
GUARDED = """
SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgname = 'evidence_never_emptied' AND pg_table_is_visible(c.oid)
"""
MOST_DELETED_BYTES = 4_000_000
RECOUNTED = {  # whatever these do to calls, steps and passages, counters say what the rows say afterwards
    *(f"tests/campaigns/test_{name}.py" for name in (
        "call_node", "canary", "exits", "merging", "steering", "undoing", "version_moves",
        "version_moves_broken",
    )),
    *(f"tests/conversations/test_{name}.py" for name in (
        "abandonment", "call_claiming", "call_progress", "call_queue", "call_talk", "calling",
        "inbound_calls", "pausing", "placing_results", "planned_calls", "said_outcomes", "unit_pausing",
    )),
}  # fmt: skip
OF_MIGRATIONS = {"django_content_type", "auth_permission"}  # the same for ever
_running: list[tuple[Any, Any]] = []
_store_rendered_templates = client.store_rendered_templates


def pytest_configure(config: pytest.Config) -> None:
    """In the controller: start the servers of this session, unless the environment names real ones."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the tests' thread
    if not settings.TESTING:
        raise pytest.UsageError("tests empty their data folder, so they run with tests.settings alone")
    LiveServerThread.server_class = WebServer
    client.store_rendered_templates = _keep_page
    if "PYTEST_XDIST_WORKER" in os.environ or config.option.collectonly:
        return
    _sweep_dead_sessions()
    shutil.rmtree(embedded.place(settings.DATA_DIR), ignore_errors=True)  # of a dead session with our pid
    if not os.environ.get("DATABASE_URL"):
        with _compiling(config):
            sow(settings.DATA_DIR)
        program = embedded.prepare_postgres(settings.DATA_DIR, durable=False)
        process = _start("postgres", program)
        embedded.wait_for_postgres(settings.DATA_DIR, process)
    if not os.environ.get("REDIS_URL"):
        program = embedded.prepare_redis(settings.DATA_DIR, durable=False)
        process = _start("redis", program)
        embedded.wait_for_redis(settings.DATA_DIR, process)
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@contextmanager
def _compiling(config: pytest.Config) -> Iterator[None]:
    """On a new clone the migrations keep one processor busy for a while, and each worker would then compile
    every test for itself: the other processor does that meanwhile, once for all."""
    if is_kept() or not config.getoption("numprocesses", 0) or sys.dont_write_bytecode:
        yield
        return
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-qq"]
    collecting = subprocess.Popen(collect, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        collecting.wait()


def pytest_unconfigure() -> None:
    """In the controller: stop the servers and remove the session's folder."""
    if not _running:
        return
    while _running:
        process, program = _running.pop()
        stop(process, program, seconds=10)
    embedded.remove(settings.DATA_DIR)


def pytest_collection_finish() -> None:
    """The tests themselves stay to the end: no search for garbage need look at them again and again."""
    gc.collect()
    gc.freeze()


def _keep_page(store: dict[str, Any], **rendered: Any) -> None:
    """An answer's `context` is its page's: copying those of hundreds of parts takes as long as a view."""
    if not store:
        _store_rendered_templates(store, **rendered)


def _start(name: str, program: Any) -> Any:
    with (settings.DATA_DIR / f"{name}.log").open("ab") as log:
        process = spawn(program, stdout=log)
    _running.append((process, program))
    return process


def _sweep_dead_sessions() -> None:
    for folder in (ROOT / ".test-data").glob("*"):
        if folder.name.isdigit() and not alive(int(folder.name)):
            embedded.remove(folder)


def _flush_evidence_too(self: DatabaseOperations, sql_list: list[str]) -> None:
    """Tests that commit leave an empty database: while they flush it, what keeps evidence stands aside.

    Emptying every table makes hundreds of files, which costs more than most tests do: rows are deleted from
    the tables that have some, unless those are many or somebody has just written more.
    """
    if sql_list and not atomic_with_retry(_delete_few)():
        _truncate_all(self, sql_list)


def _truncate_all(self: DatabaseOperations, sql_list: list[str]) -> None:
    """Again where a last request of the test's browser holds a lock meanwhile."""
    tables = sql.column(GUARDED)
    aside = [f'ALTER TABLE "{table}" DISABLE TRIGGER evidence_never_emptied' for table in tables]
    back = [f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER evidence_never_emptied' for table in tables]
    execute = atomic_with_retry(BaseDatabaseOperations.execute_sql_flush)
    execute(self, [*aside, *sql_list, *back])


def _delete_few() -> bool:
    """Delete all rows, their triggers and keys not asked; whether nothing is left."""
    if not sql.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        return False
    filled = _filled()
    if sum(size for _, size in filled) > MOST_DELETED_BYTES:
        return False
    guarded = set(sql.column(GUARDED)) & {table for table, _ in filled}
    for table in guarded:
        sql.run(f'ALTER TABLE "{table}" DISABLE TRIGGER evidence_never_changes')
    sql.run("SET LOCAL session_replication_role = replica")
    for table, _ in filled:
        sql.run(f'DELETE FROM "{table}"')
    sql.run("SET LOCAL session_replication_role = origin")
    for table in guarded:
        sql.run(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER evidence_never_changes')
    return not _filled()


def _emit_where_emptied(*args: Any, **kwargs: Any) -> None:
    """Content types and permissions are made anew only where they went, too."""
    if not ContentType.objects.exists():
        emit_post_migrate_signal(*args, **kwargs)


def _filled() -> list[tuple[str, int]]:
    """Tables with rows, and their bytes on disk, those of deleted rows among them."""
    return sql.rows(_looks())


@cache
def _looks() -> str:
    tables = set(connection.introspection.django_table_names(include_views=False)) - OF_MIGRATIONS
    return " UNION ALL ".join(
        f"SELECT '{table}', pg_relation_size('\"{table}\"') WHERE EXISTS (SELECT FROM \"{table}\")"
        for table in sorted(tables)
    )


def _admin_connection() -> "psycopg.Connection[Any]":
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    wanted = {name: parameters[name] for name in ("host", "port", "user", "password") if parameters.get(name)}
    return psycopg.connect(**wanted, dbname="postgres", autocommit=True)


@pytest.fixture(autouse=True)
def _nobody_known() -> None:
    forget_everybody()


@pytest.fixture(autouse=True)
def _recounted(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test of what moves people and calls every counter is compared with its rows."""
    file = request.node.path.relative_to(ROOT).as_posix()
    counted = file in RECOUNTED and request.node.get_closest_marker("django_db") is not None
    if counted:
        request.getfixturevalue("db")  # set up before, so torn down after
    yield
    if counted:
        assert recount().differences == []


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """This worker's database, cloned from the migrated one: the cluster's, or on a server that is not ours a
    template that the first worker migrates."""
    template = f"template_{schema_hash()}" if os.environ.get("DATABASE_URL") else embedded.NAME
    mine = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with django_db_blocker.unblock():
        connection.close()
        with (settings.DATA_DIR / "template.lock").open("w") as lock, _admin_connection() as admin:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not admin.execute("select 1 from pg_database where datname = %s", [template]).fetchone():
                admin.execute(f"drop database if exists {template}_new")
                admin.execute(f"create database {template}_new")
                _migrate(f"{template}_new")
                admin.execute(f"alter database {template}_new rename to {template}")
            admin.execute(f"create database {mine} template {template}")
        _point_at(mine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", _flush_evidence_too)
        patch.setattr(flush, "emit_post_migrate_signal", _emit_where_emptied)
        yield
    with django_db_blocker.unblock():
        connection.close()
        with _admin_connection() as admin:
            admin.execute(f"drop database if exists {mine} with (force)")


def _point_at(name: str) -> None:
    connection.close()
    settings.DATABASES["default"]["NAME"] = name
    connection.settings_dict["NAME"] = name


def _migrate(name: str) -> None:
    _point_at(name)
    call_command("migrate", verbosity=0, interactive=False)
    connection.close()


class Shared(LoadScopeScheduling):
    """Any worker may take any test, but what shares a product goes to one.

    The groups of `--dist loadgroup` have no effect under pytest 9.2, where tests cannot be renamed.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in SHARES_A_PRODUCT else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How `make test` hands tests to its workers."""
    return Shared(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what drives Chromium: `make test` runs it in a session of its own.

    Once started, Playwright leaves its loop running in the thread, and Django keeps one database
    connection with that loop and another without it: rows of one test would meet those of the next.
    """
    driving = [item for item in items if "playwright" in getattr(item, "fixturenames", ())]
    for item in driving:
        item.add_marker("browser")
    for path in {item.path for item in driving}:
        if "playwright" not in path.read_text(encoding="utf-8"):  # by which `make test` finds them
            raise pytest.UsageError(f"{path} drives a browser and does not say playwright anywhere")
    for item in items:
        watches = item.nodeid.startswith(WATCHED) or item in driving
        if watches and not JUDGED_AT_ONCE.match(item.nodeid):
            item.add_marker(pytest.mark.flaky(reruns=1))
    yield  # the shuffle
    items.sort(key=_longest_first)


def _longest_first(item: pytest.Item) -> int:
    return 0 if item.nodeid.startswith(LONGEST) else 1


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Playwright drives the Chromium installed on this machine."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no Chromium here; `make test` installs it or says how to get it")
    return browser_type_launch_args | {"executable_path": path, "args": CHROMIUM_FLAGS}


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The product's clock runs on from a Monday noon in Chicago: whenever the test runs, texts may leave."""
    started = datetime.now(UTC)
    monkeypatch.setattr(clock, "now", lambda: MONDAY_NOON + (datetime.now(UTC) - started))
    return MONDAY_NOON


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], datetime]:
    """Move the product's clock on."""

    def move(by: timedelta) -> datetime:
        before = clock.now
        monkeypatch.setattr(clock, "now", lambda: before() + by)
        return clock.now()

    return move


@pytest.fixture
def start_product() -> Iterator[Callable[..., Product]]:
    """Start whole products: `start_product(TRUCKROLL_DEMO="0", ...)` gives one that is ready."""
    started: list[Product] = []

    def start(**env: str) -> Product:
        product = Product(_private_folder(), **env)
        started.append(product)
        sow(product.data)
        return product.start()

    yield start
    for product in started:
        product.remove()


@pytest.fixture(scope="module")
def running_product() -> Iterator[Product]:
    """One whole product without demo data, shared by the tests of a module."""
    product = Product(_private_folder(), TRUCKROLL_DEMO="0")
    try:
        sow(product.data)
        yield product.start()
    finally:
        product.remove()


def _private_folder() -> Path:
    return Path(settings.DATA_DIR) / f"product-{secrets.token_hex(4)}"
