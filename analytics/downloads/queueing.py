"""From a person's wish for a file to a row that waits, and what they may do with it afterwards."""

import hashlib
import json
from contextlib import suppress
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Sum

from accounts import audit
from accounts.models import Account, User
from analytics.downloads import sources
from analytics.models import Download, DownloadChunk, DownloadSlice
from audiences import counting
from common.doorbell import ring

PERSON_WAITING, ACCOUNT_WAITING = 5, 20  # downloads that wait or are being made, at most
PERSON_KEPT = 100  # files that wait to be fetched
ACCOUNT_BYTES = 20 * 1024**3  # of files that are kept
State = Download.State


class Refused(Exception):
    """A limit is reached; the words say which, and what to do."""


def ask(
    account: Account, source: sources.Source, params: sources.Params, *, form: str, by: User, now: datetime
) -> tuple[Download, bool]:
    """Queue a file of a source's rows; the same one that waits already where there is one.

    The second value tells whether it is a new one. Raises `sources.Unknown` for params without meaning and
    `Refused` at a limit.
    """
    kept = sources.checked(params) | {sources.ASKED_AT: now.isoformat()}
    with suppress(counting.TakesLonger), counting.within(counting.AT_ONCE):  # whoever builds it has time
        source.query(account, kept)  # means something, or raises
    digest = _digest(source.name, params, form)
    same = Download.objects.waiting().filter(account=account, requested_by=by, digest=digest)
    if (waits := same.first()) is not None:
        return waits, False
    _within_limits(account, by)
    try:
        with transaction.atomic():
            download = Download.objects.create(
                account=account, requested_by=by, requested_at=now, source=source.name, params=kept,
                digest=digest, title=source.words(account, kept), form=form,
            )  # fmt: skip
            audit.record(
                account=account, by=by, verb="queued_download", on=download,
                summary=f"Queued a download of {download.title}", detail={"format": download.form},
            )  # fmt: skip
    except IntegrityError:  # pressed twice at once
        return same.get(), False
    _ring()
    return download, True


def _digest(source: str, params: sources.Params, form: str) -> str:
    said = json.dumps([source, sorted(params.items()), form])
    return hashlib.blake2b(said.encode(), digest_size=20).hexdigest()


def _within_limits(account: Account, by: User) -> None:
    ours = Download.objects.filter(account=account)
    mine = ours.filter(requested_by=by)
    if mine.waiting().count() >= PERSON_WAITING:
        raise Refused(
            f"Nothing was queued: {PERSON_WAITING} of your downloads are still being made. "
            "Wait for one, or cancel one on the downloads page."
        )
    if ours.waiting().count() >= ACCOUNT_WAITING:
        raise Refused(
            f"Nothing was queued: {ACCOUNT_WAITING} downloads of {account.name} are still being made. "
            "Try again in a few minutes."
        )
    if mine.kept().count() >= PERSON_KEPT:
        raise Refused(
            f"Nothing was queued: you have {PERSON_KEPT} finished downloads. Delete some of them first."
        )
    taken = ours.kept().aggregate(taken=Sum("bytes"))["taken"] or 0
    if taken >= ACCOUNT_BYTES:
        raise Refused(
            f"Nothing was queued: the finished downloads of {account.name} take all the room they may "
            f"({ACCOUNT_BYTES // 1024**3} GB). Delete large ones, or wait until they expire."
        )


@transaction.atomic
def cancel(download: Download, *, by: User, now: datetime) -> bool:
    """Stop one that waits or is being made; False where it has ended by itself. Nothing of it is kept.

    Its worker sees it before the next slice of rows.
    """
    found = Download.objects.select_for_update(no_key=True).waiting().filter(pk=download.pk)
    if (mine := found.first()) is None:
        return False
    mine.state, mine.finished_at, mine.leased_until = State.CANCELLED, now, None
    mine.save(update_fields=["state", "finished_at", "leased_until"])
    _clear(mine)
    audit.record(
        account=mine.account, by=by, verb="cancelled_download", on=mine,
        summary=f"Cancelled the download of {mine.title}",
    )  # fmt: skip
    return True


def again(download: Download, *, by: User, now: datetime) -> bool:
    """Make one that failed, was cancelled or expired once more, of the same figure; its rows are read anew.

    False where there is nothing to do: it is being made or ready, or the same file waits already. Raises
    Refused at a limit.
    """
    _within_limits(download.account, download.requested_by)
    ended = Download.objects.filter(pk=download.pk, state__in=[State.FAILED, State.CANCELLED, State.EXPIRED])
    try:
        with transaction.atomic():
            queued = ended.update(
                state=State.QUEUED, requested_at=now, finished_at=None, begun_at=None, as_of=None, total=None,
                done=0, rows=0, bytes=0, worked_ms=0, broken_off=0, served_at=None, error="", told_at=None,
            )  # fmt: skip
            if queued:
                audit.record(
                    account=download.account, by=by, verb="queued_download", on=download,
                    summary=f"Queued the download of {download.title} again",
                    detail={"format": download.form},
                )  # fmt: skip
                _ring()
    except IntegrityError:
        return False
    return bool(queued)


@transaction.atomic
def delete(download: Download, *, by: User) -> bool:
    """Delete one that has ended, file and row; False while it is being made. The audit log keeps the act."""
    found = Download.objects.select_for_update().exclude(state__in=Download.PENDING)
    if (mine := found.filter(pk=download.pk).first()) is None:
        return False
    audit.record(
        account=mine.account, by=by, verb="deleted_download", on=mine,
        summary=f"Deleted the download of {mine.title}",
    )  # fmt: skip
    _clear(mine)
    mine.delete()
    return True


def _clear(download: Download) -> None:
    DownloadSlice.objects.filter(download=download).delete()
    DownloadChunk.objects.filter(download=download).delete()


def _ring() -> None:
    from analytics.tasks import build_downloads  # tasks import this module

    ring(build_downloads)
