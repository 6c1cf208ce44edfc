"""Moving enrollments on, and ending them. Beside `campaigns/repointing.py` the only writer of steps.

Whoever inserts a step holds its enrollment and saw it live; whoever ends an enrollment locks it first and
closes its steps in a later statement.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from campaigns.graph import OTHERWISE, Graph, GraphNode
from campaigns.locks import OPEN, lock_enrollments
from campaigns.models import Node
from campaigns.nodes import KINDS
from campaigns.nodes.base import ORIGIN, Arrival, LabelQuery, Outcome, State
from common import sql
from conversations import call_outcomes, outbound, planned_calls

MAX_HOPS = 20
MOST_PASSES = 100  # of one passage at one node: a loop that nothing else ends is over then
TOO_OFTEN = "went_round_too_often"
FINISHED = "finished"
ANOTHER_TRY = "another_try"  # the label that another try of what failed has left by: no edge is drawn for it


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
        moved = _write(outcome, now)
        if outcome.state not in OPEN:
            tried = _tried_again([step for step, _, passed in moved if passed > 1])
            _by_no_edge(tried)
            on = [enrollment for step, enrollment, _ in moved if step not in tried]
            leaving[node.leads_to(state=outcome.state, label=outcome.label)] += on
            if tried:
                _finish([enrollment for step, enrollment, _ in moved if step in tried], now)
    for target, enrollment_ids in leaving.items():
        arrive(campaign_id, graph, target, enrollment_ids, now=now)


def _tried_again(step_ids: list[int]) -> set[int]:
    """Those of these steps that are another try of what failed: their passages went on without them."""
    if not step_ids:
        return set()
    return set(sql.column("SELECT step_id FROM campaigns_retry WHERE step_id = ANY(%s)", [step_ids]))


def _by_no_edge(step_ids: set[int]) -> None:
    """Another try leads nowhere: nobody counts it as having left by the way its node leads on."""
    if step_ids:
        sql.run("UPDATE campaigns_step SET outcome = %s WHERE id = ANY(%s)", [ANOTHER_TRY, list(step_ids)])


def _write(outcome: Outcome, now: datetime) -> list[tuple[int, int, int]]:
    """Write one outcome to the steps that are still open; each with its enrollment and pass."""
    # What failed or was skipped and goes on says so; where a passage is ended, its step leaves by no way.
    label = OTHERWISE if outcome.state in (State.FAILED, State.SKIPPED) else outcome.label
    params: dict[str, Any] = {
        "state": outcome.state, "due": outcome.due_at, "label": label, "reason": outcome.reason,
        "now": now, "open": OPEN,
    }  # fmt: skip
    first, source, wanted, own = "", "", "s.id = ANY(%(ids)s::bigint[])", "due_at = %(due)s"
    # What each row has of its own is written by the same statement: a second one would write every row again.
    if outcome.texts is not None:
        params |= outcome.texts.params
        first, source = f"WITH text AS ({outcome.texts.text})", "FROM text"
        wanted = f"s.id = substr(text.origin, {len(ORIGIN) + 1})::bigint"
        own = "due_at = NULL, message_id = text.id"
    elif outcome.calls is not None:
        params |= outcome.calls.params
        first, source = f"WITH call AS ({outcome.calls.text})", "FROM call"
        wanted, own = f"s.id = substr(call.origin, {len(ORIGIN) + 1})::bigint", "due_at = NULL"
    elif outcome.due_each is not None:
        source = "FROM unnest(%(ids)s::bigint[], %(dues)s::timestamptz[]) AS q(step_id, due_at)"
        wanted, own, params["dues"] = "s.id = q.step_id", "due_at = q.due_at", outcome.due_each
    if outcome.texts is None and outcome.calls is None:
        params["ids"] = sql.array(row.step_id for row in outcome.rows)
    found = sql.rows(
        f"""
        {first} UPDATE campaigns_step s SET state = %(state)s, {own}, outcome = %(label)s,
            reason = %(reason)s, state_at = CASE WHEN s.state = %(state)s THEN s.state_at ELSE %(now)s END
        {source} WHERE {wanted} AND s.state = ANY(%(open)s::text[])
        RETURNING s.id, s.enrollment_id, s.pass_number
        """,
        params,
    )
    return [(step, enrollment, passed) for step, enrollment, passed in found]


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

    After 20 instant nodes the rest is left due for the next round, so that no loop holds the batch; who has
    been at the node a hundred times ends here.
    """
    if not enrollment_ids:
        return
    if target is None:
        _finish(list(enrollment_ids), now)
        return
    node = graph.nodes[target]
    if graph.cyclic and (tired := _too_often_at(node, enrollment_ids)):
        _close_enrollments(sorted(tired), TOO_OFTEN, now)
        enrollment_ids = [each for each in enrollment_ids if each not in tired]
        if not enrollment_ids:
            return
    kind = KINDS[node.kind]
    if not kind.instant:
        _insert_open(campaign_id, graph, node, list(enrollment_ids), kind.arrival(node, now), now)
        return
    if hops >= MAX_HOPS:
        _insert_open(campaign_id, graph, node, list(enrollment_ids), Arrival(State.SCHEDULED, now), now)
        return
    for label, ids in _leave_at_once(campaign_id, graph, node, list(enrollment_ids), now).items():
        arrive(campaign_id, graph, node.leads_to(state="completed", label=label), ids, now=now, hops=hops + 1)


