"""One slice of a move to another version: enrollments with their open steps, under locks, at once.

Beside `campaigns/passages.py` the only writer of steps. A step keeps its id where its contact goes on at the
same node, and with it its text, its timer and whatever is under way for it. Elsewhere it is closed as
skipped, having left by `moved`, and a new one begins: a text that had not left is taken back, and there is
one text per step for ever, so that nothing is sent twice. What is in flight is never taken from under its
answer: who would have to leave such a step stays on their version.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from campaigns import passages
from campaigns.graph import Graph, GraphNode
from campaigns.locks import OPEN, lock_enrollments
from campaigns.models import Node
from campaigns.move_plans import Do, Treatment
from campaigns.nodes.base import ORIGIN
from campaigns.nodes.wait_for_reply import WaitForReply
from common import sql
from conversations import outbound
from conversations.locks import lock_idle_messages, lock_messages
from conversations.models import Message, PlannedCall

MOVED = "moved"  # the label that a step has left by, which no edge is drawn for
CHANGED = "workflow_changed"  # why a step was skipped, or a passage ended
REWORDED = "words_changed"  # why a step was skipped whose text was taken back to be queued with new words
IN_FLIGHT, ANSWERED, QUEUED_AGAIN = "in_flight", "answered", "queued_again"
"""Counted beside `Do`: who stayed because something was under way, or because they had just answered what
the other version has no way for; texts taken back and queued again."""
_QUEUED = Message.State.QUEUED
_STANDING = """
    SELECT e.id, s.id, s.node_id, s.message_id, coalesce(m.state, ''), coalesce(r.label, ''),
        EXISTS (SELECT FROM conversations_plannedcall p
                WHERE p.origin = %(origin)s || s.id AND p.state = ANY(%(calls)s))
    FROM campaigns_enrollment e
    JOIN campaigns_step s ON s.enrollment_id = e.id AND s.state = ANY(%(open)s)
    LEFT JOIN conversations_message m ON m.id = s.message_id
    LEFT JOIN conversations_reading r ON r.message_id = e.reply_id
    WHERE e.id = ANY(%(enrollments)s::bigint[]) AND e.state = 'active' AND e.version_id <> %(version)s
    ORDER BY e.id, s.id
"""
_TAKEN_BACK = """
    SELECT m.id FROM campaigns_step s JOIN conversations_message m ON m.id = s.message_id
    WHERE s.enrollment_id = ANY(%s::bigint[]) AND s.state = ANY(%s) AND s.node_id = ANY(%s::bigint[])
      AND m.state = 'queued' ORDER BY m.id
"""
# Timers keep their start. Who moves back to a version may have been at this node there: their next pass.
_REPOINT = """
    UPDATE campaigns_step s SET node_id = q.node_id,
        due_at = CASE WHEN s.due_at IS NULL THEN NULL WHEN q.look THEN %(now)s
            WHEN q.length IS NOT NULL
                THEN greatest(s.created_at, c.starts_at) + q.length * interval '1 second'
            WHEN s.state = 'waiting' THEN s.due_at + q.shift * interval '1 second' ELSE s.due_at END,
        pass_number = CASE WHEN EXISTS (
            SELECT FROM campaigns_step p WHERE p.enrollment_id = s.enrollment_id AND p.node_id = q.node_id
        ) THEN (SELECT max(p.pass_number) + 1 FROM campaigns_step p
                WHERE p.enrollment_id = s.enrollment_id AND p.node_id = q.node_id)
        ELSE s.pass_number END
    FROM unnest(%(steps)s::bigint[], %(nodes)s::bigint[], %(shifts)s::float8[], %(lengths)s::float8[],
                %(looks)s::boolean[]) AS q(step_id, node_id, shift, length, look), campaigns_campaign c
    WHERE s.id = q.step_id AND c.id = s.campaign_id
"""
# Where the campaign has not started, who begins anew begins with it, and is too late from there on.
_NOT_BEFORE_THE_START = """
    UPDATE campaigns_step s SET due_at = s.due_at + q.ahead, send_by = s.send_by + q.ahead
    FROM (SELECT old.enrollment_id,
            coalesce(old.send_by - c.send_by_hours * interval '1 hour', c.starts_at)
                - %(now)s::timestamptz AS ahead
        FROM campaigns_step old JOIN campaigns_campaign c ON c.id = old.campaign_id
        WHERE old.id = ANY(%(steps)s::bigint[]) AND c.starts_at > %(now)s) q
    WHERE s.enrollment_id = q.enrollment_id AND s.state = ANY(%(open)s) AND s.created_at = %(now)s
