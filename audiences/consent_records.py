"""Written agreements, person by person: recorded with their proof, ended by a wish, never changed.

On what ground the account as a whole texts its customers is another thing: `audiences.consent`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.models import Account, User
from audiences.fitness import OPTED_OUT, RECORDED_CALLS_AGREED
from audiences.locks import lock_addresses
from audiences.models import Address, Consent, Contact, ContactAddress, OptOut
from common import sql

IN_FORCE = "This consent is on record and in force already."


class Refused(Exception):
    """The consent was not recorded; the words say why."""


def may_be_played(address_ids: Iterable[int]) -> set[int]:
    """Those of these phones that a recorded or synthetic voice may speak to at this moment: with a written
    consent for it in force, and no wish to be left alone. One query."""
    found = sql.column(
        f"SELECT a.id FROM audiences_address a WHERE a.id = ANY(%s::bigint[])"
        f" AND {RECORDED_CALLS_AGREED} AND NOT {OPTED_OUT}",
        [sql.array(address_ids)],
    )
    return set(found)


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
    if why := _flaw(agreement, now):
        return why
    if Consent.objects.of_kind(agreement.kind, [address.pk]).exists():
        return IN_FORCE
    return _taken_back(OptOut.objects.filter(address=address), agreement)


def _flaw(agreement: Agreement, now: datetime) -> str:
    """What is wrong with an agreement whoever gave it."""
    if not agreement.proof.strip():
        return "A consent needs the words that were agreed to."
    if agreement.given_at > now:
        return "The date lies ahead. A consent counts from the day on which it was given."
    return ""


def _taken_back(wishes: Iterable[OptOut], agreement: Agreement) -> str:
    for wish in wishes:
        if wish.lifted_at is None:
            return "This phone has opted out. Only the customer’s own START brings it back."
        if wish.at >= agreement.given_at:
            day = timezone.localtime(wish.at)
            return f"This phone opted out on {day:%b} {day.day}, {day.year}, after this consent was given."
    return ""


def _of_a_stranger(lost: Iterable[ContactAddress], agreement: Agreement) -> str:
    for link in lost:
        if link.wrong_number_at is not None and link.wrong_number_at >= agreement.given_at:
            return "This phone turned out to be somebody else’s after this consent was given."
    return ""


@transaction.atomic
def record_all(
    account: Account, agreements: Sequence[tuple[str, Agreement]], *, name: str, by: User, now: datetime
) -> list[str]:
    """Record what the list `name` says of phones (E.164), in a constant number of queries.

    Gives for each, in order, why it was not recorded; empty where it was. Given by the one contact of the
    phone; by nobody known where none or several have it. A phone that turned out to be somebody else's, and
    is no other contact's, has a new owner, who did not agree.
    """
    addresses = _phones(account, {phone for phone, _ in agreements})
    ids = [address.pk for address in addresses.values()]
    lock_addresses(ids)
    wishes: dict[int, list[OptOut]] = defaultdict(list)
    for wish in OptOut.objects.filter(address__in=ids):
        wishes[wish.address_id].append(wish)
    known = set(Consent.objects.in_force().filter(address__in=ids).values_list("address_id", "kind"))
    links: dict[int, list[ContactAddress]] = defaultdict(list)
    for link in ContactAddress.objects.filter(address__in=ids).select_related("contact"):
        links[link.address_id].append(link)
    words, rows = [], []
    for phone, said in agreements:
        address = addresses[phone]
        givers = [link.contact for link in links[address.pk] if link.wrong_number_at is None]
        why = _flaw(said, now) or _taken_back(wishes[address.pk], said)
        if not why and not givers:
            why = _of_a_stranger(links[address.pk], said)
        if not why and (address.pk, said.kind) in known:
            why = IN_FORCE
        if not why:
            known.add((address.pk, said.kind))
            giver = givers[0] if len(givers) == 1 else None
            rows.append(_row(address, said, contact=giver, now=now, by=by))
        words.append(why)
    Consent.objects.bulk_create(rows, batch_size=1000)
    if rows:
        audit.record(
            account=account, by=by, verb="imported_consents",
            summary=f"Imported {len(rows):,} consents from {name}",
            detail={"not_recorded": len(agreements) - len(rows)},
        )  # fmt: skip
    return words


def _phones(account: Account, phones: set[str]) -> dict[str, Address]:
    """The addresses of these phones, made where the account has none."""
    channel = Address.Channel.PHONE
    Address.objects.bulk_create(
        [Address(account=account, channel=channel, value=phone) for phone in sorted(phones)],
        ignore_conflicts=True,
    )
    found = Address.objects.filter(account=account, channel=channel, value__in=phones)
    return {address.value: address for address in found}


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


def end_of_stranger(address: Address, contact_id: int | None, *, now: datetime) -> int:
    """End what this contact agreed to for a locked phone that turned out to be somebody else's.

    Also what was recorded of nobody known; but not a START, which whoever has the phone wrote themselves.
    """
    theirs = Q(contact=contact_id) | Q(contact=None) & ~Q(source=Consent.Source.START)
    held = Consent.objects.in_force().filter(theirs, address=address)
    return held.update(ended_at=now, ended_why=Consent.Ended.WRONG_NUMBER)
