"""Keep child processes running: prefixed output, restarts with back-off, a staged stop.

Everything that starts a process happens in the main thread, because the kernel ties a child's death
signal to the thread that started it. Other threads only read pipes, wait, and put events on one queue.
"""

import itertools
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.processes import Program, alive, command_of, signal_group, spawn, wait_until

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_STEADY_SECONDS = 30.0  # a child that lived this long restarts at once again
_COLOURS = itertools.cycle(["36", "33", "32", "35", "34", "96", "93", "92", "95"])


@dataclass
class Child:
    """One process to keep alive. `prepare` is asked before every start for what to run.

    `stage` orders the stop, low first; `patience` is how long a polite stop may take, in seconds;
    a `once` child is a step that is expected to end; lines that contain one of `noise` are not shown.
    """

    name: str
    prepare: Callable[[], Program]
    stage: int = 0
    patience: float = 8.0
    once: bool = False
    noise: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    program: Program | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE
    colour: str = field(default_factory=lambda: next(_COLOURS))


@dataclass(frozen=True)
class Ended:
    """A child's process has ended; `code` is negative for a signal."""

    child: Child
    process: "subprocess.Popen[bytes]"
    code: int


@dataclass(frozen=True)
class Told:
    """Something another thread or a signal handler has to tell the main loop."""

    what: str
    detail: Any = None


class Children:
    """The children of one supervisor and the queue on which their news arrives."""

    def __init__(self, pids_file: Path, write: Callable[[str], None] | None = None) -> None:
        # SimpleQueue.put may be called from a signal handler.
        self.events: queue.SimpleQueue[Ended | Told] = queue.SimpleQueue()
        self.all: dict[str, Child] = {}
        self.stopping = False
        self._pids_file = pids_file
        self._due: dict[str, float] = {}
        self._write_line = write or _print
        self._coloured = sys.stdout.isatty()

    def start(self, child: Child) -> "subprocess.Popen[bytes]":
        """Start a child, or start it again; main thread only."""
        child.program = child.prepare()
        process = spawn(child.program, stdout=subprocess.PIPE)
        child.process, child.started = process, time.monotonic()
        self.all[child.name] = child
        self._record()
        threading.Thread(target=self._read, args=(child, process), daemon=True).start()
        threading.Thread(target=self._wait, args=(child, process), daemon=True).start()
        return process

    def next_event(self, until: float | None = None) -> Ended | Told | None:
        """The next news; restarts that fall due happen meanwhile. None once `until` (monotonic) passed."""
        while True:
            self._start_due()
            moments = [*self._due.values(), *([until] if until is not None else [])]
            try:
                wait = max(0.0, min(moments) - time.monotonic()) if moments else None
                return self.events.get(timeout=wait)
            except queue.Empty:
                if until is not None and time.monotonic() >= until:
                    return None

    def handle_end(self, ended: Ended) -> None:
        """Kill what is left of the child's group and, unless stopping, plan its restart."""
        child = ended.child
        # A main process killed outright leaves its workers behind, and they would share its port.
        signal_group(ended.process.pid, signal.SIGKILL)
        if child.process is not ended.process:
            return
        child.process = None
        self._record()
        if self.stopping or child.once:
            return
        if time.monotonic() - child.started > _STEADY_SECONDS:
            child.pause = _FIRST_PAUSE
        self.say(child, f"ended ({_describe(ended.code)}); starting again in {child.pause:.1f} s")
        self._due[child.name] = time.monotonic() + child.pause
        child.pause = min(child.pause * 2, _LONGEST_PAUSE)

    def stop_all(self) -> None:
        """End every child, stage by stage; a further signal meanwhile kills what is left at once."""
        self.stopping = True
        self._due.clear()
        for stage in sorted({child.stage for child in self.all.values()}):
            members = [child for child in self.all.values() if child.stage == stage and child.process]
            for child in members:
                if child.process and child.program:
                    child.process.send_signal(child.program.stop_signal)
            self._await_end(members)
        self._pids_file.unlink(missing_ok=True)

    def say(self, child: Child, line: str) -> None:
        """Write one line under the child's name."""
        name = f"{child.name:<9}"
        self._write_line(f"\033[{child.colour}m{name}\033[0m {line}" if self._coloured else f"{name} {line}")

    def _await_end(self, members: list[Child]) -> None:
        deadline = time.monotonic() + max((child.patience for child in members), default=0)
        while any(child.process for child in members):
            event = self.next_event(deadline)
            if isinstance(event, Ended):
                self.handle_end(event)
            elif event is None or event.what == "signal":
                break
        for child in members:
            if child.process:
                signal_group(child.process.pid, signal.SIGKILL)
                child.process.wait()

    def _start_due(self) -> None:
        for name in [name for name, moment in self._due.items() if moment <= time.monotonic()]:
            del self._due[name]
            try:
                self.start(self.all[name])
            except Exception as error:
                child = self.all[name]
                self.say(child, f"cannot start: {error}")
                self._due[name] = time.monotonic() + child.pause
                child.pause = min(child.pause * 2, _LONGEST_PAUSE)

    def _read(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        with process.stdout as pipe:
            for raw in pipe:
                line = raw.decode(errors="replace").rstrip()
                if line and not any(word in line for word in child.noise):
                    self.say(child, line)

    def _wait(self, child: Child, process: "subprocess.Popen[bytes]") -> None:
        self.events.put(Ended(child, process, process.wait()))

    def _record(self) -> None:
        running = {child.name: child.process.pid for child in self.all.values() if child.process}
        draft = self._pids_file.with_suffix(".tmp")
        draft.write_text(json.dumps(running))
        draft.replace(self._pids_file)


def end_leftovers(pids_file: Path, marks: Iterable[str], *, seconds: float = 10) -> None:
    """End what an earlier supervisor left running, by the pids it recorded.

    A pid counts only if its command line contains one of `marks`: it may belong to somebody else by now.
    """
    try:
        pids = [int(pid) for pid in json.loads(pids_file.read_text()).values()]
    except (FileNotFoundError, ValueError, AttributeError):
        return
    marks = tuple(marks)

    def left() -> list[int]:
        return [pid for pid in pids if alive(pid) and any(mark in command_of(pid) for mark in marks)]

    for pid in left():
        signal_group(pid, signal.SIGTERM)
    if not wait_until(lambda: not left(), seconds=seconds):
        for pid in left():
            signal_group(pid, signal.SIGKILL)
        wait_until(lambda: not left(), seconds=seconds)
    pids_file.unlink(missing_ok=True)


def _describe(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


_output = threading.Lock()


def _print(line: str) -> None:
    try:
        with _output:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        pass  # nobody reads any more; the children must not notice


def fall_silent() -> None:
    """Print nothing more, for good: the interpreter's end aborts where a thread still writes."""
    _output.acquire()
