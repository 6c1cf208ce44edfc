"""The way of an import: uploaded, confirmed, taken in piece by piece, finished or cancelled.

Until somebody confirms what the columns mean, nothing of the file is in any table but its own. Then every
piece is one transaction, which ends with the piece's removal: a killed worker loses at most the piece it was
in, and takes it in again as if for the first time. Pieces of one account go in one after the other, so that
nobody is made twice by two files at once.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Account, User
from audiences import uploads
from audiences.imports import columns, pieces, undoing, writing
from audiences.imports.pieces import Understood
from audiences.imports.reading import Person, Reader, is_mailbox
from audiences.models import ContactImport, ContactImportPart, ContactImportRow, Tag
from audiences.uploads import Unreadable
from common import clock, loops, sql
from common.doorbell import ring
from common.phone import e164_of
from common.transactions import atomic_with_retry

MOST_BYTES = 500 * 1024 * 1024
MOST_ROWS = 1_000_001  # with the names of the columns
MOST_COLUMNS = 200
PREVIEWED = 10
DRAFTS_KEPT = timedelta(days=7)
FORGOTTEN_AT_ONCE = 10_000
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grounds:
    """On what ground an import's people may be texted; words, date and place where each agreed in writing."""

    ground: str
    on: date | None = None
    proof: str = ""
    place: str = ""


@transaction.atomic
def take_in(
    account: Account, source: IO[bytes], size: int, *, name: str, by: User, now: datetime,
    token: UUID | None = None,
) -> ContactImport:  # fmt: skip
    """Keep a file of `size` bytes as a draft, once for a token. Raises Unreadable, and IntegrityError where
    the same token has just made one."""
    text = uploads.open_text(source, size, most=MOST_BYTES, exact=True)
    try:
        mark = uploads.delimiter(text)
        listed = ContactImport.objects.create(
            account=account,
            name=name,
            by=by,
            uploaded_at=now,
            delimiter=mark,
            encoding=text.encoding,
            token=token,
        )
        lines = uploads.lines(text, whole=True)
        for piece in uploads.pieces(lines, mark, most=MOST_ROWS, size=uploads.PIECE):
            ContactImportPart.objects.create(
                of=listed, first_row=piece.first_row, rows=piece.rows, text=piece.text
            )
            listed.rows += piece.rows
    finally:
        text.detach()  # the upload closes its own file
    _name_columns(listed)
    listed.save()
    return listed


def _name_columns(listed: ContactImport) -> None:
    """What the first row says of the columns. Raises Unreadable where there is nobody in the file."""
    first = next(
        (cells for _, cells, _ in _rows_of(listed) if any(cell.strip() for cell in cells or ())), None
    )
    if first is None:
        raise Unreadable("The file is empty. Nothing was taken from it.")
    if len(first) > MOST_COLUMNS:
        raise Unreadable(f"The file has {len(first):,} columns; at most {MOST_COLUMNS} are read.")
    if first[0].lstrip().startswith("<"):
        raise Unreadable("This is a web page, not a list. Export the list as CSV, then upload that.")
    listed.names_columns = not any(e164_of(cell.strip()) or is_mailbox(cell.strip()) for cell in first)
    listed.columns = [" ".join(cell.split())[:100] or f"Column {at}" for at, cell in enumerate(first, 1)]
    listed.meanings = columns.guess(first)
    if not listed.names_columns:
        listed.columns = [f"Column {at}" for at in range(1, len(first) + 1)]
    elif listed.rows < 2:
        raise Unreadable(
            "The file holds the names of columns and nobody below them. Nothing was taken from it."
        )


def _rows_of(listed: ContactImport) -> Iterator[pieces.Row]:
    """(number, cells, lines) of the rows in the first piece that is left."""
    part = listed.parts.order_by("first_row").first()
    return pieces.rows(part.text, part.first_row, listed.delimiter) if part else iter(())


def preview(listed: ContactImport, meanings: list[str], *, now: datetime) -> list[tuple[list[str], Person]]:
    """The first rows that are not blank, as they would be read: (cells, person)."""
    reader = Reader(meanings, today=timezone.localdate(now))
    found = []
    for number, cells, lines in pieces.people(_rows_of(listed), listed.names_columns):
        if person := reader.read(number, cells, lines):
            found.append((cells or [], person))
            if len(found) >= PREVIEWED:
                break
    return found


@transaction.atomic
def confirm(
    listed: ContactImport, meanings: list[str], grounds: Grounds, *, tag: str, by: User, now: datetime
) -> bool:
    """Have a draft taken in, in the background; False where it is none any more. `tag` goes on everybody."""
    from audiences.tasks import import_contacts  # tasks import most of this package

    row = ContactImport.objects.select_for_update(no_key=True).get(pk=listed.pk)
    if row.confirmed_at or row.cancelled_at:
        return False
    if tag:
        row.tag, _ = Tag.objects.get_or_create(
            account_id=row.account_id, servicetitan_id=None, name__iexact=tag, defaults={"name": tag}
        )
    row.meanings, row.names_columns = meanings, listed.names_columns
    row.ground, row.consent_on = grounds.ground, grounds.on
    row.consent_proof, row.consent_place = grounds.proof, grounds.place
    row.confirmed_at, row.by = now, by
    row.save()
    audit.record(
        account=row.account, by=by, verb="imported_contacts", on=row,
        summary=f"Began to import {row.name}, a file of {row.rows:,} rows",
        detail={"ground": row.get_ground_display(), "tag": row.tag.name if row.tag else ""},
    )  # fmt: skip
    ring(import_contacts)
    return True


def discard(listed: ContactImport) -> bool:
    """Give up a draft; nothing of it was taken in."""
    return bool(ContactImport.objects.filter(pk=listed.pk, confirmed_at=None).delete()[0])


