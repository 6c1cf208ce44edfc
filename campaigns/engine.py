"""The engine: takes due steps in batches and lets each node kind move its whole batch.

Every batch is one transaction: claim, the kind's work, the outcome, the next steps. A worker killed at any
instant leaves nothing half done; the steps are simply due again.
"""

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import InterfaceError, OperationalError

from campaigns import graph, locks, passages, scheduling
from campaigns.nodes import KINDS
from campaigns.nodes.base import Batch, Outcome, Row, State
from campaigns.scheduling import DueNode
from common import clock, loops
from common.transactions import atomic_with_retry
from common.turns import Turns

log = logging.getLogger(__name__)
IDLE_SECONDS = 0.25
LOOK_SECONDS = 0.1  # between two looks for what is due: each costs an index probe per node
BROKEN_NODE = 10  # as many steps failing alone, and none going through: the node is at fault, not they
ERROR = "error"  # the reason of steps that nothing of ours could move
_turns = Turns()  # of this worker, from one loop to the next


def work(seconds: float) -> int:
    """Run due steps for at most `seconds`, or until the process is asked to end; how many were taken.

    Looks for what is due ten times a second, so that a campaign which has just become due waits that long,
    and then for one turn of each account. A node that breaks is left alone from then on; its error is raised
    in the end.
    """
    total, broken = 0, dict[DueNode, Exception]()
    for _ in loops.loop_until(seconds):
        taken = _serve(clock.now(), _turns, broken, seconds=LOOK_SECONDS)
        total += taken
        if not taken:
            loops.nap(IDLE_SECONDS)
    if broken:
        raise next(iter(broken.values()))
    return total


def run_round(*, now: datetime, seconds: float | None = None) -> int:
    """Look once and run what is due by `now`, turn by turn, for `seconds` where given; how many were taken.

    A step that breaks its batch is set aside as failed. A node that breaks keeps no other from its turn;
    its error is raised when all had theirs.
    """
    broken = dict[DueNode, Exception]()
    taken = _serve(now, Turns(), broken, seconds=seconds)
    if broken:
        raise next(iter(broken.values()))
    return taken


def _serve(now: datetime, turns: Turns, broken: dict[DueNode, Exception], *, seconds: float | None) -> int:
    """Give turns to the nodes that have something due, until each gave less than a batch; how many steps.

    One batch is a turn. Nodes that break are noted in `broken`, and those there already are left alone.
    """
    began, taken = time.monotonic(), 0
    scheduling.activate(now)
    due = [node for node in scheduling.due_nodes(now) if node not in broken]
    while due and not loops.should_stop():
        for node in scheduling.next_turns(due, turns):
            moved = 0
            try:
                moved = _run_apart(partial(run_batch, *node, now=now), node, now)
            except Exception as error:
                error.add_note(f"campaign {node.campaign_id}, node {node.node_id}")
                broken[node] = error
            taken += moved
            if moved < scheduling.BATCH:
                due.remove(node)
        if taken and seconds is not None and time.monotonic() - began >= seconds:
            break
    return taken


def _run_apart(run: Callable[..., int], place: DueNode, now: datetime) -> int:
    """Run one batch. Where it breaks, halve it until the steps at fault stand alone; the others go on."""
    try:
        return run()
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, not a step's
    except Exception as error:
        node = graph.load(place.version_id).nodes[place.node_id]
        if KINDS[node.kind].problems(node):
            raise
        first = error
    claim = atomic_with_retry(scheduling.claim_due)
    rows = claim(place.campaign_id, place.node_id, limit=scheduling.BATCH, now=now)
    random.shuffle(rows)
    parts, taken, broken = [rows], 0, list[Row]()
    while parts:
        part = parts.pop()
        try:
            taken += run(among=[row.step_id for row in part])
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            if len(part) > 1:
                parts += [part[len(part) // 2 :], part[: len(part) // 2]]
                continue
            broken += part
            if not taken and len(broken) == BROKEN_NODE:
                raise
    for row in broken:
        log.error("step %s failed by itself", row.step_id, exc_info=first)
        _set_aside(row, now)
    return taken + len(broken)


def _set_aside(row: Row, now: datetime) -> None:
    """Fail a step and go on from it; where even that breaks, its passage ends."""
    try:
        _fail(row, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        atomic_with_retry(passages.end)([row.enrollment_id], reason=ERROR, now=now)


@atomic_with_retry
def _fail(row: Row, now: datetime) -> None:
    for step in locks.lock_open_steps([row.step_id]):
        drawn = graph.load(step.version_id)
        outcome = Outcome([Row(step.step_id, step.enrollment_id)], State.FAILED, reason=ERROR)
        passages.settle(step.campaign_id, drawn, drawn.nodes[step.node_id], [outcome], now=now)


@atomic_with_retry
def run_batch(
    campaign_id: int,
    account_id: int,
    version_id: int,
    node_id: int,
    *,
    now: datetime,
    among: list[int] | None = None,
) -> int:
    """Claim and run one batch of one node, of these steps alone where given; how many steps were taken."""
    drawn = graph.load(version_id)
    node = drawn.nodes[node_id]
    kind = KINDS[node.kind]
    limit = kind.limit(scheduling.BATCH, campaign_id=campaign_id, node=node, now=now)
    rows = scheduling.claim_due(campaign_id, node_id, limit=limit, now=now, among=among)
    if not rows:
        return 0
    batch = Batch(account_id, campaign_id, node, rows, now)
    passages.settle(campaign_id, drawn, node, kind.execute(batch), now=now)
    return len(rows)
