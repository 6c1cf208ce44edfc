"""What an account's emails are sent from, as people set it up."""

from django.db import transaction

from accounts import audit
from accounts.models import BusinessUnit, User
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
    reply_to: str = "",
    business_unit: BusinessUnit | None = None,
) -> SendingMailbox:
    """Let the account's emails leave from this mailbox from now on, or those of one business unit; those
    already written keep their words.

    `by` is nobody where the product set it up for its own sandbox.
    """
    wanted = {
        "email": email,
        "name": name,
        "reply_to": reply_to,
        "postal_address": postal_address,
        "emails_per_second": emails_per_second,
    }
    found = (
        SendingMailbox.objects.select_for_update(no_key=True)
        .filter(account=connection.account_id, business_unit=business_unit)
        .first()
    )
    mailbox = found or SendingMailbox(
        account_id=connection.account_id, connection=connection, business_unit=business_unit
    )
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
    whose = f" of {business_unit}" if business_unit else ""
    audit.record(
        account=connection.account, by=by, verb="changed_email_sender", on=mailbox,
        summary=f"Emails{whose} are sent from {email}", detail={"changed": changed},
    )  # fmt: skip
    return mailbox


@transaction.atomic
def switch(mailbox: SendingMailbox, *, active: bool, by: User) -> bool:
    """Let emails of a business unit leave from its own mailbox, or from the account's; False where nothing
    changed. What waits to leave from one that is off leaves from the account's (`email_leasing`)."""
    row = SendingMailbox.objects.select_for_update(no_key=True).get(pk=mailbox.pk)
    if row.active == active:
        return False
    row.active = active
    row.save(update_fields=["active"])
    mailbox.active = active
    where = row.email if active else "the account’s own sender"
    audit.record(
        account=row.account, by=by, on=row,
        verb="activated_email_sender" if active else "paused_email_sender",
        summary=f"Emails of {row.business_unit} are sent from {where}",
    )  # fmt: skip
    return True
