"""From asking for a report to its files: queued as a row, made by a worker, kept for 30 days.

A worker holds a report by a lease on the database's clock and renews it as it writes. One that is killed
leaves the lease to run out; whoever sweeps next begins the report anew, three times at most.
"""

import hashlib
import logging
import tempfile
from collections.abc import Callable
from datetime import date, datetime
from typing import IO

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from analytics.compliance import figures, register, scope
from analytics.compliance.document import Report
from analytics.compliance.register import Line
from analytics.compliance.table import Table
from analytics.models import ComplianceReport, ReportChunk
from campaigns.models import Campaign
from common import clock, loops, sql
from common.doorbell import ring
from integrations.models import SendingNumber

TRIES = 3
LEASE_SECONDS = 60
NOTE_EVERY = 500  # lines
CHUNK_BYTES = 512 * 1024
_IN_MEMORY = 4 * 1024 * 1024
State = ComplianceReport.State
log = logging.getLogger(__name__)


class Interrupted(Exception):
    """This worker is to end, or lost the report to another; nothing was kept."""


@transaction.atomic
def ask(
    account: Account,
    *,
    number: SendingNumber | None = None,
    campaign: Campaign | None = None,
    first_day: date,
    last_day: date,
    by: User,
    now: datetime,
) -> ComplianceReport:
    """Queue a report of a number or a campaign; its days are company days, both included."""
    report = ComplianceReport.objects.create(
        account=account, number=number, campaign=campaign, first_day=first_day, last_day=last_day,
        requested_by=by, requested_at=now,
    )  # fmt: skip
    audit.record(
        account=account, by=by, verb="made_compliance_report", on=report,
        summary=f"Asked for an opt-out and consent report of {report.about}",
        detail={"from": first_day.isoformat(), "to": last_day.isoformat()},
    )  # fmt: skip
    _ring()
    return report


def again(report: ComplianceReport) -> bool:
    """Queue a failed report once more, as of its first request; False where it has not failed."""
    failed = ComplianceReport.objects.filter(pk=report.pk, state=State.FAILED)
    if not failed.update(state=State.QUEUED, tries=0, error="", leased_until=None):
        return False
    _ring()
    return True


def _ring() -> None:
    from analytics.tasks import build_reports  # tasks import this module

    ring(build_reports)


def build_waiting(*, go_on: Callable[[], bool]) -> int:
    """Make reports that wait, one after the other; how many were finished."""
    finished = 0
    while go_on() and (report := _take()):
        finished += _build(report)
    return finished


def _take() -> ComplianceReport | None:
    """The report that waits for longest, leased; one begun too often is given up."""
    sql.run(
        """
        UPDATE analytics_compliancereport SET state = 'failed', leased_until = NULL,
            error = 'It was begun several times and never came to its end. Try again, or choose fewer days.'
        WHERE state = 'building' AND leased_until < clock_timestamp() AND tries >= %s
        """,
        [TRIES],
    )
    taken = sql.value(
        """
        UPDATE analytics_compliancereport
        SET state = 'building', tries = tries + 1, done = 0, total = 0, begun_at = %s,
            leased_until = clock_timestamp() + make_interval(secs => %s)
        WHERE id = (
            SELECT id FROM analytics_compliancereport
            WHERE state = 'queued' OR state = 'building' AND leased_until < clock_timestamp()
            ORDER BY requested_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        ) RETURNING id
        """,
        [clock.now(), LEASE_SECONDS],
    )
    reports = ComplianceReport.objects.select_related(
        "account", "number", "requested_by", "campaign__number", "campaign__window", "campaign__audience",
        "campaign__version__workflow", "campaign__launched_by",
    )  # fmt: skip
    return reports.get(pk=taken) if taken else None


