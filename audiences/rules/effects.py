"""What each rule of an audience does: whom it takes away, in order; whom the default exclusions that are off
would take; and a few of those who are left."""

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
    those are. `place` is the rule's on the page (blank: the root as a whole), `exclusion` a key."""

    words: str
    removed: int
    rules: dict[str, Any]
    exclusion: str = ""
    place: str = ""


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
        Effect(
            said[i], removed.get(i, 0), _taken(steps[:i], step), "".join(step.exclusions),
            str(i) if _apart(whole) and not step.exclusions else "",
        )
        for i, step in enumerate(steps)
    ]  # fmt: skip


def of_those_off(account: Account, rules: Any, *, now: datetime) -> list[Effect]:
    """Whom each default exclusion that is off would take away from those who are left.

    One query, over those who are left alone. The rules must have no problems.
    """
    whole, _ = reading.ready(account, rules)
    off = [key for key in EXCLUSIONS if key not in whole.exclusions]
    if not off:
        return []
    left = compiling.where(whole, account, now)
    met = [compiling.excluded(key, account, now) for key in off]
    counts = ", ".join(
        "(SELECT count(*) FROM audiences_contact c"
        f" WHERE c.account_id = %s AND c.active AND ({left.text}) AND ({one.text}))"
        for one in met
    )
    params = [value for one in met for value in (account.pk, *left.params, *one.params)]
    ((*removed,),) = sql.rows(f"SELECT {counts}", params)
    steps = _steps(whole)
    return [
        Effect(EXCLUSIONS[key].label, many, _taken(steps, Group(exclusions=(key,))), key)
        for key, many in zip(off, removed, strict=True)
    ]


def sample(account: Account, ids_sql: str, params: list[Any]) -> list[Contact]:
    """Some of the contacts that match, by name. Not the first of all: those the database finds first."""
    ids = sql.column(f"{ids_sql} LIMIT {SAMPLE}", params)
    return list(Contact.objects.filter(account=account, pk__in=ids).by_name())


def _active(account: Account) -> int:
    return Contact.objects.filter(account=account, active=True).count()


def _steps(root: Group) -> list[Group]:
    """The root's rules, each as a group of its own, and one for each exclusion."""
    if _apart(root):
        found = [Group(root.match, (rule,)) for rule in root.rules]
    else:
        found = [replace(root, exclusions=())] if root.rules or root.source else []
    return [*found, *(Group(exclusions=(key,)) for key in root.exclusions)]


def _apart(root: Group) -> bool:
    """Whether each of its rules takes people away by itself."""
    return root.source is None and root.match in ("all", "none")


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
