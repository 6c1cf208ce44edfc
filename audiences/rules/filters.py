"""The short form of rules: one value for each of a few filters, all of which must hold.

It is how simple audiences, and what launches narrowed them by, were written before there were trees. A filter
that is null or an empty list is not set.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import pydantic

from audiences.rules import refusals
from audiences.rules.fields import FIELDS, Field
from audiences.rules.trees import Problem

Ids = Annotated[list[int], pydantic.Field(max_length=1000)]
Days = Annotated[int, pydantic.Field(ge=0, le=36500)]


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: its type, the declared field it asks, and the rule it stands for."""

    type: Any
    field: str
    op: str
    value: Callable[[Any], Any] = lambda value: value
    of: str = ""

    @property
    def asks(self) -> Field:
        """The field that it asks."""
        return FIELDS[self.field]

    def rule(self, value: Any) -> dict[str, Any]:
        """The rule of a tree that it stands for."""
        rule = {"field": self.field, "is": self.op, "value": self.value(value)}
        return {"match": "all", "of": self.of, "rules": [rule]} if self.of else rule


def _days(value: int) -> dict[str, Any]:
    return {"n": value, "unit": "days"}


FILTERS: dict[str, Filter] = {
    "kind": Filter(Literal["residential", "commercial"], "kind", "any_of", lambda value: [value]),
    "tags": Filter(Ids, "tag", "any_of"),
    "without_tags": Filter(Ids, "tag", "none_of"),
    "business_units": Filter(Ids, "job.unit", "any_of", of="job"),
    "job_types": Filter(Ids, "job.type", "any_of", of="job"),
    "last_job_before": Filter(date, "last_job", "before", date.isoformat),
    "last_job_after": Filter(date, "last_job", "since", date.isoformat),
    "days_since_last_job_min": Filter(Days, "last_job", "more_ago", _days),
    "days_since_last_job_max": Filter(Days, "last_job", "in_last", _days),
}

_Shape = pydantic.create_model(  # type: ignore[call-overload]
    "Filters",
    __config__=pydantic.ConfigDict(extra="forbid"),
    **{key: (one.type | None, None) for key, one in FILTERS.items()},
)


def is_short(rules: Mapping[str, Any]) -> bool:
    """Whether rules are in the short form."""
    return "match" not in rules


def tree(rules: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The short form as a tree, and what is wrong with it."""
    try:
        parsed = _Shape.model_validate_json(pydantic.TypeAdapter(dict).dump_json(dict(rules)))
    except pydantic.ValidationError as invalid:
        return {"match": "all", "rules": []}, [Problem((), _sentence(error)) for error in invalid.errors()]
    values = {key: value for key, value in parsed if value not in (None, [])}
    return {"match": "all", "rules": [FILTERS[key].rule(value) for key, value in values.items()]}, []


def _sentence(error: Any) -> str:
    key = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return f"“{key}” is not a rule that we know."
    label = FILTERS[key].asks.label if key in FILTERS else key
    return f"{label}: {refusals.words(error)}."
