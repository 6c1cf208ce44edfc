"""Taking an import back: its new contacts go, unless somebody or something has used them since.

Who uses contacts is for upper packages to know: whatever names a contact by a foreign key keeps it. Of whom a
consent is on record, which never goes, the contact stays and becomes inactive, so that nothing reaches it.
What an import changed of contacts that were there before stays.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction

from accounts import audit
from accounts.models import User
from audiences.models import (
    Consent,
    Contact,
    ContactAddress,
    ContactImport,
    ContactTag,
    ImportedContact,
    OwnId,
)
from common import sql
from common.doorbell import ring
from common.transactions import atomic_with_retry

log = logging.getLogger(__name__)
BATCH = 1_000
_BELONGS_TO_CONTACT = (ContactAddress, ContactTag, OwnId)


@transaction.atomic
def ask(listed: ContactImport, *, by: User, now: datetime) -> bool:
    """Have the new contacts of an import that is over removed in the background; False where that is late."""
    from audiences.tasks import import_contacts  # tasks import most of this package

    row = ContactImport.objects.select_for_update(no_key=True).get(pk=listed.pk)
    if row.undo_asked_at or not row.ended_at:
        return False
    ContactImport.objects.filter(pk=row.pk).update(undo_asked_at=now)
    audit.record(
        account=row.account, by=by, verb="undid_import", on=row,
        summary=f"Took back the import of {row.name}: {row.added:,} contacts, unless used since",
    )  # fmt: skip
    ring(import_contacts)
    return True


def undo_waiting(*, now: datetime, go_on: Callable[[], bool]) -> int:
    """Go on with every undoing, until `go_on` says no; how many contacts were looked at. One that breaks
    holds up no other, and is tried again."""
    total = 0
    for pk in ContactImport.objects.to_undo().order_by("undo_asked_at").values_list("pk", flat=True):
        try:
            while go_on() and (done := _undo(pk, now=now)):
                total += done
        except (OperationalError, InterfaceError):
            raise  # the database's trouble
        except Exception:
            log.exception("taking back contact import %s breaks off", pk)
    return total


@atomic_with_retry
def _undo(pk: int, *, now: datetime) -> int:
    """The next contacts of an import; how many were looked at, 0 when none are left."""
    listed = (
        ContactImport.objects.to_undo().select_for_update(no_key=True, skip_locked=True).filter(pk=pk).first()
    )
    if listed is None:
        return 0
    mine = ImportedContact.objects.filter(of=listed, outcome=ImportedContact.Outcome.ADDED)
    ids = list(
        mine.filter(contact__gt=listed.undone_to)
        .order_by("contact")[:BATCH]
        .values_list("contact", flat=True)
    )
    if ids:
        _remove(listed, ids)
        listed.undone_to = ids[-1]
    else:
        listed.undone_at = now
    listed.save(update_fields=["undone_to", "undone_at", "removed", "retired"])
    return len(ids)


def _remove(listed: ContactImport, ids: list[int]) -> None:
    """Remove those of these contacts that nothing names, and retire those that only a consent does."""
    sql.rows(
        "SELECT 1 FROM audiences_contact WHERE id = ANY(%s::bigint[]) ORDER BY id FOR UPDATE",
        [sql.array(ids)],
    )
    free = sql.column(_FREE_SQL.format(uses=_uses(but=Consent)), [sql.array(ids)])
    agreed = set(Consent.objects.filter(contact__in=free).values_list("contact", flat=True))
    gone = [contact_id for contact_id in free if contact_id not in agreed]
    listed.retired += Contact.objects.filter(pk__in=agreed, active=True).update(active=False)
    for model in (ImportedContact, *_BELONGS_TO_CONTACT):
        model._default_manager.filter(contact__in=gone).delete()
    listed.removed += sql.run("DELETE FROM audiences_contact WHERE id = ANY(%s::bigint[])", [sql.array(gone)])


_FREE_SQL = "SELECT c.id FROM audiences_contact c WHERE c.id = ANY(%s::bigint[]) {uses}"


def _uses(*, but: type) -> str:
    """Conditions: no row of another table names c, nor another import."""
    found = [
        f"AND NOT EXISTS (SELECT FROM {relation.related_model._meta.db_table} u"
        f" WHERE u.{relation.field.column} = c.id)"
        for relation in Contact._meta.related_objects
        if relation.related_model not in (*_BELONGS_TO_CONTACT, ImportedContact, but)
        and not relation.many_to_many
    ]
    others = "AND (SELECT count(*) FROM audiences_importedcontact u WHERE u.contact_id = c.id) = 1"
    return " ".join([*found, others])
