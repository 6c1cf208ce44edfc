"""Where a walkthrough stands while it is played: its rows, its clock, and what there was to see so far."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, TypeAlias
from uuid import UUID

from django.db import connection, transaction

from accounts.models import User
from campaigns.graph import GraphNode
from campaigns.models import Enrollment, Step, Walkthrough
from campaigns.walkthroughs.scene import Scene
from common import clock, sql

Event: TypeAlias = dict[str, Any]
MOST_STEPS = 500
LONGEST_SECONDS = 1.6
"""After which no further statement begins; one takes at most a quarter of it (`limit`). Together 2 s: what
else is done for the contact may wait for rows that a walkthrough changes, and a claim is good for 3 s."""
_LOCK_WAIT = 0.3
"""Seconds: less than a deadlock is looked for, so that real work is never chosen to be undone."""
SOON = timedelta(seconds=30)
"""How long after what we sent the customer does something."""


class NotNow(Exception):
    """The act does not fit where the walkthrough stands; says why. Nothing was done."""


class TooLong(Exception):
    """The walkthrough has more in it than one look may take."""


@contextmanager
def hurried() -> Iterator[None]:
    """Let no statement of this connection begin once `LONGEST_SECONDS` are over. Raises TooLong."""
    began = monotonic()

    def look(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        # What takes back what was begun must go through, however late.
        if monotonic() - began > LONGEST_SECONDS and not str(statement).startswith(("ROLLBACK", "RELEASE")):
            raise TooLong
        return execute(statement, *rest)

    with connection.execute_wrapper(look):
        yield


def limit() -> None:
    """Let the server end a statement of this transaction that takes too long, and the transaction where its
    process was frozen meanwhile."""
    for setting, seconds in (
        ("lock_timeout", _LOCK_WAIT), ("statement_timeout", LONGEST_SECONDS / 4),
        ("idle_in_transaction_session_timeout", LONGEST_SECONDS),
    ):  # fmt: skip
        sql.run(f"SET LOCAL {setting} = {int(seconds * 1000)}")


@dataclass
class Line:
    """A phone call that is going on: its attempt, whether an agent called, and what its last words asked."""

    attempt: UUID
    call_id: int
    planned_id: int
    provider_id: str
    by_agent: bool
    talks: bool = False  # somebody has picked up
    action: str = ""  # where the next key would be posted: its query
    rings: str = ""  # whom a transfer rings, where one does: "agents" or "office"


@dataclass
class Stage:
    """All that playing the acts of a walkthrough needs and leaves."""

    walk: Walkthrough
    scene: Scene
    by: User
    now: datetime
    events: list[Event] = field(default_factory=list)
    mails: dict[str, str] = field(default_factory=dict)  # number of its event → HTML
    links: list[int] = field(default_factory=list)  # codes of the links that were sent, in order
    line: Line | None = None
    act: int = -1  # which act is being played; before the first
    told: dict[int, tuple[str, str, str]] = field(default_factory=dict)  # step → as it was told
    sides: dict[str, int] = field(default_factory=dict)  # split → the act during which it decided
    steps: int = 0

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Do something with the clock where the walkthrough's stands, so that an error undoes it alone."""
        self.count()
        with transaction.atomic(), clock.standing_at(self.now):
            yield

    def count(self) -> None:
        """One more step of all that one look may take. Raises TooLong."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooLong

    def tell(self, kind: str, /, node: str = "", **facts: Any) -> Event:
        """Add something to what is seen."""
        event = {"kind": kind, "at": self.now.isoformat(), "node": node, "act": self.act, **facts}
        self.events.append(event)
        return event

    def note(self, words: str, *, icon: str = "info", tone: str = "", node: str = "", **facts: Any) -> None:
        """Something that happened, in a line."""
        self.tell("note", node=node, words=words, icon=icon, tone=tone, **facts)

    @property
    def enrollment_id(self) -> int:
        """Of the contact's passage. Raises NotNow where there is none."""
        if self.scene.enrollment is None:
            raise NotNow("This contact would not enter the campaign, so nothing follows.")
        return self.scene.enrollment.pk

    def passage(self) -> Enrollment:
        """The passage as it is now."""
        return Enrollment.objects.select_related("address").get(pk=self.enrollment_id)

    def is_live(self) -> bool:
        """Whether the passage goes on."""
        live = Enrollment.objects.filter(pk=self.enrollment_id, state=Enrollment.State.ACTIVE)
        return live.exists()

    def open_step(self) -> Step | None:
        """Where the contact stands; None where the passage is over."""
        found = Step.objects.filter(enrollment=self.enrollment_id, state__in=Step.OPEN)
        return found.order_by("-pk").first()

    def node_of(self, step: Step) -> GraphNode:
        """The node that a step is at."""
        return self.scene.graph.nodes[step.node_id]

    def soon(self) -> None:
        """A moment passes."""
        self.now += SOON
