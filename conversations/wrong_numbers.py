"""A phone that is not our customer's: nothing automated goes to it on their behalf any more.

The phone itself stays open, because another customer may have it; whoever has it opts out for themselves.
"""

from datetime import datetime

from django.db.models import QuerySet

from accounts import audit
from accounts.models import User
from audiences import consent_records, suppression
from audiences.models import ContactAddress
from common import sql
from common.phone import display_phone
from common.transactions import atomic_with_retry
from conversations import opt_outs, outbound
from conversations.models import ContactHold, Message, Thread
from conversations.signals import contact_lost_address

REASON = "wrong_number"


@atomic_with_retry
def mark(thread: Thread, *, by: User, now: datetime) -> list[int]:
    """Keep that the thread's phone is not its contact's: queued texts are taken back, campaigns and what they
    agreed to for it end, the thread closes. Marking twice is once. Returns calls in flight to it
    (`inbound.wait_for_calls`)."""
    suppression.lock_addresses([thread.address_id])
    if not _link(thread).filter(wrong_number_at=None).update(wrong_number_at=now):
        return []
    consent_records.end_of_stranger(thread.address, thread.contact_id, now=now)
    queued = Message.objects.filter(
        contact=thread.contact_id, address=thread.address_id, state=Message.State.QUEUED
    )
    outbound.cancel(sorted(queued.values_list("pk", flat=True)), reason=REASON, now=now, tell=False)
    contact_lost_address.send(
        Message, contact_id=thread.contact_id, address_id=thread.address_id, reason=REASON, now=now
    )
    kept = Thread.objects.filter(pk=thread.pk)  # threads come after enrollments
    kept.update(state=Thread.State.CLOSED, needs_reply=False, escalated_reason="")
    # A wish outranks whose phone it is: what shows it, and what keeps the thread closed, stays.
    kept.exclude(closed_reason=opt_outs.REASON).update(closed_reason=REASON)
    ContactHold.objects.resolve(contact_id=thread.contact_id, address_id=thread.address_id, now=now)
    phone = display_phone(thread.address.value)
    audit.record(
        account=thread.account, by=by, verb="marked_wrong_number", on=thread,
        summary=f"Marked {phone} as a wrong number of {thread.contact}",
    )  # fmt: skip
    return sql.column(
        "SELECT id FROM conversations_message"
        " WHERE contact_id = %s AND address_id = %s AND state = 'calling'",
        [thread.contact_id, thread.address_id],
    )


@atomic_with_retry
def unmark(thread: Thread, *, by: User, now: datetime) -> None:
    """It is their phone after all: the thread opens unless they opted out; campaigns do not begin again,
    and what had been agreed to for it must be recorded anew."""
    suppression.lock_addresses([thread.address_id])
    if not _link(thread).exclude(wrong_number_at=None).update(wrong_number_at=None):
        return
    Thread.objects.filter(pk=thread.pk, closed_reason=REASON).update(
        state=Thread.State.OPEN, closed_reason=""
    )
    phone = display_phone(thread.address.value)
    audit.record(
        account=thread.account, by=by, verb="unmarked_wrong_number", on=thread,
        summary=f"Took {phone} for {thread.contact}’s phone again",
    )  # fmt: skip


def _link(thread: Thread) -> QuerySet[ContactAddress]:
    return ContactAddress.objects.filter(contact=thread.contact_id, address=thread.address_id)
