"""Stopping an account's sync with ServiceTitan, and letting it go on where it stood."""

from django.db import transaction

from accounts import audit
from accounts.models import Account, User
from audiences.models import SyncStop


def stop(account: Account, *, by: User) -> bool:
    """Stop it after the page under way; False where it stands already. What was read stays."""
    with transaction.atomic():
        _, new = SyncStop.objects.get_or_create(account=account, defaults={"by": by})
        if new:
            audit.record(
                account=account, by=by, verb="stopped_sync", summary="Stopped the sync with ServiceTitan"
            )
    return new


def resume(account: Account, *, by: User) -> bool:
    """Let it go on with the first page that was not applied; False where it was not stopped."""
    with transaction.atomic():
        gone, _ = SyncStop.objects.filter(account=account).delete()
        if gone:
            audit.record(
                account=account, by=by, verb="resumed_sync", summary="Let the sync with ServiceTitan go on"
            )
    return bool(gone)


def stopped(account: Account) -> bool:
    """Whether somebody stopped it; asked between pages."""
    return SyncStop.objects.filter(account=account).exists()
