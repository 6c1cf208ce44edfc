"""Rules as a tree: JSON ⇄ groups and conditions. Nothing here asks the database.

A group is `{"match": "all" | "any" | "none", "rules": […]}`; with `"of": "job"` it asks for a row of that
source which meets them ("none": that there is no row which meets them all). A condition is
`{"field": …, "is": …, "value": …}`. The root may have no rules: everybody. Any other group without rules,
an unknown field and a value that does not fit are problems, never silently everybody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pydantic

from audiences.rules import refusals
from audiences.rules.exclusions import EXCLUSIONS
from audiences.rules.fields import FIELDS, SOURCES, Field, Source
from audiences.rules.operators import Operator, Span, fitting

Path = tuple[int, ...]
MATCHES = ("all", "any", "none")
# What keeps a query one that can be planned. Both hold for a tree with the rules of the audiences that it
# names, too, so that what a launch freezes can be read again.
DEEPEST, MOST_RULES = 20, 300


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: the place of each group's child from the root on."""

    path: Path
    words: str

    @property
    def place(self) -> str:
        """The id of the element that shows this rule."""
        return "-".join(["r", *map(str, self.path)])


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of one field."""

    field: Field
    op: str
    value: Any = None

    @property
    def operator(self) -> Operator:
        """The comparison."""
        return fitting(self.field)[self.op]


@dataclass(frozen=True, slots=True)
class Group:
    """Several rules that all, any or none of must hold; of the contact, or of one row of a source."""

    match: str = "all"
    rules: tuple["Condition | Group", ...] = ()
    source: Source | None = None
    name: str = ""  # of the audience whose rules these are
    exclusions: tuple[str, ...] = ()  # keys of EXCLUSIONS

    @property
    def asks(self) -> bool:
        """Whether it narrows at all: a root without rules does not."""
        return bool(self.rules or self.source or self.exclusions)


Node = Condition | Group


def read(data: Any) -> tuple[Group, list[Problem]]:
    """The tree of stored or typed rules, without what has problems; and the problems."""
    problems: list[Problem] = []
    if not isinstance(data, Mapping):
        return Group(), [Problem((), "These rules cannot be read.")]
    group = _group(data, (), "", problems)
    if size(group) > MOST_RULES:
        problems.append(Problem((), f"These are more than {MOST_RULES} rules."))
    return group, problems


def write(node: Node) -> dict[str, Any]:
    """A tree as it is stored."""
    if isinstance(node, Condition):
        stored = {"field": node.field.key, "is": node.op}
        return stored if node.operator.value is None else {**stored, "value": _plain(node.value)}
    found: dict[str, Any] = {"match": node.match, "rules": [write(rule) for rule in node.rules]}
    if node.source:
        found["of"] = node.source.key
    if node.name:
        found["name"] = node.name
    if node.exclusions:
        found["exclusions"] = list(node.exclusions)
    return found


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """The node and all below it, each with its place."""
    yield path, node
    if isinstance(node, Group):
        for index, rule in enumerate(node.rules):
            yield from walk(rule, (*path, index))


def size(node: Node) -> int:
    """How many things a tree asks: conditions, exclusions, and groups that say enough without rules."""
    if isinstance(node, Condition):
        return 1
    return max(1, sum(size(rule) for rule in node.rules) + len(node.exclusions))


def depth(node: Node) -> int:
    """How many groups lie inside each other below this one, at most."""
    return max(len(path) for path, one in walk(node) if isinstance(one, Group))


def _group(data: Mapping[str, Any], path: Path, scope: str, problems: list[Problem]) -> Group:
    source = SOURCES.get(str(data.get("of", ""))) if data.get("of") else None
    wrong = _wrong_group(data, path, scope, source)
    rules = data.get("rules", [])
    if not wrong and not isinstance(rules, list):
        wrong = "These rules cannot be read."
    if wrong:
        problems.append(Problem(path, wrong))
        return Group()
    within = source.key if source else scope
    found = [_node(rule, (*path, index), within, problems) for index, rule in enumerate(rules)]
    return Group(
        match=data["match"],
        rules=tuple(rule for rule in found if rule is not None),
        source=source,
        name=str(data.get("name", ""))[:120],
        exclusions=_exclusions(data.get("exclusions", []), path, problems),
    )


def _wrong_group(data: Mapping[str, Any], path: Path, scope: str, source: Source | None) -> str:
    if extra := set(data) - {"match", "rules", "of", "name", "exclusions"}:
        return f"“{sorted(map(str, extra))[0]}” is not a rule that we know."
    if data.get("match") not in MATCHES:
        return "Choose whether all, any or none of these must hold."
    if len(path) > DEEPEST:
        return "Groups lie too deep inside each other here."
    if data.get("of") and source is None:
        return f"“{data['of']}” is nothing that we know of customers."
    if scope and (data.get("of") or data.get("exclusions")):
        return "This asks about something else than the group that it stands in. Move it out."
    if path and source is None and not any(data.get(key) for key in ("rules", "name", "exclusions")):
        return "This group has no rule yet. Add one, or remove the group."
    return ""


def _exclusions(keys: Any, path: Path, problems: list[Problem]) -> tuple[str, ...]:
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        problems.append(Problem(path, "What is left out cannot be read."))
        return ()
    problems += [
        Problem(path, f"“{key}” is nothing that we know to leave out.")
        for key in keys
        if key not in EXCLUSIONS
    ]
    return tuple(key for key in EXCLUSIONS if key in keys)


def _node(data: Any, path: Path, scope: str, problems: list[Problem]) -> Node | None:
    if not isinstance(data, Mapping):
        problems.append(Problem(path, "This rule cannot be read."))
        return None
    if "field" not in data:
        return _group(data, path, scope, problems)
    field = FIELDS.get(str(data["field"]))
    wrong, value = "", None
    if not data["field"]:
        wrong = "Choose what this rule asks."
    elif field is None:
        wrong = f"“{data['field']}” is not a rule that we know."
    elif field.scope != scope:
        wrong = f"{field.label}: this does not belong in this group. Move it out."
    elif not isinstance(data.get("is"), str) or data["is"] not in fitting(field):
        wrong = f"{field.label}: choose how it compares."
    else:
        value, wrong = _value(field, fitting(field)[data["is"]], data.get("value"))
    if wrong or field is None:
        problems.append(Problem(path, wrong))
        return None
    return Condition(field, data["is"], value)


def _value(field: Field, operator: Operator, value: Any) -> tuple[Any, str]:
    """A value as its type, and what is wrong with it."""
    if operator.value is None:
        return None, ""
    if value in (None, "", []) or (isinstance(value, Mapping) and value.get("n") in (None, "")):
        return None, f"{field.label}: {operator.missing[:1].lower()}{operator.missing[1:]}"
    try:
        kind = pydantic.TypeAdapter(operator.value)
        typed = kind.validate_json(pydantic.TypeAdapter(Any).dump_json(value))
    except pydantic.ValidationError as invalid:
        return None, f"{field.label}: {refusals.words(invalid.errors()[0])}."
    except ValueError:
        return None, f"{field.label}: this cannot be read."
    if field.options is not None and (unknown := [word for word in typed if word not in field.options]):
        return None, f"{field.label}: “{unknown[0]}” is not known."
    return typed, ""


def _plain(value: Any) -> Any:
    if isinstance(value, Span):
        return {"n": value.n, "unit": value.unit}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value
