"""`make run` as a whole: ready, restarted, stopped, and its refusals in one sentence each."""

import http.server
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from config.processes import alive
from tests.product import ROOT, Product, free_port, wait_for
from tests.seed import sow

WORKERS = {"sending", "events", "engine", "bulk", "bulk2", "bulk3"}
ADMIN = "boss@example.com"
NAMES = {"postgres", "redis", "sandbox", "web", "beat", *WORKERS}


def refusal(product: Product) -> str:
    """What a start that must fail says on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "config.supervisor"],
        cwd=ROOT,
        env=product.env,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return done.stderr


def groups_of(pids):
    """Every live process of the groups that these pids lead."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.getpgid(int(entry)) in pids and alive(int(entry)):
                    found.append(int(entry))
            except ProcessLookupError:
                continue
    return found


def test_everything_runs_and_answers(running_product):
    assert set(running_product.pids()) == NAMES
    assert running_product.status("/healthz") == 200
    assert running_product.status("/readyz") == 200
    assert any(running_product.url in line for line in running_product.lines)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_child_comes_back_after_kill(running_product, name):
    before = running_product.pids()
    running_product.kill(name)
    assert running_product.pids()[name] != before[name]
    wait_for(lambda: running_product.status("/readyz") == 200, seconds=60, what="ready again")


def test_manage_finds_database_and_key_by_the_data_folder_alone(running_product):
    environ = {
        name: value
        for name, value in running_product.env.items()
        if name in ("PATH", "HOME", "TRUCKROLL_DATA")
    }
    code = (
        "from django.conf import settings; from accounts.models import User;"
        "print(User.objects.count(), settings.SECRET_KEY)"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["0", (running_product.data / "secret_key").read_text()], done.stderr


def test_second_instance_on_the_same_data_is_refused(running_product):
    other = Product(running_product.data, TRUCKROLL_DEMO="0")
    assert (
        refusal(other)
        == f"Truckroll is already running on {other.data}; stop it, or set TRUCKROLL_DATA to another.\n"
    )


def test_taken_port_is_refused(running_product, tmp_path):
    other = Product(tmp_path / "other", PORT=str(running_product.port))
    assert refusal(other) == f"Port {running_product.port} is taken; choose another with PORT.\n"


def test_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    product = Product(tmp_path / "file" / "data")
    sentence = refusal(product)
    assert sentence.startswith(f"The data folder {product.data} cannot be written (not a directory)")
    assert sentence.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), ("PORT", "70000"), ("TRUCKROLL_DEMO", "yes"), ("TRUCKROLL_NOW", "soon")],
)
def test_option_that_makes_no_sense_is_refused(tmp_path, name, value):
    sentence = refusal(Product(tmp_path / "data", **{name: value}))
    assert name in sentence
    assert sentence.count("\n") == 1


def cpu_seconds(pids):
    """Processor time of every process in the groups these pids lead."""
    ticks = 0
    for pid in groups_of(pids):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def folder(tmp_path):
    """A product that was never started, over a data folder of its own."""
    product = Product(
        tmp_path / "data", TRUCKROLL_DEMO="0", TRUCKROLL_NOW="2026-11-24T10:00", TRUCKROLL_ADMIN=ADMIN
    )
    sow(product.data)
    yield product
    product.remove()


@pytest.mark.skipif(
    sys.platform != "linux", reason="reads /proc; elsewhere the next start ends the leftovers"
)
def test_a_folder_through_first_admin_stop_restart_kill_and_a_newer_version(folder):
    product = folder
    # The first admin is made from the environment or refused.
    sentence = refusal(product)
    assert "TRUCKROLL_ADMIN=email:password" in sentence
    assert sentence.count("\n") == 1
    product.env["TRUCKROLL_ADMIN"] = f"{ADMIN}:a-long-password-1"
    product.start()
    show = (
        "from integrations.models import Connection, SendingNumber;"
        "print(*Connection.objects.order_by('pk').values_list('account__name', 'provider'));"
        "print(SendingNumber.objects.count())"
    )
    shown = product.manage("shell", "-v0", "-c", show).stdout
    assert [name in shown for name in ("twilio", "sendgrid", "servicetitan", "3")] == [True] * 4
    first = set(product.pids().values())
    assert len(groups_of(first)) >= len(NAMES)
    kept = [(product.data / name).read_text() for name in ("secret_key", "sandbox.port", "sandbox.json")]

    # Asked to stop: nothing is left, and the second start finds everything and is quick. It makes no demo
    # beside a company of one's own, and names nobody of it who could sign in.
    assert product.stop() == 0
    assert groups_of(first) == []
    assert not (product.data / "pids.json").exists()
    product.env["TRUCKROLL_DEMO"] = "1"
    product.start()
    assert not any("Sign in as" in line for line in product.lines)
    assert any("there is no demo company" in line for line in product.lines)
    second = set(product.pids().values())
    assert cpu_seconds(second) < 20  # so that even one busy processor is ready in time
    show = (
        "from accounts.models import User; from common import clock;"
        "print(User.objects.count(), clock.now().date())"
    )
    assert product.manage("shell", "-v0", "-c", show).stdout.split() == ["1", "2026-11-24"]
    assert kept == [
        (product.data / name).read_text() for name in ("secret_key", "sandbox.port", "sandbox.json")
    ]
    future = (
        "from django.db import connection as c;"
        'c.cursor().execute("insert into django_migrations (app, name, applied)'
        " values ('campaigns', '9999_from_the_future', now())\")"
    )
    assert product.manage("shell", "-v0", "-c", future).returncode == 0

    # Killed outright: still nothing is left. A database from the future is refused, and nothing stays up.
    product.process.kill()
    product.process.wait()
    wait_for(lambda: not groups_of(second), seconds=30, what="end of every process")
    sentence = refusal(product)
    assert sentence.startswith(
        "This database belongs to a newer version of Truckroll (it knows campaigns.9999"
    )
    assert sentence.count("\n") == 1
    assert not (product.data / "pids.json").exists()


def test_stop_is_heard_while_the_data_is_being_prepared(tmp_path):
    product = Product(tmp_path / "data", TRUCKROLL_DEMO="0")
    process = subprocess.Popen(
        [sys.executable, "-m", "config.supervisor"], cwd=ROOT, env=product.env, stdout=subprocess.DEVNULL
    )
    product.process = process
    try:
        wait_for(lambda: "prepare" in product.pids(), seconds=30, what="preparation")
        pids = set(product.pids().values())
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0
        assert groups_of(pids) == []
    finally:
        product.remove()


def test_named_provider_replaces_the_sandbox_for_that_provider(tmp_path, monkeypatch):
    from config import providers, running

    named = {
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "t",
        "TWILIO_API_BASE_URL": "http://127.0.0.1:1",
    }
    options = running.read_options({**named, "TRUCKROLL_DATA": str(tmp_path)})
    env = running.child_env(options, "http://127.0.0.1:2")
    assert {name: env[name] for name in named} == named
    assert env["SERVICETITAN_API_BASE_URL"] == env["SENDGRID_API_BASE_URL"] == "http://127.0.0.1:2"
    assert env["SERVICETITAN_TENANT_ID"] == providers.sandbox_credentials(tmp_path)["tenant_id"]
    assert providers.missing(named) == ["SENDGRID_", "SERVICETITAN_"]
    assert not providers.reaches_people(named)
    assert providers.reaches_people({"TWILIO_ACCOUNT_SID": "AC1"})


def test_port_shared_by_another_server_counts_as_taken():
    from config import running

    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        assert not running.port_is_free(server.server_port)
        assert running.port_is_free(free_port())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
