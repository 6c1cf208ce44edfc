"""Do-not-call lists: taken in, read in the background, put in force and ended.

An upload is kept in pieces of whole rows, about a megabyte each. Every piece is read in one transaction that
ends with its removal, so a list of millions takes the memory of one piece, and a killed worker loses at most
the piece it was in. What a list in force forbids is in `audiences.fitness`.
"""

import io
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, NamedTuple

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from audiences import fitness, opt_out_lists, uploads
from audiences.models import DoNotCallEntry, DoNotCallList, DoNotCallPart
from audiences.opt_out_lists import KEPT_REJECTED, OptOutList
from audiences.uploads import Unreadable
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry

MOST_BYTES = 300 * 1024 * 1024
MOST_ROWS = 5_000_000
PART = uploads.PIECE
Ended = DoNotCallList.Ended
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """What a person said of a list: what it is, when its phones were obtained, which list it takes over."""

    kind: str
    name: str
    obtained_on: date
    replaces: DoNotCallList | None = None


@transaction.atomic
def take_in(
    account: Account, upload: Upload, source: IO[bytes], size: int, *, by: User, now: datetime
) -> DoNotCallList:
    """Keep a list of `size` bytes, to be read in the background. Raises Unreadable."""
    from audiences.tasks import read_do_not_call_lists  # tasks import most of this package

    text = uploads.open_text(source, size, most=MOST_BYTES)
    try:
        mark = uploads.delimiter(text)
        kept = DoNotCallList.objects.create(
            account=account,
            kind=upload.kind,
            name=upload.name,
            obtained_on=upload.obtained_on,
            replaces=upload.replaces,
            delimiter=mark,
            by=by,
            uploaded_at=now,
        )
        kept.rows = _keep_parts(kept, uploads.lines(text))
    finally:
        text.detach()  # the upload closes its own file
    if not kept.rows:
        raise Unreadable("The list is empty.")
    kept.save(update_fields=["rows"])
    ring(read_do_not_call_lists)
    return kept


def _keep_parts(kept: DoNotCallList, lines: Iterable[str]) -> int:
    """Store the lines in pieces that end where a row ends; how many rows. Raises Unreadable."""
    rows = 0
    for piece in uploads.pieces(lines, kept.delimiter, most=MOST_ROWS, size=PART):
        DoNotCallPart.objects.create(list=kept, first_row=piece.first_row, rows=piece.rows, text=piece.text)
        rows += piece.rows
    return rows


