"""The one gate: whether somebody may be reached now, and the one place where a wish is recorded.

`may_reach` answers for a whole batch with a constant number of queries; if one of them fails the exception
propagates and nothing is sent. This layer cannot see messages, so the caller counts touches and passes them.
The caller holds the locks (`lock_households`, then `lock_addresses`): whoever commits second sees the first.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from accounts import audit
from accounts.models import User
from audiences import consent_records, hours
from audiences.fitness import REFUSALS_SQL
from audiences.locks import lock_addresses as lock_addresses
from audiences.locks import lock_households as lock_households
from audiences.models import Address, Consent, Contact, OptOut, ReachLimits
from audiences.models.reach_limits import HOUSEHOLD_PER_DAY, HOUSEHOLD_PER_WEEK
from common import sql

PHONE_TOUCHES_PER_DAY = 3
"""Texts and calls to one phone in any 24 hours: a ceiling nobody can raise."""
EMAILS_PER_DAY = 3
"""Emails to one mailbox in any 24 hours: a ceiling nobody can raise."""
ANSWER_WITHOUT_CAPS = timedelta(hours=24)
ANSWER_WITHOUT_HOURS = timedelta(minutes=30)
CONFIRM_WITHIN = timedelta(minutes=5)
"""An opt-out may be confirmed by one text within this time: 47 CFR 64.1200(a)(12)."""

TEXT, CALL, EMAIL = "text", "call", "email"
_CAPS = {
    TEXT: (PHONE_TOUCHES_PER_DAY, "phone_cap"),
    CALL: (PHONE_TOUCHES_PER_DAY, "phone_cap"),
    EMAIL: (EMAILS_PER_DAY, "mailbox_cap"),
}


class Reach(NamedTuple):
    """One intended touch. Counts are of touches already claimed, this batch excluded.

    An email goes to a mailbox and keeps no hours: hours are the law of texts and calls, and whoever gets an
    email reads it when they like. Opt-outs, caps and holds are as everywhere; consent lists are of phones.
    """

    key: int
    account_id: int
    contact_id: int
    address_id: int
    household_id: int
    zone_set_id: int
    window_id: int | None  # None: the account's
    medium: str
    automated: bool
    confirmation: bool = False  # of a booking, say: free of caps and holds, never of hours or opt-outs
    recorded_voice: bool = False  # a call with recorded or synthetic voice: only with written consent
    address_touches_24h: int = 0
    address_frees_at: datetime | None = None  # when the count falls below the ceiling
    household_touches_24h: int = 0
    household_touches_7d: int = 0
    household_frees_at: datetime | None = None
    held_until: datetime | None = None
    answers_message_at: datetime | None = None  # an automatic answer: when the customer wrote
    answer: bool = (
        False  # the account's own to whoever wrote, no campaign's: free of holds, and of flags on them
    )
    unless_booked_since: datetime | None = None  # not to whoever has a job made since then; None: to all
    confirms: int = 0  # id of the opt-out that this text confirms: it alone passes that very opt-out


class Verdict(NamedTuple):
    """The answer for one reach.

    Refused without `until`: for good, the step is skipped with `reason`. Refused with `until`: ask again
    then. Allowed with the reason "window": an agent writes outside the hours and is warned. `closes_at` is
    when the present opening ends, where there is one.
    """

    allowed: bool
    reason: str = ""
    until: datetime | None = None
    closes_at: datetime | None = None


def may_reach(reaches: Sequence[Reach], *, now: datetime) -> dict[int, Verdict]:
    """A verdict for every reach, by its key.

    Reaches are judged in the order given, and an allowed one counts towards the caps of those after it.
    Final reasons, as `audiences.fitness` has them: inactive, do_not_service, no_address, do_not_text,
    do_not_mail, unreachable, opted_out, do_not_call, no_consent, booked. Deferrals: hold, window, phone_cap,
    mailbox_cap, household_cap; where several apply, the one that ends last.
    """
    if not reaches:
        return {}
    final = _final_refusals(reaches, now)
    spans = _spans(reaches, now)
    limits = household_limits({reach.account_id for reach in reaches})
    addresses: dict[int, int] = defaultdict(int)
    homes: dict[int, int] = defaultdict(int)
    verdicts: dict[int, Verdict] = {}
    for reach in reaches:
        if reason := final.get(reach.key):
            verdicts[reach.key] = Verdict(False, reason)
            continue
        daily, weekly = limits[reach.account_id]
        opening = spans.get(reach.key)
        waits = _waits(reach, opening, now)
        if _counted(reach, now):
            cap, capped = _CAPS[reach.medium]
            if reach.address_touches_24h + addresses[reach.address_id] >= cap:
                waits.append((_later(reach.address_frees_at, now), capped))
            here = homes[reach.household_id]
            if reach.household_touches_24h + here >= daily or reach.household_touches_7d + here >= weekly:
                waits.append((_later(reach.household_frees_at, now), "household_cap"))
        verdicts[reach.key] = verdict = _verdict(reach, waits, opening, now)
        if verdict.allowed and _counted(reach, now):
            addresses[reach.address_id] += 1
            homes[reach.household_id] += 1
    return verdicts


def _waits(reach: Reach, opening: hours.Span | None, now: datetime) -> list[tuple[datetime, str]]:
    waits = []
    if (
        reach.automated
        and not (reach.confirmation or reach.answer)
        and reach.held_until
        and reach.held_until > now
    ):
        waits.append((reach.held_until, "hold"))
    keeps_hours = reach.medium != EMAIL and not _answers_within(reach, ANSWER_WITHOUT_HOURS, now)
    if keeps_hours and (opening is None or opening[0] > now):
        waits.append((opening[0] if opening else now + hours.HORIZON, "window"))
    return waits


def _verdict(
    reach: Reach, waits: list[tuple[datetime, str]], opening: hours.Span | None, now: datetime
) -> Verdict:
    closes_at = opening[1] if opening and opening[0] <= now else None
    if not waits:
        return Verdict(True, closes_at=closes_at)
    if not reach.automated:
        return Verdict(True, reason="window")
    until, reason = max(waits)
    return Verdict(False, reason, until=until)


def _counted(reach: Reach, now: datetime) -> bool:
    """Whether caps apply: not to agents, confirmations, and answers within 24 h of the customer writing."""
    return reach.automated and not reach.confirmation and not _answers_within(reach, ANSWER_WITHOUT_CAPS, now)


def _answers_within(reach: Reach, limit: timedelta, now: datetime) -> bool:
    return reach.answers_message_at is not None and now - reach.answers_message_at <= limit


def _later(frees_at: datetime | None, now: datetime) -> datetime:
    """When to ask again; a day hence where the caller cannot know: a cap filled by this very batch."""
    return frees_at if frees_at is not None and frees_at > now else now + timedelta(hours=24)


def _final_refusals(reaches: Sequence[Reach], now: datetime) -> dict[int, str]:
    """Reason by key, of reaches that no waiting can help. One query."""
    asked = [
        (
            *(r.key, r.account_id, r.contact_id, r.address_id, r.medium, r.automated, r.confirmation),
            *(r.answer, r.confirms, r.recorded_voice, _unasked(r, now), r.unless_booked_since),
        )
        for r in reaches
    ]
    found = sql.rows(REFUSALS_SQL, [now, now - CONFIRM_WITHIN, *sql.arrays(asked)], often=True)
    return {key: reason for key, reason in found if reason}


def _unasked(reach: Reach, now: datetime) -> bool:
    """Whether do-not-call lists and the consent switch apply: neither to answers nor to confirmations."""
    return _counted(reach, now) and not reach.answer and not reach.confirms


def _spans(reaches: Sequence[Reach], now: datetime) -> dict[int, hours.Span]:
    """The current or next opening by key; constant queries per medium."""
    without = {reach.account_id for reach in reaches if reach.window_id is None and reach.medium != EMAIL}
    own = hours.windows_of(without) if without else {}
    spans: dict[int, hours.Span] = {}
    for medium in (TEXT, CALL):
        of_medium = {
            r.key: (r.zone_set_id, r.window_id or own[r.account_id]) for r in reaches if r.medium == medium
        }
        found = hours.current_or_next(of_medium.values(), medium, now)
        spans |= {key: found[pair] for key, pair in of_medium.items() if pair in found}
    return spans


def household_limits(account_ids: set[int]) -> dict[int, tuple[int, int]]:
    """Account → touches one home may have in 24 hours and in 7 days."""
    limits = dict.fromkeys(account_ids, (HOUSEHOLD_PER_DAY, HOUSEHOLD_PER_WEEK))
    for row in ReachLimits.objects.filter(account__in=account_ids):
        limits[row.account_id] = (row.household_per_day, row.household_per_week)
    return limits


def in_force(address_ids: Iterable[int]) -> set[int]:
    """Which of these addresses have an opt-out in force."""
    found = OptOut.objects.filter(address__in=set(address_ids), lifted_at=None)
    return set(found.values_list("address_id", flat=True))


@transaction.atomic
def opt_out(
    address: Address,
    *,
    channel: str,
    source: str,
    now: datetime,
    by: User | None = None,
    contact: Contact | None = None,
    evidence: str = "",
    detector: str = "",
    score: float | None = None,
    provider_id: str = "",
) -> OptOut | None:
    """Record a wish not to be reached at `address`; None where one is already in force.

    Takes the address lock (held until the outer transaction ends), so that no claim for this address can
    commit afterwards without seeing it. Ending enrollments and closing the thread is the caller's.
    """
    rows = _opt_out(
        [(address, channel)], by=by, source=source, at=now, contact=contact, evidence=evidence,
        detector=detector, score=score, provider_id=provider_id,
    )  # fmt: skip
    return rows[0] if rows else None


@transaction.atomic
def opt_out_all(
    addresses: Sequence[Address],
    *,
    source: str,
    now: datetime,
    by: User | None = None,
    contact: Contact | None = None,
    evidence: str = "",
    detector: str = "",
    score: float | None = None,
    provider_id: str = "",
) -> list[OptOut]:
    """As `opt_out`, of many addresses in a constant number of statements; the rows that are new."""
    return _opt_out(
        [(address, address.channel) for address in addresses], by=by, source=source, at=now, contact=contact,
        evidence=evidence, detector=detector, score=score, provider_id=provider_id,
    )  # fmt: skip


@transaction.atomic
def opt_out_rows(wishes: Sequence[OptOut]) -> list[OptOut]:
    """As `opt_out`, of wishes that each have their own evidence: rows not saved yet, nobody's of ours. Where
    one is in force already, or earlier in the sequence, a row is passed over; those that are new are
    returned."""
    ids = {wish.address_id for wish in wishes}
    lock_addresses(ids)
    known = set(OptOut.objects.filter(address__in=ids, lifted_at=None).values_list("address_id", "channel"))
    first = {(wish.address_id, wish.channel): wish for wish in reversed(wishes)}
    rows = OptOut.objects.bulk_create(first[key] for key in sorted(first) if key not in known)
    consent_records.end(ids, why=Consent.Ended.OPTED_OUT, now=max(wish.at for wish in wishes))
    return rows


def _opt_out(wishes: Sequence[tuple[Address, str]], *, by: User | None, **said: Any) -> list[OptOut]:
    ids = [address.pk for address, _ in wishes]
    lock_addresses(ids)
    known = set(OptOut.objects.filter(address__in=ids, lifted_at=None).values_list("address_id", "channel"))
    wished = {(address.pk, channel): address for address, channel in wishes}
    new = [
        (address, channel) for (pk, channel), address in sorted(wished.items()) if (pk, channel) not in known
    ]
    rows = OptOut.objects.bulk_create(
        OptOut(account_id=address.account_id, address=address, channel=channel, by=by, **said)
        for address, channel in new
    )
    # An address that has not agreed to texts any more has not agreed to recorded voice either.
    consent_records.end(ids, why=Consent.Ended.OPTED_OUT, now=said["at"])
    for address, _ in new if by is not None else ():
        audit.record(
            account=address.account, by=by, verb="opted_out", summary=f"Opted out {address.value}", on=address
        )
    return rows


@transaction.atomic
def lift(
    address: Address,
    *,
    channel: str,
    evidence: str,
    now: datetime,
    by: User | None = None,
    provider_id: str = "",
) -> OptOut | None:
    """End the opt-out in force (START, or an agent with the customer's words), keeping its row.

    `provider_id` is that of the customer's text. None where no opt-out is in force.
    """
    lock_addresses([address.pk])
    row = OptOut.objects.filter(address=address, channel=channel, lifted_at=None).first()
    if row is None:
        return None
    row.lifted_at = now
    row.lifted_evidence = evidence
    row.lifted_provider_id = provider_id
    row.lifted_by = by
    row.save(update_fields=["lifted_at", "lifted_evidence", "lifted_provider_id", "lifted_by"])
    # Whoever did it, be it the product on a START: the log is sealed, what ends an opt-out is not.
    audit.record(
        account=address.account, by=by, verb="opted_in", summary=f"Opted in {address.value}", on=address,
        detail={"opt_out": row.pk, "words": evidence},
    )  # fmt: skip
    return row
