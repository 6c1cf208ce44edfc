"""The builder's form: what was typed ⇄ rules as they are stored, edits of their shape, and rows to show.

Every input is named by the place of its rule: `r-0-2-field` is the third rule of the first group. What was
typed is kept as it is, wrong or not yet complete; `rules.trees` says what is wrong with it. The
pages of an audience and of a launch show the same form.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from django.http import QueryDict

from accounts.models import Account
from audiences.rules import choices, reading, trees
from audiences.rules.choices import Choices
from audiences.rules.exclusions import EXCLUSIONS, Exclusion
from audiences.rules.fields import FIELDS, SOURCES, Field, Kind, offered
from audiences.rules.filters import is_short, tree
from audiences.rules.operators import MOST_VALUES, Amount, Operator, Span, Unit, fitting
from audiences.rules.trees import Path, Problem

DEEPEST_OFFERED = 3  # groups inside groups that the page offers
_NAME = re.compile(r"r((?:-[0-9]{1,3}){0,20})-(match|of|name|left|field|was|is|value|n|unit)")
_LONGEST = 1000  # letters of one value that are kept
_MOST_KEPT = MOST_VALUES + 1  # values of one rule: so many that too many are told
_MATCH_WORDS = {"all": "All of these hold", "any": "Any of these holds", "none": "None of these holds"}
UNITS = get_args(Unit)
USUAL = (
    "last_job",
    "job.type",
    "job.unit",
    "tag",
    "kind",
    "city",
)  # what most audiences ask, offered by name


def nothing() -> dict[str, Any]:
    """Rules that ask nothing."""
    return {"match": "all", "rules": []}


def asks(rules: Mapping[str, Any]) -> bool:
    """Whether anybody could be left out by these rules, right or wrong."""
    return rules.get("match") not in trees.MATCHES or any(
        rules.get(key) for key in ("rules", "exclusions", "of")
    )


def within(audience: int, rules: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of those in an audience who meet these, too."""
    chosen = {"field": reading.INCLUDES, "is": "any_of", "value": [audience]}
    if rules.get("match") == "all" and not rules.get("of"):
        return {**rules, "rules": [chosen, *rules.get("rules", [])]}
    whole = {**nothing(), "rules": [chosen, {key: rules[key] for key in rules if key != "exclusions"}]}
    return whole | ({"exclusions": rules["exclusions"]} if rules.get("exclusions") else {})


def exclusions(rules: Mapping[str, Any]) -> list[tuple[Exclusion, bool]]:
    """Whom rules may leave out by default, and whether these do."""
    return [(one, one.key in rules.get("exclusions", [])) for one in EXCLUSIONS.values()]


def fresh() -> dict[str, Any]:
    """The rules of an audience that nobody has typed anything for: all default exclusions are on."""
    return {"match": "all", "rules": [], "exclusions": list(EXCLUSIONS)}


def stored(rules: Mapping[str, Any] | None) -> dict[str, Any]:
    """Stored rules in the form that the builder edits."""
    rules = rules or {}
    return dict(tree(rules)[0]) if is_short(rules) else dict(rules)


def parsed(text: str) -> dict[str, Any]:
    """Rules as JSON in an address or a form; what cannot be read is rules without a meaning."""
    try:
        rules = json.loads(text)
    except (ValueError, RecursionError):
        rules = None
    return rules if isinstance(rules, dict) else {"match": ""}


def typed(data: QueryDict) -> dict[str, Any]:
    """The rules as typed. What does not come from the builder's inputs is passed over."""
    places: dict[Path, dict[str, list[str]]] = {(): {}}
    for name in data:
        if found := _NAME.fullmatch(name):
            path = tuple(int(part) for part in found[1].split("-")[1:])
            values = [value.replace("\0", "")[:_LONGEST] for value in data.getlist(name)[:_MOST_KEPT]]
            places.setdefault(path, {})[found[2]] = values  # the database keeps no NUL
    children: dict[Path, set[int]] = defaultdict(set)
    for path in places:
        for depth, index in enumerate(path):
            children[path[:depth]].add(index)
    rules = _group((), places, children)
    if left_out := [key for key in data.getlist("exclusions") if key in EXCLUSIONS]:
        rules["exclusions"] = left_out
    return rules


