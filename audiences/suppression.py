"""The one gate: whether somebody may be reached now, and the one place where a wish is recorded.

`may_reach` answers for a whole batch with a constant number of queries; if one of them fails the exception
propagates and nothing is sent. This layer cannot see messages, so the caller counts touches and passes them.
The caller holds the locks (`lock_households`, then `lock_addresses`): whoever commits second sees the first.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounts import audit
from accounts.models import User
from audiences import hours
from audiences.models import Address, Contact, OptOut, ReachLimits

PHONE_TOUCHES_PER_DAY = 3
"""Texts and calls to one phone in any 24 hours: a ceiling nobody can raise."""
HOUSEHOLD_TOUCHES_PER_DAY = 2
HOUSEHOLD_TOUCHES_PER_WEEK = 6
ANSWER_WITHOUT_CAPS = timedelta(hours=24)
ANSWER_WITHOUT_HOURS = timedelta(minutes=30)
CONFIRM_WITHIN = timedelta(minutes=5)
"""An opt-out may be confirmed by one text within this time: 47 CFR 64.1200(a)(12)."""

TEXT, CALL = "text", "call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One intended touch. Counts are of touches already claimed, this batch excluded."""

    key: int
    account_id: int
    contact_id: int
    address_id: int
    household_id: int
    zone_set_id: int
    window_id: int | None
    medium: str
    automated: bool
    confirmation: bool = False  # of a booking, say: free of caps and holds, never of hours or opt-outs
    phone_touches_24h: int = 0
    phone_touch_frees_at: datetime | None = None  # when the count falls below the ceiling
    household_touches_24h: int = 0
    household_touches_7d: int = 0
    household_frees_at: datetime | None = None
    held_until: datetime | None = None
    answers_message_at: datetime | None = None  # an automatic answer: when the customer wrote
    answer: bool = (
        False  # the account's own to whoever wrote, no campaign's: free of holds, and of flags on them
    )
    confirms: int = 0  # id of the opt-out that this text confirms: it alone passes that very opt-out


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one reach.

    Refused without `until`: for good, the step is skipped with `reason`. Refused with `until`: ask again
    then. Allowed with the reason "window": an agent writes outside the hours and is warned. `closes_at` is
    when the present opening ends, where there is one.
    """

    allowed: bool
    reason: str = ""
    until: datetime | None = None
    closes_at: datetime | None = None


# The fixed order in which a contact is found unfit at entry: (reason, condition). Aliases: `c` is
# audiences_contact, `a` the row of FIRST_TEXTABLE_ADDRESS_SQL, all nulls where the contact has no phone.
ENTRY_REASONS: tuple[tuple[str, str], ...] = (
    ("inactive", "NOT c.active"),
    ("do_not_service", "c.do_not_service"),
    ("no_address", "a.id IS NULL"),
    ("do_not_text", "a.do_not_text"),
    ("unreachable", "a.unreachable_since IS NOT NULL"),
    (
        "opted_out",
        "EXISTS (SELECT 1 FROM audiences_optout oo WHERE oo.address_id = a.id AND oo.lifted_at IS NULL)",
    ),
)

# `LEFT JOIN LATERAL (…) a ON TRUE` beside `c`: columns id, value, line_type, unreachable_since, do_not_text,
# position. The first phone in position order that may be texted; where none may, the one whose flaw is to be
# reported. An opted-out phone is not passed over: asking to be left alone does not move us to the next phone.
# ServiceTitan keeps doNotText per number, so a flag on any contact's link to the phone counts.
FIRST_TEXTABLE_ADDRESS_SQL = """
    SELECT ad.id, ad.value, ad.line_type, ad.unreachable_since, ca.position, flag.do_not_text
    FROM audiences_contactaddress ca
    JOIN audiences_address ad ON ad.id = ca.address_id
    CROSS JOIN LATERAL (
        SELECT bool_or(other.do_not_text) AS do_not_text
        FROM audiences_contactaddress other WHERE other.address_id = ad.id
    ) flag
    WHERE ca.contact_id = c.id AND ad.channel = 'phone' AND ad.line_type <> 'landline'
    ORDER BY flag.do_not_text, (ad.unreachable_since IS NOT NULL), ca.position, ca.id
    LIMIT 1
