"""Contacts as they follow from the mirrored rows: service address, household, zones, addresses, last job.

ServiceTitan sends customers, locations and contact methods separately and in any order, so whichever of
them changes, the whole contact is derived again; deriving twice changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models import QuerySet

from audiences.households import household_key
from audiences.last_job import JOB_AT, JOB_COUNTS, VISIT_COUNTS
from audiences.locks import hold_jobs
from audiences.mirror import Table, ids_by_key, upsert
from audiences.models import Address, Contact, ContactAddress, ContactMethod, Household, Location, ZoneSet
from audiences.places import Place, locate
from common import clock, sql
from common.phone import parse_phone

NOTED_AT_ONCE = 1_000  # contacts; nobody enters a campaign of the account meanwhile
_AROUND_A_MAILBOX = " \t\r\n<>,;"
# Mobile phones before others; ServiceTitan's order (its ids) within a kind. Other kinds are no addresses.
_KINDS = {"MobilePhone": 0, "Phone": 1, "Email": 2}
_LOCATION_FIELDS = ("street", "unit", "city", "state", "zip")
_CONTACTS = Table(
    Contact,
    key=("account_id", "servicetitan_customer_id", "person"),
    columns=(
        "name", "first_name", "last_name", "kind", "active", "do_not_service", "do_not_mail",
        "balance", "customer_since", "merged_into_servicetitan_id",
        "street", "city", "state", "zip", "household_id", "zone_set_id",
    ),
    only_new=("language", "created_at", "job_count", "job_total", "visits_noted_at"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Customer:
    """What a contact has of its ServiceTitan customer; the address is the customer's own."""

    servicetitan_id: int
    name: str
    kind: str
    active: bool
    do_not_service: bool
    street: str
    unit: str
    city: str
    state: str
    zip: str
    modified_at: datetime | None
    do_not_mail: bool = False
    balance: Decimal | None = None
    since: datetime | None = None
    merged_into: int | None = None


@dataclass(frozen=True, slots=True)
class _Link:
    """An address of a contact, before rows have ids."""

    channel: str
    value: str
    line_type: str
    label: str
    do_not_text: bool
    servicetitan_id: int


def derive(
    account_id: int, customers: Sequence[Customer] = (), customer_ids: Iterable[int] = ()
) -> dict[int, int]:
    """Write the contacts of new or changed customers, and again those of `customer_ids` that exist.

    Runs inside the caller's transaction. Returns the contact's id by customer id.
    """
    hold_jobs(account_id)
    given = {customer.servicetitan_id: customer for customer in customers}
    people = _known(account_id, set(customer_ids) - set(given)) | given
    if not people:
        return {}
    locations = _service_locations(account_id, people)
    links = _links(account_id, people)
    people = {pk: replace(person, **locations.get(pk, {})) for pk, person in people.items()}
    homes = {pk: _household(person) for pk, person in people.items()}
    added = _added_phones(account_id, people)
    places = {pk: _place(person, links.get(pk, []), added.get(pk, [])) for pk, person in people.items()}
    household_ids = ids_by_key(Household, account_id, "key", homes.values(), fields={})
    zone_sets = zone_set_ids(places.values())
    upsert(
        _CONTACTS,
        [
            _row(account_id, person, household_ids[homes[pk]], zone_sets[places[pk].key])
            for pk, person in people.items()
        ],
    )
    found = Contact.objects.filter(account_id=account_id, servicetitan_customer_id__in=people, person="")
    contact_ids: dict[int, int] = dict(found.values_list("servicetitan_customer_id", "pk"))
    _write_links(account_id, contact_ids, links)
    note_last_jobs(account_id, people)
    return contact_ids


def note_last_jobs(account_id: int, customer_ids: Iterable[int], *, now: datetime | None = None) -> None:
    """Keep beside these customers' contacts what `audiences.last_job` says of their jobs and visits.

    Whoever writes jobs or visits, or calls this, holds them (`hold_jobs`): else two would each look without
    the other.
    """
    asked = {"customers": sorted(set(customer_ids)), "account": account_id, "now": now or clock.now()}
    sql.run(_NOTE_SQL, asked)