def edit(rules: dict[str, Any], act: str) -> Path:
    """Change the shape: `rule:0-2` adds a rule to that group, `ask.tag:` one that asks this, `group:` and
    `of.job:` a group, `remove:` takes one away. The place that the change concerns."""
    verb, _, where = act.partition(":")
    path = tuple(int(part) for part in where.split("-") if part.isdecimal() and len(part) < 4)
    group = rules
    for index in path[:-1] if verb == "remove" else path:
        inner = group.get("rules", [])
        if index >= len(inner) or "rules" not in inner[index]:
            return ()
        group = inner[index]
    inside: list[Any] = group["rules"]
    if verb == "remove":
        if path and path[-1] < len(inside):
            del inside[path[-1]]
        return path[:-1]
    rule: dict[str, Any] = {"field": "", "is": ""}
    if verb == "group":
        rule = {"match": "any", "rules": [rule]}
    elif verb.startswith("of.") and verb[3:] in SOURCES:
        rule = {"match": "all", "of": verb[3:], "rules": [rule]}
    elif verb.startswith("ask.") and (known := FIELDS.get(verb[4:])):
        rule = {"field": known.key, "is": next(iter(fitting(known)))}
        if known.scope:
            rule = {"match": "all", "of": known.scope, "rules": [rule]}
    inside.append(rule)
    return (*path, len(inside) - 1) if "field" in rule else (*path, len(inside) - 1, 0)


def _group(
    path: Path, places: Mapping[Path, Mapping[str, list[str]]], children: Mapping[Path, set[int]]
) -> dict[str, Any]:
    here = places.get(path, {})
    rules = [
        _group((*path, i), places, children)
        if "match" in places.get((*path, i), {})
        else _rule(places.get((*path, i), {}))
        for i in sorted(children.get(path, ()))
    ]
    found: dict[str, Any] = {"match": here.get("match", ["all"])[0], "rules": rules}
    if here.get("of"):
        found["of"] = here["of"][0]
    if path and here.get("name"):
        found["name"] = here["name"][0]
    if path and here.get("left"):
        found["exclusions"] = here["left"]
    return found


def _rule(here: Mapping[str, list[str]]) -> dict[str, Any]:
    """One condition; of a field just chosen the first comparison, without a value."""
    key = here.get("field", [""])[0]
    known = FIELDS.get(key)
    if known is None:
        return {"field": key, "is": ""}
    operators = fitting(known)
    op = here.get("is", [""])[0]
    if here.get("was", [key])[0] != key:
        return {"field": key, "is": next(iter(operators))}
    if op not in operators:
        op = next(iter(operators))
    found: dict[str, Any] = {"field": key, "is": op}
    value = _typed_value(known, operators[op], here)
    return found if value is None else {**found, "value": value}


def _typed_value(known: Field, operator: Operator, here: Mapping[str, list[str]]) -> Any:
    if operator.value is None:
        return None
    if operator.value is Span:
        return {"n": here.get("n", [""])[0].strip(), "unit": here.get("unit", [UNITS[0]])[0]}
    values = here.get("value", [])
    if known.kind == Kind.ROWS:
        return [int(value) for value in values if value.isdecimal() and len(value) < 19]
    if known.kind == Kind.CHOICE:
        return values
    if known.kind == Kind.TEXT:
        return [word.strip() for word in ",".join(values).split(",") if word.strip()]
    return values[0].strip().replace(",", "") if values else ""


@dataclass
class Row:
    """One rule as the page shows it."""

    path: Path
    data: Mapping[str, Any]
    scope: str
    errors: list[str] = field(default_factory=list)
    rows: list["Row"] = field(default_factory=list)
    choices: Choices | None = None
    focus: bool = False

    @property
    def name(self) -> str:
        """What its inputs' names begin with."""
        return "-".join(["r", *map(str, self.path)])

    @property
    def place(self) -> str:
        """Its place, as buttons send it."""
        return "-".join(map(str, self.path))

    @property
    def number(self) -> str:
        """Its place as people count: `2.1` is the first rule of the second group."""
        return ".".join(str(at + 1) for at in self.path)

    @property
    def is_group(self) -> bool:
        """Whether it holds other rules."""
        return "field" not in self.data

    @property
    def of(self) -> str:
        """The source that a group asks for."""
        return str(self.data.get("of", ""))

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """Whom a group inside leaves out, in words: nobody types that, so it is shown and kept."""
        keys = self.data.get("exclusions", []) if self.path else []
        return [(key, EXCLUSIONS[key].label if key in EXCLUSIONS else key) for key in keys]

    @property
    def usual(self) -> list[Field]:
        """What is offered by name to begin with."""
        return [FIELDS[key] for key in USUAL if key in FIELDS] if not self.path else []

    @property
    def matches(self) -> list[tuple[str, str]]:
        """How a group's rules may be joined, in words."""
        if (source := SOURCES.get(self.of)) is None:
            return list(_MATCH_WORDS.items())
        return [
            ("all", f"Has {source.label} with all of these"),
            ("any", f"Has {source.label} with any of these"),
            ("none", f"Has no {source.bare_label} with all of these"),
        ]

    @property
    def fields(self) -> dict[str, list[Field]]:
        """What may be asked here, by group."""
        return offered(self.scope)

    @property
    def known(self) -> Field | None:
        """The field that is asked."""
        return FIELDS.get(str(self.data.get("field", "")))

    @property
    def operators(self) -> dict[str, Operator]:
        """The comparisons that fit."""
        return fitting(self.known) if self.known else {}

    @property
    def widget(self) -> str:
        """What the value is typed into."""
        operator = self.operators.get(str(self.data.get("is", "")))
        if operator is None or operator.value is None:
            return ""
        assert self.known is not None
        if self.known.kind in (Kind.ROWS, Kind.CHOICE):
            return "choices"
        if operator.value is Span:
            return "span"
        return {Amount: "number"}.get(operator.value, "text" if self.known.kind == Kind.TEXT else "date")

    @property
    def chosen(self) -> int:
        """How many are ticked."""
        value = self.data.get("value")
        return len(value) if isinstance(value, list) else 0

    @property
    def chosen_words(self) -> str:
        """What is ticked, by name."""
        ticked = [words for _, words in self.choices.ticked] if self.choices else []
        return ", ".join(ticked) if len(ticked) < 4 else f"{', '.join(ticked[:2])} and {len(ticked) - 2} more"

    @property
    def text(self) -> str:
        """The value of a plain input."""
        value = self.data.get("value", "")
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    @property
    def sources(self) -> list[tuple[str, str]]:
        """Rows that a group here may ask for."""
        if self.scope or len(self.path) >= DEEPEST_OFFERED:
            return []
        with_fields = {known.scope for known in FIELDS.values()}
        return [(key, source.label) for key, source in SOURCES.items() if key in with_fields]

    @property
    def deeper(self) -> bool:
        """Whether groups may be added."""
        return len(self.path) < DEEPEST_OFFERED


