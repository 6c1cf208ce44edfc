"""What a rule may be told to ask for, bounded: a contractor has thousands of job types and tags."""

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from accounts.models import Account
from audiences.rules.fields import Field
from audiences.rules.operators import MOST_VALUES

MOST = 50  # offered at once, beside what is ticked
SEARCHED_FROM = 12  # fewer are looked through faster than a word is typed
Choice = tuple[Any, str]


class Choices:
    """Ticked ones first, then the first of the others by name; `more`: how many are not shown."""

    def __init__(self, ticked: list[Choice], others: list[Choice], more: int, *, sought: str = "") -> None:
        self.ticked, self.others, self.more, self.sought = ticked, others, more, sought

    @property
    def rows(self) -> list[Choice]:
        """All that is shown."""
        return [*self.ticked, *self.others]

    @property
    def searched(self) -> bool:
        """Whether a search helps."""
        return self.more > 0 or len(self.rows) > SEARCHED_FROM

    def after(self, ticked: Collection[Any], known: dict[Any, str]) -> "Choices":
        """The same with these ticked; `known` names those that are not shown."""
        shown = dict(self.others)
        first = [
            (value, shown.get(value) or known[value]) for value in ticked if value in shown or value in known
        ]
        left = {value for value, _ in first}
        others = [choice for choice in self.others if choice[0] not in left]
        hidden = sum(value not in shown and self.sought.lower() in name.lower() for value, name in first)
        return Choices(first, others, max(0, self.more - hidden), sought=self.sought)


def of(account: Account, known: Field, ticked: Collection[Any], sought: str = "") -> Choices:
    """What a field offers an account to those who typed `sought`. Three queries at most."""
    return offered(account, known, sought).after(ticked, named(account, known, ticked))


def offered(account: Account, known: Field, sought: str = "") -> Choices:
    """What a field offers before anything is ticked."""
    words = " ".join(sought.split())[:100]
    if known.options is not None:
        found = [(key, name) for key, name in known.options.items() if words.lower() in name.lower()]
        return Choices([], found, 0, sought=words)
    rows = _rows(account, known).order_by("name", "pk")
    rows = rows.filter(name__icontains=words) if words else rows
    some = [_choice(row) for row in rows[: MOST + 1]]
    more = rows.count() - MOST if len(some) > MOST else 0
    return Choices([], some[:MOST], more, sought=words)


def named(account: Account, known: Field, ticked: Collection[Any]) -> dict[Any, str]:
    """What is ticked, by name; what is not there is left out."""
    if known.options is not None:
        return {key: known.options[key] for key in ticked if key in known.options}
    wanted = [pk for pk in ticked if isinstance(pk, int)][: MOST_VALUES + 1]
    return dict(_choice(row) for row in _rows(account, known).filter(pk__in=wanted)) if wanted else {}


def _rows(account: Account, known: Field) -> "QuerySet[Any]":
    rows: QuerySet[Any] = known.rows_model._default_manager.filter(account=account)
    return rows


def _choice(row: Any) -> Choice:
    return row.pk, str(row) if getattr(row, "active", True) else f"{row} (deleted)"