_OF_CUSTOMER = "j.account_id = %(account)s AND j.servicetitan_customer_id = wanted.customer_id"
_NOTE_SQL = f"""
UPDATE audiences_contact c
SET last_job_at = latest.at, job_count = latest.count, job_total = latest.total,
    visited_at = greatest(latest.done, visits.begun), next_visit_at = visits.ahead, visits_noted_at = %(now)s
FROM unnest(%(customers)s::bigint[]) wanted(customer_id)
CROSS JOIN LATERAL (
    SELECT max({JOB_AT}) AS at, count(*) AS count, coalesce(sum(j.total), 0) AS total,
           max(j.completed_on) AS done
    FROM audiences_job j WHERE {_OF_CUSTOMER} AND {JOB_COUNTS}
) latest
CROSS JOIN LATERAL (
    SELECT max(p.starts_at) FILTER (WHERE p.starts_at <= %(now)s) AS begun,
           min(p.starts_at) FILTER (WHERE p.starts_at > %(now)s) AS ahead
    FROM audiences_job j JOIN audiences_appointment p
      ON p.account_id = %(account)s AND p.servicetitan_job_id = j.servicetitan_id
    WHERE {_OF_CUSTOMER} AND {VISIT_COUNTS}
) visits
WHERE c.account_id = %(account)s AND c.servicetitan_customer_id = wanted.customer_id
  AND (c.visits_noted_at IS NULL
       OR (c.last_job_at, c.job_count, c.job_total, c.visited_at, c.next_visit_at)
          IS DISTINCT FROM
          (latest.at, latest.count, latest.total, greatest(latest.done, visits.begun), visits.ahead))
"""


@transaction.atomic
def count_next_jobs(now: datetime) -> int:
    """Look at jobs and visits of the next contacts that were not synced since that is noted; how many.

    A slice a transaction, found by what is not noted yet: a kill costs the slice it falls into.
    """
    return _note_some(Contact.objects.filter(visits_noted_at=None), now)


@transaction.atomic
def note_begun_visits(now: datetime) -> int:
    """Look again at contacts whose next visit began a day ago or earlier, and nothing new was heard; how
    many."""
    return _note_some(Contact.objects.filter(next_visit_at__lte=now - timedelta(days=1)), now)


def _note_some(contacts: QuerySet[Contact], now: datetime) -> int:
    ordered = contacts.order_by("account", "servicetitan_customer_id")
    account_id = ordered.values_list("account", flat=True).first()
    if account_id is None:
        return 0
    hold_jobs(account_id)
    mine = ordered.filter(account=account_id).values_list("servicetitan_customer_id", flat=True)
    customers = set(mine[:NOTED_AT_ONCE])
    note_last_jobs(account_id, customers, now=now)
    return len(customers)


def split_name(name: str, kind: str) -> tuple[str, str]:
    """(first, last) of a person as ServiceTitan's one name field has it; empty for a company."""
    if kind == Contact.Kind.COMMERCIAL:
        return "", ""
    if "," in name:
        last, first = (part.strip() for part in name.split(",", 1))
    else:
        words = [word for word in name.split() if word.rstrip(".").lower() not in {"mr", "mrs", "ms", "dr"}]
        first, last = (words[0], words[-1] if len(words) > 1 else "") if words else ("", "")
    return first[:100], last[:100]


def _known(account_id: int, customer_ids: set[int]) -> dict[int, Customer]:
    """Existing contacts as customers; their service address stands where no location says otherwise."""
    rows = Contact.objects.filter(account_id=account_id, servicetitan_customer_id__in=customer_ids, person="")
    return {
        row.servicetitan_customer_id: Customer(
            servicetitan_id=row.servicetitan_customer_id,
            name=row.name,
            kind=row.kind,
            active=row.active,
            do_not_service=row.do_not_service,
            street=row.street,
            unit="",  # already part of the street
            city=row.city,
            state=row.state,
            zip=row.zip,
            modified_at=row.source_modified_at,
            do_not_mail=row.do_not_mail,
            balance=row.balance,
            since=row.customer_since,
            merged_into=row.merged_into_servicetitan_id,
        )
        for row in rows
    }


