"""Recording lists of old opt-outs: through the same door as every wish, in batches, as often as asked.

A list is kept as a draft, looked at, then confirmed; a loop records it. Each batch is one transaction that
moves the import's cursor, so a killed worker loses at most the batch it was in, and none is recorded twice.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import Account, User
from audiences import suppression
from audiences.models import Address, OptOut, OptOutImport
from audiences.opt_out_lists import OptOutList
from common.doorbell import ring
from common.transactions import atomic_with_retry
from conversations import opt_outs

log = logging.getLogger(__name__)
BATCH = 500
_LOOKED_UP = 5_000  # addresses a query
_NONE = "No earlier opt-outs"


def draft(account: Account, found: OptOutList, *, name: str, by: User, now: datetime) -> OptOutImport:
    """Keep a list that was read, for somebody to look at; takes the place of the account's earlier draft."""
    OptOutImport.objects.filter(account=account, confirmed_at=None).delete()
    return OptOutImport.objects.create(
        account=account,
        name=name,
        values="\n".join([*found.phones, *found.emails]),
        phones=len(found.phones),
        emails=len(found.emails),
        duplicates=found.duplicates,
        rejected=found.rejected,
        rejected_rows="\n".join(found.rejected_rows),
        by=by,
        created_at=now,
    )


def known_already(listed: OptOutImport) -> int:
    """How many addresses of a draft have opted out by now."""
    values = listed.lines
    return sum(
        OptOut.objects.filter(
            address__in=_known(listed.account_id, values[start : start + _LOOKED_UP]), lifted_at=None
        ).count()
        for start in range(0, len(values), _LOOKED_UP)
    )


@transaction.atomic
def confirm(listed: OptOutImport, *, by: User, now: datetime) -> None:
    """Have a draft recorded, in the background. Confirming it twice is once."""
    from conversations.tasks import import_opt_outs  # tasks import most of this package

    changed = OptOutImport.objects.filter(pk=listed.pk, confirmed_at=None).update(confirmed_at=now, by=by)
    if not changed:
        return
    audit.record(
        account=listed.account, by=by, verb="imported_opt_outs", on=listed,
        summary=f"Imported {listed.accepted:,} opt-outs from {listed.name}",
        detail={"phones": listed.phones, "emails": listed.emails, "rejected": listed.rejected},
    )  # fmt: skip
    ring(import_opt_outs)


@transaction.atomic
def declare_none(account: Account, *, by: User, now: datetime) -> None:
    """Keep that somebody said: nobody had asked to be left alone before this product."""
    if OptOutImport.objects.filter(account=account, declared_none=True).exists():
        return
    said = OptOutImport.objects.create(
        account=account,
        name=_NONE,
        declared_none=True,
        by=by,
        created_at=now,
        confirmed_at=now,
        finished_at=now,
    )
    audit.record(
        account=account, by=by, verb="declared_no_opt_outs", on=said,
        summary="Declared that there are no earlier opt-outs to import",
    )  # fmt: skip


def record_confirmed(*, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """Record what confirmed imports still hold, until `go_on` says no; how many addresses.

    One import that breaks keeps no other from its turn; it stays unfinished, and launches wait for it.
    """
    total = 0
    for listed in OptOutImport.objects.unfinished().select_related("by").order_by("confirmed_at"):
        try:
            total += _record_list(listed, now=now, go_on=go_on)
        except (OperationalError, InterfaceError):
            raise  # the database's trouble, not the list's
        except Exception:
            log.exception("opt-out import %s cannot be recorded", listed.pk)
    return total


def _record_list(listed: OptOutImport, *, now: datetime, go_on: Callable[[], bool]) -> int:
    values, done, total = listed.lines, listed.done, 0
    while done < len(values) and go_on():
        done, handled = _record_batch(listed, values[done : done + BATCH], now=now)
        total += handled
    if done >= len(values):
        OptOutImport.objects.filter(pk=listed.pk, finished_at=None).update(finished_at=now, values="")
    return total


@atomic_with_retry
def _record_batch(listed: OptOutImport, values: Sequence[str], *, now: datetime) -> tuple[int, int]:
    """Record the next addresses unless another worker was first: (where the import stands, how many)."""
    kept = (
        OptOutImport.objects.select_for_update(no_key=True).defer("values", "rejected_rows").get(pk=listed.pk)
    )
    if kept.done != listed.done or kept.finished_at is not None:
        listed.done = kept.done
        return (kept.done if kept.finished_at is None else kept.accepted), 0
    addresses = _addresses(listed.account_id, values)
    suppression.lock_addresses([address.pk for address in addresses])
    before = suppression.in_force([address.pk for address in addresses])
    new = [address for address in addresses if address.pk not in before]
    if new:
        opt_outs.record(
            new,
            contact=None,
            source=OptOut.Source.IMPORTED,
            evidence=f"Listed in {listed.name}, imported by {listed.by or 'somebody'}",
            detector=f"import/{listed.pk}",
            now=now,
        )
    kept.done += len(values)
    kept.recorded += len(new)
    kept.save(update_fields=["done", "recorded"])
    listed.done = kept.done
    return kept.done, len(values)


def _addresses(account_id: int, values: Sequence[str]) -> list[Address]:
    """The addresses of these phones and mailboxes, made where the account has none."""
    wanted = {(Address.Channel.EMAIL if "@" in value else Address.Channel.PHONE, value) for value in values}
    Address.objects.bulk_create(
        [Address(account_id=account_id, channel=channel, value=value) for channel, value in sorted(wanted)],
        ignore_conflicts=True,
    )
    found = _known(account_id, values).order_by("pk")
    return [address for address in found if (address.channel, address.value) in wanted]


def _known(account_id: int, values: Sequence[str]) -> QuerySet[Address]:
    """Addresses with these values; both channels are named because the index has them before the value."""
    return Address.objects.filter(
        account_id=account_id, channel__in=Address.Channel.values, value__in=list(values)
    )
