"""What an agent does in a thread: reply, note, close. The gate that binds campaigns binds agents."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.access import allowed
from accounts.models import Account, Membership, User
from audiences import suppression
from audiences.models import Address, Contact
from common.doorbell import ring
from common.segments import count_segments
from common.stamps import stamped_values
from conversations import after_hours, mail_words, media, outbound
from conversations.agents_lane import agents_lane
from conversations.models import (
    ContactHold,
    MediaFile,
    Message,
    MessageTemplate,
    Note,
    Thread,
)
from integrations.models import SendingNumber

MAX_BODY = 1600  # of a text
MAX_EMAIL = 20_000  # characters of an email that an agent writes
MAX_SUBJECT = 200
REPLY_MAY_WAIT = timedelta(hours=24)  # then it is shown as too late, not sent as a surprise
MAX_REASON = 200  # of an escalation


class ReplyRefused(Exception):
    """The reply was not sent; the words say why and what to do."""


@transaction.atomic
def reply(
    thread: Thread,
    *,
    body: str,
    by: User,
    token: uuid.UUID,
    now: datetime,
    files: Sequence[MediaFile] = (),
) -> Message:
    """Queue an agent's text, with files as one MMS; in an email thread an email that answers the customer's
    last one. The same `token` twice is one message. Raises ReplyRefused."""
    from conversations.tasks import send  # tasks import the sender, and with it most of this package

    origin = f"agent:{token}"
    known = Message.objects.filter(origin=origin, account_id=thread.account_id).first()
    if known:
        return known
    body = body.strip()
    if not body and not files:
        raise ReplyRefused("Nothing was sent: the reply is empty.")
    if len(files) > media.MOST:
        raise ReplyRefused(f"Nothing was sent: a text may have {media.MOST} files at most.")
    if files and thread.is_email:
        raise ReplyRefused("Nothing was sent: files go with texts only. Take them out.")
    most, what = (MAX_EMAIL, "an email") if thread.is_email else (MAX_BODY, "a text")
    if len(body) > most:
        raise ReplyRefused(
            f"Nothing was sent: {len(body):,} characters are more than the {most:,} {what} may have."
        )
    suppression.lock_addresses([thread.address_id])
    if thread.address_id in suppression.in_force([thread.address_id]):
        raise ReplyRefused(f"Nothing was sent: this person has opted out. {_only_they(thread)}")
    after_hours.withdraw(thread, now=now)
    thread = Thread.objects.select_for_update(no_key=True).get(pk=thread.pk)
    if thread.state == Thread.State.CLOSED:
        raise ReplyRefused("Nothing was sent: the thread is closed. Reopen it first.")
    message = Message.objects.create(
        account_id=thread.account_id, lane=agents_lane(thread.account), contact=thread.contact,
        address=thread.address, kind=Message.Kind.AGENT, origin=origin, body=body,
        state=Message.State.QUEUED, state_at=now, created_at=now, due_at=now,
        send_by=now + REPLY_MAY_WAIT, by=by,
        **(_as_email(thread) if thread.is_email else _as_text(thread, body, files)),
    )  # fmt: skip
    thread.needs_reply = False
    thread.assigned_to = thread.assigned_to or by
    thread.last_message_at = now
    thread.save(update_fields=["needs_reply", "assigned_to", "last_message_at"])
    ring(send)
    return message


def _as_text(thread: Thread, body: str, files: Sequence[MediaFile]) -> dict[str, Any]:
    return {
        "number": thread.number, "segments": 1 if files else count_segments(body).count,
        "template": _with(files, thread, body),
    }  # fmt: skip


def _as_email(thread: Thread) -> dict[str, Any]:
    """From our mailbox of the thread, under the subject of the customer's last email and in answer to it."""
    mailbox = thread.mailbox
    if mailbox is None or not mailbox.active:
        raise ReplyRefused("Nothing was sent: the mailbox that this thread is on is switched off.")
    last = last_email(thread)
    return {
        "mailbox": mailbox, "provider": "sendgrid", "subject": reply_subject(last), "replies_to": last,
        "segments": 1,
    }  # fmt: skip


def last_email(thread: Thread) -> Message | None:
    """The customer's last email of a thread: what an agent answers."""
    theirs = Message.objects.filter(
        contact=thread.contact_id, address=thread.address_id, kind=Message.Kind.INBOUND, mailbox__isnull=False
    )
    return theirs.order_by("-created_at", "-pk").first()


def reply_subject(last: Message | None) -> str:
    """“Re:” and the subject, once."""
    subject = mail_words.subject((last.subject or "") if last else "")
    return f"Re: {subject or 'Your message'}"[:MAX_SUBJECT]


def _only_they(thread: Thread) -> str:
    if thread.is_email:
        return "Only they can ask for emails again."
    return "Only their own START can reopen the thread."


def _with(files: Sequence[MediaFile], thread: Thread, body: str) -> MessageTemplate | None:
    """What names the files of a text. One that a phone cannot take goes again as words alone."""
    if not files:
        return None
    content = {"media": [file.pk for file in files], "as_sms": bool(body)}
    return outbound.template(thread.account, body, content=content)