def rows(
    account: Account, rules: Mapping[str, Any], problems: list[Problem], *, focus: Path | None = None
) -> Row:
    """The root as the page shows it; what may be chosen is read once for each field."""
    listed: dict[str, Choices] = {}
    return _row(account, rules, (), "", problems, listed, focus)


def told(rules: Mapping[str, Any], problems: Sequence[Problem]) -> list[tuple[str, list[str]]]:
    """Every rule by what its inputs' names begin with, and what is wrong with it, right ones included."""
    found = []
    left: list[tuple[Path, Mapping[str, Any]]] = [((), rules)]
    while left:
        path, data = left.pop()
        found.append((Row(path, data, "").name, [one.words for one in problems if one.path == path]))
        left += [
            ((*path, i), rule) for i, rule in enumerate(data.get("rules", [])) if isinstance(rule, Mapping)
        ]
    return found


def _row(
    account: Account, data: Mapping[str, Any], path: Path, scope: str, problems: list[Problem],
    listed: dict[str, Choices], focus: Path | None,
) -> Row:  # fmt: skip
    found = Row(path, data, scope, [one.words for one in problems if one.path == path], focus=focus == path)
    if found.is_group:
        found.scope = found.of or scope
        found.rows = [
            _row(account, rule, (*path, i), found.scope, problems, listed, focus)
            for i, rule in enumerate(data.get("rules", []))
            if isinstance(rule, Mapping)
        ]
    elif found.widget == "choices" and found.known is not None:
        kind = found.known.model or found.known.key
        if kind not in listed:
            listed[kind] = choices.offered(account, found.known)
        value = found.data.get("value")
        ticked = value if isinstance(value, list) else []
        found.choices = listed[kind].after(ticked, choices.named(account, found.known, ticked))
    return found


def sought(account: Account, data: QueryDict) -> Row | None:
    """The rule at `at` that asks `field`, offering what answers to `q`; what is ticked in it stays."""
    known = FIELDS.get(data.get("field", ""))
    place = _NAME.fullmatch(f"{data.get('at', '')}-value")
    if known is None or place is None or known.kind not in (Kind.ROWS, Kind.CHOICE):
        return None
    values = data.getlist(f"{data['at']}-value")[:_MOST_KEPT]
    ticked = _typed_value(known, next(iter(fitting(known).values())), {"value": values})
    path = tuple(int(part) for part in place[1].split("-")[1:])
    row = Row(path, {"field": known.key, "value": ticked}, known.scope)
    row.choices = choices.of(account, known, ticked, data.get("q", "").replace("\0", ""))
    return row


def complete(
    account: Account, rules: Mapping[str, Any], audience: int | None
) -> tuple[dict[str, Any], list[Problem]]:
    """Typed rules as they are stored, and what is wrong with them; with problems, as they were typed."""
    problems = reading.ready(account, rules, within=(audience,) if audience else ())[1]
    return (dict(rules) if problems else trees.write(reading.typed(rules)[0])), problems
