"""Taking an audience in: the product's enrolling against bare SQL that writes the same rows."""

import resource
import sys
import time
from statistics import median

from django.db import connection

from bench.contractor import LAUNCHED, Contractor, copy_enrollments, uncounted
from bench.measurement import Measurement
from campaigns import enrolling

CONTACTS = 1_000_000
ROUNDS = 3


def launch_vs_sql(contacts: int = CONTACTS, rounds: int = ROUNDS) -> Measurement:
    """Contacts a second through `enrolling.enroll`, triggers, suppression and snapshots included.

    The baseline copies the finished rows (enrollment, snapshot, first step) by INSERT … SELECT without
    triggers, in one transaction: it decides nothing and computes nothing. Both keep every key and index.
    """
    contractor = Contractor(contacts)
    ours, bare = [], []
    for _ in range(rounds):
        campaign = contractor.campaign()
        began = time.perf_counter()
        intake = enrolling.enroll(campaign, now=LAUNCHED)
        ours.append(time.perf_counter() - began)
        if intake.admitted != contacts:
            raise SystemExit(f"only {intake.admitted} of {contacts} were admitted")
        copy = contractor.campaign()
        with uncounted():
            began = time.perf_counter()
            copy_enrollments(campaign, copy)
            bare.append(time.perf_counter() - began)
        with connection.cursor() as cursor:
            cursor.execute("analyze")
    print(f"launch_vs_sql: {_seconds(ours)} s ours, {_seconds(bare)} s bare", file=sys.stderr)
    print(f"launch_vs_sql: this process grew to {_megabytes():.0f} MB at most", file=sys.stderr)
    rate, baseline = contacts / median(ours), contacts / median(bare)
    return Measurement(
        "launch_vs_sql", contacts, rate, "contacts/s", "INSERT … SELECT of the finished rows, no triggers",
        baseline, rate / baseline,
    )  # fmt: skip


def _seconds(taken: list[float]) -> str:
    return ", ".join(f"{seconds:.1f}" for seconds in taken)


def _megabytes() -> float:
    """The most memory this process ever held; a worker that takes an audience in does what it did."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in kB
