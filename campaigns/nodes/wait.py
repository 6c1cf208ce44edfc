import re
from datetime import datetime, time
from typing import Literal

from pydantic import Field, field_validator, model_validator

from audiences.models import ZoneSet
from audiences.moments import next_local
from campaigns import appointments
from campaigns.graph import NEXT, GraphNode
from campaigns.nodes.base import DAY_MINUTES, Arrival, Batch, NodeKind, Outcome, Row, Settings, State, minutes
from common import sql

NO_APPOINTMENT = "no_appointment"
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class Until(Settings):
    """The next of these weekdays (0 is Monday) at this time of the contact's day."""

    days: list[int] = Field(min_length=1, max_length=7)
    at: str

    @field_validator("days")
    @classmethod
    def _are_weekdays(cls, value: list[int]) -> list[int]:
        if any(not 0 <= day <= 6 for day in value):
            raise ValueError("days are 0 (Monday) to 6 (Sunday)")
        return sorted(set(value))

    @field_validator("at")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        if not _CLOCK.fullmatch(value):
            raise ValueError("the time is written as 09:00 or 17:30")
        return value

    @property
    def time(self) -> time:
        """The time of day."""
        return time.fromisoformat(self.at)


class Around(Settings):
    """So many minutes before (negative) or after a date of the contact."""

    field: Literal["appointment"]
    minutes: int = Field(ge=-60 * DAY_MINUTES, le=60 * DAY_MINUTES)


class WaitSettings(Settings):
    """One of three: for a while (at most a leap year), until a time of the week, or around a date."""

    minutes: int | None = Field(default=None, ge=1, le=366 * DAY_MINUTES)
    until: Until | None = None
    around: Around | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "WaitSettings":
        if sum(each is not None for each in (self.minutes, self.until, self.around)) != 1:
            raise ValueError("say how long it waits: for a while, until a time of the week, or around a date")
        return self


class Wait(NodeKind):
    """Nothing happens for a while.

    Around an appointment it is looked at again whenever the source moves that, and who has none any more
    leaves by `no_appointment`.
    """

    kind = "wait"
    settings_model = WaitSettings

    def labels(self, node: GraphNode) -> set[str]:
        """Beside `next`, the way out of those who have no date to wait for."""
        return {NO_APPOINTMENT} if "around" in node.settings else set()

    def ways(self, node: GraphNode) -> list[str]:
        """On, and out for those without a date."""
        return [NEXT, *self.labels(node)]

    def takes_time(self, node: GraphNode) -> bool:
        """Not around a date: where that moment has passed it is over at once, as often as one comes round."""
        return "around" not in node.settings

    def arrival(self, node: GraphNode, now: datetime) -> Arrival:
        """Waiting from the first moment until the timer runs out; the other ways are looked at at once."""
        length = self.settings(node).minutes
        return Arrival(State.WAITING, now + minutes(length) if length else now)

    def execute(self, batch: Batch) -> list[Outcome]:
        """Run-out timers are due, so everybody goes on; elsewhere each contact's own moment decides."""
        settings = self.settings(batch.node)
        if settings.minutes is not None:
            return [Outcome(batch.rows, State.COMPLETED)]
        steps = [row.step_id for row in batch.rows]
        if settings.until is not None:
            moments = _next_times(steps, settings.until)
        else:
            moments = appointments.moments(steps, offset=minutes(settings.around.minutes))
        over: dict[str, list[Row]] = {}
        later: list[Row] = []
        for row in batch.rows:
            moment = moments.get(row.step_id)
            if moment is not None and moment > batch.now:
                later.append(row)
            else:
                over.setdefault(NO_APPOINTMENT if moment is None else NEXT, []).append(row)
        outcomes = [Outcome(rows, State.COMPLETED, label=label) for label, rows in over.items()]
        # Everybody's visit has a time of its own: one outcome for all, not one for each time.
        dues = [moments[row.step_id] for row in later]
        return [*outcomes, Outcome(later, State.WAITING, due_each=dues)]


def _next_times(step_ids: list[int], until: Until) -> dict[int, datetime]:
    """Step → the first such time of the week after it began, where its contact lives."""
    found = sql.rows(
        """
        SELECT s.id, contact.zone_set_id, greatest(s.created_at, c.starts_at)
        FROM campaigns_step s
        JOIN campaigns_campaign c ON c.id = s.campaign_id
        JOIN campaigns_enrollment e ON e.id = s.enrollment_id
        JOIN audiences_contact contact ON contact.id = e.contact_id WHERE s.id = ANY(%s)
        """,
        [step_ids],
    )
    places = ZoneSet.objects.in_bulk({zone_set for _, zone_set, _ in found})
    # Most steps of a batch began together, in few places.
    moments = {
        (zone_set, began): next_local(places[zone_set].zones, days=until.days, at=until.time, after=began)
        for zone_set, began in {(zone_set, began) for _, zone_set, began in found}
    }
    return {step_id: moments[zone_set, began] for step_id, zone_set, began in found}
