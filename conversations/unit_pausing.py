"""Storm days: campaigns rest for the customers of one business unit, until a time or until somebody resumes.

A pause is one row that every claim of a campaign's message asks for (`touches.holds`), under the lock that
pauses of everything take: a claim either committed before the pause or sees it. What people write by hand and
answers to customers go on, and so do the customers of other units.
"""

from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from accounts.models import Account, BusinessUnit, User
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations import inbound, pausing
from conversations.models import UnitPause
from conversations.touches import UNIT_OF_CONTACT

LONGEST = timedelta(days=366)  # that a pause may be meant to last
MOST_REASON: int = UnitPause._meta.get_field("reason").max_length or 0


class NotPossible(Exception):
    """Nothing was paused or resumed; the words say why."""


def pause(
    unit: BusinessUnit, *, by: User, now: datetime, until: datetime | None = None, reason: str = ""
) -> tuple[UnitPause, int]:
    """Let campaigns rest for a unit's customers, and return once nothing of theirs is being handed over (at
    most 5 s); the pause, and how many messages were on their way. Raises NotPossible. Not inside a
    transaction."""
    made, in_flight = _begin(unit, by, now, until, " ".join(reason.replace("\0", " ").split())[:MOST_REASON])
    inbound.wait_for_calls(tuple(in_flight))
    return made, len(in_flight)


@atomic_with_retry
def _begin(
    unit: BusinessUnit, by: User, now: datetime, until: datetime | None, reason: str
) -> tuple[UnitPause, list[int]]:
    if until is not None and until <= now:
        raise NotPossible("This time has passed. Choose a later one, or leave it blank.")
    if until is not None and until - now > LONGEST:
        raise NotPossible("This is more than a year ahead. Choose an earlier time, or leave it blank.")
    pausing.hold(unit.account_id)
    known = UnitPause.objects.filter(business_unit=unit, lifted_at=None).first()
    if known is not None and (known.until is None or known.until > now):
        raise NotPossible(f"{unit} is paused already. Resume it first to choose another end.")
    if known is not None:  # it ended by itself
        known.lifted_at = known.until
        known.save(update_fields=["lifted_at"])
    made = UnitPause.objects.create(
        account=unit.account, business_unit=unit, at=now, by=by, until=until, reason=reason
    )
    audit.record(
        account=unit.account, by=by, verb="paused_unit", on=made,
        summary=f"Paused campaigns for customers of {unit}" + (f": {reason}" if reason else ""),
        detail={"until": until.isoformat()} if until else {},
    )  # fmt: skip
    in_flight = sql.column(
        f"""
        SELECT m.id FROM conversations_message m JOIN audiences_contact c ON c.id = m.contact_id
        WHERE m.account_id = %s AND m.kind = 'campaign' AND m.state = 'calling' AND m.claimed_at IS NOT NULL
          AND {UNIT_OF_CONTACT} = %s
        """,
        [unit.account_id, unit.pk],
    )
    return made, in_flight


@transaction.atomic
def lift(pause: UnitPause, *, by: User, now: datetime) -> None:
    """Let campaigns go on for a unit's customers. Raises NotPossible where nothing is paused any more."""
    from conversations.tasks import send

    kept = UnitPause.objects.select_for_update(no_key=True, of=("self",)).select_related("business_unit")
    locked = kept.get(pk=pause.pk)
    if locked.lifted_at is not None or (locked.until is not None and locked.until <= now):
        raise NotPossible("It is over already: campaigns go on for these customers.")
    locked.lifted_at, locked.lifted_by = max(now, locked.at), by
    locked.save(update_fields=["lifted_at", "lifted_by"])
    audit.record(
        account=locked.account, by=by, verb="resumed_unit", on=locked,
        summary=f"Resumed campaigns for customers of {locked.business_unit}",
    )  # fmt: skip
    ring(send)


def in_force(account: Account, *, now: datetime) -> list[UnitPause]:
    """The account's paused units, the latest first."""
    rows = UnitPause.objects.in_force(now).filter(account=account)
    return list(rows.select_related("business_unit", "by").order_by("-at", "-pk"))
