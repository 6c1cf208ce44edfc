"""What the form of a node kind is: how settings become fields, and what was posted becomes settings.

Nothing is refused here: a draft keeps what was typed, and the kind says what is wrong with it.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import QueryDict

from accounts.models import Account
from campaigns.nodes import KINDS

UNITS = (("minutes", 1), ("hours", 60), ("days", 1440))
_NUMBER = re.compile(r"-?\d{1,9}")
_LONGEST = 5_000  # characters of one field; what is longer is wrong anyhow


class NodeForm:
    """The form of one kind. Stateless; the registry holds one of each."""

    template: ClassVar[str] = "campaigns/node_forms/plain.html"
    begins: ClassVar[Mapping[str, Any]] = {}

    def new(self) -> dict[str, Any]:
        """The settings of a step that was just put in."""
        return dict(self.begins)

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """What was posted, as settings; what the form does not hold stays."""
        return dict(before)

    def renamed(self, posted: QueryDict) -> dict[str, str]:
        """Ways that were given another name: from, to."""
        return {}

    def context(self, settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """What the template shows beside the settings."""
        return {}


class PlainForm(NodeForm):
    """For a kind without a form of its own: one field for each of its settings."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """Numbers where settings are numbers, words elsewhere; an empty field is no setting."""
        kept = dict(before)
        for name, field in KINDS[self.kind].settings_model.model_fields.items():
            if name not in posted:
                continue
            value = text(posted, name)
            if value:
                kept[name] = number(value) if field.annotation in (int, int | None) else value
            else:
                kept.pop(name, None)
        return kept

    def context(self, settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """Its fields: name and value, for those that words or a number can be typed into."""
        model = KINDS[self.kind].settings_model
        fields = [
            {"name": name, "label": name.replace("_", " ").capitalize(), "value": settings.get(name, "")}
            for name, field in model.model_fields.items()
            if field.annotation in (int, str, int | None, str | None)
        ]
        return {"fields": fields}


def plain(posted: QueryDict) -> QueryDict:
    """What was posted without the one character that no text of ours can hold: Postgres refuses NUL."""
    found = posted.copy()
    for name, values in posted.lists():
        found.setlist(name, [value.replace("\0", "") for value in values])
    return found


def text(posted: QueryDict, name: str) -> str:
    """A field as it was typed, without the space around it."""
    return posted.get(name, "").strip()[:_LONGEST]


def number(typed: str) -> int | str:
    """A whole number, or what was typed where it is none."""
    tidy = typed.replace(",", "").strip()
    return int(tidy) if _NUMBER.fullmatch(tidy) else typed


def minutes(posted: QueryDict, name: str) -> int | str | None:
    """A time as number and unit, in minutes; what was typed if that is no number, None for nothing."""
    typed = text(posted, name)
    value = number(typed) if typed else None
    unit = dict(UNITS).get(posted.get(f"{name}_unit", ""), 1)
    return value * unit if isinstance(value, int) else value


def duration(value: Any) -> dict[str, Any]:
    """Minutes as the fields have them: a number and the largest unit that divides it."""
    if not isinstance(value, int) or isinstance(value, bool):
        return {"number": "" if value is None else value, "unit": "days" if value is None else "minutes"}
    unit, size = (
        next(each for each in reversed(UNITS) if value and abs(value) % each[1] == 0) if value else UNITS[0]
    )
    return {"number": abs(value) // size, "unit": unit}


def label_of(name: str) -> str:
    """What people call a way, as its label: “Gold members” as `gold_members`."""
    tidy = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
    return tidy if not tidy[:1].isdigit() else f"way_{tidy}"[:40]