def _too_often_at(node: GraphNode, enrollment_ids: Sequence[int]) -> set[int]:
    """Those of these enrollments that have had their last pass at a node."""
    return set(
        sql.column(
            "SELECT enrollment_id FROM campaigns_step WHERE enrollment_id = ANY(%s::bigint[])"
            " AND node_id = %s AND pass_number >= %s",
            [sql.array(enrollment_ids), node.id, MOST_PASSES],
        )
    )


def _leave_at_once(
    campaign_id: int, graph: Graph, node: GraphNode, enrollment_ids: list[int], now: datetime
) -> dict[str, list[int]]:
    """Write the steps of an instant node, over as soon as they began; who left by which label."""
    kind = KINDS[node.kind]
    query = kind.label_sql(campaign_id=campaign_id, node=node, now=now)
    if query is None:
        decisions = kind.decide(campaign_id=campaign_id, node=node, enrollment_ids=enrollment_ids, now=now)
        for label, ids in decisions.by_label.items():
            source = LabelQuery("%(label)s", "campaigns_enrollment e", {"label": label})
            _insert_completed(campaign_id, graph, node, ids, source, now)
        return decisions.by_label
    found: dict[str, list[int]] = defaultdict(list)
    for enrollment, label in _insert_completed(campaign_id, graph, node, enrollment_ids, query, now):
        found[label].append(enrollment)
    return found


def _insert_completed(
    campaign_id: int,
    graph: Graph,
    node: GraphNode,
    enrollment_ids: list[int],
    query: LabelQuery,
    now: datetime,
) -> list[tuple[int, str]]:
    """Insert finished steps with the labels that the query gives; (enrollment, label) of each."""
    found = sql.rows(
        f"""
        INSERT INTO campaigns_step
            (campaign_id, enrollment_id, node_id, pass_number, state, state_at, created_at, outcome)
        SELECT %(campaign)s, e.id, %(node)s, {_pass(graph)}, 'completed', %(now)s, %(now)s, {query.label}
        FROM {query.source} WHERE e.id = ANY(%(enrollments)s::bigint[])
        RETURNING enrollment_id, outcome
        """,
        {
            **query.params,
            "campaign": campaign_id,
            "node": node.id,
            "now": now,
            "enrollments": sql.array(enrollment_ids),
        },
    )
    return [(enrollment, label) for enrollment, label in found]


def _insert_open(
    campaign_id: int,
    graph: Graph,
    node: GraphNode,
    enrollment_ids: list[int],
    arrival: Arrival,
    now: datetime,
) -> None:
    """Insert steps that stay open. Where a reply came early, a step that waits for one is due at once."""
    due, source = "%(due)s::timestamptz", "unnest(%(enrollments)s::bigint[]) AS e(id)"
    if node.kind == Node.Kind.WAIT_FOR_REPLY:
        due = f"CASE WHEN n.reply_id IS NULL THEN {due} ELSE %(now)s::timestamptz END"
        source += " JOIN campaigns_enrollment n ON n.id = e.id"
    sql.run(
        f"""
        INSERT INTO campaigns_step
            (campaign_id, enrollment_id, node_id, pass_number, state, state_at, created_at, due_at, send_by)
        SELECT %(campaign)s, e.id, %(node)s, {_pass(graph)}, %(state)s, %(now)s, %(now)s, {due}, %(send_by)s
        FROM {source}
        """,
        {
            "campaign": campaign_id,
            "node": node.id,
            "state": arrival.state,
            "now": now,
            "due": arrival.due_at,
            "send_by": send_by(campaign_id, node.kind, now),
            "enrollments": sql.array(enrollment_ids),
        },
    )


