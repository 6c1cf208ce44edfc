"""The embedded servers: started, killed, restarted; their files private and in the right place."""

import os
import shutil
import signal
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection

from config import embedded
from config.processes import Program, spawn, stop


@pytest.fixture
def data_dir(request):
    folder = Path(settings.DATA_DIR) / f"servers-{os.getpid()}-{abs(hash(request.node.name)) % 10000}"
    yield folder
    embedded.remove(folder)


@pytest.fixture
def postgres(data_dir):
    """A function that starts the folder's Postgres and returns the process; stopped afterwards."""
    started = []

    def start():
        program = embedded.prepare_postgres(data_dir)
        process = spawn(program, stdout=subprocess.DEVNULL)
        started.append((process, program))
        embedded.wait_for_postgres(data_dir, process, seconds=30)
        return process

    yield start
    for process, program in started:
        stop(process, program, seconds=10)


def query(data_dir, sql):
    entry = embedded.database(data_dir)
    with psycopg.connect(
        host=entry["HOST"], port=entry["PORT"], user=entry["USER"], dbname=entry["NAME"], autocommit=True
    ) as link:
        cursor = link.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_session_database_is_a_clone_of_its_own(db):
    with connection.cursor() as cursor:
        cursor.execute("select current_database(), current_setting('server_version_num')::int / 10000")
        name, major = cursor.fetchone()
    assert name.startswith("test_")
    assert major >= 16


def test_postgres_keeps_committed_rows_through_kill(data_dir, postgres):
    first = postgres()
    query(data_dir, "create table kept (id int)")
    query(data_dir, "insert into kept select generate_series(1, 1000)")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    postgres()
    assert query(data_dir, "select count(*) from kept") == [(1000,)]


def test_postgres_is_durable_private_and_without_network(data_dir, postgres):
    postgres()
    shown = query(
        data_dir,
        """select current_setting('fsync'), current_setting('listen_addresses'), current_setting('jit'),
        current_setting('max_wal_size'), current_setting('timezone'), current_setting('max_connections')""",
    )
    assert shown == [("on", "", "off", "16GB", "UTC", "150")]
    sockets = Path(embedded.database(data_dir)["HOST"])
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert stat.S_IMODE((embedded.place(data_dir) / "postgres").stat().st_mode) == 0o700


def test_postgres_starts_although_its_recorded_pid_is_somebody_elses(data_dir, postgres):
    first = postgres()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    lock = embedded.place(data_dir) / "postgres" / "postmaster.pid"
    user = embedded.UNPRIVILEGED_USER if os.geteuid() == 0 else None  # Postgres minds only its own user's
    stranger = spawn(Program(["/bin/sleep", "600"], {}, cwd="/", user=user))
    try:
        lock.write_text("\n".join([str(stranger.pid), *lock.read_text().split("\n")[1:]]))
        postgres()
        assert query(data_dir, "select 1") == [(1,)]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_interrupted_setup_is_done_again(data_dir, postgres):
    embedded.make_data_dir(data_dir)
    half = embedded.place(data_dir) / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    postgres()
    assert query(data_dir, "select 1") == [(1,)]


def test_redis_keeps_its_log_through_a_restart(data_dir):
    for value in (None, b"1"):
        program = embedded.prepare_redis(data_dir)
        process = spawn(program, stdout=subprocess.DEVNULL)
        embedded.wait_for_redis(data_dir, process)
        client = redis.Redis.from_url(embedded.redis_url(data_dir))
        assert client.get("kept") == value
        client.set("kept", "1")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.close()
        stop(process, program, seconds=10)


def test_secret_key_is_made_once_even_by_many_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: embedded.secret_key(tmp_path / "data"), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret_key"]


@pytest.mark.parametrize("name", ["x" * 150, "with space", "naïve", "comma,quote'"])
def test_sockets_of_an_awkward_path_live_in_a_short_plain_one(name, data_dir, postgres):
    awkward = data_dir / name
    host = embedded.database(awkward)["HOST"]
    assert len(f"{host}/.s.PGSQL.5432.lock") <= 100
    assert embedded.redis_url(awkward).isascii()
    assert " " not in embedded.redis_url(awkward)
    assert host == embedded.database(awkward)["HOST"] != embedded.database(data_dir)["HOST"]


def test_servers_run_from_an_awkward_path(data_dir):
    awkward = data_dir / "it's a 'long' folder,"
    embedded.make_data_dir(data_dir)
    try:
        for prepare, wait in (
            (embedded.prepare_postgres, embedded.wait_for_postgres),
            (embedded.prepare_redis, embedded.wait_for_redis),
        ):
            program = prepare(awkward)
            process = spawn(program, stdout=subprocess.DEVNULL)
            try:
                wait(awkward, process, seconds=60)
                assert process.poll() is None
            finally:
                stop(process, program, seconds=10)
    finally:
        embedded.remove(awkward)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a place outside a private home")
def test_root_under_a_private_home_keeps_the_servers_elsewhere(data_dir):
    private = data_dir / "home"
    private.mkdir(parents=True)
    private.chmod(0o700)
    inside = private / "data"
    place = embedded.place(inside)
    assert place.parent == embedded.SHARED_HOME
    program = embedded.prepare_postgres(inside)
    process = spawn(program, stdout=subprocess.DEVNULL)
    try:
        embedded.wait_for_postgres(inside, process, seconds=60)
        assert query(inside, "select 1") == [(1,)]
        shutil.move(private, data_dir / "moved")
        assert embedded.place(data_dir / "moved" / "data") == place  # remembered in the folder
    finally:
        stop(process, program, seconds=10)
        embedded.remove(data_dir / "moved" / "data")
    assert not place.exists()
