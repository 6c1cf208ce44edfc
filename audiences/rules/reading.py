"""Rules of an account made ready: the tree, with what it names looked up, and other audiences put in.

An audience inside another stands for that one's rules, as they are now; round in a circle is a problem.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from accounts.models import Account
from audiences.models import Audience
from audiences.rules import filters, trees
from audiences.rules.fields import Field, Kind
from audiences.rules.trees import Condition, Group, Node, Path, Problem

INCLUDES = "audience"  # the field that asks for other audiences
MOST_INSIDE = 8  # audiences inside each other
_TOO_MANY = (
    f"With the rules of the audiences in it, these are more than {trees.MOST_RULES} rules, or lie too deep"
    " inside each other."
)


@dataclass(slots=True)
class _Room:
    """How many rules may still be put in: audiences that name each other several times multiply."""

    left: int = trees.MOST_RULES


def typed(rules: Mapping[str, Any] | None) -> tuple[Group, list[Problem]]:
    """The tree as it was written, in either form, and what is wrong with its shape. No queries."""
    rules = rules or {}
    if isinstance(rules, Mapping) and filters.is_short(rules):
        rules, problems = filters.tree(rules)
        if problems:
            return Group(), problems
    return trees.read(rules)


def ready(
    account: Account, rules: Mapping[str, Any] | None, *, within: tuple[int, ...] = ()
) -> tuple[Group, list[Problem]]:
    """The tree to be asked, and everything wrong with it. `within`: audiences that these are the rules of."""
    return _ready(account, rules, within, _Room())


def _ready(
    account: Account, rules: Mapping[str, Any] | None, within: tuple[int, ...], room: _Room
) -> tuple[Group, list[Problem]]:
    group, problems = typed(rules)
    problems += _unknown_rows(account, group)
    if problems:
        return group, problems
    room.left -= trees.size(group)
    whole = _with_audiences(account, group, within, (), problems, room)
    assert isinstance(whole, Group)
    if not problems and (room.left < 0 or trees.depth(whole) > trees.DEEPEST):
        problems.append(Problem((), _TOO_MANY))
    return whole, problems


def _unknown_rows(account: Account, group: Group) -> list[Problem]:
    """Rows that do not exist in this account, or not any more; one query for each model."""
    asked: dict[str, list[tuple[Path, Condition]]] = defaultdict(list)
    for path, node in trees.walk(group):
        if isinstance(node, Condition) and node.field.kind == Kind.ROWS:
            asked[node.field.model].append((path, node))
    found: list[Problem] = []
    for conditions in asked.values():
        model = conditions[0][1].field.rows_model
        wanted = {pk for _, condition in conditions for pk in condition.value}
        known = {row.pk: row for row in model._default_manager.filter(pk__in=wanted, account=account)}
        for path, condition in conditions:
            found += [Problem(path, words) for words in _wrong_rows(condition.field, condition.value, known)]
    return found


def _wrong_rows(field: Field, pks: list[int], known: Mapping[int, Any]) -> list[str]:
    errors = [f"{field.label}: number {pk} does not exist any more." for pk in pks if pk not in known]
    if field.deleted:
        gone = [known[pk] for pk in pks if pk in known and not getattr(known[pk], "active", True)]
        errors += [field.deleted.format(name=row) for row in gone]
    return errors


def _with_audiences(
    account: Account, node: Node, within: tuple[int, ...], path: Path, problems: list[Problem], room: _Room
) -> Node:
    if isinstance(node, Group):
        rules = [
            _with_audiences(account, rule, within, (*path, index), problems, room)
            for index, rule in enumerate(node.rules)
        ]
        return replace(node, rules=tuple(rules))
    if node.field.key != INCLUDES or room.left < 0:  # too many: told already, where they became so
        return node
    found = []
    room.left += 1  # the rules of the audiences stand in its place
    for audience in Audience.objects.filter(pk__in=node.value, account=account).order_by("name", "pk"):
        if audience.pk in within:
            problems.append(Problem(path, f"The audience “{audience}” would be part of itself."))
            continue
        if len(within) > MOST_INSIDE:
            room.left = -1
        if room.left < 0:
            problems.append(Problem(path, _TOO_MANY))
            break
        group, wrong = _ready(account, audience.rules, (*within, audience.pk), room)
        if wrong:
            words = f"The audience “{audience}” needs correcting first: {wrong[0].words}"
            problems.append(Problem(path, _TOO_MANY if room.left < 0 else words))
        found.append(replace(group, name=audience.name))
    return Group("any" if node.op == "any_of" else "none", tuple(found))