@transaction.atomic
def cancel(listed: ContactImport, *, by: User, now: datetime) -> bool:
    """Take in no further piece; False where it is at its end."""
    open_ones = ContactImport.objects.filter(pk=listed.pk, finished_at=None, cancelled_at=None)
    if not open_ones.exclude(confirmed_at=None).update(cancelled_at=now, cancelled_by=by, failed_at=None):
        return False
    ContactImportPart.objects.filter(of=listed).delete()
    audit.record(
        account=listed.account, by=by, verb="cancelled_import", on=listed,
        summary=f"Cancelled the import of {listed.name}",
    )  # fmt: skip
    return True


@transaction.atomic
def resume(listed: ContactImport, *, by: User) -> bool:
    """Go on with an import that broke off; False where it did not."""
    from audiences.tasks import import_contacts

    broken = ContactImport.objects.filter(pk=listed.pk, cancelled_at=None).exclude(failed_at=None)
    if not broken.update(failed_at=None):
        return False
    audit.record(
        account=listed.account, by=by, verb="resumed_import", on=listed,
        summary=f"Went on with the import of {listed.name}, which had broken off",
    )  # fmt: skip
    ring(import_contacts)
    return True


def import_waiting(
    *, clock: Callable[[], datetime] = clock.now, go_on: Callable[[], bool] = lambda: True
) -> int:
    """Take in what confirmed imports still hold, until `go_on` says no; how many rows.

    Imports take turns, a piece each. Also undoes what somebody wants undone, and clears forgotten drafts.
    """
    total, left = 0, True
    making = not connection.in_atomic_block  # else another connection would not see the account
    try:
        while left and go_on():
            left = False
            for pk in ContactImport.objects.running().order_by("confirmed_at").values_list("pk", flat=True):
                if go_on() and (done := _import(pk, now=clock(), making=making)):
                    total, left = total + done, True
    finally:
        pieces.ahead.rest()
    total += undoing.undo_waiting(now=clock(), go_on=go_on)
    ContactImport.objects.abandoned(clock() - DRAFTS_KEPT).delete()
    _forget_rows(now=clock(), go_on=go_on)
    return total


def _forget_rows(*, now: datetime, go_on: Callable[[], bool]) -> None:
    """Delete the rows that made no contact when their time is over, some at a time."""
    for pk in ContactImport.objects.with_expired_rows(now).values_list("pk", flat=True):
        rows = ContactImportRow.objects.filter(of=pk).order_by("number")
        while go_on() and (numbers := list(rows.values_list("number", flat=True)[:FORGOTTEN_AT_ONCE])):
            rows.filter(number__lte=numbers[-1]).order_by().delete()


def _import(pk: int, *, now: datetime, making: bool) -> int:
    """The next piece of an import; where that breaks, the import stands and says so."""
    try:
        with pieces.uncollected():
            return import_piece(pk, now=now, making=making)
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, not the file's
    except Exception:
        log.exception("contact import %s breaks off", pk)
        ContactImport.objects.running().filter(pk=pk).update(failed_at=now)
        return 0


@atomic_with_retry
def import_piece(pk: int, *, now: datetime, making: bool = False) -> int:
    """Take in the next piece, unless another worker is at this account; how many rows, 0 at the end.

    `making`: the phones and homes of the piece behind it may be made meanwhile. They are committed before
    whoever has them, which is nobody's loss: without a contact they are never reached.
    """
    listed = (
        ContactImport.objects.running().select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("account").filter(pk=pk).first()
    )  # fmt: skip
    if listed is None or not _alone(listed.account_id):
        return 0
    part, following = [*listed.parts.order_by("first_row")[:2], None, None][:2]
    if part is not None:
        listed.begun_at = listed.begun_at or now
        today = timezone.localdate(now, listed.account.zone)
        _take(listed, pieces.take(listed, part, following, today, making=making), now)
        part.delete()
        listed.done += part.rows
    if following is None:
        listed.finished_at = now
        _say_finished(listed)
    listed.save()
    return part.rows if part else 0


def _alone(account_id: int) -> bool:
    """Whether no other transaction is importing into this account; until this one's end."""
    key = loops.key_of(f"import_contacts:{account_id}")
    return bool(sql.value("SELECT pg_try_advisory_xact_lock(%s)", [key]))


def _take(listed: ContactImport, found: Understood, now: datetime) -> None:
    """Write the people of a piece, keep its other rows."""
    rows = ContactImportRow.Kind
    written = writing.write(listed, found.people, now=now, made=found.made)
    kept = [_kept(listed, person, found, rows.REJECTED, person.why) for person in found.refused]
    again = "an earlier row names this person"
    kept += [_kept(listed, person, found, rows.REPEATED, again) for person in written.repeated]
    ContactImportRow.objects.bulk_create(kept, batch_size=2000)
    for outcome, count in written.outcomes.items():
        setattr(listed, outcome, getattr(listed, outcome) + count)
    listed.rejected += len(found.refused)
    listed.repeated += len(written.repeated)
    listed.consents += written.consents


def _kept(
    listed: ContactImport, person: Person, found: Understood, kind: ContactImportRow.Kind, why: str
) -> ContactImportRow:
    cells = found.cells[person.number]
    return ContactImportRow(of=listed, number=person.number, kind=kind, cells=cells, why=why)


def _say_finished(listed: ContactImport) -> None:
    audit.record(
        account=listed.account, by=listed.by, verb="finished_import", on=listed,
        summary=f"Imported {listed.name}: {listed.added:,} contacts added, {listed.rejected:,} rows rejected",
        detail={"updated": listed.updated, "merged": listed.merged, "unchanged": listed.unchanged,
                "repeated": listed.repeated, "consents": listed.consents},
    )  # fmt: skip
