from datetime import datetime

from pydantic import Field

from campaigns.graph import GraphNode
from campaigns.nodes.base import DAY_MINUTES, Arrival, Batch, NodeKind, Outcome, Settings, State, minutes


class WaitSettings(Settings):
    """How long, at most a leap year."""

    minutes: int = Field(ge=1, le=366 * DAY_MINUTES)


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
