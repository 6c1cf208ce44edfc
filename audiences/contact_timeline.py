"""One timeline of a contact: everything said and sent, booked, sold, agreed to and refused, newest first.

Each app registers sources for rows of its own in its `apps.py`. What a page shows is found by one query over
all sources, whatever the history's length; then each source that has some of it reads its rows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import Q, QuerySet

from audiences.models import Contact
from common import sql

PER_PAGE = 30
KINDS = {
    "messages": "Messages",
    "campaigns": "Campaigns",
    "jobs": "Jobs & visits",
    "sales": "Estimates & invoices",
    "calls": "Calls",
    "wishes": "Consent & opt-outs",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line: what happened, in whose words, what became of it, and where more of it is.

    `tone` is good, bad or blank; `side` is in or out for what somebody said, else blank.
    """

    at: datetime
    icon: str
    text: str
    body: str = ""
    note: str = ""
    tone: str = ""
    side: str = ""
    link: str = ""
    link_text: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Behind which moment a page begins: its instant, its source, its row."""

    at: datetime
    source: str
    pk: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.source}_{self.pk}"

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """What an address says; None for the beginning, and for nonsense."""
        at, _, rest = text.partition("_")
        source, _, pk = rest.rpartition("_")
        try:
            found = cls(datetime.fromisoformat(at), source, int(pk))
        except ValueError:
            return None
        return found if found.at.tzinfo and abs(found.pk) < 2**63 else None


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one kind that lie at the instants of one of their columns.

    `tell` turns rows into moments; None leaves a row out. `capability` is what reading it takes.
    """

    name: str
    kind: str
    rows: Callable[[Contact], QuerySet[Any]]
    at: str
    tell: Callable[[list[Any]], Iterable[Moment | None]]
    capability: str = "view"


@dataclass(frozen=True, slots=True)
class Page:
    """Moments, newest first; `following` is the cursor of the next page, blank on the last."""

    moments: list[Moment]
    following: str = ""


_sources: dict[str, Source] = {}


def register(*sources: Source) -> None:
    """Add sources; one of the same name takes the other's place."""
    _sources.update({source.name: source for source in sources})


def page(contact: Contact, kind: str, after: str, *, may: Callable[[str], bool]) -> Page:
    """What befell the contact, of one kind or (blank) of all, behind the cursor `after`."""
    cursor = Cursor.read(after)
    asked = [one for one in _sources.values() if kind in ("", one.kind) and may(one.capability)]
    found = _places(asked, contact, cursor)
    shown = found[:PER_PAGE]
    following = str(Cursor(*shown[-1])) if len(found) > PER_PAGE else ""
    return Page(_told(contact, shown), following)


_Place = tuple[datetime, str, int]  # the instant, the source, the row


def _places(asked: list[Source], contact: Contact, cursor: Cursor | None) -> list[_Place]:
    """Where the next moments of these sources are, the newest first. One query."""
    parts: list[str] = []
    params: list[Any] = []
    for source in asked:
        keys = _behind(source, contact, cursor).values_list(source.at, "pk")
        try:
            statement, own = keys.query.sql_with_params()
        except EmptyResultSet:
            continue
        parts.append(f"(SELECT *, %s FROM ({statement}) AS key (at, pk))")
        params += [source.name, *own]
    if not parts:
        return []
    found = sql.rows(" UNION ALL ".join(parts), params)
    return sorted(((at, name, pk) for at, pk, name in found), reverse=True)


def _behind(source: Source, contact: Contact, cursor: Cursor | None) -> QuerySet[Any]:
    """The source's next rows. At one instant those of the later name stand first, so each knows its place."""
    rows = source.rows(contact).filter(**{f"{source.at}__isnull": False})
    if cursor:
        behind = Q(**{f"{source.at}__lt": cursor.at})
        if source.name <= cursor.source:
            same = Q(**{source.at: cursor.at})
            behind |= same if source.name < cursor.source else same & Q(pk__lt=cursor.pk)
        rows = rows.filter(behind)
    return rows.order_by(f"-{source.at}", "-pk")[: PER_PAGE + 1]


def _told(contact: Contact, shown: list[_Place]) -> list[Moment]:
    """The moments of these places, each source asked once for all of its own."""
    told: dict[tuple[str, int], Moment | None] = {}
    for name in {source for _, source, _ in shown}:
        keys = [pk for _, source, pk in shown if source == name]
        found = {row.pk: row for row in _sources[name].rows(contact).filter(pk__in=keys)}
        rows = [found[pk] for pk in keys if pk in found]  # without what has just gone
        told.update(
            {(name, row.pk): moment for row, moment in zip(rows, _sources[name].tell(rows), strict=True)}
        )
    moments = (told.get((source, pk)) for _, source, pk in shown)
    return [moment for moment in moments if moment]