def read_waiting(*, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """Read what uploads still hold, until `go_on` says no, and clear discarded ones; how many rows.

    A list that cannot be read keeps no other waiting; it is tried again at the next ring.
    """
    total = 0
    for pk in DoNotCallList.objects.being_read().order_by("uploaded_at").values_list("pk", flat=True):
        try:
            while go_on() and (done := _read_part(pk, now=now)):
                total += done
        except Exception:
            log.exception("do-not-call list %s cannot be read", pk)
    for kept in DoNotCallList.objects.exclude(discarded_at=None):
        if go_on():
            _clear(kept)
    return total


@atomic_with_retry
def _read_part(pk: int, *, now: datetime) -> int:
    """Read the next piece unless another worker is at this list; how many rows, 0 when none are left."""
    kept = (
        DoNotCallList.objects.being_read().select_for_update(no_key=True, skip_locked=True)
        .filter(pk=pk).first()
    )  # fmt: skip
    part = DoNotCallPart.objects.filter(list=pk).order_by("first_row").first() if kept else None
    if kept is None or part is None:
        return 0
    found = _read(kept, part)
    new = _insert(kept.pk, found.phones)
    kept.begun_at = kept.begun_at or now
    kept.done += part.rows
    kept.phones += new
    kept.duplicates += found.duplicates + len(found.phones) - new
    kept.rejected += found.rejected
    room = KEPT_REJECTED - len(kept.rejected_rows.splitlines())
    said = [kept.rejected_rows] if kept.rejected_rows else []
    kept.rejected_rows = "\n".join([*said, *found.rejected_rows[:room]])
    part.delete()
    if kept.done >= kept.rows:
        kept.read_at = now
        kept.customers = customers_on(kept)
    kept.save()
    return part.rows


def _read(kept: DoNotCallList, part: DoNotCallPart) -> OptOutList:
    """The phones of a piece; the first row of the list may name its columns."""
    found = OptOutList()
    lines = io.StringIO(part.text, newline="")
    for number, cells in uploads.rows(lines, found, kept.delimiter, first=part.first_row):
        if not any(cell.strip() for cell in cells):
            continue
        if number == 1 and (columns := opt_out_lists.header(cells)) is not None:
            kept.columns = columns
            continue
        mailboxes = len(found.emails)
        opt_out_lists.read_row(found, number, _joined(cells), kept.columns)
        if len(found.emails) > mailboxes:
            found.refuse(number, "it holds a mailbox; this is a list of phones")
    return found


def _joined(cells: list[str]) -> list[str]:
    """A row of the national registry's own file is an area code and a number: “202,5551212”."""
    parts = [cell.strip() for cell in cells]
    split = len(parts) == 2 and [len(part) for part in parts] == [3, 7]
    return ["".join(parts)] if split and "".join(parts).isdecimal() else cells


def _insert(list_id: int, phones: Iterable[str]) -> int:
    """Add phones to a list; how many it did not have."""
    return sql.run(
        "INSERT INTO audiences_donotcallentry (phone, list_id) SELECT phone, %s FROM unnest(%s::text[]) phone"
        " ON CONFLICT DO NOTHING",
        [list_id, list(phones)],
    )


def customers_on(kept: DoNotCallList) -> int:
    """How many phones of the account's own are on the list now."""
    found: int = sql.value(
        "SELECT count(*) FROM audiences_address a JOIN audiences_donotcallentry e ON e.phone = a.value"
        " AND e.list_id = %s WHERE a.account_id = %s AND a.channel = 'phone'",
        [kept.pk, kept.account_id],
    )
    return found


@transaction.atomic
def confirm(kept: DoNotCallList, *, by: User, now: datetime) -> bool:
    """Put a list that was read in force, in place of the one it replaces; False where that cannot be."""
    row = DoNotCallList.objects.select_for_update(no_key=True).get(pk=kept.pk)
    if row.confirmed_at or row.discarded_at or not row.read_at or not row.phones:
        return False
    DoNotCallList.objects.filter(pk=row.pk).update(confirmed_at=now)
    if row.replaces_id:
        ended = DoNotCallList.objects.in_force().filter(pk=row.replaces_id)
        ended.update(ended_at=now, ended_why=Ended.REPLACED)
    audit.record(
        account=row.account, by=by, verb="began_do_not_call_list", on=row,
        summary=f"Put {row.name} in force, a do-not-call list of {row.phones:,} phones",
        detail={"kind": row.get_kind_display(), "obtained": row.obtained_on.isoformat(),
                "replaced": row.replaces.name if row.replaces else ""},
    )  # fmt: skip
    return True


@transaction.atomic
def remove(kept: DoNotCallList, *, by: User, now: datetime) -> bool:
    """End a list in force; its phones stay on record. False where it was not in force."""
    if not DoNotCallList.objects.in_force().filter(pk=kept.pk).update(ended_at=now, ended_why=Ended.REMOVED):
        return False
    audit.record(
        account=kept.account, by=by, verb="ended_do_not_call_list", on=kept,
        summary=f"Removed {kept.name}, a do-not-call list of {kept.phones:,} phones",
    )  # fmt: skip
    return True


def discard(kept: DoNotCallList, *, now: datetime) -> bool:
    """Give up a list that never was in force; its rows go in the background."""
    from audiences.tasks import read_do_not_call_lists

    draft = DoNotCallList.objects.filter(pk=kept.pk, confirmed_at=None, discarded_at=None)
    if not draft.update(discarded_at=now):
        return False
    ring(read_do_not_call_lists)
    return True


@transaction.atomic
def _clear(kept: DoNotCallList) -> None:
    DoNotCallPart.objects.filter(list=kept.pk).delete()
    DoNotCallEntry.objects.filter(list=kept.pk).delete()
    kept.delete()


class Listed(NamedTuple):
    """One list in force on which a phone stands; `counts` unless the rules excuse this contact from it."""

    list_id: int
    name: str
    kind: str
    counts: bool

    @property
    def words(self) -> str:
        """Which list, for people."""
        return f"{DoNotCallList.Kind(self.kind).label}: {self.name}"


def lists_naming(contact_id: int, address_ids: Sequence[int], *, now: datetime) -> dict[int, list[Listed]]:
    """Address → the lists in force it stands on, as they bear on this contact; our own first. One query."""
    found: dict[int, list[Listed]] = {}
    for address, *listed in sql.rows(_NAMING_SQL, [now, contact_id, list(address_ids)]):
        found.setdefault(address, []).append(Listed(*listed))
    return found


_NAMING_SQL = f"""
    WITH {fitness.MOMENT_SQL}
    SELECT a.id, dl.id, dl.name, dl.kind, dl.kind = 'own' OR NOT {fitness.EXCUSED_FROM_REGISTRY}
    FROM audiences_contact c
    JOIN audiences_address a ON a.account_id = c.account_id AND a.channel = 'phone'
    JOIN audiences_donotcallentry dnc ON dnc.phone = a.value
    JOIN audiences_donotcalllist dl ON dl.id = dnc.list_id AND dl.account_id = c.account_id
        AND dl.confirmed_at IS NOT NULL AND dl.ended_at IS NULL
    WHERE c.id = %s AND a.id = ANY(%s) ORDER BY a.id, dl.kind, dl.id
"""
