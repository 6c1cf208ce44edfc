"""Start a child process that cannot outlive us, and end whole process groups.

On Linux the kernel signals the child when the process that started it dies, whatever kills it
(`prctl(PR_SET_PDEATHSIG)`); elsewhere leftovers are ended at the next start by their recorded pid.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """What to run and how to end it: `stop_signal` asks politely; `user` is whom to run as (None: us)."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    new_files_mask: int = field(default=0o077)


def spawn(program: Program, *, stdout: int | IO[Any] | None = None) -> "subprocess.Popen[bytes]":
    """Start the program in its own session, so that Ctrl-C reaches only us; call from the main thread.

    The death signal is tied to the thread that starts the child, hence the main thread.
    """
    identity: dict[str, Any] = {}
    if program.user is not None:
        entry = pwd.getpwnam(program.user)
        identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return subprocess.Popen(
        program.argv,
        env=program.env,
        cwd=program.cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=program.new_files_mask,
        preexec_fn=_tie_to_parent(os.getpid(), program.stop_signal),
        **identity,
    )


def _tie_to_parent(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl = _libc.prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return tie


def signal_group(pid: int, sig: signal.Signals) -> None:
    """Signal every process of the group that `pid` leads; a group that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, sig)


def stop(process: "subprocess.Popen[bytes]", program: Program, *, seconds: float) -> None:
    """Ask the child to end, wait at most `seconds`, then kill its whole group."""
    if process.poll() is None:
        process.send_signal(program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    signal_group(process.pid, signal.SIGKILL)
    process.wait()


def alive(pid: int) -> bool:
    """Whether a process with this pid exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return True


def command_of(pid: int) -> str:
    """The command line of a process, empty when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        pass
    if _libc is not None:  # Linux: no such process
        return ""
    answer = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.02) -> bool:
    """Poll `condition` until it holds; False when `seconds` (monotonic) passed first."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
