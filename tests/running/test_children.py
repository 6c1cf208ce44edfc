"""The supervisor's engine with tiny fake children: restarts, prefixes, staged stop, nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from config.children import Child, Children, Ended, end_leftovers
from config.processes import Program, alive
from tests.product import ROOT, wait_for

SLEEPER = "import time\nprint('hello', flush=True)\ntime.sleep(600)"
# A main process with a worker of its own, as a web server has.
FAMILY = """
import subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("worker", worker.pid, flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


def python(code: str) -> Program:
    return Program([sys.executable, "-c", code], dict(os.environ), cwd="/")


@pytest.fixture
def lines():
    return []


@pytest.fixture
def children(tmp_path, lines):
    group = Children(tmp_path / "pids.json", write=lines.append)
    yield group
    group.stop_all()


def attend(group: Children, seconds: float, enough) -> None:
    """Handle news until `enough()`, as the supervisor's main loop does."""

    def turn() -> bool:
        news = group.next_event(0)
        if isinstance(news, Ended):
            group.handle_end(news)
        return enough()

    wait_for(turn, seconds=seconds, what="children")


def test_child_killed_is_started_again_and_recorded(children, tmp_path):
    first = children.start(Child("sleeper", lambda: python(SLEEPER)))
    assert json.loads((tmp_path / "pids.json").read_text()) == {"sleeper": first.pid}
    os.kill(first.pid, signal.SIGKILL)
    attend(children, 60, lambda: children.all["sleeper"].process not in (None, first))
    second = children.all["sleeper"].process.pid
    assert second != first.pid
    assert json.loads((tmp_path / "pids.json").read_text()) == {"sleeper": second}


def test_child_that_keeps_dying_is_started_ever_more_slowly(children, lines):
    children.start(Child("broken", lambda: python("raise SystemExit(4)")))
    attend(children, 60, lambda: sum("ended" in line for line in lines) >= 3)
    pauses = [line.rsplit("in ", 1)[1] for line in lines if "ended" in line]
    assert pauses[:3] == ["0.2 s", "0.4 s", "0.8 s"]
    assert "exit code 4" in lines[0]


def test_worker_of_a_killed_main_process_is_killed_too(children, lines):
    process = children.start(Child("family", lambda: python(FAMILY)))
    attend(children, 60, lambda: lines)
    worker = int(lines[0].split()[-1])
    os.kill(process.pid, signal.SIGKILL)
    attend(children, 60, lambda: children.all["family"].process not in (None, process))
    wait_for(lambda: not alive(worker), seconds=30, what="the end of the worker")
    assert children.all["family"].process is not None and not alive(worker)


def test_lines_carry_the_name_of_their_child(children, lines):
    children.start(Child("web", lambda: python(SLEEPER)))
    attend(children, 60, lambda: lines)
    assert lines == ["web       hello"]


def test_lines_with_known_noise_are_left_out(children, lines):
    code = "print('advice nobody asked for')\nprint('news')"
    children.start(Child("talker", lambda: python(code), once=True, noise=("advice",)))
    attend(children, 60, lambda: lines)
    assert lines == ["talker    news"]


def test_stop_ends_stages_in_order_and_kills_the_deaf(children, lines):
    server = children.start(Child("server", lambda: python(SLEEPER), stage=1))
    deaf = children.start(Child("deaf", lambda: python(STUBBORN), stage=0, patience=0.5))
    attend(children, 60, lambda: len(lines) == 2)
    alive_at_death: list[bool] = []
    ended = children.handle_end

    def watch(news: Ended) -> None:
        if news.child.name == "server":
            alive_at_death.append(alive(deaf.pid))
        ended(news)

    children.handle_end = watch
    children.stop_all()
    assert alive_at_death == [False]
    assert not alive(server.pid)
    assert not alive(deaf.pid)


PARENT = textwrap.dedent("""
    import sys
    from pathlib import Path
    from config.children import Child, Children
    from config.processes import Program
    import os
    group = Children(Path(sys.argv[1]))
    for name in ("one", "two"):
        argv = [sys.executable, "-c", "import time; time.sleep(600)"]
        group.start(Child(name, lambda: Program(argv, dict(os.environ), cwd="/")))
    print("up", flush=True)
    group.next_event()
""")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends the leftovers")
def test_nothing_is_left_when_the_parent_is_killed_outright(tmp_path):
    pids_file = tmp_path / "pids.json"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(pids_file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == "up\n"
        pids = json.loads(pids_file.read_text())
        assert all(alive(pid) for pid in pids.values())
        parent.kill()
        parent.wait()
    wait_for(lambda: not any(alive(pid) for pid in pids.values()), seconds=30, what="children's end")


def test_leftovers_are_ended_by_recorded_pid_but_strangers_are_not(tmp_path: Path):
    def sleeper(word: str) -> "subprocess.Popen[bytes]":
        code = f"import time; time.sleep(600)  # {word}"
        return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)

    ours, stranger = sleeper("config.celery"), sleeper("somebody else's")
    try:
        pids_file = tmp_path / "pids.json"
        pids_file.write_text(json.dumps({"engine": ours.pid, "web": stranger.pid}))
        end_leftovers(pids_file, ["config.celery"], seconds=5)
        assert ours.wait(5) == -signal.SIGTERM
        assert stranger.poll() is None
        assert not pids_file.exists()
    finally:
        for process in (ours, stranger):
            process.kill()
            process.wait()


def test_nothing_is_printed_any_more_while_the_process_ends():
    code = """
import sys, threading, time
from config import children
children._print("early")
children.fall_silent()
threading.Thread(target=children._print, args=("late",), daemon=True).start()
time.sleep(0.2)
sys.exit(0)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (0, "early\n")
