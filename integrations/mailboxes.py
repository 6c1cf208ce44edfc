"""What an account's emails are sent from, as people set it up."""

from django.db import transaction

from accounts import audit
from accounts.models import User
from integrations.models import Connection, SendingMailbox


@transaction.atomic
def keep(
    connection: Connection,
    *,
    email: str,
    name: str,
    postal_address: str,
    emails_per_second: int,
    by: User | None,
) -> SendingMailbox:
    """Let the account's emails leave from this mailbox from now on; those already written keep their words.

    `by` is nobody where the product set it up for its own sandbox.
    """
    wanted = {
        "email": email,
        "name": name,
        "postal_address": postal_address,
        "emails_per_second": emails_per_second,
    }
    found = (
        SendingMailbox.objects.select_for_update(no_key=True).filter(account=connection.account_id).first()
    )
    mailbox = found or SendingMailbox(account_id=connection.account_id, connection=connection)
    changed = sorted(field for field, value in wanted.items() if getattr(mailbox, field) != value)
    if found and not changed and found.connection_id == connection.pk:
        return found
    mailbox.connection = connection
    for field, value in wanted.items():
        setattr(mailbox, field, value)
    if found:
        mailbox.save(update_fields=["connection", *wanted])  # never the pace: senders move it meanwhile
    else:
        mailbox.save()
    audit.record(
        account=connection.account, by=by, verb="changed_email_sender", on=mailbox,
        summary=f"Emails are sent from {email}", detail={"changed": changed},
    )  # fmt: skip
    return mailbox
