from datetime import datetime

from pydantic import Field

from campaigns.graph import GraphNode
from campaigns.nodes.base import DAY_MINUTES, Arrival, Batch, NodeKind, Outcome, Row, Settings, State, minutes
from common import sql
from conversations.reading import LABELS

ANY_REPLY = "reply"
NO_REPLY = "no_reply"


class WaitForReplySettings(Settings):
    """How long a reply is waited for."""

    timeout_minutes: int = Field(ge=1, le=60 * DAY_MINUTES)


class WaitForReply(NodeKind):
    """Waits until the customer answers or the time is over.

    Leaves by the reply's label where such an edge is drawn, else by `reply`; by `no_reply` in the end.
    A reply wakes the step by making it due (`campaigns/receivers.py`); one that came early lies on the
    enrollment and is found at arrival.
    """

    kind = "wait_for_reply"
    pauses = True
    settings_model = WaitForReplySettings

    def labels(self, node: GraphNode) -> set[str]:
        """Every label a reading can have, any reply, and none."""
        return {*LABELS, ANY_REPLY, NO_REPLY}

    def ways(self, node: GraphNode) -> list[str]:
        """What a reply may say, any reply, and none. Who opts out leaves the campaign, by no way at all."""
        return [*(label for label in LABELS if label != "optout"), ANY_REPLY, NO_REPLY]

    def outcomes(self, node: GraphNode) -> set[str]:
        """None in time, and replies that a way is drawn for: the others are held for a person."""
        return {NO_REPLY, *(label for label in self.labels(node) if label in node.edges)}

    def main_way(self, node: GraphNode) -> str:
        """Of those who did not answer: whoever did has been heard."""
        return NO_REPLY

    def arrival(self, node: GraphNode, now: datetime) -> Arrival:
        """Waiting; the engine moves `due_at` forward for those who have already answered."""
        return Arrival(State.WAITING, now + minutes(self.settings(node).timeout_minutes))

    @staticmethod
    def route(node: GraphNode, label: str) -> str | None:
        """The edge a reply of this label leaves by, or None where it needs a person."""
        return next((edge for edge in (label, ANY_REPLY) if edge in node.edges), None)

    def execute(self, batch: Batch) -> list[Outcome]:
        """Due means answered or out of time."""
        answered = self._take_replies([row.enrollment_id for row in batch.rows])
        by_label: dict[str, list[Row]] = {}
        for row in batch.rows:
            label = answered.get(row.enrollment_id)
            edge = self.route(batch.node, label) if label else NO_REPLY
            # A label without an edge holds the enrollment (receivers); the clock then decides.
            by_label.setdefault(edge or NO_REPLY, []).append(row)
        return [Outcome(rows, State.COMPLETED, label=label) for label, rows in by_label.items()]

    @staticmethod
    def _take_replies(enrollment_ids: list[int]) -> dict[int, str]:
        """Consume the kept replies of these enrollments: enrollment id → label."""
        found = sql.rows(
            """
            WITH kept AS MATERIALIZED (
                SELECT e.id, r.label FROM campaigns_enrollment e
                JOIN conversations_reading r ON r.message_id = e.reply_id
                WHERE e.id = ANY(%s) AND e.reply_id IS NOT NULL)
            UPDATE campaigns_enrollment e SET reply_id = NULL FROM kept WHERE e.id = kept.id
            RETURNING e.id, kept.label
            """,
            [enrollment_ids],
        )
        return {row[0]: row[1] for row in found}
