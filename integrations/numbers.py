"""What people do with sending numbers: add, rename, pause, activate. Each is in the audit log."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import Account, User
from common.phone import display_phone
from integrations import connections
from integrations.messaging import ProviderError
from integrations.models import Connection, NumberPace, SendingNumber
from integrations.twilio import numbers as twilio
from integrations.twilio.client import TwilioAccess

LONGEST_SECONDS = 8.0


class NotAdded(Exception):
    """The number was not added; the words say why."""


def add(account: Account, e164: str, *, label: str, rate: int, by: User) -> SendingNumber:
    """Add a number that the account's Twilio owns, which is asked outside a transaction. Raises NotAdded."""
    connection = connections.for_account(account, Connection.Provider.TWILIO)
    if connection is None:
        raise NotAdded("Connect Twilio first: a number belongs to its Twilio account.")
    try:
        owned = twilio.list_numbers(TwilioAccess.of(connection), seconds=LONGEST_SECONDS)
    except ProviderError as error:
        raise NotAdded(f"Twilio was asked whether it has this number, and did not say: {error}") from error
    found = next((number for number in owned if number.e164 == e164), None)
    if found is None:
        raise NotAdded(
            f"Your Twilio account does not have {display_phone(e164)}. Buy or port it there first."
        )
    if not found.can_text:
        raise NotAdded(f"{display_phone(e164)} cannot text: it has no SMS capability at Twilio.")
    try:
        return _keep(connection, found, label or found.label, rate, by)
    except IntegrityError as exc:
        raise NotAdded("Somebody has just added this number.") from exc


@transaction.atomic
def _keep(
    connection: Connection, owned: twilio.OwnedNumber, label: str, rate: int, by: User
) -> SendingNumber:
    number = SendingNumber.objects.create(
        account_id=connection.account_id, connection=connection, e164=owned.e164, label=label[:80],
        provider_sid=owned.sid, segments_per_second=rate,
    )  # fmt: skip
    NumberPace.objects.ensure([number.pk])
    _note(number, by, verb="added_number", said=f"Added {display_phone(number.e164)}")
    return number


CHANGEABLE = (
    "label", "segments_per_second", "registration", "brand_id", "registered_campaign_id", "limit_class",
    "daily_cap",
)  # fmt: skip
_REGISTERED = ("registration", "brand_id", "registered_campaign_id")


@transaction.atomic
def change(number: SendingNumber, *, by: User, now: datetime) -> None:
    """Save what people may change; who looked its registration up, and when, where that differs."""
    kept = SendingNumber.objects.select_for_update(no_key=True).get(pk=number.pk)
    differing = [name for name in CHANGEABLE if getattr(kept, name) != getattr(number, name)]
    if not differing:
        return
    if any(name in _REGISTERED for name in differing):
        number.checked_at, number.checked_by = now, by
    number.save(update_fields=[*CHANGEABLE, "checked_at", "checked_by"])
    said = f"Changed {display_phone(number.e164)}: {number}, {number.segments_per_second} segments a second"
    detail = {name: f"{_shown(getattr(kept, name))} → {_shown(getattr(number, name))}" for name in differing}
    audit.record(account=number.account, by=by, verb="changed_number", summary=said, on=number, detail=detail)


def _shown(value: object) -> str:
    return "none" if value in (None, "") else str(value)


@transaction.atomic
def switch(number: SendingNumber, *, active: bool, by: User) -> None:
    """Pause or activate a number. Doing it twice is once."""
    changed = SendingNumber.objects.filter(pk=number.pk, active=not active).update(active=active)
    number.active = active
    if changed and active:
        _note(number, by, verb="activated_number", said=f"Activated {display_phone(number.e164)}")
    elif changed:
        _note(number, by, verb="paused_number", said=f"Paused {display_phone(number.e164)}")


def _note(number: SendingNumber, by: User, *, verb: str, said: str) -> None:
    audit.record(account=number.account, by=by, verb=verb, summary=said, on=number)