def open_with(contact: Contact, address: Address, number: SendingNumber, *, now: datetime) -> Thread:
    """The thread with somebody on a phone, made where there is none yet."""
    return Thread.objects.get_or_create(
        contact=contact, address=address,
        defaults={
            "account_id": contact.account_id, "number": number, "created_at": now, "last_message_at": now,
        },
    )[0]  # fmt: skip


@transaction.atomic
def note(thread: Thread, *, body: str, by: User, now: datetime) -> Note:
    """Keep a note for colleagues. Raises ReplyRefused for an empty one."""
    if not body.strip():
        raise ReplyRefused("The note is empty; nothing was kept.")
    return Note.objects.create(thread=thread, by=by, body=body.strip(), at=now)


@transaction.atomic
def close(thread: Thread, *, by: User, now: datetime, seen: str | None = None) -> None:
    """Close a thread: nothing is left to answer, and other campaigns may go on. Closing twice is harmless.

    One that an opt-out closed may still want a person (a visit to cancel): closing it says that is done.

    `seen` is `Thread.latest` as the person had it: raises ReplyRefused where the customer wrote since, who
    would wait for ever in a closed thread.
    """
    suppression.lock_addresses([thread.address_id])  # an inbound text does, too: it reopens what is closed
    after_hours.withdraw(thread, now=now)
    present = Thread.objects.select_for_update(no_key=True).get(pk=thread.pk)
    if seen is not None and seen != present.latest:
        raise ReplyRefused("The customer has written since. The thread is still open: read that first.")
    closed = Thread.objects.filter(pk=thread.pk, state=Thread.State.OPEN).update(
        state=Thread.State.CLOSED, closed_reason="resolved", needs_reply=False, escalated_reason=""
    )
    closed += Thread.objects.filter(pk=thread.pk, needs_reply=True).update(
        needs_reply=False, escalated_reason=""
    )
    ContactHold.objects.resolve(contact_id=thread.contact_id, address_id=thread.address_id, now=now)
    if closed:
        words = f"Closed the thread with {thread.contact}"
        audit.record(account=thread.account, by=by, verb="closed_thread", summary=words, on=thread)


@transaction.atomic
def reopen(thread: Thread, *, by: User, now: datetime) -> None:
    """Open a resolved thread again; one closed by an opt-out stays closed. Raises ReplyRefused."""
    suppression.lock_addresses([thread.address_id])  # an opt-out that is being recorded is waited for
    if suppression.in_force([thread.address_id]):
        raise ReplyRefused(f"This person has opted out. {_only_they(thread)}")
    opened = Thread.objects.filter(pk=thread.pk, state=Thread.State.CLOSED).update(
        state=Thread.State.OPEN, closed_reason=""
    )
    if opened:
        words = f"Reopened the thread with {thread.contact}"
        audit.record(account=thread.account, by=by, verb="reopened_thread", summary=words, on=thread)


def colleagues(account: Account) -> tuple[tuple[int, str], ...]:
    """Who may be given a thread, as (user id, name): members who can sign in and may reply. One query."""
    able = [member.user for member in _members(account) if allowed(member.role, "reply")]
    return tuple((user.pk, str(user)) for user in sorted(able, key=str))


def colleagues_stamps(account: Account) -> QuerySet[Any]:
    """Whatever changes `colleagues` changes these (`common.stamps`)."""
    return stamped_values(_members(account), "user", "role", "user__name", "user__email")


def _members(account: Account) -> QuerySet[Membership]:
    return Membership.objects.filter(account=account).able().select_related("user")


@transaction.atomic
def assign(thread: Thread, *, to: User | None, by: User, now: datetime) -> None:
    """Give a thread to a colleague, or to nobody. Raises ReplyRefused for somebody who cannot enter."""
    if to is not None and not Membership.objects.able().filter(account=thread.account_id, user=to).exists():
        raise ReplyRefused("This person cannot sign in to your account. Choose somebody else.")
    Thread.objects.filter(pk=thread.pk).update(assigned_to=to)
    words = f"Assigned {thread.contact} to {to}" if to else f"Unassigned {thread.contact}"
    audit.record(account=thread.account, by=by, verb="assigned_thread", summary=words, on=thread)


@transaction.atomic
def escalate(thread: Thread, *, reason: str, by: User, now: datetime) -> None:
    """Ask for somebody with more say; the thread needs a reply again. Raises ReplyRefused without a reason,
    and for a closed thread."""
    reason = reason.strip()
    if not reason:
        raise ReplyRefused("Say why this needs somebody else.")
    if len(reason) > MAX_REASON:
        raise ReplyRefused(f"The reason may have {MAX_REASON} characters; this one has {len(reason)}.")
    changed = Thread.objects.filter(pk=thread.pk, state=Thread.State.OPEN).update(
        escalated_reason=reason, needs_reply=True
    )
    if not changed:
        raise ReplyRefused("The thread is closed. Reopen it first.")
    audit.record(
        account=thread.account, by=by, verb="escalated_thread", summary=f"Escalated {thread.contact}",
        on=thread, detail={"reason": reason},
    )  # fmt: skip
