"""What campaigns do when conversations tell them something: in the teller's transaction, without vendors."""

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from audiences.signals import appointments_changed, contacts_merged, hours_changed, jobs_changed
from campaigns import appointments, call_receivers, exits, graph, merging, passages
from campaigns.call_receivers import step_of
from campaigns.locks import lock_open_steps
from campaigns.models import Enrollment, Step
from campaigns.nodes.base import Outcome, Row, State
from campaigns.nodes.call import Call
from campaigns.nodes.send_email import SendEmail
from campaigns.nodes.send_sms import SendSms
from campaigns.nodes.sending import ACCEPTED_STATES, ends_as
from campaigns.nodes.wait import Wait
from campaigns.nodes.wait_for_reply import WaitForReply
from campaigns.terms import BOOKED
from common import sql
from common.doorbell import ring
from conversations import signals
from conversations.delivery import Change, Deferral
from conversations.models import Message, Reading

# A message's reason → the enrollment's: of texts, and of emails, too.
_ENDING = {"opted_out": "opted_out"}
_ENDING_ALWAYS = {"booked": BOOKED}


class _End(NamedTuple):
    """What a message's news means for its step."""

    state: State
    reason: str = ""


_ACCEPTED = _End(State.COMPLETED)


def on_status_changed(*, changes: list[Change], now: datetime, **_: Any) -> None:
    """A send completes when the provider accepts it; refusals fail or skip the step; unknown waits."""
    wanted: dict[int, _End] = {}
    for change in changes:
        step_id = step_of(change.origin)
        if step_id is not None and (end := _end_of(change)):
            wanted[step_id] = end
    groups: dict[tuple[_End, int, int, int], list[Row]] = defaultdict(list)
    steps = lock_open_steps(wanted)
    answered = {step.step_id for step in steps if step.has_reply}
    for step in steps:
        key = (wanted[step.step_id], step.campaign_id, step.version_id, step.node_id)
        groups[key].append(Row(step.step_id, step.enrollment_id))
    for (end, campaign_id, version_id, node_id), rows in groups.items():
        drawn = graph.load(version_id)
        is_text = drawn.nodes[node_id].kind == SendSms.kind
        if end.state == State.WAITING:
            _wait(rows, now)
        elif (end.reason in _ENDING and is_text) or end.reason in _ENDING_ALWAYS:
            # Found out only at the claim: it ends the passage, as it does everywhere. An opted-out mailbox is
            # about that mailbox, and the passage goes on without this email.
            why = (_ENDING | _ENDING_ALWAYS)[end.reason]
            passages.end([row.enrollment_id for row in rows], reason=why, now=now)
        else:
            if end.state == State.COMPLETED:
                _forget_older_replies([row.step_id for row in rows if row.step_id in answered])
            outcome = Outcome(rows, end.state, reason=end.reason)
            passages.settle(campaign_id, drawn, drawn.nodes[node_id], [outcome], now=now)


def _end_of(change: Change) -> _End | None:
    if change.state == Message.State.UNKNOWN:
        return _End(State.WAITING)
    if change.first_acceptance:
        # Whatever a receipt that came before our own answer says of delivery: the provider took it.
        return _ACCEPTED
    if change.state in ACCEPTED_STATES:
        return None  # it had been accepted before, which completed the step
    ends = ends_as(change.state, change.code)
    return _End(*ends) if ends else None


def _wait(rows: list[Row], now: datetime) -> None:
    """A send nobody can vouch for is held by something outside."""
    Step.objects.filter(pk__in=[row.step_id for row in rows]).exclude(state=State.WAITING).update(
        state=State.WAITING, state_at=now, due_at=None
    )


def _forget_older_replies(step_ids: list[int]) -> None:
    """A kept reply to an earlier message does not answer the one just accepted; of steps whose enrollments,
    locked, have a reply."""
    if not step_ids:
        return
    sql.run(
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
    until = {step: d.until for d in deferrals if (step := step_of(d.origin)) is not None}
    steps = lock_open_steps(until)
    sql.run(
        """
        UPDATE campaigns_step s SET state = 'scheduled', state_at = %s, due_at = n.until
        FROM unnest(%s::bigint[], %s::timestamptz[]) AS n(id, until) WHERE s.id = n.id
        """,
        [now, [step.step_id for step in steps], [until[step.step_id] for step in steps]],
    )


def on_opted_out(*, address_ids: list[int], reason: str, now: datetime, **_: Any) -> None:
    """Everybody on that phone leaves every campaign."""
    live = Enrollment.objects.filter(address__in=address_ids, state=Enrollment.State.ACTIVE)
    passages.end(list(live.order_by("pk").values_list("pk", flat=True)), reason=reason, now=now)


def on_lost_address(*, contact_id: int, address_id: int, reason: str, now: datetime, **_: Any) -> None:
    """This contact leaves what it entered with that phone."""
    live = Enrollment.objects.filter(contact=contact_id, address=address_id, state=Enrollment.State.ACTIVE)
    passages.end(list(live.order_by("pk").values_list("pk", flat=True)), reason=reason, now=now)


def on_received(*, message: Message, reading: Reading, now: datetime, **_: Any) -> bool:
    """Wake the enrollment a routed reply belongs to; True where its workflow knows what to do with it.

    A reply that no step awaits stays on the enrollment if a later `wait_for_reply` can use it.
    """
    step_id = step_of(message.replies_to.origin) if message.replies_to else None
    if step_id is None:
        return False
    enrollment = (
        Enrollment.objects.select_for_update(no_key=True, of=("self",))
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
    if node.kind in (SendSms.kind, SendEmail.kind, Call.kind) and step.pk != step_id:
        return False  # it answers an earlier message while the next one is on its way: a person decides
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
        if after.kind != Wait.kind:
            return None
        node = after
    return None


def on_hours_changed(**_: Any) -> None:
    """Texts that wait for the former hours are asked after at once; a lost ring costs some seconds."""
    from campaigns.tasks import follow_hours  # tasks import most of this package

    ring(follow_hours)


def connect() -> None:
    """Called once by the app's `ready`."""
    hours_changed.connect(on_hours_changed, dispatch_uid="campaigns")
    signals.message_status_changed.connect(on_status_changed, dispatch_uid="campaigns")
    signals.message_deferred.connect(on_deferred, dispatch_uid="campaigns")
    signals.planned_calls_changed.connect(call_receivers.on_changed, dispatch_uid="campaigns")
    signals.planned_calls_deferred.connect(call_receivers.on_deferred, dispatch_uid="campaigns")
    signals.address_opted_out.connect(on_opted_out, dispatch_uid="campaigns")
    signals.contact_lost_address.connect(on_lost_address, dispatch_uid="campaigns")
    signals.message_received.connect(on_received, dispatch_uid="campaigns")
    signals.reply_came.connect(exits.on_reply, dispatch_uid="campaigns")
    contacts_merged.connect(merging.on_merged, dispatch_uid="campaigns")  # after that of conversations
    jobs_changed.connect(exits.on_jobs_changed, dispatch_uid="campaigns")
    appointments_changed.connect(appointments.on_changed, dispatch_uid="campaigns")
