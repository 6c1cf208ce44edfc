"""Taking one customer out of a campaign, and within a minute back in.

Steps that have ended never open again, nor do texts that were taken back: whoever comes back in begins
another pass of the steps they stood at, with the times these had.
"""

from datetime import datetime, timedelta
from typing import Any

from accounts import audit
from accounts.models import User
from audiences import suppression
from campaigns import enrolling, passages
from campaigns.lifecycle import NotPossible
from campaigns.locks import OPEN, lock_enrollments
from campaigns.models import Campaign, Enrollment, Node, Removal, Retry, Step, VersionMove
from common import sql
from common.transactions import atomic_with_retry
from conversations.locks import lock_messages
from conversations.models import Message, PlannedCall

REMOVED = "removed"
UNDO = timedelta(seconds=60)
_AGAIN = (Node.Kind.SEND_SMS, Node.Kind.SEND_EMAIL, Node.Kind.CALL, Node.Kind.WAIT, Node.Kind.WAIT_FOR_REPLY)
_UNDER_WAY = "What they stood at went on meanwhile, so this cannot be undone."


@atomic_with_retry
def remove(enrollment: Enrollment, *, by: User, now: datetime) -> bool:
    """End one customer's passage where it stands; whether a message is being handed over at this moment and
    may still leave. Nothing else does. Raises NotPossible where the passage has ended."""
    stood = {
        step.pk: (step.state, step.due_at.isoformat() if step.due_at else "")
        for step in Step.objects.filter(enrollment=enrollment, state__in=OPEN)
    }
    reply = Enrollment.objects.filter(pk=enrollment.pk).values_list("reply_id", flat=True).first()
    if not passages.end([enrollment.pk], reason=REMOVED, now=now):
        raise NotPossible("They have left this campaign already.")
    closed = Step.objects.filter(
        enrollment=enrollment, state=Step.State.SKIPPED, reason=REMOVED, state_at=now
    )
    steps = [[pk, *stood.get(pk, ("", ""))] for pk in closed.order_by("pk").values_list("pk", flat=True)]
    Removal.objects.update_or_create(
        enrollment=enrollment,
        defaults={"by": by, "at": now, "steps": steps, "reply_id": reply, "undone_at": None},
    )
    campaign = enrollment.campaign
    audit.record(
        account=campaign.account, by=by, verb="removed_contact", on=campaign,
        summary=f"Removed {enrollment.contact.name} from {campaign.name}",
        detail={"enrollment": enrollment.pk},
    )  # fmt: skip
    return bool(
        sql.value(
            "SELECT EXISTS (SELECT 1 FROM campaigns_step s"
            " JOIN conversations_message m ON m.id = s.message_id"
            " WHERE s.enrollment_id = %s AND m.state = 'calling')",
            [enrollment.pk],
        )
    )


def received(enrollment: Enrollment) -> int:
    """Messages of this passage that providers have accepted."""
    return int(
        sql.value(
            "SELECT count(*) FROM campaigns_step s JOIN conversations_message m ON m.id = s.message_id"
            " WHERE s.enrollment_id = %s AND m.accepted_at IS NOT NULL",
            [enrollment.pk],
        )
    )


