"""What higher apps show on the contact page: each registers its sections in its `apps.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from audiences.models import Contact


@dataclass(frozen=True, slots=True)
class Section:
    """A template, and the function that gives it its context for one contact.

    `action` is a template with a button for the head of the page; it gets the same context.
    """

    template: str
    load: Callable[[Contact], dict[str, Any]]
    action: str = ""


_sections: list[Section] = []


def register(section: Section) -> None:
    """Add a section below the contact's own; registering it again changes nothing."""
    if section not in _sections:
        _sections.append(section)


def of(contact: Contact) -> list[tuple[Section, dict[str, Any]]]:
    """Every section with its context, in the order of registration."""
    return [(section, section.load(contact)) for section in _sections]
