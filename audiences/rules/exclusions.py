"""Whom an audience leaves out by default: each a rule of its own, counted and switched apart from the others.

An audience names those that are on. Apps declare theirs beside their fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Who meets `rule` is left out. `label` follows “Leave out: ”.

    `short` says the same over contact c at a moment, where something is kept beside contacts that makes it
    quick: text and parameters of a condition that is never NULL.
    """

    key: str
    label: str
    rule: Mapping[str, Any]
    note: str = ""
    short: Callable[[datetime], tuple[str, tuple[Any, ...]]] | None = None


EXCLUSIONS: dict[str, Exclusion] = {}


def register(*declared: Exclusion) -> None:
    """Make exclusions known, in the order in which they are counted; the same again changes nothing."""
    for one in declared:
        if EXCLUSIONS.setdefault(one.key, one) != one:
            raise ValueError(f"{one.key} is declared twice")
