"""What `make run` runs: its options from the environment and the programs of the product."""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config import embedded, providers
from config.children import Child
from config.processes import Program

ROOT = Path(__file__).resolve().parent.parent
# Name → queue. Two kinds of work wait for vendors, each in one process at a time (ServiceTitan's sync;
# bookings and lost calls), so that of three workers one is always free for what must be prompt.
WORKERS = {
    **{queue: queue for queue in ("sending", "events", "engine", "bulk")},
    **{f"bulk{number}": "bulk" for number in (2, 3)},
}
HOST = "127.0.0.1"
WEB_POOL = 24  # database connections of the web process: its 64 threads wait for the pool, not for Postgres
SERVERS, PRODUCT = 1, 0  # stages of the stop: whatever uses the servers ends first
LEFTOVER_MARKS = ("granian", "config.celery", "config.prepare", "-m sandbox", "/postgres", "redis.conf")


class Refusal(Exception):
    """The product cannot run as asked; the text is one sentence for the person who started it."""


@dataclass(frozen=True)
class Options:
    """The environment of `make run`, read once."""

    environ: Mapping[str, str]
    data: Path
    port: int
    demo: bool
    speed: str
    clock_start: str

    @property
    def web_url(self) -> str:
        """Where the web process listens."""
        return f"http://{HOST}:{self.port}"

    @property
    def embedded_database(self) -> bool:
        """Whether Postgres is ours to run."""
        return not self.environ.get("DATABASE_URL")

    @property
    def embedded_redis(self) -> bool:
        """Whether Redis is ours to run."""
        return not self.environ.get("REDIS_URL")


def read_options(environ: Mapping[str, str]) -> Options:
    """Options of this start; raises Refusal for a value that makes no sense."""
    text = environ.get("PORT") or "8000"
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Refusal(f"PORT must be a number between 1 and 65535, not {text!r}.")
    demo = environ.get("TRUCKROLL_DEMO") or "1"
    if demo not in {"0", "1"}:
        raise Refusal(f"TRUCKROLL_DEMO must be 0 or 1, not {demo!r}.")
    return Options(
        environ=environ,
        data=Path(environ.get("TRUCKROLL_DATA") or ROOT / ".truckroll").absolute(),
        port=int(text),
        demo=demo == "1",
        speed=environ.get("TRUCKROLL_SANDBOX_SPEED") or "60",
        clock_start=environ.get("TRUCKROLL_NOW") or "",
    )


def port_is_free(port: int) -> bool:
    """Whether nobody listens there; SO_REUSEPORT would let us share it unnoticed, so we also knock."""
    with socket.socket() as knock:
        knock.settimeout(1)
        if knock.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True


def sandbox_port(options: Options) -> int:
    """The sandbox's port: the one of the last run while it is free, else the next free one after PORT."""
    memory = options.data / "sandbox.port"
    remembered = [int(memory.read_text())] if memory.is_file() else []
    for port in (*remembered, *range(options.port + 1, min(options.port + 200, 65536))):
        if port != options.port and port_is_free(port):
            memory.write_text(str(port))
            return int(port)
    raise Refusal(
        f"No free port for the provider sandbox between {options.port + 1} and {options.port + 200}."
    )


def child_env(options: Options, sandbox_url: str | None) -> dict[str, str]:
    """The environment every program of the product gets."""
    env = {
        **{name: value for name, value in options.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "DJANGO_SETTINGS_MODULE": options.environ.get("DJANGO_SETTINGS_MODULE") or "config.settings",
        "PYTHONUNBUFFERED": "1",
        "TRUCKROLL_DATA": str(options.data),
        "TRUCKROLL_DEMO": "1" if options.demo else "0",
        "TRUCKROLL_SANDBOX_SPEED": options.speed,
        "PORT": str(options.port),
        "PUBLIC_URL": options.environ.get("PUBLIC_URL") or options.web_url,
    }
    if sandbox_url:
        credentials = providers.sandbox_credentials(options.data)
        env |= providers.sandbox_env(options.environ, credentials, sandbox_url)
        env["TRUCKROLL_SANDBOX_URL"] = sandbox_url
    return env


def servers(options: Options) -> list[Child]:
    """The embedded servers that this start needs."""
    children = []
    if options.embedded_database:
        postgres = Child("postgres", lambda: embedded.prepare_postgres(options.data), SERVERS, patience=20)
        postgres.noise = ("the database system is starting up",)  # our own knocking
        children.append(postgres)
    if options.embedded_redis:
        redis = Child("redis", lambda: embedded.prepare_redis(options.data), SERVERS)
        redis.noise = ("overcommit",)  # advice for a server of its own, not for a laptop
        children.append(redis)
    return children


def sandbox(options: Options, env: Mapping[str, str], port: int) -> Child:
    """The provider sandbox, in place of the providers that the environment does not name."""
    argv = [
        *("-m", "sandbox", "--host", HOST, "--port", str(port), "--data", str(options.data / "sandbox")),
        *("--speed", options.speed, "--clock-file", str(options.data / "clock.json"), "--seed", "1"),
        *("--credentials", str(options.data / providers.CREDENTIALS_FILE)),
        *("--webhook-base", options.web_url),
        *(["--demo"] if options.demo else []),
    ]
    return Child("sandbox", lambda: _python(argv, env))


def preparation(env: Mapping[str, str]) -> Child:
    """Migrations, static files, demo company or first admin: one step that ends."""
    return Child("prepare", lambda: _python(["-m", "config.prepare"], env), once=True)


def product(options: Options, env: Mapping[str, str]) -> list[Child]:
    """Web, the queues' workers, beat."""
    # Celery warns about root; its pickle, the danger meant, is switched off.
    celery = [*("-W", "ignore:You're running"), "-m", "celery", "-q", "-A", "config.celery"]
    children = [Child("web", lambda: web(options.port, env))]
    for name, queue in WORKERS.items():
        argv = [*celery, "worker", "-Q", queue, "-n", f"{name}@truckroll", *WORKER_FLAGS]
        children.append(Child(name, lambda argv=argv: _python(argv, env)))  # type: ignore[misc]
    # The schedule is intervals only, so it needs no file that a kill could damage.
    beat = [*celery, "beat", "--scheduler", "celery.beat.Scheduler", "--pidfile=", "--loglevel", "WARNING"]
    children.append(Child("beat", lambda: _python(beat, env)))
    return children


def web(port: int, env: Mapping[str, str]) -> Program:
    """The web process, listening on `port` of this machine alone."""
    argv = [
        *("-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)),
        *("--workers", "1", "--blocking-threads", "64", "--no-ws", "--workers-kill-timeout", "5s"),
        *("--log-level", "error", "config.wsgi:application"),
    ]
    return _python(argv, {**env, "TRUCKROLL_DB_POOL": env.get("TRUCKROLL_DB_POOL") or str(WEB_POOL)})


WORKER_FLAGS = (
    *("--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    *("--loglevel", "WARNING"),
)


def _python(argv: list[str], env: Mapping[str, str]) -> Program:
    return Program([sys.executable, *argv], dict(env), cwd=str(ROOT), new_files_mask=0o077)


def open_data_folder(options: Options) -> None:
    """Create the data folder and prove that it can be written; raises Refusal with the reason."""
    try:
        embedded.make_data_dir(options.data)
        probe = options.data / f"probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Refusal(
            f"The data folder {options.data} cannot be written ({reason}); set TRUCKROLL_DATA to another."
        ) from error
