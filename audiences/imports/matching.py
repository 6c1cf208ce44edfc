"""Who a row of a file is: somebody the account knows, somebody an earlier row named, or somebody new.

Asked in this order: your own id, ServiceTitan's id, a phone together with the name, a mailbox together with
the name. A name alone finds nobody, and a phone alone neither: homes share phones. Two different ids of your
own are two people, whatever else they share.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from audiences.imports.addresses import KnownAddresses
from audiences.imports.reading import Person, name_key
from common import sql


@dataclass(slots=True)
class Group:
    """The rows of a piece that are one person; `contact_id` of whom the account knows."""

    people: list[Person]
    contact_id: int = 0
    servicetitan_id: int = 0  # the contact's: at most 0 where ServiceTitan does not know them
    own_id: str = ""
    phones: dict[str, bool] = field(default_factory=dict)
    emails: dict[str, None] = field(default_factory=dict)

    @property
    def first(self) -> Person:
        """The row that names them first."""
        return self.people[0]

    def take(self, person: Person) -> None:
        """Add what a row says of this person."""
        for phone, mobile in person.phones.items():
            self.phones[phone] = self.phones.get(phone, False) or mobile
        self.emails.update(person.emails)
        self.own_id = self.own_id or person.own_id


class Matches:
    """What finds people: keys of contacts and of rows seen so far."""

    def __init__(self) -> None:
        self._by_own_id: dict[str, Group] = {}
        self._by_servicetitan_id: dict[int, Group] = {}
        self._by_name: dict[tuple[str, str], list[Group]] = {}
        self.groups: list[Group] = []

    def know(self, group: Group, own_ids: Iterable[str], names: Iterable[tuple[str, str]]) -> None:
        """Have this person found by these ids and (address, name key)s."""
        for value in own_ids:
            self._by_own_id.setdefault(value, group)
        if group.servicetitan_id > 0:
            self._by_servicetitan_id.setdefault(group.servicetitan_id, group)
        for key in names:
            self._by_name.setdefault(key, []).append(group)

    def place(self, person: Person) -> None:
        """Put a row to the person it names, or make it a new one's."""
        key = person.key
        names = [(address, key) for address in (*person.phones, *person.emails)]
        group = self._find(person, names)
        if group is None:
            group = Group([], servicetitan_id=0)
        if not group.people:
            self.groups.append(group)
        group.people.append(person)
        group.take(person)
        self.know(group, [person.own_id] if person.own_id else [], names)

    def _find(self, person: Person, names: Sequence[tuple[str, str]]) -> Group | None:
        if person.own_id and (found := self._by_own_id.get(person.own_id)):
            return found
        if person.servicetitan_id and (found := self._by_servicetitan_id.get(person.servicetitan_id)):
            return found
        for name in names:
            for group in self._by_name.get(name, ()):
                if not (person.own_id and group.own_id and person.own_id != group.own_id):
                    return group
        return None


def match(account_id: int, people: Sequence[Person], addresses: KnownAddresses) -> list[Group]:
    """The people that these rows name, in order; a constant number of queries."""
    matches = Matches()
    _know_contacts(account_id, people, addresses, matches)
    for person in people:
        matches.place(person)
    return matches.groups


def _know_contacts(
    account_id: int, people: Sequence[Person], addresses: KnownAddresses, matches: Matches
) -> None:
    own_ids = [person.own_id for person in people if person.own_id]
    source_ids = [person.servicetitan_id for person in people if person.servicetitan_id]
    if not (own_ids or source_ids or addresses):
        return
    value_of = {pk: value for value, pk in addresses.items()}
    groups: dict[int, Group] = {}
    for contact_id, source_id, first, last, name, own, address_ids in sql.rows(
        _KNOWN_SQL, [account_id, sql.array(own_ids), account_id, sql.array(source_ids),
                     sql.array(value_of), account_id],
    ):  # fmt: skip
        group = groups[contact_id] = Group([], contact_id, source_id, own[0] if own else "")
        key = name_key(first, last, name)
        matches.know(group, own, [(value_of[pk], key) for pk in address_ids if pk in value_of])


# Strangers, of whom nothing but a phone is known, are nobody's match, nor is whom another customer replaced.
# A phone known for the wrong one still finds whose it was not: a second contact of that name would revive it.
# Active contacts come first, then the older ones. Whom a phone leads to is sought row by row, each by an
# index (OFFSET 0): of ten thousand ids in plain sight the planner weighs every one, for longer than it takes
# to find them, and then reads tables from end to end that were small when they were last analysed.
_KNOWN_SQL = """
WITH found AS (
    SELECT contact_id FROM audiences_ownid WHERE account_id = %s AND value = ANY(%s::text[])
    UNION
    SELECT id FROM audiences_contact
    WHERE account_id = %s AND servicetitan_customer_id = ANY(%s::bigint[]) AND person = ''
    UNION
    SELECT ca.contact_id FROM unnest(%s::bigint[]) AS reached(address_id)
    CROSS JOIN LATERAL (
        SELECT contact_id FROM audiences_contactaddress WHERE address_id = reached.address_id OFFSET 0
    ) ca
    CROSS JOIN LATERAL (
        SELECT FROM audiences_contact c WHERE c.id = ca.contact_id
          AND c.merged_into_servicetitan_id IS NULL OFFSET 0
    ) theirs
)
SELECT c.id, c.servicetitan_customer_id, c.first_name, c.last_name, c.name,
    ARRAY(SELECT o.value FROM audiences_ownid o WHERE o.contact_id = c.id ORDER BY o.id),
    ARRAY(SELECT ca.address_id FROM audiences_contactaddress ca WHERE ca.contact_id = c.id)
FROM found CROSS JOIN LATERAL (SELECT * FROM audiences_contact WHERE id = found.contact_id OFFSET 0) c
WHERE c.account_id = %s AND c.servicetitan_customer_id <> 0
ORDER BY NOT c.active, c.id
"""
