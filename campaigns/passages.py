"""Moving enrollments on, and ending them. The only writer of steps.

Whoever inserts a step holds its enrollment and saw it live; whoever ends an enrollment locks it first and
closes its steps in a later statement.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection

from campaigns.graph import Graph, GraphNode
from campaigns.nodes import KINDS
from campaigns.nodes.base import Arrival, Outcome, State
from conversations import outbound

MAX_HOPS = 20
FINISHED = "finished"
OPEN_STATES = ["scheduled", "queued", "waiting"]


def settle(
    campaign_id: int, graph: Graph, node: GraphNode, outcomes: Iterable[Outcome], *, now: datetime
) -> None:
    """Write what became of claimed steps of one node and move on those that are finished.

    The caller holds the locks of their enrollments and saw them live.
    """
    leaving: dict[int | None, list[int]] = defaultdict(list)
    for outcome in outcomes:
        if not outcome.rows:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE campaigns_step SET state = %s, state_at = CASE WHEN state = %s THEN state_at ELSE %s END,
                    due_at = %s, outcome = %s, reason = %s WHERE id = ANY(%s) AND state = ANY(%s)
                RETURNING enrollment_id
                """,
                [outcome.state, outcome.state, now, outcome.due_at, outcome.label, outcome.reason,
                 [row.step_id for row in outcome.rows], OPEN_STATES],
            )  # fmt: skip
            moved = [row[0] for row in cursor.fetchall()]
        if outcome.state not in OPEN_STATES:
            leaving[node.leads_to(state=outcome.state, label=outcome.label)] += moved
    for target, enrollment_ids in leaving.items():
        arrive(campaign_id, graph, target, enrollment_ids, now=now)


def arrive(
    campaign_id: int,
    graph: Graph,
    target: int | None,
    enrollment_ids: Sequence[int],
    *,
    now: datetime,
    hops: int = 0,
) -> None:
    """Let enrollments enter a node, walking instant nodes on at once; without a target they end.

    After 20 instant nodes the rest is left due for the next round, so that no loop holds the batch.
    """
    if not enrollment_ids:
        return
    if target is None:
        _finish(list(enrollment_ids), now)
        return
    node = graph.nodes[target]
    kind = KINDS[node.kind]
    if not kind.instant:
        _insert_open(campaign_id, graph, node, list(enrollment_ids), kind.arrival(node, now), now)
        return
    if hops >= MAX_HOPS:
        _insert_open(campaign_id, graph, node, list(enrollment_ids), Arrival(State.SCHEDULED, now), now)
        return
    decisions = kind.decide(campaign_id=campaign_id, node=node, enrollment_ids=list(enrollment_ids), now=now)
    for label, ids in decisions.by_label.items():
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                INSERT INTO campaigns_step
                    (campaign_id, enrollment_id, node_id, pass_number, state, state_at, created_at, outcome)
                SELECT %s, e, %s, {_pass(graph)}, 'completed', %s, %s, %s FROM unnest(%s::bigint[]) AS e
                """,  # noqa: S608
                [campaign_id, node.id, *_pass_params(graph, node), now, now, label, ids],
            )
        arrive(campaign_id, graph, node.leads_to(state="completed", label=label), ids, now=now, hops=hops + 1)


def _insert_open(
    campaign_id: int,
    graph: Graph,
    node: GraphNode,
    enrollment_ids: list[int],
    arrival: Arrival,
    now: datetime,
) -> None:
    """Insert steps that stay open. Where a reply came early, a step that waits for one is due at once."""
    due: str = "%s::timestamptz"
    if node.kind == "wait_for_reply":
        due = "CASE WHEN n.reply_id IS NULL THEN %s::timestamptz ELSE %s::timestamptz END"
    send_by = now + timedelta(hours=_send_by_hours(campaign_id)) if node.kind == "send_sms" else None
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO campaigns_step
                (campaign_id, enrollment_id, node_id, pass_number, state, state_at, created_at, due_at, send_by)
            SELECT %s, e, %s, {_pass(graph)}, %s, %s, %s, {due}, %s
            FROM unnest(%s::bigint[]) AS e JOIN campaigns_enrollment n ON n.id = e
            """,  # noqa: S608
            [campaign_id, node.id, *_pass_params(graph, node), arrival.state, now, now, arrival.due_at,
             *([now] if node.kind == "wait_for_reply" else []), send_by, enrollment_ids],
        )  # fmt: skip


def _pass(graph: Graph) -> str:
    """In a graph without loops every step is the first pass; elsewhere the passes are counted."""
    if not graph.cyclic:
        return "1"
    return (
        "(SELECT coalesce(max(p.pass_number), 0) + 1 FROM campaigns_step p"
        " WHERE p.enrollment_id = e AND p.node_id = %s)"
    )


def _pass_params(graph: Graph, node: GraphNode) -> list[int]:
    return [node.id] if graph.cyclic else []


def _send_by_hours(campaign_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT send_by_hours FROM campaigns_campaign WHERE id = %s", [campaign_id])
        return int(cursor.fetchone()[0])


def _finish(enrollment_ids: list[int], now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_enrollment SET state = 'ended', ended_at = %s, ended_reason = %s, reply_id = NULL"
            " WHERE id = ANY(%s) AND state = 'active'",
            [now, FINISHED, enrollment_ids],
        )


def end(enrollment_ids: Sequence[int], *, reason: str, now: datetime) -> int:
    """End live enrollments where they stand: open steps are skipped with `reason`, queued texts taken back.

    Returns how many were ended. Locks their queued messages, then the enrollments, each in id order.
    """
    if not enrollment_ids:
        return 0
    ids = list(enrollment_ids)
    outbound.cancel(_queued_messages(ids), reason=reason, now=now, tell=False)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM campaigns_enrollment WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [ids]
        )
        cursor.execute(
            "UPDATE campaigns_enrollment SET state = 'ended', ended_at = %s, ended_reason = %s, reply_id = NULL"
            " WHERE id = ANY(%s) AND state = 'active' RETURNING id",
            [now, reason, ids],
        )
        ended = [row[0] for row in cursor.fetchall()]
        # A later statement, so that its snapshot has the steps written by whom we waited for.
        cursor.execute(
            """
            UPDATE campaigns_step SET state = 'skipped', state_at = %s, due_at = NULL, reason = %s
            WHERE enrollment_id = ANY(%s) AND state = ANY(%s)
            """,
            [now, reason, ended, OPEN_STATES],
        )
    # The engine may have queued a text between the first look and the lock.
    outbound.cancel(_queued_messages(ended), reason=reason, now=now, tell=False)
    return len(ended)


def _queued_messages(enrollment_ids: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.id FROM campaigns_step s JOIN conversations_message m ON m.id = s.message_id"
            " WHERE s.enrollment_id = ANY(%s) AND m.state = 'queued' ORDER BY m.id",
            [enrollment_ids],
        )
        return [row[0] for row in cursor.fetchall()]