def _build(report: ComplianceReport) -> bool:
    """Make one leased report; whether it was finished."""
    try:
        with _file() as pdf, _file() as csv:
            pages = _write(report, pdf, csv)
            _keep(report, pdf, csv, pages)
        return True
    except Interrupted:
        mine = ComplianceReport.objects.filter(pk=report.pk, state=State.BUILDING, tries=report.tries)
        mine.update(state=State.QUEUED, leased_until=None, tries=report.tries - 1)
        return False
    except Exception as error:
        log.exception("report %s failed", report.pk)
        ComplianceReport.objects.filter(pk=report.pk, state=State.BUILDING, tries=report.tries).update(
            state=State.FAILED,
            leased_until=None,
            error=f"Making it failed ({type(error).__name__}). Nothing was kept. Try again; if it fails "
            "again, whoever runs Truckroll finds the cause in its log.",
        )
        return False


def _file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)


def _write(report: ComplianceReport, pdf: IO[bytes], csv: IO[bytes]) -> int:
    """Both files, in one walk through the register; how many pages the document has."""
    about = scope.of(report)
    found = figures.of(about)
    _note(report, 0, found.opt_outs)
    table = Table(csv, report.account.zone)
    document = Report(report, about, found, pdf)

    def wrote(number: int, line: Line) -> None:
        table.add(line)
        if number % NOTE_EVERY == 0:
            _note(report, number, found.opt_outs)

    document.front()
    document.register(register.lines(about.opt_outs()), wrote)
    table.finish()
    return document.back(_sha256(csv))


def _note(report: ComplianceReport, done: int, total: int) -> None:
    """Say how far it is, and keep the lease. Raises Interrupted."""
    mine = sql.run(
        """
        UPDATE analytics_compliancereport SET done = %s, total = %s,
            leased_until = clock_timestamp() + make_interval(secs => %s)
        WHERE id = %s AND state = 'building' AND tries = %s
        """,
        [done, total, LEASE_SECONDS, report.pk, report.tries],
    )
    if not mine or loops.should_stop():
        raise Interrupted


def _sha256(file: IO[bytes]) -> str:
    file.seek(0)
    made = hashlib.sha256()
    while piece := file.read(CHUNK_BYTES):
        made.update(piece)
    return made.hexdigest()


@transaction.atomic
def _keep(report: ComplianceReport, pdf: IO[bytes], csv: IO[bytes], pages: int) -> None:
    """Put both files into the database and finish the report, unless another worker has it by now."""
    kept = ComplianceReport.objects.select_for_update(no_key=True).get(pk=report.pk)
    if (kept.state, kept.tries) != (State.BUILDING, report.tries):
        raise Interrupted
    ReportChunk.objects.filter(report=kept).delete()
    kept.pdf_sha256, kept.csv_sha256 = _sha256(pdf), _sha256(csv)
    kept.pdf_bytes, kept.csv_bytes = _store(kept, "pdf", pdf), _store(kept, "csv", csv)
    kept.state, kept.finished_at, kept.leased_until = State.FINISHED, clock.now(), None
    kept.pages, kept.done = pages, kept.total
    kept.save()
    audit.record(
        account=kept.account, by=None, verb="finished_compliance_report", on=kept,
        summary=f"Made the opt-out and consent report of {kept.about}",
        detail={"pages": pages, "pdf_sha256": kept.pdf_sha256, "csv_sha256": kept.csv_sha256},
    )  # fmt: skip


def _store(report: ComplianceReport, form: str, file: IO[bytes]) -> int:
    file.seek(0)
    size = position = 0
    while piece := file.read(CHUNK_BYTES):
        ReportChunk.objects.create(report=report, form=form, position=position, content=piece)
        size, position = size + len(piece), position + 1
    return size


def expire(*, now: datetime) -> int:
    """Drop the files of reports that are 30 days old; the rows and their sums stay. How many."""
    old = list(ComplianceReport.objects.expired(now).values_list("pk", flat=True)[:100])
    for key in old:
        with transaction.atomic():
            ReportChunk.objects.filter(report=key).delete()
            ComplianceReport.objects.filter(pk=key).update(state=State.EXPIRED)
    return len(old)
