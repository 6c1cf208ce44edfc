from datetime import datetime

from campaigns.graph import GraphNode
from campaigns.nodes.base import Decisions, NodeKind


class End(NodeKind):
    """The passage ends here."""

    kind = "end"
    instant = True

    def ways(self, node: GraphNode) -> list[str]:
        """None."""
        return []

    def main_way(self, node: GraphNode) -> str:
        """None."""
        return ""

    def problems(self, node: GraphNode) -> list[str]:
        """An end leads nowhere."""
        leads = ["An end cannot lead on. Remove its edges."] if node.edges else []
        return super().problems(node) + leads

    def decide(
        self, *, campaign_id: int, node: GraphNode, enrollment_ids: list[int], now: datetime
    ) -> Decisions:
        """Everybody who arrives is done."""
        return Decisions({"ended": list(enrollment_ids)})
