"""`make faults SEEDS=1 RECIPIENTS=500`: each fault on a running product, judged by the provider's ledger.

One JSON line per fault and seed; every figure must be 0, else the exit code is 1 (see `bench.judging`).

    {"fault", "seed", "recipients", "duplicates", "lost", "sends_after_stop", "counter_drift", "regressions",
     "outside_window"}

SEEDS is how many seeds, from 1 on; a seed draws every instant. One product serves the faults of a seed until
one of them does it harm. Words for people go to standard error.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench.called import CallCourse
from bench.disturbances import CALLS, DISTURBANCES, SMALL_DISK
from bench.faulted import LAUNCH_SECONDS, Course, Database, Provider
from bench.product import Product
from config import embedded

START = "2026-12-01T05:00:00+00:00"  # a Tuesday
SMALL_DISK_MB = 400
# Real seconds: how soon a call nobody recorded is unknown, and is then looked up at the provider.
LEASES = {"TRUCKROLL_ABANDONED_AFTER_SECONDS": "4", "TRUCKROLL_RECONCILE_AFTER_SECONDS": "4"}


class Ground:
    """The product that faults are tried on; made when needed, and anew after a fault that did it harm."""

    def __init__(self, recipients: int) -> None:
        self.recipients = recipients
        self.rate = max(20, recipients // LAUNCH_SECONDS)
        self.product: Product | None = None
        self._disk: Path | None = None

    def ready(self, *, small_disk: bool) -> Product:
        """A product that runs and is sound; its servers on a small disk of their own or not.

        Raises PermissionError where this machine lets us mount none.
        """
        if self.product is not None and small_disk != (self._disk is not None):
            self.clear()
        if self.product is None:
            data = Path(tempfile.mkdtemp(prefix="truckroll-faults-"))
            data.chmod(0o711)  # its servers may run as another user
            if small_disk:
                self._mount(data)
            self.product = Product(
                data, TRUCKROLL_DEMO="0", TRUCKROLL_NOW=START, LOAD_RATE=str(self.rate), **LEASES
            )
            self.product.start()
            database = Database(self.product)
            database.keep_history()
            database.keep_history("conversations_call", "bench_call_turn")
        return self.product

    def _mount(self, data: Path) -> None:
        """A disk of 400 MB in memory below the servers' folder."""
        disk = embedded.place(data)
        disk.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m,mode=0711", "none", str(disk)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            embedded.remove(data)
            raise PermissionError(f"no disk of its own can be mounted here: {done.stderr.strip()}")
        self._disk = disk

    def clear(self) -> None:
        """Stop the product and delete its data."""
        if self.product is not None:
            try:
                self.product.stop()
            finally:
                if self._disk is not None:
                    subprocess.run(["umount", "-l", str(self._disk)], check=False)
                    self._disk = None
                self.product.remove()
                self.product = None


def try_fault(ground: Ground, fault: str, seed: int) -> bool:
    """Run one fault and print its line; whether every figure was 0 and everything came to rest."""
    began = time.monotonic()
    course: Course | None = None
    try:
        product = ground.ready(small_disk=fault in SMALL_DISK)
        port = (product.data / "sandbox.port").read_text().strip()
        rng = random.Random(f"{seed}:{fault}")
        course = (CallCourse if fault in CALLS else Course)(
            product,
            Database(product),
            Provider(f"http://127.0.0.1:{port}"),
            rng,
            ground.recipients,
            ground.rate,
        )
        course.run(DISTURBANCES[fault])
        figures = course.figures()
    except PermissionError as refusal:
        _say(f"{fault}: not tried: {refusal}")
        return True
    except Exception as error:
        _say(f"{fault}, seed {seed}: not carried through: {type(error).__name__}: {error}")
        _say(*(ground.product.lines[-20:] if ground.product else []))
        ground.clear()
        return False
    finally:
        if course is not None:
            course.finish()
    line = {"fault": fault, "seed": seed, "recipients": course.recipients, **figures}
    print(json.dumps(line), flush=True)
    _say(f"{fault}, seed {seed}: {time.monotonic() - began:.0f} s. {course.story()}")
    sound = not any(figures.values()) and not course.unsettled and not course.complaints
    if not sound:
        ground.clear()
    return sound


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def main(argv: list[str]) -> int:
    """Run every fault for every seed; 0 if nothing was amiss, 1 otherwise, 2 for a wrong option."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--recipients", type=int, default=500, help="of each launch")
    parser.add_argument(
        "--only", nargs="+", choices=DISTURBANCES, metavar="FAULT", default=list(DISTURBANCES)
    )
    given = parser.parse_args(argv)
    if given.seeds < 1 or not 10 <= given.recipients <= 20_000:
        parser.error("at least one seed, and 10 to 20,000 recipients")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    ground = Ground(given.recipients)
    sound = True
    try:
        for seed in range(1, given.seeds + 1):
            for fault in given.only:
                sound &= try_fault(ground, fault, seed)
            ground.clear()
    finally:
        ground.clear()
    return 0 if sound else 1


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))