def send_by(campaign_id: int, kind: str, due: datetime) -> datetime | None:
    """When a step due at `due` is too late: a text, email or call the campaign's hours after it (72 unless
    set)."""
    if kind not in (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL, Node.Kind.CALL):
        return None
    hours = sql.value("SELECT send_by_hours FROM campaigns_campaign WHERE id = %s", [campaign_id])
    return due + timedelta(hours=int(hours))


def _pass(graph: Graph) -> str:
    """In a graph without loops every step is the first pass; elsewhere the passes are counted, and so they
    are once a campaign was moved between versions: somebody may come back to one."""
    counted = (
        "(SELECT coalesce(max(p.pass_number), 0) + 1 FROM campaigns_step p"
        " WHERE p.enrollment_id = e.id AND p.node_id = %(node)s)"
    )
    if graph.cyclic:
        return counted
    moved = "SELECT FROM campaigns_versionmove WHERE campaign_id = %(campaign)s"
    return f"(CASE WHEN EXISTS ({moved}) THEN {counted} ELSE 1 END)"


def _finish(enrollment_ids: list[int], now: datetime) -> None:
    """End passages that came to the end of their workflow; where another try of what failed is open, that
    one ends them."""
    sql.run(
        """
        UPDATE campaigns_enrollment e SET state = 'ended', ended_at = %s, ended_reason = %s, reply_id = NULL
        WHERE e.id = ANY(%s::bigint[]) AND e.state = 'active' AND NOT EXISTS (
            SELECT 1 FROM campaigns_step s WHERE s.enrollment_id = e.id AND s.state = ANY(%s::text[]))
        """,
        [now, FINISHED, sql.array(enrollment_ids), OPEN],
        often=True,
    )


def _close_enrollments(enrollment_ids: list[int], reason: str, now: datetime) -> list[int]:
    """Those of these locked enrollments that were live until now."""
    return sql.column(
        "UPDATE campaigns_enrollment SET state = 'ended', ended_at = %s, ended_reason = %s, reply_id = NULL"
        " WHERE id = ANY(%s) AND state = 'active' RETURNING id",
        [now, reason, enrollment_ids],
    )


def end(enrollment_ids: Sequence[int], *, reason: str, now: datetime) -> int:
    """End live enrollments where they stand: open steps are skipped with `reason`, queued texts and planned
    calls taken back.

    Returns how many were ended. Locks their queued messages, planned calls, then the enrollments, each in id
    order.
    """
    if not enrollment_ids:
        return 0
    _take_back(enrollment_ids, reason, now)
    lock_enrollments(enrollment_ids)
    ended = _close_enrollments(list(enrollment_ids), reason, now)
    # A later statement, so that its snapshot has the steps written by whom we waited for.
    sql.run(
        """
        UPDATE campaigns_step SET state = 'skipped', state_at = %s, due_at = NULL, reason = %s
        WHERE enrollment_id = ANY(%s) AND state = ANY(%s)
        """,
        [now, reason, ended, OPEN],
    )
    # The engine may have queued a text between the first look and the lock: the one place where a message
    # is locked after its enrollment. Who holds it wants that enrollment at worst, and one of us tries again.
    _take_back(ended, reason, now)
    return len(ended)


def _take_back(enrollment_ids: Sequence[int], reason: str, now: datetime) -> None:
    """Take what is queued for these enrollments out of the queues: texts, emails and calls."""
    outbound.cancel(_queued_messages(enrollment_ids), reason=reason, now=now, tell=False)
    calls = _planned_calls(enrollment_ids)
    call_outcomes.end_known(calls, now=now)  # a job may be made before the half minute of “Booked” is over
    planned_calls.cancel(calls, reason=reason, now=now, tell=False)


def _planned_calls(enrollment_ids: Sequence[int]) -> list[int]:
    return sql.column(
        f"SELECT p.id FROM campaigns_step s JOIN conversations_plannedcall p ON p.origin = '{ORIGIN}' || s.id"
        " WHERE s.enrollment_id = ANY(%s) AND p.state IN ('queued', 'taken') ORDER BY p.id",
        [list(enrollment_ids)],
    )


def _queued_messages(enrollment_ids: Sequence[int]) -> list[int]:
    return sql.column(
        "SELECT m.id FROM campaigns_step s JOIN conversations_message m ON m.id = s.message_id"
        " WHERE s.enrollment_id = ANY(%s) AND m.state = 'queued' ORDER BY m.id",
        [list(enrollment_ids)],
    )
