"""What a node kind is. One module per kind; a kind returns what should happen and commits nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from campaigns.graph import NEXT, GraphNode
from campaigns.models import Step
from campaigns.nodes import plain_words
from common import sql

State = Step.State
DAY_MINUTES = 24 * 60
ORIGIN = "step:"  # and its id: what a campaign's message names as its origin


class Row(NamedTuple):
    """One claimed step and its enrollment, both locked."""

    step_id: int
    enrollment_id: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Due steps of one campaign at one node, claimed together."""

    account_id: int
    campaign_id: int
    node: GraphNode
    rows: list[Row]
    now: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of some rows of a batch.

    A step that stays open needs `due_at` where the engine shall look again, or `due_each` where that is an
    instant of its own for every row, in order. A finished one leaves by `label`; failed and skipped ones
    carry a `reason`. `texts` queues one text or email for every row, as `outbound` gives it, `calls` plans
    one call, as `planned_calls` does.
    """

    rows: list[Row]
    state: State
    label: str = ""
    reason: str = ""
    due_at: datetime | None = None
    texts: sql.Query | None = None
    due_each: list[datetime] | None = None
    calls: sql.Query | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a step begins: its state, and when the engine looks at it first."""

    state: State
    due_at: datetime | None


class Settings(BaseModel):
    """A node's settings as people set them; unknown names are mistakes."""

    model_config = ConfigDict(extra="forbid")


class LabelQuery(NamedTuple):
    """By which label an enrollment leaves: an expression over e (campaigns_enrollment) and what `source`
    joins to it, with the values both name. It gives every enrollment exactly one label.
    """

    label: str
    source: str
    params: Mapping[str, Any]


@dataclass
class Decisions:
    """An instant node's answer: which enrollments leave by which label."""

    by_label: dict[str, list[int]] = field(default_factory=dict)

    def add(self, label: str, enrollment_ids: Iterable[int]) -> None:
        """Let these enrollments leave by `label`."""
        self.by_label.setdefault(label, []).extend(enrollment_ids)


class NodeKind:
    """One kind of node. Subclasses are stateless; the registry holds one of each."""

    kind: ClassVar[str]
    instant: ClassVar[bool] = False  # decided inside the batch that reaches it; never stored open
    pauses: ClassVar[bool] = False  # a loop through it takes time: see `takes_time`
    reaches: ClassVar[bool] = False  # somebody hears from us, and may reply
    settings_model: ClassVar[type[Settings]] = Settings

    def settings(self, node: GraphNode) -> Any:
        """The node's settings, validated. Raises pydantic.ValidationError."""
        return self.settings_model.model_validate(node.settings)

    def takes_time(self, node: GraphNode) -> bool:
        """Whether whoever goes round through this very node is held up by it, whatever happens there.

        A text or a request does not: it may be skipped at once.
        """
        return self.pauses

    def labels(self, node: GraphNode) -> set[str]:
        """The labels a step may complete with, beside `next` and `otherwise`."""
        return set()

    def ways(self, node: GraphNode) -> list[str]:
        """The ways that an editor offers for this node, in reading order."""
        return [*sorted(self.labels(node)), NEXT]

    def main_way(self, node: GraphNode) -> str:
        """The one that leads on to what followed before, where the node is put in between; "" for an end."""
        return NEXT

    def outcomes(self, node: GraphNode) -> set[str]:
        """The labels that steps complete with, whatever is drawn."""
        return self.labels(node) or {NEXT}

    def needed(self, node: GraphNode) -> list[str]:
        """The ways without which the node cannot run."""
        return []

    def problems(self, node: GraphNode) -> list[str]:
        """What is wrong with this node, in words; empty when nothing is."""
        try:
            self.settings(node)
        except ValidationError as error:
            # A value of several kinds has an error for each: one says enough.
            return list(dict.fromkeys(plain_words.of(each) for each in error.errors()))
        return []

    def arrival(self, node: GraphNode, now: datetime) -> Arrival:
        """How a step at this node begins when it is reached at `now`."""
        return Arrival(State.SCHEDULED, now)

    def limit(self, batch_limit: int, *, campaign_id: int, node: GraphNode, now: datetime) -> int:
        """How many due steps may be taken now; a kind whose way out is narrow takes fewer."""
        return batch_limit

    def execute(self, batch: Batch) -> list[Outcome]:
        """Do the node's work for claimed steps, inside the engine's transaction.

        Of an instant kind these were stored open: the first of a workflow, or met after 20 hops.
        """
        by_enrollment = {row.enrollment_id: row for row in batch.rows}
        decisions = self.decide(
            campaign_id=batch.campaign_id, node=batch.node, enrollment_ids=list(by_enrollment), now=batch.now
        )
        return [
            Outcome([by_enrollment[i] for i in ids], State.COMPLETED, label=label)
            for label, ids in decisions.by_label.items()
        ]

    def label_sql(self, *, campaign_id: int, node: GraphNode, now: datetime) -> LabelQuery | None:
        """For instant kinds that only choose: the label of an enrollment as SQL."""
        return None

    def decide(
        self, *, campaign_id: int, node: GraphNode, enrollment_ids: list[int], now: datetime
    ) -> Decisions:
        """For instant kinds: by which label each enrollment leaves, and what that brings about. Where there
        is nothing to choose, everybody goes on."""
        query = self.label_sql(campaign_id=campaign_id, node=node, now=now)
        if query is None:
            return Decisions({NEXT: list(enrollment_ids)})
        found = sql.rows(
            f"""
            SELECT {query.label}, array_agg(e.id) FROM {query.source}
            WHERE e.id = ANY(%(enrollments)s::bigint[]) GROUP BY 1
            """,
            {**query.params, "enrollments": sql.array(enrollment_ids)},
        )
        return Decisions(dict(found))


def minutes(value: int) -> timedelta:
    """A node's waiting time; nodes speak of minutes."""
    return timedelta(minutes=value)


def labels_in(settings: Mapping[str, Any], name: str) -> list[str]:
    """The labels that a list of these settings names, whatever else stands in a draft."""
    rows = settings.get(name)
    named = (row.get("label") for row in rows if isinstance(row, Mapping)) if isinstance(rows, list) else ()
    return [label for label in named if isinstance(label, str) and label]
