from datetime import datetime
from typing import Any

from pydantic import Field

from campaigns.graph import NEXT, GraphNode
from campaigns.nodes.base import LabelQuery, NodeKind, Settings, labels_in

_BUCKETS = 2**32
_BUCKET = "('x' || left(md5(%(salt)s || e.contact_id), 8))::bit(32)::bigint"


class Arm(Settings):
    """One way out and how much of the whole it takes, in shares of all arms' weights."""

    label: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    weight: int = Field(ge=1, le=1000)


class SplitSettings(Settings):
    """Who goes where: at least two arms."""

    arms: list[Arm] = Field(min_length=2, max_length=8)


class Split(NodeKind):
    """Sends each contact down one of several arms, in the drawn proportion and always down the same one.

    The arm follows from campaign, node and contact alone: coming round again, in a later occurrence or in a
    new version of the workflow, nobody changes sides while the weights stay as they are.
    """

    kind = "split"
    instant = True
    settings_model = SplitSettings

    def labels(self, node: GraphNode) -> set[str]:
        """One label per arm."""
        return set(labels_in(node.settings, "arms"))

    def ways(self, node: GraphNode) -> list[str]:
        """The arms as they were named."""
        return list(dict.fromkeys(labels_in(node.settings, "arms")))

    def main_way(self, node: GraphNode) -> str:
        """The first arm."""
        return next(iter(self.ways(node)), NEXT)

    def needed(self, node: GraphNode) -> list[str]:
        """All arms."""
        return self.ways(node)

    def problems(self, node: GraphNode) -> list[str]:
        """Every arm has a name of its own, and leads somewhere."""
        problems = super().problems(node)
        if problems:
            return problems
        labels = [arm.label for arm in self.settings(node).arms]
        if len(set(labels)) < len(labels):
            problems.append("Two arms have the same name.")
        undrawn = set(labels) - node.edges.keys()
        return problems + [f"Nothing is drawn for “{label}”." for label in sorted(undrawn)]

    def label_sql(self, *, campaign_id: int, node: GraphNode, now: datetime) -> LabelQuery:
        """The arm whose share of all hashes the contact's lies in."""
        arms = self.settings(node).arms
        whole = sum(arm.weight for arm in arms)
        params: dict[str, Any] = {"salt": f"{campaign_id}:{node.key}:"}
        cases, taken = [], 0
        for index, arm in enumerate(arms):
            taken += arm.weight
            params |= {f"below{index}": taken * _BUCKETS // whole, f"label{index}": arm.label}
            cases.append(f"WHEN {_BUCKET} < %(below{index})s THEN %(label{index})s::text")
        return LabelQuery(f"CASE {' '.join(cases)} END", "campaigns_enrollment e", params)
