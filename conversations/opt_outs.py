"""What follows from an opt-out: the wish is recorded, queued texts and planned calls are taken back, scripted
calls that go on are ended, threads close. A call that was made keeps its outcome.

Enrollments are ended by campaigns, which hears of it in the same transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from accounts.models import User
from audiences import suppression
from audiences.models import Address, Contact, ContactAddress, OptOut
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations import call_outcomes, outbound, planned_calls
from conversations.locks import lock_planned_calls
from conversations.models import Call, Message, Thread
from conversations.signals import address_opted_out, message_status_changed

REASON = "opted_out"
InFlight: TypeAlias = int | UUID
"""What is being handed to a provider: a message by its id, a phone call by its attempt."""


def record(
    addresses: Sequence[Address],
    *,
    contact: Contact | None,
    source: str,
    now: datetime,
    by: User | None = None,
    evidence: str = "",
    detector: str = "",
    score: float | None = None,
    provider_id: str = "",
) -> list[InFlight]:
    """Record an opt-out of these addresses and act on it, in the caller's transaction.

    Returns what is being handed over at this moment: after the commit nothing else to these addresses is, and
    these are void once their claims are 3 s old.
    """
    ids = [address.pk for address in addresses]
    suppression.opt_out_all(
        addresses,
        source=source,
        now=now,
        by=by,
        contact=contact,
        evidence=evidence,
        detector=detector,
        score=score,
        provider_id=provider_id,
    )
    return follow(ids, now)


def follow(address_ids: Sequence[int], now: datetime) -> list[InFlight]:
    """Take back what is queued to these locked addresses, close their threads, tell the layers above.

    Scripted calls that go on are hung up soon after the commit. Returns what is being handed over at this
    moment.
    """
    from conversations.tasks import end_calls  # tasks import the sender, and with it most of this package

    ids = sorted(set(address_ids))
    taken = outbound.cancel(outbound.queued_to(ids), reason=REASON, now=now, tell=False)
    planned = planned_calls.queued_to(ids)
    lock_planned_calls(planned)  # before any enrollment
    address_opted_out.send(Message, address_ids=ids, reason=REASON, now=now)
    # What nobody's end has closed: a mailbox ends no passage, so the steps of its emails go on.
    if taken:
        message_status_changed.send(Message, changes=taken, now=now)
    call_outcomes.end_known(planned, now=now)
    planned_calls.cancel(planned, reason=REASON, now=now)
    if Call.objects.filter(address__in=ids, state__in=Call.LIVE, agent_phone="").exists():
        ring(end_calls)
    # After the enrollments: a workflow that has one may just have opened a thread for a person.
    Thread.objects.filter(address__in=ids).update(
        state=Thread.State.CLOSED, closed_reason=REASON, needs_reply=False
    )
    return being_called(ids)


def being_called(address_ids: Sequence[int]) -> list[InFlight]:
    """What is being handed over to these addresses at this moment."""
    messages: list[InFlight] = sql.column(
        "SELECT id FROM conversations_message WHERE address_id = ANY(%s) AND state = 'calling'",
        [sql.array(address_ids)],
    )
    calls = Call.objects.filter(address__in=list(address_ids), state=Call.State.CALLING)
    return [*messages, *calls.values_list("attempt", flat=True)]


@atomic_with_retry
def by_agent(
    contact: Contact,
    *,
    by: User,
    evidence: str,
    now: datetime,
    also: Sequence[Address] = (),
    only: Address | None = None,
) -> list[InFlight]:
    """An agent's choice: every address of the contact, and `also` those (a thread's phone may not be among
    them any more), or one address `only`. Returns calls in flight, as `record` does."""
    links = ContactAddress.objects.filter(contact=contact).select_related("address")
    everywhere = [*also, *(link.address for link in links)]
    addresses = {address.pk: address for address in ([only] if only else everywhere)}
    return record(
        list(addresses.values()),
        contact=contact,
        source=OptOut.Source.AGENT,
        by=by,
        evidence=evidence,
        now=now,
    )


@atomic_with_retry
def by_provider(message_ids: Sequence[int], *, code: str, now: datetime) -> None:
    """The provider holds an opt-out that we lack (Twilio 21610): record it as ours."""
    messages = list(
        Message.objects.filter(pk__in=message_ids).select_related("address", "contact").order_by("address_id")
    )
    address_ids = [message.address_id for message in messages]
    suppression.lock_addresses(address_ids)
    for message in messages:
        suppression.opt_out(
            message.address,
            channel=message.address.channel,
            source=OptOut.Source.PROVIDER,
            now=now,
            contact=message.contact,
            evidence=f"The provider refused a text with code {code}",
            detector=f"provider/{code}",
        )
    # All addresses are locked before the first message, all messages before the first enrollment.
    follow(address_ids, now)
