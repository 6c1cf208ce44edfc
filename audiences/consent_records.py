"""Written agreements, person by person: recorded with their proof, ended by a wish, never changed.

On what ground the account as a whole texts its customers is another thing: `audiences.consent`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from audiences.locks import lock_addresses
from audiences.models import Address, Consent, Contact, OptOut


class Refused(Exception):
    """The consent was not recorded; the words say why."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What somebody agreed to: the words as shown to them (`proof`), where those stand, and when."""

    kind: str
    source: str
    proof: str
    given_at: datetime
    proof_at: str = ""


@transaction.atomic
def record(
    address: Address,
    agreement: Agreement,
    *,
    contact: Contact | None,
    now: datetime,
    by: User | None = None,
) -> Consent:
    """Record one consent under the address lock. Raises Refused.

    A consent given before a wish not to be reached was taken back by it; while the wish is in force, only
    the customer's own START brings the phone back (47 CFR 64.1200(a)(10)).
    """
    lock_addresses([address.pk])
    if words := obstacle(address, agreement, now=now):
        raise Refused(words)
    row = _row(address, agreement, contact=contact, now=now, by=by)
    row.save(force_insert=True)
    if by is not None:
        audit.record(
            account=address.account, by=by, verb="recorded_consent", on=contact or address,
            summary=f"Recorded a consent of {address.value}: {row.get_kind_display()}",
            detail={"source": row.get_source_display(), "proof": row.proof},
        )  # fmt: skip
    return row


def _row(
    address: Address, agreement: Agreement, *, contact: Contact | None, now: datetime, by: User | None
) -> Consent:
    return Consent(
        account_id=address.account_id,
        address=address,
        contact=contact,
        kind=agreement.kind,
        source=agreement.source,
        proof=agreement.proof,
        proof_at=agreement.proof_at,
        given_at=agreement.given_at,
        recorded_by=by,
        recorded_at=now,
    )


def obstacle(address: Address, agreement: Agreement, *, now: datetime) -> str:
    """Why this consent cannot be recorded, in words; empty where it can."""
    if address.channel != Address.Channel.PHONE:
        return "Consents are kept for phones; this is a mailbox."
    if not agreement.proof.strip():
        return "A consent needs the words that were agreed to."
    if agreement.given_at > now:
        return "The date lies ahead. A consent counts from the day on which it was given."
    if Consent.objects.of_kind(agreement.kind, [address.pk]).exists():
        return "This consent is on record and in force already."
    return _taken_back(OptOut.objects.filter(address=address), agreement)


def _taken_back(wishes: Iterable[OptOut], agreement: Agreement) -> str:
    for wish in wishes:
        if wish.lifted_at is None:
            return "This phone has opted out. Only the customer’s own START brings it back."
        if wish.at >= agreement.given_at:
            day = timezone.localtime(wish.at)
            return f"This phone opted out on {day:%b} {day.day}, {day.year}, after this consent was given."
    return ""


def agreed_by_text(address: Address, contact: Contact | None, words: str, *, now: datetime) -> Consent | None:
    """Keep START as a written agreement to texts, its words as proof; None where one is in force.

    Inside the transaction that lifts the opt-out, which holds the address lock.
    """
    said = Agreement(Consent.Kind.TEXTS, Consent.Source.START, words.strip() or "START", now)
    if Consent.objects.of_kind(said.kind, [address.pk]).exists():
        return None
    row = _row(address, said, contact=contact, now=now, by=None)
    row.save(force_insert=True)
    return row


@transaction.atomic
def withdraw(consent: Consent, *, by: User, now: datetime) -> bool:
    """End one consent because the customer took it back; False where it had ended."""
    lock_addresses([consent.address_id])
    if (
        not Consent.objects.in_force()
        .filter(pk=consent.pk)
        .update(ended_at=now, ended_why=Consent.Ended.WITHDRAWN)
    ):
        return False
    address = consent.address
    audit.record(
        account=address.account, by=by, verb="withdrew_consent", on=consent.contact or address,
        summary=f"Withdrew a consent of {address.value}: {consent.get_kind_display()}",
    )  # fmt: skip
    return True


def end(address_ids: Iterable[int], *, why: str, now: datetime) -> int:
    """End every consent of these locked addresses: a wish not to be reached takes back all of them."""
    held = Consent.objects.in_force().filter(address__in=set(address_ids))
    return held.update(ended_at=now, ended_why=why)
