"""How a field may be compared: the words, what a value must look like, and the SQL of each comparison.

No comparison negates by itself: "is none of" is the opposite of "is any of", and nothing known is unlike
everything. `rules.compiling` turns opposites into NOT.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import pydantic

from accounts.models import Account
from audiences.rules.fields import Field, Kind

MOST_VALUES = 1000
Unit = Literal["days", "weeks", "months", "years"]


class Span(pydantic.BaseModel):
    """A length of time. Months and years are those of the calendar."""

    model_config = pydantic.ConfigDict(extra="forbid")
    n: Annotated[int, pydantic.Field(ge=0, le=36500)]
    unit: Unit = "days"

    @pydantic.model_validator(mode="after")
    def _within_a_century(self) -> "Span":
        if self.n > {"days": 36500, "weeks": 5200, "months": 1200, "years": 100}[self.unit]:
            raise ValueError("at most 100 years")
        return self

    def from_(self, now: datetime, account: Account, sign: int) -> datetime:
        """The instant so long before (sign -1) or after (+1) now; the same hour of the account's day."""
        if self.unit in ("days", "weeks"):
            return now + sign * timedelta(days=self.n * (7 if self.unit == "weeks" else 1))
        here = now.astimezone(account.zone)
        months = here.year * 12 + here.month - 1 + sign * self.n * (12 if self.unit == "years" else 1)
        year, month = months // 12, months % 12 + 1
        day = min(here.day, calendar.monthrange(year, month)[1])
        return here.replace(year=year, month=month, day=day)

    def __str__(self) -> str:
        return f"{self.n} {self.unit if self.n != 1 else self.unit[:-1]}"


Ids = Annotated[list[int], pydantic.Field(min_length=1, max_length=MOST_VALUES)]
Word = Annotated[
    str,
    # No database takes a NUL.
    pydantic.StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00]*$"),
]
Words = Annotated[list[Word], pydantic.Field(min_length=1, max_length=MOST_VALUES)]
Amount = Annotated[Decimal, pydantic.Field(ge=-1_000_000_000, le=1_000_000_000, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Operator:
    """One comparison. `sql` stands over `{x}`, the field's SQL, and takes the parameters of `params`."""

    words: str
    value: Any = None  # the type of the value; None: it takes none
    sql: str = ""
    params: Callable[[Any, Account, datetime], list[Any]] = lambda value, account, now: []
    opposite: str = ""  # the comparison that this is the opposite of
    missing: str = ""  # what is said where the value is missing
    ahead: bool | None = None  # only for dates that may (not) lie ahead; None: for all
    aggregate: str = ""  # of a latest date: which rows must not, or must, be there
    alone: str = ""  # the same with one value of a list: an array is taken apart for every row


def _instant(sign: int) -> Callable[[Any, Account, datetime], list[Any]]:
    return lambda value, account, now: [value.from_(now, account, sign)]


def _midnight(value: date, account: Account, now: datetime) -> list[Any]:
    return [datetime.combine(value, time(0), tzinfo=account.zone)]


def _between(sign: int) -> Callable[[Any, Account, datetime], list[Any]]:
    return lambda value, account, now: sorted([now, value.from_(now, account, sign)])


def _listed(value: list[Any], account: Account, now: datetime) -> list[Any]:
    return [value]


def _like(before: str, after: str) -> Callable[[Any, Account, datetime], list[Any]]:
    return lambda value, account, now: [
        [before + word.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + after
         for word in value]
    ]  # fmt: skip


_DAY, _SPAN, _SOME = "Choose a day.", "Say how long.", "Choose at least one."
OPERATORS: dict[Kind, dict[str, Operator]] = {
    Kind.CHOICE: {
        "any_of": Operator("is", Words, "{x} = ANY(%s)", _listed, missing=_SOME, alone="{x} = %s"),
        "none_of": Operator("is not", Words, opposite="any_of", missing=_SOME),
    },
    Kind.ROWS: {
        "any_of": Operator("is any of", Ids, "{x} = ANY(%s)", _listed, missing=_SOME, alone="{x} = %s"),
        "none_of": Operator("is none of", Ids, opposite="any_of", missing=_SOME),
    },
    Kind.TEXT: {
        "is": Operator(
            "is", Words, "lower({x}) = ANY(%s)",
            lambda value, account, now: [[word.lower() for word in value]], missing="Type a word.",
        ),
        "is_not": Operator("is not", Words, opposite="is", missing="Type a word."),
        "starts": Operator(
            "starts with", Words, "lower({x}) LIKE ANY(%s)", _like("", "%"), missing="Type its beginning."
        ),
        "contains": Operator(
            "contains", Words, "lower({x}) LIKE ANY(%s)", _like("%", "%"), missing="Type a part of it."
        ),
        "known": Operator("is known", sql="{x} <> ''"),
        "unknown": Operator("is not known", opposite="known"),
    },
    Kind.NUMBER: {
        "at_least": Operator(
            "is at least", Amount, "{x} >= %s", lambda value, account, now: [value], missing="Type a number."
        ),
        "at_most": Operator(
            "is at most", Amount, "{x} <= %s", lambda value, account, now: [value], missing="Type a number."
        ),
    },
    Kind.YES_NO: {"yes": Operator("yes", sql="{x}"), "no": Operator("no", opposite="yes")},
    Kind.DATE: {
        "more_ago": Operator(
            "more than … ago", Span, "{x} <= %s", _instant(-1), missing=_SPAN, aggregate="{x} > %s"
        ),
        "in_last": Operator("within the last", Span, "{x} >= %s", _instant(-1), missing=_SPAN, ahead=False),
        "in_past": Operator(
            "within the last", Span, "{x} BETWEEN %s AND %s", _between(-1), missing=_SPAN, ahead=True
        ),
        "in_next": Operator(
            "within the next", Span, "{x} BETWEEN %s AND %s", _between(1), missing=_SPAN, ahead=True
        ),
        "more_ahead": Operator(
            "more than … ahead", Span, "{x} >= %s", _instant(1), missing=_SPAN, ahead=True
        ),
        "before": Operator("before", date, "{x} < %s", _midnight, missing=_DAY, aggregate="{x} >= %s"),
        "since": Operator("on or after", date, "{x} >= %s", _midnight, missing=_DAY),
        "known": Operator("ever", sql="{x} IS NOT NULL"),
        "unknown": Operator("never", opposite="known"),
    },
}  # fmt: skip
"""A latest date lies before an instant where there is a row, and none that meets `aggregate`."""


def fitting(field: Field) -> dict[str, Operator]:
    """The comparisons that a field takes, by key."""
    found = OPERATORS[field.kind]
    if field.kind != Kind.DATE:
        return found
    return {key: one for key, one in found.items() if one.ahead in (None, field.ahead)}
