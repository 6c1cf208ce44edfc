"""Files of contacts for tests, and what an import made of them."""

import io
from typing import Any

from accounts.models import Account, User
from audiences.imports import running
from audiences.imports.running import Grounds
from audiences.models import (
    Contact,
    ContactImport,
    ContactImportRow,
)
from tests.audiences.people import NOON

CUSTOMERS = Grounds(ContactImport.Ground.CUSTOMERS)
HEAD = "First name,Last name,Phone,Email,Street,City,State,ZIP\n"
ANN = "Ann,Lee,(312) 555-0101,ann@example.com,12 North Oak Street,Chicago,IL,60601\n"
BOB = "Bob,Lee,312.555.0102,bob@example.com,12 N Oak St,Chicago,Illinois,60601-1234\n"


def uploaded(account: Account, by: User, data: str | bytes) -> ContactImport:
    raw = data.encode() if isinstance(data, str) else data
    return running.take_in(account, io.BytesIO(raw), len(raw), name="list.csv", by=by, now=NOON)


def counts(listed: ContactImport) -> dict[str, int]:
    names = ("added", "updated", "merged", "unchanged", "repeated", "rejected")
    return {name: getattr(listed, name) for name in names if getattr(listed, name)}


def whys(listed: ContactImport) -> dict[int, str]:
    return dict(ContactImportRow.objects.filter(of=listed).values_list("number", "why"))


def values(contact: Contact) -> list[str]:
    return [link.address.value for link in contact.contact_addresses.order_by("position")]


def world(account: Account) -> list[Any]:
    """Everything an import leaves, without ids."""
    return sorted(
        (c.name, c.first_name, c.last_name, c.kind, c.street, c.city, c.state, c.zip, c.zone_set.key,
         sorted(values(c)), sorted(c.tags.values_list("name", flat=True)),
         sorted(c.own_ids.values_list("value", flat=True)),
         sorted(c.household.contacts.values_list("name", flat=True)))
        for c in Contact.objects.filter(account=account).select_related("zone_set", "household")
    )  # fmt: skip
