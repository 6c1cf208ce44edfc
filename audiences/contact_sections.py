"""What higher apps show on the contact page: each registers its sections in its `apps.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from audiences.models import Contact


@dataclass(frozen=True, slots=True)
class Section:
    """A template, and the function that gives it its context for one contact."""

    template: str
    load: Callable[[Contact], dict[str, Any]]


_sections: list[Section] = []


def register(section: Section) -> None:
    """Add a section below the contact's own; registering it again changes nothing."""
    if section not in _sections:
        _sections.append(section)


def of(contact: Contact) -> list[tuple[str, dict[str, Any]]]:
    """(template, context) of every section, in the order of registration."""
    return [(section.template, section.load(contact)) for section in _sections]