"""
_CLOSE = """
    UPDATE campaigns_step SET state = 'skipped', state_at = %s, due_at = NULL, outcome = %s, reason = %s
    WHERE id = ANY(%s::bigint[])
"""
# As late as the step it takes the place of: what was put off stays put off, what could leave may leave.
_BEGIN_AGAIN = """
    INSERT INTO campaigns_step
        (campaign_id, enrollment_id, node_id, pass_number, state, state_at, created_at, due_at, send_by)
    SELECT s.campaign_id, s.enrollment_id, q.node_id,
        (SELECT coalesce(max(p.pass_number), 0) + 1 FROM campaigns_step p
         WHERE p.enrollment_id = s.enrollment_id AND p.node_id = q.node_id),
        'scheduled', %(now)s, %(now)s, coalesce(s.due_at, %(now)s), s.send_by
    FROM unnest(%(steps)s::bigint[], %(nodes)s::bigint[]) AS q(step_id, node_id)
    JOIN campaigns_step s ON s.id = q.step_id
"""


class Standing(NamedTuple):
    """An open step of a live enrollment, both locked; its text's state, and how a kept reply was read."""

    enrollment_id: int
    step_id: int
    node_id: int
    message_id: int | None
    message_state: str
    replied: str
    call: bool  # somebody is being called, or will be


@dataclass
class _Sorted:
    """What becomes of the steps of a slice."""

    same: list[tuple[Standing, Treatment]] = field(default_factory=list)
    again: list[tuple[Standing, GraphNode]] = field(default_factory=list)
    elsewhere: dict[int, list[Standing]] = field(default_factory=lambda: defaultdict(list))  # by node
    ending: list[int] = field(default_factory=list)  # enrollments
    counts: Counter[str] = field(default_factory=Counter)


def move(
    campaign_id: int,
    target: Graph,
    plan: Mapping[int, Treatment],
    enrollment_ids: Sequence[int],
    *,
    now: datetime,
) -> Counter[str]:
    """Move these enrollments; how many of them by what became of them, and texts queued again.

    Inside a transaction that may be tried again. Locks messages, then enrollments, each by id; who has ended
    or moved meanwhile is left alone, so that doing it twice changes nothing.
    """
    taking = [node for node, one in plan.items() if _takes_back(one)]
    ours = sql.column(_TAKEN_BACK, [sql.array(enrollment_ids), OPEN, sql.array(taking)])
    lock_messages(ours)
    lock_enrollments(enrollment_ids)
    standing, held = _standing(target, enrollment_ids), set[int]()
    # The engine may have queued a text between the look and the lock. Whoever holds it now is not waited for,
    # because we hold the enrollment; and what it was before we held it counts no more.
    if late := {one.message_id for one in standing if one.message_id and _is_taken(one, plan)} - set(ours):
        held = late - lock_idle_messages(late)
        standing = _standing(target, enrollment_ids)
    found = _sort(standing, plan, held)
    _write(campaign_id, target, found, now)
    return found.counts


def _takes_back(one: Treatment) -> bool:
    return one.reworded or one.do in (Do.CONTINUE, Do.RESTART, Do.EXIT)


def _is_taken(one: Standing, plan: Mapping[int, Treatment]) -> bool:
    return one.message_state == _QUEUED and _takes_back(plan[one.node_id])


def _standing(target: Graph, enrollment_ids: Sequence[int]) -> list[Standing]:
    """Where they stand. A statement of its own after the locks: its snapshot has what was waited for."""
    found = sql.rows(
        _STANDING,
        {
            "enrollments": sql.array(enrollment_ids), "version": target.version_id, "open": OPEN,
            "origin": ORIGIN, "calls": [state.value for state in PlannedCall.OPEN],
        },
    )  # fmt: skip
    return [Standing(*row) for row in found]


