"""The audit log: one call per consequential act."""

from typing import Any

from django.db import models

from accounts.clients import present_ip
from accounts.models import Account, AuditEntry, User


def record(
    *,
    account: Account,
    by: User | None,
    verb: str,
    summary: str,
    on: models.Model | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEntry:
    """Append an entry, in the caller's transaction, so that act and entry stand or fall together.

    `verb` is one lower-case word or snake_case phrase (`launched`, `opted_out`); `summary` is the sentence
    shown to people; `on` is the row acted upon; `by=None` means the product itself. `detail` must be JSON
    and hold no secrets. A new verb needs its words in `accounts/audit_words.py`.
    """
    return AuditEntry.objects.create(
        account=account,
        by=by,
        verb=verb,
        object_kind=on._meta.label_lower if on is not None else "",
        object_id=str(on.pk) if on is not None else "",
        summary=summary,
        detail=detail or {},
        ip=present_ip.get(),
    )
