"""A tree of rules as one SQL condition over `c` (audiences_contact).

What is not known is neither like nor unlike: a comparison with it is NULL, which AND and OR treat as false.
Only a negation must say so itself: `IS NOT TRUE`, or plain NOT where nothing can be NULL, which lets the
planner use an anti join.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Account
from audiences.rules.exclusions import EXCLUSIONS
from audiences.rules.fields import SOURCES, Kind
from audiences.rules.operators import Operator
from audiences.rules.trees import Condition, Node, read


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition and the values it names, in their order."""

    text: str
    params: tuple[Any, ...] = ()
    nullable: bool = False
    either: tuple["Sql", ...] = ()  # the parts, where one of them is enough

    def opposite(self) -> "Sql":
        """That it does not hold, or is not known to. None of several holds where each does not: so said, the
        planner can use an anti join for each."""
        if self.either:
            return _joined("AND", [part.opposite() for part in self.either])
        text = f"({self.text}) IS NOT TRUE" if self.nullable else f"NOT ({self.text})"
        return Sql(text, self.params)


TRUE = Sql("TRUE")


def where(node: Node, account: Account, now: datetime, *, one_by_one: bool = False) -> Sql:
    """The condition that a tree stands for; `one_by_one` where few contacts are asked, or a slice of them."""
    if isinstance(node, Condition):
        return _condition(node, account, now, one_by_one)
    rules = [where(rule, account, now, one_by_one=one_by_one) for rule in node.rules]
    if node.source is not None:
        met = _joined("OR" if node.match == "any" else "AND", rules) if rules else TRUE
        some = Sql(node.source.exists(f"({met.text})"), met.params)
        return some.opposite() if node.match == "none" else some
    if not rules:
        found = TRUE
    elif node.match == "none":
        found = _joined("AND", [rule.opposite() for rule in rules])
    else:
        found = _joined("OR" if node.match == "any" else "AND", rules)
    left_out = [excluded(key, account, now).opposite() for key in node.exclusions]
    return _joined("AND", [found, *left_out]) if left_out else found


def excluded(key: str, account: Account, now: datetime) -> Sql:
    """Whom a default exclusion leaves out."""
    if short := EXCLUSIONS[key].short:
        return Sql(*short(now))
    group, problems = read({"match": "all", "rules": [EXCLUSIONS[key].rule]})
    assert not problems, problems
    return where(group, account, now)


def _joined(word: str, parts: list[Sql]) -> Sql:
    if len(parts) == 1:
        return parts[0]
    return Sql(
        f" {word} ".join(f"({part.text})" for part in parts),
        tuple(param for part in parts for param in part.params),
        any(part.nullable for part in parts),
        tuple(parts) if word == "OR" else (),
    )


def _condition(condition: Condition, account: Account, now: datetime, one_by_one: bool) -> Sql:
    field, operator = condition.field, condition.operator
    if operator.opposite:
        same = Condition(field, operator.opposite, condition.value)
        return _condition(same, account, now, one_by_one).opposite()
    params = tuple(operator.params(condition.value, account, now)) if operator.value is not None else ()
    if field.summed and field.kind == Kind.NUMBER:
        return _total(condition, params, one_by_one)
    if field.summed:
        return _latest(condition, operator, params)
    text = operator.sql.format(x=field.sql)
    if operator.alone and len(condition.value) == 1:
        text, params = operator.alone.format(x=field.sql), tuple(condition.value)
    if field.exists:
        return Sql(field.exists.format(has=text), params)
    return Sql(text, params, field.nullable)


def _latest(condition: Condition, operator: Operator, params: tuple[Any, ...]) -> Sql:
    source, x = SOURCES[condition.field.of], condition.field.sql
    if not operator.aggregate:
        return Sql(source.exists(operator.sql.format(x=x)), params)
    later = Sql(source.exists(operator.aggregate.format(x=x)), params).opposite()
    return _joined("AND", [Sql(source.exists(f"{x} IS NOT NULL")), later])


def _total(condition: Condition, params: tuple[Any, ...], one_by_one: bool) -> Sql:
    """A total of no rows is 0: where 0 would do, it is asked whose rows come to something else."""
    source, x = SOURCES[condition.field.of], condition.field.sql
    (wanted,) = params
    if condition.op == "at_least":
        met, else_, nothing_does = f"{x} >= %s", f"{x} < %s", wanted <= 0
    else:
        met, else_, nothing_does = f"{x} <= %s", f"{x} > %s", wanted >= 0
    if nothing_does:
        return Sql(source.having(else_, one_by_one=one_by_one), params).opposite()
    return Sql(source.having(met, one_by_one=one_by_one), params)
