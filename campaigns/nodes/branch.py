import re
from datetime import datetime
from typing import Any

from pydantic import Field, field_validator

from campaigns.graph import OTHERWISE, GraphNode
from campaigns.nodes.base import Decisions, NodeKind, Settings
from common import sql

_YEAR_SECONDS = 31_557_600  # 365.25 days
# Each field once: its words, and its SQL over e (enrollment), d (snapshot data) and c (contact).
FIELDS: dict[str, tuple[str, str]] = {
    "kind": ("Residential or commercial", "c.kind"),
    "state": ("State", "c.state"),
    "language": ("Language", "c.language"),
    "last_job_type": ("Last job's type", "d.data->>'last_job_type'"),
    "years_since_last_job": (
        "Years since the last job",
        f"floor(extract(epoch from (%(now)s - (d.data->>'last_job_at')::timestamptz)) / {_YEAR_SECONDS})",
    ),
    "tag": (
        "Tag",
        "(SELECT coalesce(array_agg(t.name::text), '{{}}') FROM audiences_contacttag ct"
        " JOIN audiences_tag t ON t.id = ct.tag_id WHERE ct.contact_id = c.id)",
    ),
    "replied": (
        "Has replied in this campaign",
        "(SELECT EXISTS (SELECT 1 FROM campaigns_step s JOIN conversations_message m ON m.id = s.message_id"
        " WHERE s.enrollment_id = e.id AND m.replied_at IS NOT NULL))",
    ),
}
OPERATORS: dict[str, str] = {
    "is": "({field})::text = {value}",
    "is_not": "({field})::text IS DISTINCT FROM {value}",
    "at_least": "({field})::numeric >= ({value})::numeric",
    "below": "({field})::numeric < ({value})::numeric",
    # The cast keeps Postgres from reading the field's subquery as the list itself.
    "has": "{value} = ANY(({field})::text[])",
    "has_not": "NOT ({value} = ANY(({field})::text[]))",
}
_LIST_FIELDS, _NUMBER_FIELDS = {"tag"}, {"years_since_last_job"}
_LIST_OPERATORS, _NUMBER_OPERATORS = {"has", "has_not"}, {"at_least", "below"}


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
    """Leaves by the first condition that holds, else by `otherwise`. Missing data is no match."""

    kind = "branch"
    instant = True
    pauses = False
    settings_model = BranchSettings

    def labels(self, node: GraphNode) -> set[str]:
        """One label per condition."""
        return {
            condition["label"] for condition in node.settings.get("conditions", []) if "label" in condition
        }

    def problems(self, node: GraphNode) -> list[str]:
        """Comparisons must fit their field, and every way out must be drawn."""
        problems = super().problems(node)
        if problems:
            return problems
        for condition in self.settings(node).conditions:
            if not _fits(condition):
                problems.append(f"“{condition.operator}” does not fit “{FIELDS[condition.field][0]}”.")
            elif condition.operator in _NUMBER_OPERATORS and not _is_number(condition.value):
                problems.append(f"“{FIELDS[condition.field][0]}” is compared with a number.")
        undrawn = (self.labels(node) | {OTHERWISE}) - node.edges.keys()
        return problems + [f"Nothing is drawn for “{label}”." for label in sorted(undrawn)]

    def decide(
        self, *, campaign_id: int, node: GraphNode, enrollment_ids: list[int], now: datetime
    ) -> Decisions:
        """One query evaluates every condition for the whole batch."""
        cases: list[str] = []
        params: dict[str, Any] = {"ids": enrollment_ids, "now": now}
        for index, condition in enumerate(self.settings(node).conditions):
            text = OPERATORS[condition.operator].format(
                field=FIELDS[condition.field][1].format(), value=f"%(value{index})s::text"
            )
            params[f"value{index}"] = _as_text(condition.value)
            params[f"label{index}"] = condition.label
            cases.append(f"WHEN {text} THEN %(label{index})s::text")
        # The pieces come from FIELDS and OPERATORS above; what people typed goes in as parameters.
        found = sql.rows(
            f"""
            SELECT CASE {" ".join(cases)} ELSE '{OTHERWISE}' END, array_agg(e.id)
            FROM campaigns_enrollment e
            JOIN campaigns_enrollmentsnapshot d ON d.enrollment_id = e.id
            JOIN audiences_contact c ON c.id = e.contact_id
            WHERE e.id = ANY(%(ids)s) GROUP BY 1
            """,
            params,
        )
        return Decisions({row[0]: row[1] for row in found})


def _fits(condition: Condition) -> bool:
    """Lists are searched, numbers ordered, and everything else is equal or not."""
    if (condition.operator in _LIST_OPERATORS) != (condition.field in _LIST_FIELDS):
        return False
    return condition.operator not in _NUMBER_OPERATORS or condition.field in _NUMBER_FIELDS


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"-?\d{1,9}(\.\d{1,4})?", str(value)) is not None


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
