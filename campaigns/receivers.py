"""What campaigns do when conversations tell them something. Inside the teller's transaction; no vendor calls."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns import graph, passages
from campaigns.models import Enrollment, Step
from campaigns.nodes.base import Outcome, Row, State
from campaigns.nodes.send_sms import ends_as
from campaigns.nodes.wait_for_reply import WaitForReply
from conversations.delivery import Change, Deferral
from conversations.models import Message, Reading

_ENDING = {"opted_out": "opted_out"}


def on_status_changed(*, changes: list[Change], now: datetime, **_: Any) -> None:
    """A send completes when the provider accepts it; refusals fail or skip the step; unknown waits."""
    wanted: dict[int, tuple[State, dict[str, Any]]] = {}
    waiting: list[int] = []
    for change in changes:
        step_id = _step_of(change.origin)
        if step_id is None:
            continue
        if change.state == Message.State.UNKNOWN:
            waiting.append(step_id)
        elif change.first_acceptance:
            # Whatever a receipt that came before our own answer says of delivery: the provider took it.
            wanted[step_id] = (State.COMPLETED, {})
        elif ends := ends_as(change.state, change.code):
            wanted[step_id] = ends
    _wait(waiting, now)
    _close(wanted, now)


def _close(wanted: dict[int, tuple[State, dict[str, Any]]], now: datetime) -> None:
    groups: dict[tuple[int, int, int, State, str], list[Row]] = defaultdict(list)
    for step_id, enrollment_id, campaign_id, version_id, node_id in _locked_open_steps(list(wanted)):
        state, changes = wanted[step_id]
        key = (campaign_id, version_id, node_id, state, changes.get("reason", ""))
        groups[key].append(Row(step_id, enrollment_id))
    for (campaign_id, version_id, node_id, state, reason), rows in groups.items():
        if reason in _ENDING:
            # Found out only at the claim: the wish ends the passage, as it does everywhere.
            passages.end([row.enrollment_id for row in rows], reason=_ENDING[reason], now=now)
            continue
        drawn = graph.load(version_id)
        if state == State.COMPLETED:
            _forget_older_replies([row.step_id for row in rows])
        passages.settle(
            campaign_id, drawn, drawn.nodes[node_id], [Outcome(rows, state, reason=reason)], now=now
        )


def _locked_open_steps(step_ids: list[int]) -> list[tuple[int, int, int, int, int]]:
    """Open steps of live enrollments: enrollments locked first, in id order, then read again."""
    if not step_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.id FROM campaigns_enrollment e WHERE e.id IN"
            " (SELECT s.enrollment_id FROM campaigns_step s WHERE s.id = ANY(%s)) ORDER BY e.id FOR NO KEY UPDATE",
            [step_ids],
        )
        cursor.execute(
            """
            SELECT s.id, s.enrollment_id, s.campaign_id, e.version_id, s.node_id
            FROM campaigns_step s JOIN campaigns_enrollment e ON e.id = s.enrollment_id
            WHERE s.id = ANY(%s) AND s.state = ANY(%s) AND e.state = 'active'
            ORDER BY s.id FOR NO KEY UPDATE OF s
            """,
            [step_ids, passages.OPEN_STATES],
        )
        return cursor.fetchall()


def _wait(step_ids: list[int], now: datetime) -> None:
    """A send nobody can vouch for is held by something outside."""
    rows = _locked_open_steps(step_ids)
    Step.objects.filter(pk__in=[row[0] for row in rows]).exclude(state=State.WAITING).update(
        state=State.WAITING, state_at=now, due_at=None
    )


def _forget_older_replies(step_ids: list[int]) -> None:
    """A kept reply to an earlier text does not answer the one just accepted."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_enrollment e SET reply_id = NULL
            FROM campaigns_step s, conversations_message r
            WHERE s.id = ANY(%s) AND e.id = s.enrollment_id AND r.id = e.reply_id
              AND r.replies_to_id IS DISTINCT FROM s.message_id
            """,
            [step_ids],
        )


def on_deferred(*, deferrals: list[Deferral], now: datetime, **_: Any) -> None:
    """A text put off by window, cap or hold: its step is scheduled for then."""
    until = {step: d.until for d in deferrals if (step := _step_of(d.origin)) is not None}
    rows = _locked_open_steps(list(until))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_step s SET state = 'scheduled', state_at = %s, due_at = n.until
            FROM unnest(%s::bigint[], %s::timestamptz[]) AS n(id, until) WHERE s.id = n.id
            """,
            [now, [row[0] for row in rows], [until[row[0]] for row in rows]],
        )


def on_opted_out(*, address_ids: list[int], reason: str, now: datetime, **_: Any) -> None:
    """Everybody on that phone leaves every campaign."""
    live = Enrollment.objects.filter(address__in=address_ids, state=Enrollment.State.ACTIVE)
    passages.end(list(live.order_by("pk").values_list("pk", flat=True)), reason=reason, now=now)


def on_received(*, message: Message, reading: Reading, now: datetime, **_: Any) -> bool:
    """Wake the enrollment a routed reply belongs to; True where its workflow knows what to do with it.

    A reply that no step awaits stays on the enrollment if a later `wait_for_reply` can use it.
    """
    step_id = _step_of(message.replies_to.origin) if message.replies_to else None
    if step_id is None:
        return False
    enrollment = (
        Enrollment.objects.select_for_update(no_key=True)
        .filter(step__id=step_id, state=Enrollment.State.ACTIVE)
        .first()
    )
    if enrollment is None:
        return False
    drawn = graph.load(enrollment.version_id)
    step = Step.objects.filter(enrollment=enrollment, state__in=Step.OPEN).order_by("-pk").first()
    if step is None:
        return False
    node = drawn.nodes[step.node_id]
    awaiting = node if node.kind == WaitForReply.kind else _next_wait(drawn, node)
    if awaiting is None or WaitForReply.route(awaiting, reading.label) is None:
        return False
    enrollment.reply = message
    enrollment.save(update_fields=["reply"])
    if node.kind == WaitForReply.kind:
        Step.objects.filter(pk=step.pk).update(due_at=now)
    return True


def _next_wait(drawn: graph.Graph, node: graph.GraphNode) -> graph.GraphNode | None:
    """The wait that would consume a reply to the text last sent: the first one ahead, past timers."""
    for _ in range(len(drawn.nodes)):
        after = drawn.nodes.get(node.leads_to(state="completed", label="") or 0)
        if after is None or after.kind == WaitForReply.kind:
            return after
        if after.kind != "wait":
            return None
        node = after
    return None


def _step_of(origin: str | None) -> int | None:
    return int(origin.removeprefix("step:")) if origin and origin.startswith("step:") else None


def connect() -> None:
    """Called once by the app's `ready`."""
    from conversations import signals

    signals.message_status_changed.connect(on_status_changed, dispatch_uid="campaigns")
    signals.message_deferred.connect(on_deferred, dispatch_uid="campaigns")
    signals.address_opted_out.connect(on_opted_out, dispatch_uid="campaigns")
    signals.message_received.connect(on_received, dispatch_uid="campaigns")
