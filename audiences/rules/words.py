"""Rules in words, for lists, launches and the line above a contact list."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, TypeGuard

from accounts.models import Account
from audiences.rules import trees
from audiences.rules.exclusions import EXCLUSIONS
from audiences.rules.fields import Field, Kind
from audiences.rules.trees import Condition, Group, Node

EVERYBODY = "All active contacts"
_OF = {"all": "Has {label} with ", "any": "Has {label} with ", "none": "Has no {one} with "}
Names = Mapping[str, Mapping[int, str]]


def describe(account: Account, group: Group) -> list[str]:
    """One sentence for each rule of the root, and one for what is left out."""
    names = _names(account, group)
    if group.match == "all" and group.source is None:
        found = [_said(rule, names) for rule in group.rules] or [EVERYBODY]
    else:
        found = [_said(group, names)] if group.rules or group.source else [EVERYBODY]
    if group.exclusions:
        found.append(_left_out(group))
    return found


def value_words(condition: Condition, names: Names) -> str:
    """What a condition compares with."""
    value, field = condition.value, condition.field
    if field.kind == Kind.ROWS:
        return ", ".join(sorted(names[field.model].get(pk, str(pk)) for pk in value))
    if field.options is not None and isinstance(value, list):
        return ", ".join(field.options.get(word, word) for word in value)
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, date):
        return f"{value:%b} {value.day}, {value.year}"
    return _amount(field, value) if field.kind == Kind.NUMBER else str(value)


def _said(node: Node, names: Names) -> str:
    if isinstance(node, Condition):
        return _condition(node, names)
    if node.name:
        return f"In the audience “{node.name}”"
    if _only_leaves_out(node):
        return _left_out(node)
    if node.match == "none" and len(node.rules) == 1 and _only_leaves_out(node.rules[0]):
        return " or ".join(EXCLUSIONS[key].label for key in node.rules[0].exclusions)  # who is left out by it
    inner = [_said(rule, names) for rule in node.rules]
    if node.source is not None:
        if not inner:
            return f"Has {'no ' + node.source.bare_label if node.match == 'none' else node.source.label}"
        lead = _OF[node.match].format(label=node.source.label, one=node.source.bare_label)
        return lead + _listed([_lower(words) for words in inner], "or" if node.match == "any" else "and")
    if node.match == "none":
        return f"None of: {'; '.join(inner)}"
    if len(inner) == 1:
        return inner[0]
    return f"{'Any' if node.match == 'any' else 'All'} of: {'; '.join(inner)}"


def _only_leaves_out(node: Node) -> TypeGuard[Group]:
    return isinstance(node, Group) and bool(node.exclusions) and not node.rules and node.source is None


def _left_out(group: Group) -> str:
    return f"Left out: {_listed([_lower(EXCLUSIONS[key].label) for key in group.exclusions])}"


def _condition(condition: Condition, names: Names) -> str:
    label, operator = condition.field.label, condition.operator
    if condition.field.kind == Kind.YES_NO:
        return f"Not: {_lower(label)}" if operator.opposite else label
    value = value_words(condition, names) if operator.value is not None else ""
    if "…" in operator.words:
        return f"{label} {operator.words.replace('…', value)}"
    if condition.field.kind in (Kind.CHOICE, Kind.ROWS) and operator.opposite == "":
        return f"{label}: {value}"
    return f"{label} {operator.words} {value}".strip()


def _names(account: Account, group: Group) -> dict[str, dict[int, str]]:
    """The names of all rows that the tree asks for; one query for each model."""
    asked: dict[str, set[int]] = defaultdict(set)
    fields: dict[str, Field] = {}
    for _, node in trees.walk(group):
        if isinstance(node, Condition) and node.field.kind == Kind.ROWS:
            asked[node.field.model] |= set(node.value)
            fields[node.field.model] = node.field
    return {
        model: {
            row.pk: str(row)
            for row in fields[model].rows_model._default_manager.filter(pk__in=pks, account=account)
        }
        for model, pks in asked.items()
    }


def _amount(field: Field, value: Any) -> str:
    number = f"{value:,}"
    if field.unit == "$":
        return f"${number}"
    return f"{number} {field.unit}".strip()


def _lower(words: str) -> str:
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def _listed(words: list[str], word: str = "and") -> str:
    return (
        f" {word} ".join(words)
        if word == "or" or len(words) < 3
        else f"{', '.join(words[:-1])} and {words[-1]}"
    )