def undoable(enrollment: Enrollment, *, now: datetime) -> int:
    """Seconds for which the removal can still be undone, as far as its row says; 0 where it cannot."""
    row = Removal.objects.filter(enrollment=enrollment, undone_at=None).first()
    if row is None or enrollment.ended_reason != REMOVED or enrollment.ended_at != row.at:
        return 0
    return max(0, -int((now - row.at - UNDO).total_seconds() // 1))


@atomic_with_retry
def undo(enrollment: Enrollment, *, by: User, now: datetime) -> int:
    """Let somebody who was removed go on from where they stood; how many messages that were taken back leave
    after all. Raises NotPossible after a minute, or where something else has happened since."""
    enrolling.alone(enrollment.campaign)  # nobody enters in their place meanwhile
    suppression.lock_addresses([enrollment.address_id])
    closed = list(Removal.objects.filter(enrollment=enrollment).values_list("steps", flat=True))
    texts = Message.objects.filter(pk__in=Step.objects.filter(pk__in=_ids(closed)).values("message"))
    lock_messages(texts.values_list("pk", flat=True))
    lock_enrollments([enrollment.pk])
    kept = Enrollment.objects.select_related("campaign__account", "contact").get(pk=enrollment.pk)
    row = Removal.objects.select_for_update().filter(enrollment=kept, undone_at=None).first()
    if row is None or now >= row.at + UNDO:
        raise NotPossible("It is more than a minute ago, or was undone already.")
    if why := _why_not(kept, row):
        raise NotPossible(why)
    steps = list(Step.objects.filter(pk__in=_ids([row.steps])).select_related("node"))
    if any(_went_on(step, row) for step in steps):
        raise NotPossible(_UNDER_WAY)
    kept.state, kept.ended_at, kept.ended_reason = Enrollment.State.ACTIVE, None, ""
    kept.reply_id = row.reply_id
    kept.save(update_fields=["state", "ended_at", "ended_reason", "reply"])
    for pk, state, due in row.steps:
        _begin_again(pk, state, due, now)
    row.undone_at = now
    row.save(update_fields=["undone_at"])
    audit.record(
        account=kept.campaign.account, by=by, verb="undid_removal", on=kept.campaign,
        summary=f"Took {kept.contact.name} back into {kept.campaign.name}", detail={"enrollment": kept.pk},
    )  # fmt: skip
    return texts.filter(state=Message.State.CANCELLED).count()


def _ids(lists: list[Any]) -> list[int]:
    return [int(step[0]) for steps in lists for step in steps]


def _why_not(enrollment: Enrollment, row: Removal) -> str:
    """What else has happened since; empty where nothing has. The caller holds the locks."""
    campaign = enrollment.campaign
    if enrollment.ended_reason != REMOVED or enrollment.ended_at != row.at:
        return "They came back in, or left for another reason."
    if campaign.status not in (Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED, Campaign.Status.PAUSED):
        return f"This campaign is {campaign.get_status_display().lower()}."
    if VersionMove.objects.filter(campaign=campaign, ended_at=None).exists():
        return "People are being moved to another version. Wait until that is over."
    if enrollment.address_id in suppression.in_force([enrollment.address_id]):
        return "They have opted out since."
    others = Enrollment.objects.filter(campaign=campaign, state=Enrollment.State.ACTIVE)
    if others.filter(contact=enrollment.contact_id).exists():
        return "They are in this campaign again already."
    if others.filter(address=enrollment.address_id).exists():
        return "Somebody else with their phone has entered since."
    return ""


def _went_on(step: Step, row: Removal) -> bool:
    """Whether something outside holds a step of theirs, or has acted on it since."""
    if step.node.kind not in _AGAIN or step.state_at != row.at or Retry.objects.filter(step=step).exists():
        return True
    calls = PlannedCall.objects.filter(origin=f"step:{step.pk}").exclude(state=PlannedCall.State.CANCELLED)
    text = step.message
    return calls.exists() or (text is not None and text.state != Message.State.CANCELLED)


def _begin_again(step_id: int, state: str, due: str, now: datetime) -> None:
    """Another pass of a step, as it stood: what was queued is due at once."""
    sql.run(
        """
        INSERT INTO campaigns_step
            (campaign_id, enrollment_id, node_id, pass_number, state, state_at, created_at, due_at, send_by)
        SELECT s.campaign_id, s.enrollment_id, s.node_id, (
                SELECT max(p.pass_number) + 1 FROM campaigns_step p
                WHERE p.enrollment_id = s.enrollment_id AND p.node_id = s.node_id),
            CASE WHEN %(state)s = 'waiting' THEN 'waiting' ELSE 'scheduled' END, %(now)s, %(now)s,
            coalesce(nullif(%(due)s, '')::timestamptz, %(now)s), s.send_by
        FROM campaigns_step s WHERE s.id = %(step)s
        """,
        {"step": step_id, "state": state, "due": due, "now": now},
    )
