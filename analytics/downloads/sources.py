"""What can be downloaded: each source names the rows behind one kind of figure or list.

Whoever shows a figure registers a source in its `apps.py` (or a module that it imports) and puts
`templates/parts/download_button.html` beside the figure, with the source's name and its params. What a
browser posts is never trusted: the source reads it again, when the download is queued and when it is built.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account
from analytics.downloads.columns import Column

ASKED_AT = "asked_at"  # the one param we add: when it was queued, in ISO 8601; says what “today” was

Params = Mapping[str, str]
MOST_PARAMS, LONGEST_PARAM = 30, 20_000


class Unknown(ValueError):
    """No such source, or params that mean nothing to it."""


@dataclass(frozen=True)
class Source:
    """One kind of figure or list.

    `query(account, params)` gives exactly the rows behind the figure, all of one model and of that account;
    its order does not matter (files are newest first, by key). It raises `Unknown` for params without
    meaning. `columns` are what the file shows of each row; none: those of the model
    (`analytics.downloads.columns.OF`). `title(account, params)` says what the file is of; without it, `label`
    does. Only whoever has `capability` may queue, and fetch.
    """

    name: str
    label: str
    columns: Sequence[Column]
    query: Callable[[Account, Params], QuerySet[Any]]
    title: Callable[[Account, Params], str] | None = None
    capability: str = "view"

    def words(self, account: Account, params: Params) -> str:
        """What a download of it is called, on one line of at most 300 signs."""
        said = self.title(account, params) if self.title else self.label
        return " ".join(said.split())[:300]


_SOURCES: dict[str, Source] = {}


def register(source: Source) -> None:
    """Make a source known; twice with the same name is a programming error."""
    if _SOURCES.get(source.name, source) != source:
        raise ValueError(f"there are two sources called {source.name}")
    _SOURCES[source.name] = source


def get(name: str) -> Source:
    """The source of that name. Raises Unknown."""
    try:
        return _SOURCES[name]
    except KeyError as missing:
        raise Unknown(f"no source {name}") from missing


def every() -> list[Source]:
    """All sources, by name."""
    return [_SOURCES[name] for name in sorted(_SOURCES)]


def checked(params: Params) -> dict[str, str]:
    """Params as they may be kept; raises Unknown for more or longer ones than any source has."""
    if len(params) > MOST_PARAMS or any(
        len(text) > LONGEST_PARAM for pair in params.items() for text in pair
    ):
        raise Unknown("too many params")
    if any("\0" in text for pair in params.items() for text in pair):
        raise Unknown("NUL in a param")
    return dict(params)
