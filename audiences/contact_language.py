"""In which language a contact is written to: as a file or a workflow said, or a person who knows them."""

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from audiences.models import Contact
from common.spoken import LANGUAGES


@transaction.atomic
def change(contact: Contact, language: str, *, by: User, now: datetime) -> bool:
    """Write to this contact in `language` (ISO 639-1) from now on; whether that is another one than before.

    What is queued already is written in it, too. Raises ValueError for a language we do not write.
    """
    if language not in LANGUAGES:
        raise ValueError(f"{language} is no language we write")
    kept = Contact.objects.select_for_update(no_key=True).select_related("account").get(pk=contact.pk)
    if kept.language == language:
        return False
    before, kept.language = kept.language, language
    kept.save(update_fields=["language"])
    audit.record(
        account=kept.account, by=by, verb="changed_language", on=kept,
        summary=f"{kept.name} is written to in {LANGUAGES[language]}",
        detail={"before": before, "after": language, "at": now.isoformat()},
    )  # fmt: skip
    return True
