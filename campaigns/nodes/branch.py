import re
from datetime import datetime
from typing import Any

from pydantic import Field, field_validator

from campaigns.branch_fields import FIELDS, FITTING, OPERATORS, Kind
from campaigns.graph import OTHERWISE, GraphNode
from campaigns.nodes.base import LabelQuery, NodeKind, Settings, labels_in

_SOURCE = """
    campaigns_enrollment e
    JOIN campaigns_enrollmentsnapshot d ON d.enrollment_id = e.id
    JOIN audiences_contact c ON c.id = e.contact_id
"""
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,4})?")


class Condition(Settings):
    """One comparison and the label to leave by where it holds."""

    label: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    field: str
    operator: str
    value: str | int | bool

    @field_validator("field")
    @classmethod
    def _field_exists(cls, value: str) -> str:
        if value not in FIELDS:
            raise ValueError(f"there is no field “{value}”")
        return value

    @field_validator("operator")
    @classmethod
    def _operator_exists(cls, value: str) -> str:
        if value not in OPERATORS:
            raise ValueError(f"there is no comparison “{value}”")
        return value


class BranchSettings(Settings):
    """The conditions, tried in this order."""

    conditions: list[Condition] = Field(min_length=1, max_length=12)


class Branch(NodeKind):
    """Leaves by the first condition that holds, else by `otherwise`. What is not known is like nothing: only
    the comparisons that deny ("is_not", "has_not") hold of it."""

    kind = "branch"
    instant = True
    settings_model = BranchSettings

    def labels(self, node: GraphNode) -> set[str]:
        """One label per condition."""
        return set(labels_in(node.settings, "conditions"))

    def ways(self, node: GraphNode) -> list[str]:
        """The conditions as they are tried, then everybody else."""
        return list(dict.fromkeys([*labels_in(node.settings, "conditions"), OTHERWISE]))

    def main_way(self, node: GraphNode) -> str:
        """Of whom no condition holds."""
        return OTHERWISE

    def needed(self, node: GraphNode) -> list[str]:
        """All of them: nobody may stand at a branch and have nowhere to go."""
        return self.ways(node)

    def problems(self, node: GraphNode) -> list[str]:
        """Comparisons must fit their field, and every way out must be drawn."""
        problems = super().problems(node)
        if problems:
            return problems
        for condition in self.settings(node).conditions:
            field = FIELDS[condition.field]
            if condition.operator not in FITTING[field.kind]:
                problems.append(f"“{condition.operator}” does not fit “{field.words}”.")
            elif field.kind == Kind.NUMBER and not _is_number(condition.value):
                problems.append(f"“{field.words}” is compared with a number.")
            elif field.kind == Kind.YES_NO and _as_text(condition.value) not in ("true", "false"):
                problems.append(f"“{field.words}” is either true or false.")
        labels = [condition.label for condition in self.settings(node).conditions]
        if len({*labels, OTHERWISE}) <= len(labels):
            problems.append("Two ways have the same name.")
        undrawn = set(self.needed(node)) - node.edges.keys()
        return problems + [f"Nothing is drawn for “{label}”." for label in sorted(undrawn)]

    def label_sql(self, *, campaign_id: int, node: GraphNode, now: datetime) -> LabelQuery:
        """Every condition in turn."""
        cases: list[str] = []
        params: dict[str, Any] = {"now": now}
        for index, condition in enumerate(self.settings(node).conditions):
            text = OPERATORS[condition.operator].format(
                field=FIELDS[condition.field].sql.format(), value=f"%(value{index})s::text"
            )
            params[f"value{index}"] = _as_text(condition.value)
            params[f"label{index}"] = condition.label
            cases.append(f"WHEN {text} THEN %(label{index})s::text")
        # The pieces come from FIELDS and OPERATORS; what people typed goes in as parameters.
        return LabelQuery(f"CASE {' '.join(cases)} ELSE '{OTHERWISE}' END", _SOURCE, params)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and _NUMBER.fullmatch(str(value)) is not None


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
