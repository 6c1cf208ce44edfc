"""Seals over evidence, so that a hand that can change the database shows.

Triggers refuse changes (`common.evidence`), yet whoever owns the tables can drop a trigger. Rows are sealed
in batches, therefore, in one chain per account: each digest takes in the seal before it and is keyed with
the deployment's secret key, which is not in the database. A changed, missing or added row, or a changed
seal, shows at the next check, which the product makes every hour. The newest digest also stands in the
log of the process and in every compliance report: a chain that was cut short disagrees with those.

Not in the insert itself: that would line up all writers of an account. A row waits about a minute.
"""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction

from accounts.models import Account, AuditEntry, AuditSeal
from common import loops, sql

BATCH = 1_000
CHECK_EVERY = timedelta(hours=1)
SETTLE_SECONDS = 1.0
WAIT_SECONDS = 8.0
_LOCK = "seal evidence"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sealed:
    """One kind of evidence: the columns that never change, and the way to its account."""

    model: type[models.Model]
    columns: tuple[str, ...]
    account_path: str


_kinds: dict[str, Sealed] = {}


def register(model: type[models.Model], *, but: Iterable[str] = ()) -> None:
    """Have the rows of `model` sealed; `but` names columns that may still be given a value."""
    columns = tuple(field.attname for field in model._meta.concrete_fields if field.name not in set(but))
    _kinds[model._meta.label_lower] = Sealed(model, columns, getattr(model, "account_path", "account"))


def kinds() -> dict[str, Sealed]:
    """What is sealed, by label."""
    return {AuditEntry._meta.label_lower: _of_log()} | _kinds


def _of_log() -> Sealed:
    columns = tuple(field.attname for field in AuditEntry._meta.concrete_fields)
    return Sealed(AuditEntry, columns, "account")


