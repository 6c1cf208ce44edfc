"""What each rule of an audience does: whom it takes away, in order; and a few of those who are left."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from accounts.models import Account
from audiences.models import Contact
from audiences.rules import compiling, reading, trees, words
from audiences.rules.exclusions import EXCLUSIONS
from audiences.rules.trees import Group, Node
from common import sql

SAMPLE = 20


@dataclass(frozen=True, slots=True)
class Effect:
    """One step from all active contacts to the audience: how many it takes away, and the rules whose contacts
    those are."""

    words: str
    removed: int
    rules: dict[str, Any]
    exclusion: bool = False


def of_rules(account: Account, rules: Any, *, now: datetime) -> tuple[int, list[Effect]]:
    """How many active contacts there are, and what each rule of the root takes away from those before it.

    One query. The rules must have no problems.
    """
    written, _ = reading.typed(rules)
    whole, _ = reading.ready(account, rules)
    steps = _steps(whole)
    if not steps:
        return _active(account), []
    met = [compiling.where(step, account, now) for step in steps]
    # Each contact by the first rule that takes it away: what comes after that is not asked of it.
    taken_by = " ".join(f"WHEN ({one.text}) IS NOT TRUE THEN {i}" for i, one in enumerate(met))
    removed: dict[int | None, int] = dict(
        sql.rows(
            f"SELECT CASE {taken_by} END, count(*) FROM audiences_contact c"
            " WHERE c.account_id = %s AND c.active GROUP BY 1",
            [*(param for one in met for param in one.params), account.pk],
        )
    )
    said = _words(account, written)
    return sum(removed.values()), [
        Effect(said[i], removed.get(i, 0), _taken(steps[:i], step), bool(step.exclusions))
        for i, step in enumerate(steps)
    ]


def sample(account: Account, ids_sql: str, params: list[Any]) -> list[Contact]:
    """Some of the contacts that match, by name. Not the first of all: those the database finds first."""
    ids = sql.column(f"{ids_sql} LIMIT {SAMPLE}", params)
    return list(Contact.objects.filter(account=account, pk__in=ids).by_name())


def _active(account: Account) -> int:
    return Contact.objects.filter(account=account, active=True).count()


def _steps(root: Group) -> list[Group]:
    """The root's rules, each as a group of its own, and one for each exclusion."""
    if root.source is None and root.match in ("all", "none"):
        found = [Group(root.match, (rule,)) for rule in root.rules]
    else:
        found = [replace(root, exclusions=())] if root.rules or root.source else []
    return [*found, *(Group(exclusions=(key,)) for key in root.exclusions)]


def _words(account: Account, root: Group) -> list[str]:
    said = [
        words.describe(account, replace(step, exclusions=()))[0]
        for step in _steps(root)
        if not step.exclusions
    ]
    return [*said, *(EXCLUSIONS[key].label for key in root.exclusions)]


def _taken(before: list[Group], step: Node) -> dict[str, Any]:
    """The rules of those who meet all before a step, and not the step."""
    return trees.write(Group(rules=(*before, Group("none", (step,)))))