def _service_locations(account_id: int, customer_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The service address by customer: the first active location, by ServiceTitan's id."""
    rows = Location.objects.filter(
        account_id=account_id, servicetitan_customer_id__in=list(customer_ids), active=True
    )
    found: dict[int, dict[str, Any]] = {}
    for customer_id, *values in rows.order_by("-servicetitan_id").values_list(
        "servicetitan_customer_id", *_LOCATION_FIELDS
    ):
        if any(values):
            found[customer_id] = dict(zip(_LOCATION_FIELDS, values, strict=True))
    return found


def _links(account_id: int, customer_ids: Iterable[int]) -> dict[int, list[_Link]]:
    """Addresses by customer, in the order in which they are tried."""
    rows = ContactMethod.objects.filter(
        account_id=account_id, servicetitan_customer_id__in=list(customer_ids), active=True, kind__in=_KINDS
    )
    found: dict[int, dict[str, _Link]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: (_KINDS[row.kind], row.servicetitan_id)):
        link = _link(row)
        if link is None:
            continue
        mine = found[row.servicetitan_customer_id]
        if first := mine.get(link.value):
            link = replace(first, do_not_text=first.do_not_text or link.do_not_text)
        mine[link.value] = link
    return {customer_id: list(links.values()) for customer_id, links in found.items()}


def _link(row: ContactMethod) -> _Link | None:
    """The address that a contact method names; None where it is unreadable or behind an extension."""
    if row.kind == "Email":
        value, channel, line_type = row.value.lower(), Address.Channel.EMAIL, Address.LineType.UNKNOWN
        value = value.strip(_AROUND_A_MAILBOX)  # else one mailbox would be two, each with wishes of its own
        try:
            validate_email(value)
        except ValidationError:
            return None
    else:
        phone = parse_phone(row.value)
        if phone is None or phone.extension:
            return None
        value, channel = phone.e164, Address.Channel.PHONE
        line_type = Address.LineType.MOBILE if row.kind == "MobilePhone" else Address.LineType.UNKNOWN
    return _Link(channel, value, line_type, row.memo, row.do_not_text, row.servicetitan_id)


def _household(person: Customer) -> str:
    return household_key(
        residential=person.kind == Contact.Kind.RESIDENTIAL,
        customer_id=person.servicetitan_id,
        street=person.street,
        unit=person.unit,
        zip_code=person.zip,
    )


def _added_phones(account_id: int, customer_ids: Iterable[int]) -> dict[int, list[str]]:
    """Phones that came otherwise than from ServiceTitan, by customer: they ring somewhere, too."""
    rows = ContactAddress.objects.filter(
        contact__account=account_id, contact__servicetitan_customer_id__in=list(customer_ids),
        contact__person="", servicetitan_id=None, address__channel=Address.Channel.PHONE,
    )  # fmt: skip
    found: dict[int, list[str]] = defaultdict(list)
    for customer_id, value in rows.values_list("contact__servicetitan_customer_id", "address__value"):
        found[customer_id].append(value)
    return found


def _place(person: Customer, links: list[_Link], added: Sequence[str] = ()) -> Place:
    phones = [link.value for link in links if link.channel == Address.Channel.PHONE] + list(added)
    return locate(state=person.state, zip_code=person.zip, phones=phones)


def zone_set_ids(places: Iterable[Place]) -> dict[str, int]:
    """Our id of each place's zone set by the place's key, made where new."""
    wanted = {place.key: place for place in places}
    known = dict(ZoneSet.objects.filter(key__in=wanted).values_list("key", "pk"))
    missing = [wanted[key] for key in sorted(wanted) if key not in known]
    if missing:
        rows = [
            ZoneSet(key=place.key, zones=list(place.zones), states=list(place.states)) for place in missing
        ]
        ZoneSet.objects.bulk_create(rows, ignore_conflicts=True)
        known |= dict(
            ZoneSet.objects.filter(key__in=[place.key for place in missing]).values_list("key", "pk")
        )
    return known


def _row(account_id: int, person: Customer, household_id: int, zone_set_id: int) -> dict[str, Any]:
    first, last = split_name(person.name, person.kind)
    street = f"{person.street}, {person.unit}" if person.unit else person.street
    return {
        "account_id": account_id,
        "servicetitan_customer_id": person.servicetitan_id,
        "person": "",
        "name": person.name[:200] or f"Customer {person.servicetitan_id}",
        "first_name": first,
        "last_name": last,
        "kind": person.kind,
        "active": person.active,
        "do_not_service": person.do_not_service,
        "do_not_mail": person.do_not_mail,
        "balance": person.balance,
        "customer_since": person.since,
        "merged_into_servicetitan_id": person.merged_into,
        "street": street[:200],
        "city": person.city[:100],
        "state": person.state,
        "zip": person.zip[:10],
        "household_id": household_id,
        "zone_set_id": zone_set_id,
        "language": "en",
        "created_at": clock.now(),
        "job_count": 0,  # counted in the same transaction
        "job_total": 0,
        "visits_noted_at": clock.now(),
        "source_modified_at": person.modified_at,
    }


def _write_links(account_id: int, contact_ids: dict[int, int], links: dict[int, list[_Link]]) -> None:
    """Make the contacts' synced addresses exactly these; addresses added by people are left alone."""
    address_ids: dict[str, int] = {}
    for channel in Address.Channel.values:
        kinds = {
            link.value: link.line_type for of in links.values() for link in of if link.channel == channel
        }
        address_ids |= _addresses(account_id, channel, kinds)
    wanted = [
        (contact_id, address_ids[link.value], position, link)
        for customer_id, contact_id in sorted(contact_ids.items(), key=lambda item: item[1])
        for position, link in enumerate(links.get(customer_id, []))
    ]
    contacts, addresses = [row[0] for row in wanted], [row[1] for row in wanted]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM audiences_contactaddress ca
            WHERE ca.contact_id = ANY(%s) AND ca.servicetitan_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM unnest(%s::bigint[], %s::bigint[]) AS w(contact_id, address_id)
                WHERE w.contact_id = ca.contact_id AND w.address_id = ca.address_id
            )
            """,
            [list(contact_ids.values()), contacts, addresses],
        )
        cursor.execute(
            """
            INSERT INTO audiences_contactaddress AS t
                   (contact_id, address_id, position, label, do_not_text, servicetitan_id)
            SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::smallint[], %s::text[], %s::bool[],
                                 %s::bigint[])
            ON CONFLICT (contact_id, address_id) DO UPDATE
            SET position = EXCLUDED.position, label = EXCLUDED.label, do_not_text = EXCLUDED.do_not_text,
                servicetitan_id = EXCLUDED.servicetitan_id
            WHERE (t.position, t.label, t.do_not_text, t.servicetitan_id) IS DISTINCT FROM
                  (EXCLUDED.position, EXCLUDED.label, EXCLUDED.do_not_text, EXCLUDED.servicetitan_id)
            """,
            [
                contacts,
                addresses,
                [row[2] for row in wanted],
                [row[3].label for row in wanted],
                [row[3].do_not_text for row in wanted],
                [row[3].servicetitan_id for row in wanted],
            ],
        )


def _addresses(account_id: int, channel: str, line_types: dict[str, str]) -> dict[str, int]:
    """Our id by value, made where new. An address we know keeps its line type: sending taught us better."""
    fields = {"channel": channel, "line_type": lambda value: line_types[value]}
    return ids_by_key(Address, account_id, "value", line_types, fields=fields)
