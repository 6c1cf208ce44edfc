"""One piece of a file into the tables, in the transaction of whoever calls: a constant number of statements.

Ids are drawn first, so that new contacts go in by COPY with all that belongs to them. Of contacts that are
known, those of ServiceTitan only gain phones, mailboxes and tags; those of earlier imports take what the file
says otherwise. Opt-outs and do-not-call lists hang on addresses, which are never changed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from audiences.derived_contacts import zone_set_ids
from audiences.imports import addresses as reached
from audiences.imports import known
from audiences.imports.addresses import KnownAddresses, Made
from audiences.imports.consents import record_consents
from audiences.imports.homes import CONTACT_COLUMNS, household_of, households, line_of, place_of
from audiences.imports.inserting import draw
from audiences.imports.matching import Group, match
from audiences.imports.reading import Person
from audiences.models import ContactImport, ImportedContact
from audiences.places import Place
from common import sql

Outcome = ImportedContact.Outcome


@dataclass
class Written:
    """What became of a piece: contacts by outcome, rows of people who were named before, consents."""

    outcomes: dict[str, int] = field(default_factory=dict)
    repeated: list[Person] = field(default_factory=list)
    consents: int = 0


def write(
    listed: ContactImport, people: Sequence[Person], *, now: datetime, made: Made | None = None
) -> Written:
    """Take these people in, with what was `made` ahead for them."""
    written = Written()
    if not people:
        return written
    account_id = listed.account_id
    addresses = made.addresses if made else reached.known(account_id, people)
    groups = match(account_id, people, addresses)
    if made is None:
        reached.make(account_id, people, addresses)
    new = [group for group in groups if not group.contact_id]
    there = [group for group in groups if group.contact_id]
    _draw_ids(new)
    _add(account_id, new, addresses, made.homes if made else {}, now)
    changed = known.update(listed, there, addresses)
    _tag(listed, groups)
    _count(listed, groups, {group.contact_id for group in new}, changed, written)
    if listed.ground in (ContactImport.Ground.TEXTS, ContactImport.Ground.CALLS):
        written.consents = record_consents(listed, groups, addresses, now=now)
    return written


def _draw_ids(groups: Sequence[Group]) -> None:
    """Ids for new contacts; in place of a ServiceTitan customer's they have the negative of their own."""
    drawn = draw("audiences_contact", len(groups))
    for group, contact_id in zip(groups, drawn, strict=True):
        group.contact_id, group.servicetitan_id = contact_id, -contact_id


def _add(
    account_id: int, groups: Sequence[Group], addresses: KnownAddresses, made: dict[str, int], now: datetime
) -> None:
    """New contacts with their households, phones and mailboxes; `made` has homes that are there."""
    if not groups:
        return
    keys = [household_of(group.first, group.servicetitan_id) for group in groups]
    homes = made | households(account_id, [key for key in keys if key not in made])
    places = [_place(group) for group in groups]
    distinct = {id(place): place for place in places}  # few, and their keys take time to make
    by_key = zone_set_ids(distinct.values())
    zone_sets = {at: by_key[place.key] for at, place in distinct.items()}
    alike = sql.line((account_id, now, now, 0, 0, "", "t", "f"))
    sql.copy_lines(
        "COPY audiences_contact (id, servicetitan_customer_id, household_id, zone_set_id, account_id,"
        " created_at, visits_noted_at, job_count, job_total, person, active, do_not_service,"
        f" {CONTACT_COLUMNS}) FROM STDIN",
        (
            f"{group.contact_id}\t{group.servicetitan_id}\t{homes[key]}\t{zone_sets[id(place)]}\t{alike}\t"
            f"{group.first.line or line_of(group.first)}"
            for group, key, place in zip(groups, keys, places, strict=True)
        ),
    )
    sql.copy_lines(
        "COPY audiences_contactaddress (contact_id, address_id, position, label, do_not_text) FROM STDIN",
        (
            f"{group.contact_id}\t{addresses[value]}\t{min(position, known.LAST_POSITION)}\t\tf"
            for group in groups
            for position, value in enumerate((*group.phones, *group.emails))
        ),
    )
    own = [(account_id, group.own_id, group.contact_id) for group in groups if group.own_id]
    if own:
        sql.copy("COPY audiences_ownid (account_id, value, contact_id) FROM STDIN", own)


def _place(group: Group) -> Place:
    """Where they live, as all their phones and the row that names them first say."""
    row = group.first
    if row.place is not None and len(group.people) == 1:
        return row.place
    return place_of(row.state, row.zip, group.phones)


def _tag(listed: ContactImport, groups: Sequence[Group]) -> None:
    """The import's own tag on everybody, and the tags that rows name."""
    named: dict[str, str] = {}
    for group in groups:
        for person in group.people:
            for tag in person.tags:
                named.setdefault(tag.lower(), tag)
    if not (named or listed.tag_id):
        return
    tags = _own_tags(listed.account_id, named) if named else {}
    rows: dict[tuple[int, int], None] = {}
    for group in groups:
        if listed.tag_id:
            rows[group.contact_id, listed.tag_id] = None
        for person in group.people:
            rows.update(((group.contact_id, tags[tag.lower()]), None) for tag in person.tags)
    if rows:
        sql.run(
            "INSERT INTO audiences_contacttag (contact_id, tag_id)"
            " SELECT * FROM unnest(%s::bigint[], %s::bigint[]) ON CONFLICT DO NOTHING",
            sql.arrays(list(rows)),
        )


def _own_tags(account_id: int, named: dict[str, str]) -> dict[str, int]:
    """Ids of the account's own tags by lower-case name, made where new."""
    sql.run(
        "INSERT INTO audiences_tag (account_id, name, active)"
        " SELECT %s, n, true FROM unnest(%s::text[]) n ORDER BY lower(n) ON CONFLICT DO NOTHING",
        [account_id, sql.array(named.values())],
    )
    found = sql.rows(
        "SELECT name, id FROM audiences_tag WHERE account_id = %s AND servicetitan_id IS NULL"
        " AND lower(name) = ANY(SELECT lower(n) FROM unnest(%s::text[]) n)",
        [account_id, sql.array(named.values())],
    )
    return {name.lower(): pk for name, pk in found}


def _count(
    listed: ContactImport, groups: Sequence[Group], new: set[int], changed: set[int], written: Written
) -> None:
    """Note what this import did with whom. Somebody whom an earlier piece named keeps that piece's word."""
    sql.copy_lines(
        "COPY audiences_importedcontact (of_id, contact_id, outcome) FROM STDIN",
        (f"{listed.pk}\t{contact_id}\t{Outcome.ADDED.value}" for contact_id in sorted(new)),
    )
    fresh: dict[int, str] = dict.fromkeys(new, Outcome.ADDED.value)
    rows = []
    for group in groups:
        if group.contact_id not in new:
            outcome = Outcome.UPDATED if group.contact_id in changed else Outcome.UNCHANGED
            outcome = Outcome.MERGED if group.servicetitan_id > 0 else outcome
            rows.append((group.contact_id, outcome.value))
    if rows:
        fresh |= sql.rows(
            "INSERT INTO audiences_importedcontact (of_id, contact_id, outcome)"
            " SELECT %s, c, o FROM unnest(%s::bigint[], %s::text[]) AS t(c, o)"
            " ON CONFLICT DO NOTHING RETURNING contact_id, outcome",
            [listed.pk, *sql.arrays(rows)],
        )
    for done in fresh.values():
        written.outcomes[done] = written.outcomes.get(done, 0) + 1
    for group in groups:
        written.repeated += group.people[1:] if group.contact_id in fresh else group.people
