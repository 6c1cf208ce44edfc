from datetime import datetime

from pydantic import Field

from campaigns import booking_requests
from campaigns.graph import NEXT, GraphNode
from campaigns.nodes.base import DAY_MINUTES, Arrival, Batch, NodeKind, Outcome, Settings, State, minutes

BOOKED, NOT_BOOKED = "booked", "not_booked"


class BookJobSettings(Settings):
    """What to ask for, and how long to wait for the answer."""

    summary: str = Field(min_length=1, max_length=500)
    job_type: int | None = None  # ServiceTitan's ids: they mean the same in every version
    business_unit: int | None = None
    timeout_minutes: int = Field(default=3 * DAY_MINUTES, ge=5, le=30 * DAY_MINUTES)


class BookJob(NodeKind):
    """Asks ServiceTitan for a booking and waits for its job; leaves by `booked` or `not_booked`."""

    kind = "book_job"
    settings_model = BookJobSettings

    def labels(self, node: GraphNode) -> set[str]:
        """Booked, or not: dismissed, refused, or no answer in time."""
        return {BOOKED, NOT_BOOKED}

    def ways(self, node: GraphNode) -> list[str]:
        """Booked, not booked, and one for both."""
        return [BOOKED, NOT_BOOKED, NEXT]

    def arrival(self, node: GraphNode, now: datetime) -> Arrival:
        """Scheduled at once; the engine writes the request."""
        return Arrival(State.SCHEDULED, now)

    def execute(self, batch: Batch) -> list[Outcome]:
        """First time: write the requests and wait. Second time (due again): the answer never came."""
        settings = self.settings(batch.node)
        fresh, overdue = booking_requests.write(
            batch.rows,
            account_id=batch.account_id,
            summary=settings.summary,
            job_type=settings.job_type,
            business_unit=settings.business_unit,
            now=batch.now,
        )
        outcomes = []
        if fresh:
            outcomes.append(
                Outcome(fresh, State.WAITING, due_at=batch.now + minutes(settings.timeout_minutes))
            )
        if overdue:
            outcomes.append(Outcome(overdue, State.COMPLETED, label=NOT_BOOKED))
        return outcomes
