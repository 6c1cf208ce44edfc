from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from accounts.models import Account
from audiences.models import Tag
from campaigns import words
from campaigns.branch_fields import FIELDS, FITTING, Kind
from campaigns.node_forms.base import NodeForm, label_of, number

MOST_WAYS = 12
COMPARED = {
    "is": "is", "is_not": "is not", "at_least": "is at least", "below": "is below", "has": "has",
    "has_not": "does not have",
}  # fmt: skip
_SUGGESTED = {
    "kind": ["residential", "commercial"],
    "language": ["en", "es"],
    "last_reply": ["booking_yes", "reschedule", "question", "complaint", "wrong_number", "other"],
}
"""What a field's answers are, where there are few."""


class BranchForm(NodeForm):
    """The conditions in their order, each with the name of the way it opens."""

    template = "campaigns/node_forms/branch.html"
    begins = {"conditions": [{"label": "replied", "field": "replied", "operator": "is", "value": True}]}

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """The rows that stay, and a new one where it was asked for."""
        stood = {str(row.get("label")): str(row.get("field")) for row in _listed(before, "conditions")}
        conditions = [
            self._condition(row, stood.get(row["was"], ""))
            for row in _rows(posted, "field", "operator", "value")
        ]
        if "add" in posted and len(conditions) < MOST_WAYS:
            conditions.append(
                {"label": _free("way", conditions), "field": "tag", "operator": "has", "value": ""}
            )
        return {"conditions": conditions}

    def renamed(self, posted: QueryDict) -> dict[str, str]:
        """By the label that each row had."""
        return _renamed(posted)

    def _condition(self, row: dict[str, str], stood: str) -> dict[str, Any]:
        """One row; `stood` is the field it asked for before. A yes or no is no answer to another question."""
        field, was = FIELDS.get(row["field"]), FIELDS.get(stood)
        fitting = sorted(FITTING[field.kind]) if field else list(COMPARED)
        operator = row["operator"] if row["operator"] in fitting else fitting[0]
        value: Any = row["value"].strip()[:200]
        if field and field.kind == Kind.YES_NO:
            value = value != "false"
        elif was and was.kind == Kind.YES_NO:
            value = ""
        return {"label": label_of(row["name"]), "field": row["field"], "operator": operator, "value": value}

    def context(self, settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """Each condition with what its field can be compared by and with."""
        rows = []
        for condition in _listed(settings, "conditions"):
            field = FIELDS.get(str(condition.get("field")))
            fitting = FITTING[field.kind] if field else frozenset[str]()
            rows.append({
                **condition,
                "name": words.sentence(str(condition.get("label", ""))),
                "operators": [(op, said) for op, said in COMPARED.items() if op in fitting],
                "yes_no": field is not None and field.kind == Kind.YES_NO,
                "said": str(condition.get("value", "")),
                "suggested": _suggested(account, str(condition.get("field"))),
                "false": str(condition.get("value")).lower() == "false",
            })  # fmt: skip
        return {
            "conditions": rows,
            "fields": [(name, field.words) for name, field in FIELDS.items()],
            "full": len(rows) >= MOST_WAYS,
        }


class SplitForm(NodeForm):
    """The arms with their shares."""

    template = "campaigns/node_forms/split.html"
    begins = {"arms": [{"label": "a", "weight": 50}, {"label": "b", "weight": 50}]}
    most = 8

    def settings(self, posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
        """The rows that stay, and a new one where it was asked for."""
        arms: list[dict[str, Any]] = [
            {"label": label_of(row["name"]), "weight": number(row["weight"])}
            for row in _rows(posted, "weight")
        ]
        if "add" in posted and len(arms) < self.most:
            arms.append({"label": _free("c", arms), "weight": 50})
        return {"arms": arms}

    def renamed(self, posted: QueryDict) -> dict[str, str]:
        """By the label that each row had."""
        return _renamed(posted)

    def context(self, settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """Each arm with its part of the whole."""
        arms = _listed(settings, "arms")
        whole = sum(arm["weight"] for arm in arms if isinstance(arm.get("weight"), int)) or 1
        rows = [
            {**arm, "name": words.sentence(str(arm.get("label", ""))),
             "share": f"{arm['weight'] / whole:.0%}" if isinstance(arm.get("weight"), int) else ""}
            for arm in arms
        ]  # fmt: skip
        return {"arms": rows, "full": len(rows) >= self.most, "least": len(rows) <= 2}


def _listed(settings: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = settings.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _rows(posted: QueryDict, *names: str) -> list[dict[str, str]]:
    """The rows of a list as posted, without the one whose removal was asked for."""
    columns = {name: posted.getlist(name) for name in ("name", "was", *names)}
    length = min((len(values) for values in columns.values()), default=0)
    dropped = posted.get("drop", "")
    rows = [
        {name: values[place] for name, values in columns.items()} for place in range(min(length, MOST_WAYS))
    ]
    return [row for place, row in enumerate(rows) if str(place) != dropped]


def _renamed(posted: QueryDict) -> dict[str, str]:
    return {row["was"]: label_of(row["name"]) for row in _rows(posted) if row["was"]}


def _free(name: str, rows: list[dict[str, Any]]) -> str:
    taken = {row["label"] for row in rows}
    names = (name if n == 1 else f"{name}_{n}" for n in range(1, MOST_WAYS + 2))
    return next(free for free in names if free not in taken)


def _suggested(account: Account, field: str) -> list[str]:
    if field == "tag":
        return list(Tag.objects.filter(account=account).order_by("name").values_list("name", flat=True)[:200])
    return _SUGGESTED.get(field, [])