"""


def entry_reason_sql() -> str:
    """One CASE over `c` and `a` giving the first reason that applies, or an empty text for "may enter"."""
    whens = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in ENTRY_REASONS)
    return f"CASE {whens} ELSE '' END"


def lock_households(household_ids: Iterable[int]) -> None:
    """Lock households in id order until the transaction ends. Always before addresses."""
    _lock("audiences_household", household_ids)


def lock_addresses(address_ids: Iterable[int]) -> None:
    """Lock addresses in id order until the transaction ends. Always after households, before messages."""
    _lock("audiences_address", address_ids)


def _lock(table: str, ids: Iterable[int]) -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("A lock outside a transaction ends with its statement.")
    with connection.cursor() as cursor:
        # Plain FOR UPDATE would deadlock with the key-share locks of foreign keys.
        cursor.execute(
            f"SELECT id FROM {table} WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [sorted(set(ids))]
        )


def may_reach(reaches: Sequence[Reach], *, now: datetime) -> dict[int, Verdict]:
    """A verdict for every reach, by its key.

    Reaches are judged in the order given, and an allowed one counts towards the caps of those after it.
    Final reasons: inactive, do_not_service, no_address, do_not_text, unreachable, opted_out. Deferrals:
    hold, window, phone_cap, household_cap; where several apply, the one that ends last.
    """
    if not reaches:
        return {}
    final = _final_refusals(reaches, now)
    spans = _spans(reaches, now)
    limits = household_limits({reach.account_id for reach in reaches})
    phones: dict[int, int] = defaultdict(int)
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
            if reach.phone_touches_24h + phones[reach.address_id] >= PHONE_TOUCHES_PER_DAY:
                waits.append((_later(reach.phone_touch_frees_at, now), "phone_cap"))
            here = homes[reach.household_id]
            if reach.household_touches_24h + here >= daily or reach.household_touches_7d + here >= weekly:
                waits.append((_later(reach.household_frees_at, now), "household_cap"))
        verdicts[reach.key] = verdict = _verdict(reach, waits, opening, now)
        if verdict.allowed and _counted(reach, now):
            phones[reach.address_id] += 1
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
    if not _answers_within(reach, ANSWER_WITHOUT_HOURS, now) and (opening is None or opening[0] > now):
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


# `r.confirms` names an opt-out in force at that very phone, recorded minutes ago because somebody wrote so.
_CONFIRMABLE_SQL = """
    r.medium = 'text' AND EXISTS (
        SELECT 1 FROM audiences_optout oo WHERE oo.id = r.confirms AND oo.address_id = a.id
        AND oo.account_id = r.account_id AND oo.lifted_at IS NULL AND oo.source = 'text' AND oo.at > %s)
"""


def _final_refusals(reaches: Sequence[Reach], now: datetime) -> dict[int, str]:
    """Reason by key, of reaches that no waiting can help. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.key,
                   CASE
                     WHEN r.automated AND NOT r.answer AND NOT coalesce(c.active, false) THEN 'inactive'
                     WHEN r.automated AND NOT r.answer AND c.do_not_service THEN 'do_not_service'
                     WHEN a.id IS NULL OR c.id IS NULL OR (r.medium = 'text' AND a.line_type = 'landline')
                          OR (r.automated AND NOT r.confirmation AND NOT r.answer AND NOT EXISTS (
                                SELECT 1 FROM audiences_contactaddress ca
                                WHERE ca.contact_id = c.id AND ca.address_id = a.id)) THEN 'no_address'
                     WHEN r.automated AND r.medium = 'text' AND EXISTS (
                          SELECT 1 FROM audiences_contactaddress ca
                          WHERE ca.address_id = a.id AND ca.do_not_text) THEN 'do_not_text'
                     WHEN a.unreachable_since IS NOT NULL THEN 'unreachable'
                     WHEN r.confirms <> 0 AND NOT ({_CONFIRMABLE_SQL}) THEN 'opted_out'
                     WHEN r.confirms = 0 AND {dict(ENTRY_REASONS)["opted_out"]} THEN 'opted_out'
                   END
            FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bool[],
                        %s::bool[], %s::bool[], %s::bigint[])
                 AS r(key, account_id, contact_id, address_id, medium, automated, confirmation, answer,
                      confirms)
            LEFT JOIN audiences_contact c ON c.id = r.contact_id AND c.account_id = r.account_id
            LEFT JOIN audiences_address a
                   ON a.id = r.address_id AND a.account_id = r.account_id AND a.channel = 'phone'
            """,
            [
                now - CONFIRM_WITHIN,
                *(
                    [getattr(reach, name) for reach in reaches]
                    for name in (
                        "key",
                        "account_id",
                        "contact_id",
                        "address_id",
                        "medium",
                        "automated",
                        "confirmation",
                        "answer",
                        "confirms",
                    )
                ),
            ],
        )
        return {key: reason for key, reason in cursor.fetchall() if reason}


def _spans(reaches: Sequence[Reach], now: datetime) -> dict[int, hours.Span]:
    """The current or next opening by key; constant queries per medium."""
    default = hours.default_window().pk if any(reach.window_id is None for reach in reaches) else 0
    spans: dict[int, hours.Span] = {}
    for medium in (TEXT, CALL):
        of_medium = {r.key: (r.zone_set_id, r.window_id or default) for r in reaches if r.medium == medium}
        found = hours.current_or_next(of_medium.values(), medium, now)
        spans |= {key: found[pair] for key, pair in of_medium.items() if pair in found}
    return spans


def household_limits(account_ids: set[int]) -> dict[int, tuple[int, int]]:
    """Account → touches one home may have in 24 hours and in 7 days."""
    limits = dict.fromkeys(account_ids, (HOUSEHOLD_TOUCHES_PER_DAY, HOUSEHOLD_TOUCHES_PER_WEEK))
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
    if by is not None:
        audit.record(
            account=address.account, by=by, verb="opted_in", summary=f"Opted in {address.value}", on=address
        )
    return row
