"""How far an account's ServiceTitan data has been read, for people: progress, lag, errors, odd rows."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import Account
from audiences import contact_tally, servicetitan_sync
from audiences.models import SyncCursor, SyncStop

LEAST_BUSY_SECONDS = 1.0
_NOT_OURS = tuple(f"[{code}]" for code in sorted(servicetitan_sync.NOT_OURS))  # as errors end
# What each list is called by people, in the order in which they are read.
LABELS = {
    servicetitan_sync.JOB_TYPES: "Job types",
    servicetitan_sync.LEAD_SOURCES: "Lead sources",
    "business-units": "Business units",
    "tag-types": "Tags",
    "customers": "Customers",
    "locations": "Locations",
    "contacts": "Phones and emails",
    "recurring-service-events": "Recurring visits",
    "jobs": "Jobs",
    "appointments": "Appointments",
    "appointment-assignments": "Technicians of appointments",
    "membership-types": "Kinds of memberships",
    "memberships": "Memberships",
    "estimates": "Estimates",
    "invoices": "Invoices",
    "bookings": "Bookings",
    "calls": "Phone calls",
}


@dataclass(frozen=True, slots=True)
class ListState:
    """One list of ServiceTitan: rows applied so far, when its end was last reached, what went wrong."""

    label: str
    rows: int
    complete_at: datetime | None
    begun: bool
    error: str
    skipped: int
    last_skipped: tuple[str, ...]
    optional: bool
    expected: int | None
    busy_seconds: float

    @property
    def left_out(self) -> bool:
        """Whether the app may not read it, and need not."""
        return self.optional and self.error.endswith(_NOT_OURS)


@dataclass(frozen=True, slots=True)
class SyncState:
    """The whole mirror of one account."""

    lists: tuple[ListState, ...]
    contacts: int
    stopped_at: datetime | None = None

    @property
    def needed(self) -> list[ListState]:
        """The lists without which the first sync is not finished."""
        return [each for each in self.lists if not each.optional]

    @property
    def begun(self) -> bool:
        """Whether anything has been read at all."""
        return any(each.begun for each in self.lists)

    @property
    def read(self) -> int:
        """How many of the needed lists have been read to their end."""
        return sum(each.complete_at is not None for each in self.needed)

    @property
    def finished(self) -> bool:
        """Whether the first sync is over."""
        return self.read == len(self.needed)

    @property
    def behind_since(self) -> datetime | None:
        """Everything that changed at the source before this instant is here; None before the first sync."""
        ends = [each.complete_at for each in self.needed]
        return min(end for end in ends if end) if all(ends) else None

    @property
    def rows(self) -> int:
        """Rows applied of the lists that the source counted, at most as many as it said."""
        return sum(min(each.rows, each.expected) for each in self.lists if each.expected is not None)

    @property
    def expected(self) -> int:
        """Rows that the source counted as the first sync began; a list read to its end counts as it is."""
        return sum(
            min(each.rows, each.expected) if each.complete_at else each.expected
            for each in self.lists
            if each.expected is not None
        )

    @property
    def rate(self) -> float | None:
        """Rows a second while reading and applying; None before there is anything to tell it by."""
        busy = sum(each.busy_seconds for each in self.lists)
        return sum(each.rows for each in self.lists) / busy if busy > LEAST_BUSY_SECONDS else None

    @property
    def minutes_left(self) -> int | None:
        """About how long the first sync still takes at its rate so far; None where nothing tells."""
        rate, left = self.rate, self.expected - self.rows
        return math.ceil(left / rate / 60) if rate and self.expected else None

    @property
    def failing(self) -> list[ListState]:
        """The lists whose last run ended in an error."""
        return [each for each in self.lists if each.error and not each.left_out]

    @property
    def skipped(self) -> int:
        """Odd rows passed over so far."""
        return sum(each.skipped for each in self.lists)

    def lag(self, now: datetime) -> timedelta | None:
        """How old the oldest list is; None before the first sync."""
        since = self.behind_since
        return max(now - since, timedelta()) if since else None


def of(account: Account, *, counting: bool = True) -> SyncState:
    """Read the cursors of one account. Three queries, whatever it has; two where nobody asks for contacts."""
    cursors = {cursor.entity: cursor for cursor in SyncCursor.objects.filter(account=account)}
    lists = tuple(_list(entity, label, cursors.get(entity)) for entity, label in LABELS.items())
    contacts = contact_tally.of(account).mirrored if counting else 0
    stop = SyncStop.objects.filter(account=account).first()
    return SyncState(lists, contacts, stop.at if stop else None)


def _list(entity: str, label: str, cursor: SyncCursor | None) -> ListState:
    optional = entity in servicetitan_sync.OPTIONAL
    if cursor is None:
        return ListState(label, 0, None, False, "", 0, (), optional, None, 0.0)
    return ListState(
        label,
        cursor.rows,
        cursor.complete_at,
        cursor.synced_at is not None,
        cursor.error,
        cursor.skipped,
        tuple(cursor.last_skipped.splitlines()),
        optional,
        cursor.expected,
        cursor.busy_seconds,
    )
