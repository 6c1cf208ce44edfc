"""The phone an agent calls from, and whether transfers may ring it. One per person and account."""

from datetime import datetime, timedelta

from accounts import audit
from accounts.models import Account, User
from common.phone import display_phone, parse_phone
from conversations.models import AgentPhone
from integrations.models import SendingNumber

SEEN_EVERY = timedelta(seconds=15)  # a browser's look moves `seen_at` no more often


class PhoneRefused(Exception):
    """The phone was not kept; the words say why and what to do."""


def of(account: Account, user: User) -> AgentPhone | None:
    """This person's phone in this account."""
    return AgentPhone.objects.filter(account=account, user=user).first()


def keep(account: Account, text: str, *, by: User, now: datetime) -> AgentPhone:
    """Keep the phone that calls ring first, as its owner wrote it. Raises PhoneRefused."""
    phone = parse_phone(text)
    if phone is None:
        raise PhoneRefused("This is no phone number we can ring. Write it with its area code.")
    if phone.extension:
        raise PhoneRefused("We cannot ring an extension. Use a direct number or a mobile.")
    if SendingNumber.objects.filter(e164=phone.e164).exists():
        raise PhoneRefused("This is one of the numbers that customers see. Use the phone in your hand.")
    kept, _ = AgentPhone.objects.update_or_create(account=account, user=by, defaults={"phone": phone.e164})
    audit.record(
        account=account, by=by, verb="changed_agent_phone", on=kept,
        summary=f"Calls of {by} ring {display_phone(phone.e164)}",
    )  # fmt: skip
    return kept


def forget(account: Account, *, by: User) -> bool:
    """Ring this person no more. Whether there was a phone."""
    gone, _ = AgentPhone.objects.filter(account=account, user=by).delete()
    if gone:
        audit.record(account=account, by=by, verb="changed_agent_phone", summary=f"Calls of {by} ring nobody")
    return bool(gone)


def set_available(account: Account, yes: bool, *, by: User, now: datetime) -> AgentPhone | None:
    """Let transfers ring this person, or no more; None where no phone is known. Twice is once."""
    phones = AgentPhone.objects.filter(account=account, user=by)
    if yes:
        phones.filter(available_since=None).update(available_since=now)
        phones.update(seen_at=now)
    else:
        phones.update(available_since=None)
    return phones.first()


def seen(account: Account, user: User, *, now: datetime) -> None:
    """A page of the call queue is open at this person's; writes at most every few seconds."""
    mine = AgentPhone.objects.filter(account=account, user=user)
    mine.filter(seen_at=None).update(seen_at=now)
    mine.filter(seen_at__lt=now - SEEN_EVERY).update(seen_at=now)
