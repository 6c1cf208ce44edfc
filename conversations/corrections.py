"""An agent says how a reply should have been read; what follows from it follows the same doors as ever."""

from dataclasses import dataclass
from datetime import datetime

from accounts import audit
from accounts.models import Membership, User
from audiences import suppression
from audiences.models import Address, OptOut
from common import clock
from common.transactions import atomic_with_retry
from conversations import opt_ins, opt_outs, reading
from conversations.models import Message, Reading, ReadingCorrection


class CorrectionRefused(Exception):
    """The reading stands as it was; the words say why and what to do."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction led to.

    `in_flight`: calls to that phone which the caller should wait for (`inbound.wait_for_calls`).
    `still_opted_out`: the reply is no opt-out any more, yet one is in force at its phone.
    """

    correction: ReadingCorrection | None
    in_flight: tuple[opt_outs.InFlight, ...] = ()
    still_opted_out: bool = False


@atomic_with_retry
def correct(
    message: Message,
    label: str,
    by: User,
    *,
    consent: str = "",
    this_phone_only: bool = False,
    now: datetime | None = None,
) -> Corrected:
    """Record that `message` should have been read as `label`, and act on it.

    To an opt-out: as if the agent had recorded it, with the customer's words as evidence, at every address
    unless `this_phone_only`. Away from one:
    nobody is reached again by a correction. Only with `consent`, the customer's written words, is the opt-out
    that this very message made lifted; never one that the carrier enforces too, which only START ends.
    Raises CorrectionRefused. The same label again changes nothing.
    """
    moment = now or clock.now()
    if label not in reading.LABELS:
        raise CorrectionRefused(f"“{label}” is no reading; known are {', '.join(reading.LABELS)}.")
    if message.kind != Message.Kind.INBOUND:
        raise CorrectionRefused("Only what a customer wrote can be read differently.")
    if not Membership.objects.filter(account=message.account_id, user=by).exists():
        raise CorrectionRefused("This conversation does not belong to your account.")
    suppression.lock_addresses(_addresses(message))
    read = Reading.objects.select_for_update(no_key=True).filter(message=message).first()
    if read is None:
        raise CorrectionRefused("This message was never read.")
    was = read.label
    decided = label != reading.OPT_OUT or read.outcome == Reading.Outcome.OPT_OUT
    if was == label and decided:  # a doubt may be confirmed
        return Corrected(None, still_opted_out=_in_force(message, label))
    lifted = _liftable(message) if was == reading.OPT_OUT and consent.strip() else None
    correction = ReadingCorrection.objects.create(message=message, was=was, now=label, by=by, at=moment)
    outcome = Reading.Outcome.OPT_OUT if label == reading.OPT_OUT else Reading.Outcome.ROUTE
    # Rule, score and detector stay: they say how it was read before.
    Reading.objects.filter(pk=read.pk).update(label=label, outcome=outcome)
    audit.record(
        account=message.account, by=by, verb="corrected_reading", on=message,
        summary=f"Corrected a reply of {message.contact or message.address.value} from {was} to {label}",
        detail={"was": was, "now": label, "detector": read.detector, "rule": read.rule},
    )  # fmt: skip
    if label == reading.OPT_OUT:
        return Corrected(correction, tuple(_opt_out(message, by, moment, this_phone_only)))
    if lifted is not None:
        suppression.lift(message.address, channel=lifted.channel, evidence=consent.strip(), now=moment, by=by)
        opt_ins.open_threads(message.address)
    return Corrected(correction, still_opted_out=_in_force(message, label))


def _addresses(message: Message) -> list[int]:
    """All that the correction may lock, in one go: the phone and every address of its writer."""
    ids = {message.address_id}
    if message.contact_id is not None:
        ids |= set(
            Address.objects.filter(contact_addresses__contact=message.contact_id).values_list("pk", flat=True)
        )
    return sorted(ids)


def _opt_out(message: Message, by: User, now: datetime, this_phone_only: bool) -> list[opt_outs.InFlight]:
    if message.replies_to_id is not None:
        Message.objects.filter(pk=message.replies_to_id, opted_out_at=None).update(opted_out_at=now)
    words = message.body or ""
    if message.contact is not None:
        only = message.address if this_phone_only else None
        return opt_outs.by_agent(
            message.contact, by=by, evidence=words, now=now, also=[message.address], only=only
        )
    return opt_outs.record(
        [message.address], contact=None, source=OptOut.Source.AGENT, by=by, evidence=words, now=now
    )


def _liftable(message: Message) -> OptOut | None:
    """The opt-out in force that this message made and that we alone keep; CorrectionRefused for another."""
    row = OptOut.objects.filter(address=message.address, lifted_at=None).first()
    if row is None:
        return None
    if row.source != OptOut.Source.TEXT or row.provider_id != (message.provider_id or ""):
        raise CorrectionRefused("The opt-out in force here was not made by this message.")
    if opt_ins.carrier_holds(message.address):
        raise CorrectionRefused(opt_ins.CARRIER_HOLDS)
    return row


def _in_force(message: Message, label: str) -> bool:
    return label != reading.OPT_OUT and bool(suppression.in_force([message.address_id]))