def seal_all(*, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """Seal every row that was committed before this call and is not sealed; how many seals were made."""
    with loops.only_one(_LOCK) as held:
        if not held:
            return 0
        newest = {label: _newest(kind) for label, kind in kinds().items()}
        if not any(newest.values()) or not _all_committed():
            return 0
        made = 0
        for account in Account.objects.order_by("pk"):
            for label, kind in kinds().items():
                while go_on() and _seal_batch(account, label, kind, newest[label], now):
                    made += 1
        return made


def _newest(kind: Sealed) -> int:
    return kind.model._default_manager.aggregate(newest=models.Max("pk"))["newest"] or 0


def _all_committed() -> bool:
    """Wait until whoever may hold a lower key than the newest has ended; False where that takes long.

    A key is taken a moment before its transaction has an id, hence the pause; then every transaction under
    way must end. Nobody is held up: only this process waits.
    """
    loops.nap(SETTLE_SECONDS)
    under_way = sql.value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    deadline = time.monotonic() + WAIT_SECONDS
    while not loops.should_stop():
        if sql.value("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::text::xid8", [under_way]):
            return True
        if time.monotonic() >= deadline:
            break
        loops.nap(0.2)
    return False


@transaction.atomic
def _seal_batch(account: Account, label: str, kind: Sealed, newest: int, now: datetime) -> bool:
    """Seal the account's next rows up to `newest`; False where there are none."""
    mine = AuditSeal.objects.filter(account=account)
    before = mine.order_by("-number").first()
    after = mine.filter(kind=label).aggregate(last=models.Max("last"))["last"] or 0
    rows = list(_rows(account.pk, kind, kind.columns, after + 1, newest)[:BATCH])
    if not rows:
        return False
    key = _keys()[0]
    seal = AuditSeal(
        account=account,
        number=before.number + 1 if before else 1,
        kind=label,
        columns=",".join(kind.columns),
        first=after + 1,
        last=rows[-1][0],
        rows=len(rows),
        key_mark=_mark(key),
        sealed_at=now,
    )
    seal.digest = _digest(key, before.digest if before else "", seal, rows)
    seal.save(force_insert=True)
    log.info("sealed account=%s seal=%s rows=%s digest=%s", account.pk, seal.number, seal.rows, seal.digest)
    return True


def _rows(
    account_id: int, kind: Sealed, columns: Iterable[str], first: int, last: int
) -> models.QuerySet[Any, Any]:
    mine = kind.model._default_manager.filter(
        **{kind.account_path: account_id, "pk__gte": first, "pk__lte": last}
    )
    return mine.order_by("pk").values_list("pk", *columns)


def _digest(key: bytes, before: str, seal: AuditSeal, rows: Iterable[tuple[Any, ...]]) -> str:
    head = [before, seal.account_id, seal.number, seal.kind, seal.columns, seal.first, seal.last, seal.rows]
    made = hmac.new(key, _text(head), hashlib.sha256)
    for row in rows:
        made.update(b"\n" + _text(row))
    return made.hexdigest()


def _text(values: Iterable[Any]) -> bytes:
    """The one way of writing a row down: JSON, keys in order, instants in UTC."""
    return json.dumps(
        list(values), default=_plain, sort_keys=True, ensure_ascii=True, separators=(",", ":")
    ).encode()


def _plain(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _keys() -> list[bytes]:
    """The present key, then former ones."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [hashlib.sha256(b"truckroll evidence seal\n" + secret.encode()).digest() for secret in secrets]


def _mark(key: bytes) -> str:
    return hashlib.sha256(b"mark" + key).hexdigest()[:8]


def check(seal: AuditSeal) -> str:
    """What is wrong with a sealed stretch, in words; blank where all of it is as it was."""
    where = f"Seal {seal.number:,} ({seal.kind}, keys {seal.first:,} to {seal.last:,})"
    kind = kinds().get(seal.kind)
    if kind is None:
        return f"{where}: nothing of this kind is known here."
    key = next((key for key in _keys() if _mark(key) == seal.key_mark), None)
    if key is None:
        return f"{where}: made with a key that this deployment does not have (SECRET_KEY_FALLBACKS)."
    before = AuditSeal.objects.filter(account=seal.account_id, number=seal.number - 1).first()
    if seal.number > 1 and before is None:
        return f"{where}: the seal before it is missing."
    columns = seal.columns.split(",")
    if gone := set(columns) - {field.attname for field in kind.model._meta.concrete_fields}:
        return f"{where}: it covers columns that are there no more: {', '.join(sorted(gone))}."
    rows = list(_rows(seal.account_id, kind, columns, seal.first, seal.last))
    if len(rows) != seal.rows:
        return f"{where}: {seal.rows:,} rows were sealed, and {len(rows):,} are there."
    if not hmac.compare_digest(seal.digest, _digest(key, before.digest if before else "", seal, rows)):
        return f"{where}: a row, or the seal before it, is not what was sealed."
    return ""


def check_on(*, now: datetime, go_on: Callable[[], bool]) -> int:
    """Check seals not checked for an hour, the longest ago first, while `go_on` says so; how many differ."""
    differ = 0
    due = models.Q(checked_at=None) | models.Q(checked_at__lte=now - CHECK_EVERY)
    for seal in AuditSeal.objects.filter(due).longest_unchecked()[:5_000].iterator(chunk_size=100):
        if not go_on():
            break
        difference = check(seal)
        if difference:
            differ += 1
            log.error("evidence differs account=%s seal=%s", seal.account_id, seal.number)
        AuditSeal.objects.filter(pk=seal.pk).update(checked_at=now, difference=difference)
    return differ


def differences(account: Account) -> Iterator[str]:
    """Check an account's whole chain now; what is wrong, in the order of the chain."""
    expected = 1
    for seal in AuditSeal.objects.of(account.pk).iterator(chunk_size=500):
        if seal.number != expected:
            yield f"Seal {expected:,} is missing."
        expected = seal.number + 1
        if difference := check(seal):
            yield difference


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an account's evidence is sealed and checked, for people."""

    last: AuditSeal | None
    rows: int
    unchecked: int
    checked_since: datetime | None
    difference: str


def standing(account: Account) -> Standing:
    """Of the account's seals: the newest, rows sealed, the oldest check, and the first difference found."""
    mine = AuditSeal.objects.of(account.pk)
    found = mine.aggregate(
        rows=models.Sum("rows"),
        unchecked=models.Count("pk", filter=models.Q(checked_at=None)),
        since=models.Min("checked_at"),
    )
    bad = mine.exclude(difference="").values_list("difference", flat=True).first()
    return Standing(mine.last(), found["rows"] or 0, found["unchecked"], found["since"], bad or "")
