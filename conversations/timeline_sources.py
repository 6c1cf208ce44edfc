"""What higher apps add to a thread: each registers a source in its `apps.py`.

A source sees one thread and reads rows of its own. `stamps` covers every row that the others read, so that
an open page need not read them again to learn that nothing changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from conversations.models import Message, Thread


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Happening:
    """Something besides words that befell the customer, as one line of the timeline. `key` is unique."""

    key: str
    at: datetime
    icon: str
    text: str
    link: Link | None = None
    after: str = ""  # words behind the link


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the facts beside the thread."""

    label: str
    link: Link
    note: str = ""


def _nothing(thread: Thread) -> list[Happening]:
    return []


def _no_origins(messages: Sequence[Message]) -> dict[int, Link]:
    return {}


def _no_facts(thread: Thread) -> list[Fact]:
    return []


@dataclass(frozen=True, slots=True)
class Source:
    """What one app knows: happenings, where messages (by id) came from, facts about the contact.

    `stamps` names their rows through `common.stamps`: whatever changes what the others say changes these.
    """

    stamps: Callable[[Thread], list[QuerySet[Any]]]
    happenings: Callable[[Thread], list[Happening]] = _nothing
    origins: Callable[[Sequence[Message]], dict[int, Link]] = _no_origins
    facts: Callable[[Thread], list[Fact]] = _no_facts


_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source; registering it again changes nothing."""
    if source not in _sources:
        _sources.append(source)


def happenings(thread: Thread) -> list[Happening]:
    """What all sources tell of this thread, in no order."""
    return [found for source in _sources for found in source.happenings(thread)]


def origins(messages: Sequence[Message]) -> dict[int, Link]:
    """Where these messages came from, by message id; those that came from nowhere are missing."""
    return {pk: link for source in _sources for pk, link in source.origins(messages).items()}


def facts(thread: Thread) -> list[Fact]:
    """What all sources know about the contact."""
    return [fact for source in _sources for fact in source.facts(thread)]


def stamps(thread: Thread) -> list[QuerySet[Any]]:
    """The stamps of all that the sources tell."""
    return [found for source in _sources for found in source.stamps(thread)]