def _sort(standing: Sequence[Standing], plan: Mapping[int, Treatment], held: set[int]) -> _Sorted:
    """By what becomes of them. Nobody stands at two nodes; should it be, one that keeps them keeps them."""
    by_enrollment: dict[int, list[Standing]] = defaultdict(list)
    for one in standing:
        by_enrollment[one.enrollment_id].append(one)
    found = _Sorted()
    for enrollment_id, steps in by_enrollment.items():
        stays = next((why for one in steps if (why := _stays(one, plan[one.node_id], held))), "")
        found.counts[stays or plan[steps[0].node_id].do] += 1
        if stays:
            continue
        if any(plan[one.node_id].do == Do.EXIT for one in steps):
            found.ending.append(enrollment_id)
            continue
        for one in steps:
            _sort_step(found, one, plan[one.node_id])
    return found


def _stays(one: Standing, treatment: Treatment, held: set[int]) -> str:
    """Why somebody keeps their version; empty where they do not."""
    if treatment.do == Do.LEAVE:
        return Do.LEAVE
    if treatment.do == Do.SAME and treatment.to is not None:
        unanswerable = treatment.to.kind == Node.Kind.WAIT_FOR_REPLY and one.replied
        return ANSWERED if unanswerable and WaitForReply.route(treatment.to, one.replied) is None else ""
    called = one.message_state not in ("", _QUEUED)
    return IN_FLIGHT if called or one.call or one.message_id in held else ""


def _sort_step(found: _Sorted, one: Standing, treatment: Treatment) -> None:
    if treatment.do == Do.SAME and treatment.to is not None:
        if treatment.reworded and one.message_state == _QUEUED:
            found.again.append((one, treatment.to))
        else:
            found.same.append((one, treatment))
    elif treatment.to is not None:
        found.elsewhere[treatment.to.id].append(one)


def _write(campaign_id: int, target: Graph, found: _Sorted, now: datetime) -> None:
    elsewhere = [one for steps in found.elsewhere.values() for one in steps]
    again = [one for one, _ in found.again]
    moving = {one.enrollment_id for one in [*elsewhere, *again, *(one for one, _ in found.same)]}
    _pin(moving, target)
    _repoint(found.same, now)
    _begin_again(found.again, now)  # before what they replace is closed: it says when they are due
    _take_back(again, REWORDED, now)
    found.counts[QUEUED_AGAIN] += len(again)
    _take_back(elsewhere, CHANGED, now)
    for node, steps in found.elsewhere.items():
        passages.arrive(campaign_id, target, node, [one.enrollment_id for one in steps], now=now)
    if elsewhere:
        left = sql.array(one.step_id for one in elsewhere)
        sql.run(_NOT_BEFORE_THE_START, {"steps": left, "open": OPEN, "now": now})
    passages.end(found.ending, reason=CHANGED, now=now)


def _pin(enrollment_ids: set[int], target: Graph) -> None:
    if enrollment_ids:
        sql.run(
            "UPDATE campaigns_enrollment SET version_id = %s WHERE id = ANY(%s::bigint[])",
            [target.version_id, sql.array(enrollment_ids)],
        )


def _repoint(same: Sequence[tuple[Standing, Treatment]], now: datetime) -> None:
    """The steps of those who go on where they stand. Where a reply has come, it is due, and stays so."""
    if same:
        names = ("steps", "nodes", "shifts", "lengths", "looks")
        columns = sql.columns([_repointed(one, treatment) for one, treatment in same])
        sql.run(_REPOINT, {**dict(zip(names, columns, strict=True)), "now": now})


def _repointed(one: Standing, treatment: Treatment) -> tuple[int, int, float, float | None, bool]:
    """A row of `_REPOINT`."""
    length = treatment.length.total_seconds() if treatment.length is not None else None
    shift = 0.0 if one.replied else treatment.shift.total_seconds()
    return one.step_id, treatment.to.id if treatment.to else 0, shift, length, treatment.look_again


def _take_back(steps: Sequence[Standing], reason: str, now: datetime) -> None:
    """Close these steps; their texts that had not left are cancelled. All are locked, or nobody's."""
    queued = [one.message_id for one in steps if one.message_id and one.message_state == _QUEUED]
    outbound.cancel(queued, reason=reason, now=now, tell=False)
    if steps:
        sql.run(_CLOSE, [now, MOVED, reason, sql.array(one.step_id for one in steps)])


def _begin_again(again: Sequence[tuple[Standing, GraphNode]], now: datetime) -> None:
    if again:
        steps, nodes = sql.columns([(one.step_id, node.id) for one, node in again])
        sql.run(_BEGIN_AGAIN, {"steps": steps, "nodes": nodes, "now": now})
