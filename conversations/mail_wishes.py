"""What news of emails asks of us: a mailbox that takes nothing, one that wants nothing, one that came back.

Each in a transaction of its own, before the news is closed: addresses are locked before messages. Done twice,
all of it changes nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from audiences import suppression
from audiences.models import Address, OptOut
from common import sql
from common.transactions import atomic_with_retry
from conversations import opt_ins, opt_outs
from conversations.models import Message
from integrations.models.provider_event import month_of
from integrations.sendgrid.events import Consequence

ANSWERS = {"unsubscribe", "group_unsubscribe", "spamreport"}
"""Codes of events by which whoever got an email asked for no more."""
DETECTOR = "sendgrid/"
_GROUP = f"{DETECTOR}group_unsubscribe:"
_COMPLAINT = f"{DETECTOR}spamreport"
_REASON_LENGTH, _DETECTOR_LENGTH, _GROUP_LENGTH = 200, 60, 20


@dataclass(frozen=True, slots=True)
class Asked:
    """One event's request. `accounts` may have sent what it speaks of; `mailbox` is in small letters."""

    consequence: Consequence
    code: str
    accounts: tuple[int, ...]
    message_id: int | None
    mailbox: str
    group: str
    words: str
    at: datetime

    @property
    def detector(self) -> str:
        """What told us, kept with the wish."""
        if self.consequence == Consequence.COMPLAINT:
            return _COMPLAINT
        group = f":{self.group[:_GROUP_LENGTH]}" if self.code == "group_unsubscribe" else ""
        return f"{DETECTOR}{self.code}{group}"[:_DETECTOR_LENGTH]


def is_complaint(wish: OptOut) -> bool:
    """Whether this opt-out is a complaint: somebody called an email of ours spam."""
    return wish.detector == _COMPLAINT


def complained(address: Address) -> bool:
    """Whether an email to this mailbox was called spam, whichever opt-out is in force: the provider mails it
    no more, and neither do we."""
    return Message.objects.filter(address=address, spam_reported_at__isnull=False).exists()


def act(asked: Sequence[Asked], *, now: datetime) -> None:
    """Do what these events ask, in the order in which they happened."""
    if not asked:
        return
    ordered = sorted(asked, key=lambda each: each.at)
    where = _addresses(ordered)
    dead = {
        address_id: each.words
        for each, found in zip(ordered, where, strict=True)
        if each.consequence == Consequence.SUPPRESS
        for address_id, _, _ in found
    }
    if dead:
        _suppress(dead, now)
    wishes = [
        _wish(each, address_id, account_id, contact_id, now)
        for each, found in zip(ordered, where, strict=True)
        if each.consequence in (Consequence.OPT_OUT, Consequence.COMPLAINT)
        for address_id, account_id, contact_id in found
    ]
    if wishes:
        _opt_out(wishes, now)
    for each, found in zip(ordered, where, strict=True):
        if each.consequence == Consequence.OPT_IN:
            for address_id, _, _ in found:
                _resubscribe(address_id, each, now)


def _addresses(asked: Sequence[Asked]) -> list[list[tuple[int, int, int | None]]]:
    """(address, account, contact) that each concerns: its email's; else that mailbox of whoever may have
    sent it, because what a mailbox refuses or a person asked for holds whichever email said so."""
    of_message = {
        message_id: (address_id, account_id, contact_id)
        for message_id, address_id, account_id, contact_id in sql.rows(
            "SELECT id, address_id, account_id, contact_id FROM conversations_message"
            " WHERE id = ANY(%s::bigint[])",
            [[each.message_id for each in asked if each.message_id is not None]],
        )
    }
    of_mailbox: dict[str, list[tuple[int, int]]] = defaultdict(list)
    nameless = [each for each in asked if each.message_id not in of_message]
    if nameless:
        known = Address.objects.filter(
            channel=Address.Channel.EMAIL,
            account__in={account for each in nameless for account in each.accounts},
            value__in={each.mailbox for each in nameless if each.mailbox},
        )
        for address_id, account_id, value in known.values_list("pk", "account_id", "value"):
            of_mailbox[value].append((address_id, account_id))
    return [
        [of_message[each.message_id]]
        if each.message_id in of_message
        else [(pk, account, None) for pk, account in of_mailbox[each.mailbox] if account in each.accounts]
        for each in asked
    ]


@atomic_with_retry
def _suppress(dead: dict[int, str], now: datetime) -> None:
    """No emails any more to mailboxes that take none; the first reason stays."""
    suppression.lock_addresses(dead)
    rows = [(pk, words[:_REASON_LENGTH]) for pk, words in sorted(dead.items())]
    sql.run(
        """
        UPDATE audiences_address a SET unreachable_since = %s, unreachable_reason = n.words
        FROM unnest(%s::bigint[], %s::text[]) AS n(id, words)
        WHERE a.id = n.id AND a.unreachable_since IS NULL
        """,
        [now, *sql.arrays(rows)],
    )


def _wish(each: Asked, address_id: int, account_id: int, contact_id: int | None, now: datetime) -> OptOut:
    told = timezone.localtime(each.at)
    return OptOut(
        address_id=address_id, account_id=account_id, contact_id=contact_id, channel=Address.Channel.EMAIL,
        source=OptOut.Source.PROVIDER, detector=each.detector, at=now,
        evidence=f"{each.words}: SendGrid, {told:%Y-%m-%d %H:%M %Z}",
    )  # fmt: skip


@atomic_with_retry
def _opt_out(wishes: Sequence[OptOut], now: datetime) -> None:
    made = suppression.opt_out_rows(wishes)
    if made:
        opt_outs.follow([wish.address_id for wish in made], now)


@atomic_with_retry
def _resubscribe(address_id: int, asked: Asked, now: datetime) -> None:
    """End what leaving that very group had begun, unless they asked for no more in any other way since."""
    suppression.lock_addresses([address_id])
    wish = OptOut.objects.filter(
        address=address_id, lifted_at=None, detector=f"{_GROUP}{asked.group[:_GROUP_LENGTH]}"
    ).select_related("address").first()  # fmt: skip
    if wish is None or _asked_otherwise(wish):
        return
    suppression.lift(
        wish.address, channel=Address.Channel.EMAIL, now=now,
        evidence=f"{asked.words}: SendGrid, {timezone.localtime(asked.at):%Y-%m-%d %H:%M %Z}",
    )  # fmt: skip
    opt_ins.open_threads(wish.address)


def _asked_otherwise(wish: OptOut) -> bool:
    """Whether whoever has the mailbox complained ever, or asked for no more in another way since."""
    return bool(
        sql.value(
            """
            SELECT EXISTS (
                SELECT 1 FROM conversations_message m LEFT JOIN conversations_reading r ON r.message_id = m.id
                WHERE m.address_id = %(address)s AND (m.spam_reported_at IS NOT NULL
                    OR m.opted_out_at > %(since)s OR r.outcome = 'opt_out' AND m.created_at > %(since)s))
            OR EXISTS (
                SELECT 1 FROM integrations_providerevent
                WHERE kind = 'mail_event' AND month >= %(month)s AND lower(payload->>'email') = %(mailbox)s
                  AND payload->>'event' IN ('unsubscribe', 'spamreport'))
            """,
            {
                "address": wish.address_id, "since": wish.at, "month": month_of(wish.at),
                "mailbox": wish.address.value,
            },
        )
    )  # fmt: skip
