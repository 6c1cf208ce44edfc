"""Reading lists of written agreements: a CSV with a header of phone, kind, date, proof and source."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import IO
from zoneinfo import ZoneInfo

from audiences import opt_out_lists, uploads
from audiences.consent_records import Agreement
from audiences.models import Consent
from audiences.uploads import Unreadable

MOST_BYTES = 10 * 1024 * 1024
MOST_ROWS = 10_000
NEEDED = ("phone", "kind", "date", "proof")
KINDS = {
    "texts": Consent.Kind.TEXTS, "text": Consent.Kind.TEXTS, "promotional texts": Consent.Kind.TEXTS,
    "sms": Consent.Kind.TEXTS, "recorded calls": Consent.Kind.RECORDED_CALLS,
    "calls": Consent.Kind.RECORDED_CALLS, "voice": Consent.Kind.RECORDED_CALLS,
}  # fmt: skip
_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")


@dataclass
class ConsentList:
    """What a list holds: (number of the row, phone, agreement), and why the other rows were refused."""

    rows: list[tuple[int, str, Agreement]] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, row: int, words: str) -> None:
        """Keep why a row cannot be taken."""
        self.rejected.append((row, words))


def read(source: IO[bytes], size: int, zone: ZoneInfo) -> ConsentList:
    """Read a list of `size` bytes; its days begin at midnight in `zone`. Raises Unreadable."""
    text = uploads.open_text(source, size, most=MOST_BYTES)
    found = ConsentList()
    columns: dict[str, int] = {}
    try:
        for number, cells in uploads.rows(text, found, uploads.delimiter(text)):
            if number > MOST_ROWS + 1:
                raise Unreadable(f"The list has more than {MOST_ROWS:,} rows. Split it.")
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _header(cells)
                continue
            named = {name: cells[at].strip() for name, at in columns.items() if at < len(cells)}
            _take(found, number, {name: cell.replace("\0", " ") for name, cell in named.items()}, zone)
    finally:
        text.detach()  # the upload closes its own file
    if not columns:
        raise Unreadable("The list is empty.")
    return found


def _header(cells: list[str]) -> dict[str, int]:
    columns = {cell.strip().lower(): at for at, cell in enumerate(cells)}
    if missing := [name for name in NEEDED if name not in columns]:
        raise Unreadable(
            f"The first row must name the columns. Missing: {', '.join(missing)}. Needed are phone, kind, "
            "date and proof; source is welcome."
        )
    return columns


def _take(found: ConsentList, number: int, row: dict[str, str], zone: ZoneInfo) -> None:
    """Add a row, or the first thing that is wrong with it."""
    phone, why = opt_out_lists.phone_in(row.get("phone", ""))
    kind = KINDS.get(row.get("kind", "").lower().replace("_", " "))
    day = _day(row.get("date", ""))
    if not why and kind is None:
        why = f"“{row.get('kind', '')[:60]}” is no kind; write texts or recorded calls"
    if not why and day is None:
        why = f"“{row.get('date', '')[:60]}” is no date; write 2026-03-14 or 3/14/2026"
    if not why and not row.get("proof"):
        why = "the words that were agreed to are missing"
    if why or kind is None or day is None:
        found.refuse(number, why)
        return
    given = datetime.combine(day, time.min, tzinfo=zone)
    said = Agreement(kind, Consent.Source.IMPORT, row["proof"][:5000], given, row.get("source", "")[:500])
    found.rows.append((number, phone, said))


def _day(text: str) -> date | None:
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            continue
    return None
