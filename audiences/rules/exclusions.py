"""Whom an audience leaves out by default: each a rule of its own, counted and switched apart from the others.

An audience names those that are on. Apps declare theirs beside their fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Who meets `rule` is left out. `label` follows “Leave out: ”."""

    key: str
    label: str
    rule: Mapping[str, Any]
    note: str = ""


EXCLUSIONS: dict[str, Exclusion] = {}


def register(*declared: Exclusion) -> None:
    """Make exclusions known, in the order in which they are counted; the same again changes nothing."""
    for one in declared:
        if EXCLUSIONS.setdefault(one.key, one) != one:
            raise ValueError(f"{one.key} is declared twice")
