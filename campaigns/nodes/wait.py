from datetime import datetime

from pydantic import Field

from campaigns.graph import GraphNode
from campaigns.nodes.base import Arrival, Batch, NodeKind, Outcome, Settings, State, minutes


class WaitSettings(Settings):
    minutes: int = Field(ge=1, le=60 * 24 * 366)


class Wait(NodeKind):
    """Nothing happens for a while."""

    kind = "wait"
    settings_model = WaitSettings

    def arrival(self, node: GraphNode, now: datetime) -> Arrival:
        """Waiting from the first moment, until the timer runs out."""
        return Arrival(State.WAITING, now + minutes(self.settings(node).minutes))

    def execute(self, batch: Batch) -> list[Outcome]:
        """Only run-out timers are due, so everybody goes on."""
        return [Outcome(batch.rows, State.COMPLETED)]
