"""Threads of the inbox page by page. A page begins behind the last thread of the one before it, so that the
end of a long folder costs what its beginning does.

A folder is a row of parts, each in the order of an index: where a reply is owed, what was escalated comes
before the rest.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from conversations import inbox
from conversations.inbox import Folder
from conversations.models import Thread

PER_PAGE = 50
_LARGEST_ID = 2**63 - 1
_Parts = list[tuple[Q, str]]  # which threads, and by what; a minus: the latest first


@dataclass(frozen=True)
class Page:
    """Threads with what `inbox.lines` reads of them; `following` is the cursor of the next page, blank on
    the last."""

    threads: list[Any]
    following: str = ""


@dataclass(frozen=True)
class _Cursor:
    """A thread's place in its folder."""

    part: int
    at: datetime | None
    pk: int


def page(threads: QuerySet[Thread], folder: str, after: str = "") -> Page:
    """The threads of a folder behind the cursor `after`; blank or nonsense: the first."""
    found = _take(inbox.detailed(threads), _parts(folder), _read(after), PER_PAGE + 1)
    shown = found[:PER_PAGE]
    return Page(shown, _cursor(shown[-1], folder) if len(found) > PER_PAGE else "")


def following(threads: QuerySet[Thread], folder: str, pk: int) -> int | None:
    """The thread after this one in its folder, else the one before it; None where there is none.

    The folder's first where this one is not in it.
    """
    threads, parts = (
        threads.only("pk", "escalated_reason", "last_inbound_at", "last_message_at"),
        _parts(folder),
    )
    here = threads.filter(pk=pk).first()
    cursor = _read(_cursor(here, folder)) if here else None
    near = _take(threads, parts, cursor, 1)
    if not near and cursor:
        near = _take(threads, parts, cursor, 1, backwards=True)
    return near[0].pk if near else None


def readable(cursor: str) -> bool:
    """Whether this is a cursor at all."""
    return _read(cursor) is not None


def _parts(folder: str) -> _Parts:
    if folder == Folder.NEEDS_REPLY:
        calm = Q(escalated_reason="")
        return [(~calm, "last_inbound_at"), (calm, "last_inbound_at")]
    return [(Q(), "-last_message_at")]


def _take(
    threads: QuerySet[Thread], parts: _Parts, cursor: _Cursor | None, most: int, *, backwards: bool = False
) -> list[Thread]:
    """So many threads beyond the cursor, part after part; those before it, nearest first, for `backwards`."""
    order = list(enumerate(parts))
    found: list[Thread] = []
    for at, (which, column) in reversed(order) if backwards else order:
        if cursor and (at > cursor.part if backwards else at < cursor.part):
            continue
        name, descending = column.lstrip("-"), column.startswith("-") != backwards
        some = threads.filter(which)
        if cursor and at == cursor.part:
            some = some.filter(_beyond(name, cursor, descending=descending))
        by = F(name).desc() if descending else F(name).asc()
        found += some.order_by(by, "-pk" if descending else "pk")[: most - len(found)]
        if len(found) >= most:
            break
    return found


def _beyond(name: str, cursor: _Cursor, *, descending: bool) -> Q:
    """What comes after the cursor, where a missing time is the latest, as the database sorts it."""
    way = "lt" if descending else "gt"
    later = Q(**{f"pk__{way}": cursor.pk})
    if cursor.at is None:
        missing = Q(**{name: None}) & later
        return missing | Q(**{f"{name}__isnull": False}) if descending else missing
    found = Q(**{f"{name}__{way}e": cursor.at}) & (Q(**{f"{name}__{way}": cursor.at}) | later)
    return found if descending else found | Q(**{name: None})


def _cursor(thread: Thread, folder: str) -> str:
    owed = folder == Folder.NEEDS_REPLY
    part = 1 if owed and not thread.escalated_reason else 0
    at = thread.last_inbound_at if owed else thread.last_message_at
    return f"{part}_{at.isoformat() if at else ''}_{thread.pk}"


def _read(cursor: str) -> _Cursor | None:
    part, _, rest = cursor.partition("_")
    at, _, pk = rest.rpartition("_")
    try:
        moment = datetime.fromisoformat(at) if at else None
        found = _Cursor(int(part), moment, int(pk))
    except ValueError:
        return None
    aware = moment is None or moment.tzinfo is not None
    return found if aware and found.part in (0, 1) and 0 <= found.pk <= _LARGEST_ID else None
