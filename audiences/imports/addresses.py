"""Phones and mailboxes that a file names: which of them the account has, and the others made.

They and homes may be there before whoever has them: a piece's can be made while the one before is written.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import DatabaseError, close_old_connections

from audiences.imports.homes import households
from audiences.imports.inserting import insert
from audiences.imports.reading import COMMERCIAL, Person
from audiences.models import Address
from common import sql

log = logging.getLogger(__name__)
KnownAddresses = dict[str, int]  # E.164 or mailbox → our id
_KINDS = (Address.LineType.UNKNOWN.value, Address.LineType.MOBILE.value)


class Made(NamedTuple):
    """What is there for a piece: ids of all its phones and mailboxes, and of homes by their keys."""

    addresses: KnownAddresses
    homes: dict[str, int]


def known(account_id: int, people: Iterable[Person]) -> KnownAddresses:
    """Ids of the phones and mailboxes in these rows that the account has."""
    phones: dict[str, bool] = {}
    emails: dict[str, None] = {}
    for person in people:
        phones.update(person.phones)
        emails.update(person.emails)
    return _ids_of(account_id, phones, emails)


def make(account_id: int, people: Iterable[Person], addresses: KnownAddresses) -> None:
    """Add the addresses that are new; somebody else may just have made one, so what is refused is read."""
    mobile: dict[str, bool] = {}
    emails: dict[str, None] = {}
    for person in people:
        for phone, said in person.phones.items():
            if phone not in addresses:
                mobile[phone] = mobile.get(phone, False) or said
        for email in person.emails:
            if email not in addresses:
                emails[email] = None
    rows = [(account_id, "email", email, _KINDS[0], "") for email in sorted(emails)]
    rows += [(account_id, "phone", phone, _KINDS[mobile[phone]], "") for phone in sorted(mobile)]
    if not rows:
        return
    ids = insert("audiences_address", "account_id, channel, value, line_type, unreachable_reason", rows)
    if ids is not None:
        addresses.update((row[2], pk) for row, pk in zip(rows, ids, strict=True))
        return
    sql.run(
        "INSERT INTO audiences_address (account_id, channel, value, line_type, unreachable_reason)"
        " SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])"
        " ON CONFLICT DO NOTHING",
        sql.arrays(rows),
    )
    addresses.update(_ids_of(account_id, mobile, emails))


def make_ahead(account_id: int, people: Sequence[Person]) -> Made | None:
    """Add the phones, mailboxes and homes of a piece before it is written, each table on its own; None where
    the database would not have it now.

    Whoever has a phone or mailbox that is new is new themselves, mostly: only their homes are made. Whoever
    takes in the piece makes what is missing, so that nothing depends on this.
    """
    if not people:
        return None
    close_old_connections()
    try:
        addresses = known(account_id, people)
        strangers = [
            person
            for person in people
            if person.home and not (addresses.keys() >= {*person.phones, *person.emails})
        ]
        make(account_id, people, addresses)
        return Made(addresses, households(account_id, {p.home for p in strangers if p.kind != COMMERCIAL}))
    except DatabaseError:
        log.warning("phones and homes are not made ahead", exc_info=True)
        return None


def _ids_of(account_id: int, phones: Iterable[str], emails: Iterable[str]) -> KnownAddresses:
    return dict(
        sql.rows(
            "SELECT value, id FROM audiences_address"
            " WHERE account_id = %s AND channel = 'phone' AND value = ANY(%s::text[])"
            " UNION ALL SELECT value, id FROM audiences_address"
            " WHERE account_id = %s AND channel = 'email' AND value = ANY(%s::text[])",
            [account_id, sql.array(phones), account_id, sql.array(emails)],
        )
    )
