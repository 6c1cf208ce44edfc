"""The product's engine against the usual way: one Celery task per contact (`bench/celery_tuned.py`)."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from django.db import connection

from bench.celery_tuned import app, end_wait
from bench.contractor import LAUNCHED, WAITED, Contractor
from bench.measurement import Measurement
from campaigns import engine, enrolling
from campaigns.models import Campaign, Step
from common import sql
from config import embedded
from config.processes import spawn, stop

CONTACTS, TASKS = 20_000, 1_000  # of the engine, and of Celery, which takes some seconds for so few
ROUNDS = 3
PROCESSES = 2
PATIENCE_SECONDS = 300


def engine_vs_celery_tuned(contacts: int = CONTACTS, tasks: int = TASKS, rounds: int = ROUNDS) -> Measurement:
    """Steps a second of one engine worker, against a Celery worker of two processes doing as much by task.

    Both keep the rows, keys and counters of the product; the baseline publishes a task for each contact that
    is due, and a second one for each text.
    """
    contractor = Contractor(contacts)
    ours, theirs = [], []
    with _worker():
        for number in range(rounds + 1):
            campaign, few = contractor.campaign(), contractor.campaign()
            enrolling.enroll(campaign, now=LAUNCHED)
            enrolling.enroll(few, now=LAUNCHED, most=tasks if number else 50)
            Campaign.objects.filter(pk=few.pk).update(status="paused")
            with connection.cursor() as cursor:
                cursor.execute("vacuum analyze")
            began = time.perf_counter()
            while engine.run_round(now=WAITED):
                pass
            if number:  # the first of each kind warms up
                ours.append(_steps(campaign) / (time.perf_counter() - began))
            began = time.perf_counter()
            run_tasks(few)
            if number:
                theirs.append(_steps(few) / (time.perf_counter() - began))
            Campaign.objects.filter(pk=campaign.pk).update(status="paused")
    rate, baseline = median(ours), median(theirs)
    print(f"engine_vs_celery_tuned: {rate:.0f} steps/s ours, {baseline:.0f} by tasks", file=sys.stderr)
    return Measurement(
        "engine_vs_celery_tuned", contacts * 5 // 2, rate, "steps/s",
        f"one Celery task per contact through the ORM, {PROCESSES} processes", baseline, rate / baseline,
    )  # fmt: skip


def run_tasks(campaign: Campaign) -> None:
    """Publish a task for everybody who is due, and wait until all texts are queued."""
    due = Step.objects.filter(campaign=campaign, due_at__lte=WAITED)
    for step_id in due.order_by("due_at", "pk").values_list("pk", flat=True):
        end_wait.delay(step_id)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while due.exists():
        if time.monotonic() > deadline:
            raise SystemExit("the tasks did not finish")
        time.sleep(0.05)


def _steps(campaign: Campaign) -> int:
    """Steps that have left the engine."""
    return int(
        sql.value(
            "SELECT count(*) FROM campaigns_step WHERE campaign_id = %s AND state <> 'waiting'", [campaign.pk]
        )
    )


@contextmanager
def _worker() -> Iterator[None]:
    """A broker and a worker beside us."""
    folder = Path(os.environ["TRUCKROLL_DATA"])
    program = embedded.prepare_redis(folder)
    broker = spawn(program, stdout=subprocess.DEVNULL)
    argv = [
        sys.executable, "-m", "celery", "-q", "-A", "bench.celery_tuned", "worker", "-P", "prefork",
        "-l", "error", "-c", str(PROCESSES), "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip
    worker = subprocess.Popen(argv, stdout=sys.stderr)  # our own output is measurements alone
    try:
        yield
    finally:
        app.close()
        worker.terminate()
        worker.wait(30)
        stop(broker, program, seconds=10)
