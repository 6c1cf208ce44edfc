"""Where a walkthrough stands while it is played: its rows, its clock, and what there was to see so far."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, TypeAlias
from uuid import UUID

from django.db import InternalError, OperationalError, connection, transaction

from accounts.models import User
from campaigns.graph import GraphNode
from campaigns.models import Enrollment, Step, Walkthrough
from campaigns.walkthroughs.scene import Scene
from common import clock, sql
from common.transactions import tried_out

Event: TypeAlias = dict[str, Any]
MOST_STEPS = 500
LONGEST_SECONDS = 10.0
MOST_HELD = 1.3
"""Seconds after which no further statement begins, once rows of a real customer are changed; the last takes
at most a quarter of it, and as much a process that stalls then. Together 2 s: who else writes those rows
waits so long, and a claim is good for 3 s."""
_LOCK_WAIT = 0.3
"""Seconds: less than a deadlock is looked for, so that real work is seldom chosen to be undone, only where it
has waited longer for a walkthrough that waits for it in its turn; it is then tried again."""
_STALLED = "25P03"  # idle_in_transaction_session_timeout
SOON = timedelta(seconds=30)
"""How long after what we sent the customer does something."""


class NotNow(Exception):
    """The act does not fit where the walkthrough stands; says why. Nothing was done."""


class TooLong(Exception):
    """The walkthrough has more in it than one look may take."""


@dataclass
class Hurry:
    """How long one look has taken, and since when others may have to wait for it."""

    began: float = field(default_factory=monotonic)
    holding: float | None = None

    @property
    def over(self) -> bool:
        """Whether no further statement may begin."""
        now = monotonic()
        held = self.holding is not None and now - self.holding > MOST_HELD
        return held or now - self.began > LONGEST_SECONDS

    def hold(self) -> None:
        """From here on rows are changed that somebody else may want to write. Not inside a savepoint."""
        if self.holding is None:
            self.holding = monotonic()
            _limit(MOST_HELD)


@contextmanager
def hurried() -> Iterator[Hurry]:
    """Let no statement of this connection begin once one look's time is over. Raises TooLong."""
    hurry = Hurry()

    def look(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        # What takes back what was begun must go through, however late.
        if hurry.over and not str(statement).startswith(("ROLLBACK", "RELEASE")):
            raise TooLong
        try:
            return execute(statement, *rest)
        except InternalError as error:
            if getattr(error.__cause__, "sqlstate", None) != _STALLED:
                raise
            raise OperationalError("the walkthrough's process stalled") from error  # so is a lost connection

    with connection.execute_wrapper(look), tried_out():
        sql.run(f"SET LOCAL lock_timeout = {int(_LOCK_WAIT * 1000)}")
        _limit(LONGEST_SECONDS)
        yield hurry


def _limit(seconds: float) -> None:
    """Let the server end a statement of this transaction that takes a quarter of this, and the transaction
    where its process stalls that long."""
    quarter = int(seconds * 250)
    sql.run(f"SET LOCAL statement_timeout = {quarter}")
    sql.run(f"SET LOCAL idle_in_transaction_session_timeout = {quarter}")


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
    hurry: Hurry
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

    def touch(self) -> None:
        """What follows changes rows that are the customer's beyond this walkthrough: a thread, the contact, a
        wish. Of an invented person nobody else knows any."""
        if not self.walk.sample:
            self.hurry.hold()

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
