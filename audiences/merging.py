"""Two records that prove to be one person: the one that goes on takes over what the other has.

ServiceTitan merges customers, and who came by a file may turn out to be a customer whom the sync brings
later. Either way the contact that does not go on names the other's customer in `merged_into_servicetitan_id`
and is inactive. Its mirrored rows, phones, tags and ids are moved here, whatever upper packages keep of it by
them (`audiences.signals.contacts_merged`). Doing it again moves what has come since, and mostly nothing; the
customers, their merging and their rows may arrive in any order.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

from accounts.models import Account
from audiences import derived_contacts
from audiences.imports.reading import name_key
from audiences.locks import hold_jobs, hold_papers, lock_addresses, lock_households
from audiences.models import (
    CallAtSource,
    Contact,
    ContactMethod,
    CustomerMembership,
    Estimate,
    Invoice,
    Job,
    Location,
)
from audiences.signals import contacts_merged, jobs_changed, threads_to_merge
from common import clock, sql

_MIRRORED = (Location, ContactMethod, Job, CustomerMembership, Estimate, Invoice, CallAtSource)
_LAST_POSITION = 32_767
Id = TypeVar("Id", int, int | None)

# Whom each of these customers goes on as: along all mergings to one that goes on itself, or whose own
# successor is not known yet. Who merges in a circle goes on as nobody.
_SURVIVORS_SQL = """
WITH RECURSIVE chain(origin, at, depth) AS (
    SELECT c.servicetitan_customer_id, c.merged_into_servicetitan_id, 1 FROM audiences_contact c
    WHERE c.account_id = %(account)s AND c.person = '' AND c.merged_into_servicetitan_id IS NOT NULL
      AND c.servicetitan_customer_id = ANY(%(customers)s::bigint[])
    UNION ALL
    SELECT chain.origin, c.merged_into_servicetitan_id, chain.depth + 1
    FROM chain JOIN audiences_contact c ON c.account_id = %(account)s AND c.person = ''
        AND c.servicetitan_customer_id = chain.at AND c.merged_into_servicetitan_id IS NOT NULL
    WHERE chain.depth < 20
)
SELECT chain.origin, chain.at FROM chain
JOIN audiences_contact c ON c.account_id = %(account)s AND c.servicetitan_customer_id = chain.at
    AND c.person = ''
WHERE NOT EXISTS (
    SELECT FROM audiences_contact further WHERE further.account_id = %(account)s AND further.person = ''
      AND further.servicetitan_customer_id = c.merged_into_servicetitan_id)
"""

_ORIGINS_SQL = """
WITH RECURSIVE origin(id) AS (
    SELECT c.servicetitan_customer_id FROM audiences_contact c
    WHERE c.account_id = %(account)s AND c.servicetitan_customer_id > 0
      AND c.merged_into_servicetitan_id = ANY(%(customers)s::bigint[])
    UNION
    SELECT c.servicetitan_customer_id FROM origin JOIN audiences_contact c
        ON c.account_id = %(account)s AND c.merged_into_servicetitan_id = origin.id
    WHERE c.servicetitan_customer_id > 0
)
SELECT id FROM origin
"""


def survivors(account_id: int, customer_ids: Iterable[int | None]) -> dict[int, int]:
    """Whom those of these customers go on as that were merged into others: ServiceTitan's ids."""
    wanted = {pk for pk in customer_ids if pk}
    if not wanted:
        return {}
    return dict(sql.rows(_SURVIVORS_SQL, {"account": account_id, "customers": sql.array(wanted)}))


def origins(account_id: int, customer_ids: Iterable[int]) -> set[int]:
    """Who was merged into these customers, and into those again: ServiceTitan's ids."""
    return set(sql.column(_ORIGINS_SQL, {"account": account_id, "customers": sql.array(customer_ids)}))


class Owners:
    """Whose a row of the source is, by the customer that it names: whoever goes on in that one's place."""

    def __init__(self, account: Account, customer_ids: Iterable[int | None]) -> None:
        self._survivors = survivors(account.pk, customer_ids)

    def __getitem__(self, customer_id: Id) -> Id:
        return self._survivors.get(customer_id, customer_id) if customer_id else customer_id


def follow(account: Account, customer_ids: Collection[int]) -> int:
    """Carry out the mergings that these customers have part in, in the caller's transaction; how many."""
    origins = sql.column(
        "SELECT servicetitan_customer_id FROM audiences_contact"
        " WHERE account_id = %s AND person = '' AND merged_into_servicetitan_id IS NOT NULL"
        " AND (servicetitan_customer_id = ANY(%s::bigint[])"
        "      OR merged_into_servicetitan_id = ANY(%s::bigint[]))",
        [account.pk, sql.array(customer_ids), sql.array(customer_ids)],
    )
    into = survivors(account.pk, origins)
    if into:
        _merge(account, into)
    return len(into)


def adopt(account: Account, contact_ids: Iterable[int]) -> int:
    """Merge people who came by a file into those of these ServiceTitan contacts that share a phone or mailbox
    and the name with them; how many."""
    into = _the_same(account.pk, contact_ids)
    if into:
        sql.run(
            "UPDATE audiences_contact c SET merged_into_servicetitan_id = t.stays, active = false"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS t(customer, stays)"
            " WHERE c.account_id = %s AND c.servicetitan_customer_id = t.customer AND c.person = ''",
            [*sql.arrays(sorted(into.items())), account.pk],
        )
        _merge(account, into)
    return len(into)


def _the_same(account_id: int, contact_ids: Iterable[int]) -> dict[int, int]:
    """Customer number of who came by a file, to that of the ServiceTitan customer they are."""
    found: dict[int, int] = {}
    for pk, first, last, name, customer, *other in sql.rows(
        _SHARING_SQL, {"account": account_id, "contacts": sql.array(contact_ids)}
    ):
        if name_key(first, last, name) == name_key(*other):
            found.setdefault(pk, customer)
    return found


# Nobody came by a file: the first condition says so without a look at anybody's phones.
_SHARING_SQL = """
SELECT x.servicetitan_customer_id, x.first_name, x.last_name, x.name,
       c.servicetitan_customer_id, c.first_name, c.last_name, c.name
FROM audiences_contact c
JOIN audiences_contactaddress mine ON mine.contact_id = c.id AND mine.wrong_number_at IS NULL
JOIN audiences_contactaddress theirs ON theirs.address_id = mine.address_id AND theirs.wrong_number_at IS NULL
JOIN audiences_contact x ON x.id = theirs.contact_id AND x.account_id = c.account_id
    AND x.servicetitan_customer_id < 0 AND x.merged_into_servicetitan_id IS NULL
WHERE EXISTS (SELECT FROM audiences_contact f WHERE f.account_id = %(account)s
              AND f.servicetitan_customer_id < 0)
  AND c.id = ANY(%(contacts)s::bigint[]) AND c.account_id = %(account)s AND c.servicetitan_customer_id > 0
  AND c.merged_into_servicetitan_id IS NULL
ORDER BY NOT c.active, c.id
"""


def _merge(account: Account, into: dict[int, int]) -> None:
    """Move everything of the customers on the left to those on the right."""
    pairs = _contacts(account.pk, into)
    if not pairs:
        return
    hold_jobs(account.pk)
    hold_papers(account.pk)
    both = sorted({pk for pair in pairs for pk in pair})
    lock_households(Contact.objects.filter(pk__in=both).values_list("household", flat=True))
    links = "SELECT address_id FROM audiences_contactaddress WHERE contact_id = ANY(%s::bigint[])"
    lock_addresses(sql.column(links, [sql.array(both)]))
    left_alone = _left_alone(pairs)
    moved_jobs = _move_mirrored(account.pk, into)
    _move_own(pairs)
    derived_contacts.derive(account.pk, customer_ids={*into, *into.values()} - _from_files(into))
    told: dict[str, Any] = {"pairs": pairs, "left_alone": left_alone, "now": clock.now()}
    contacts_merged.send(sender=Contact, **told)
    threads_to_merge.send(sender=Contact, **told)
    if moved_jobs:
        jobs_changed.send(sender=Job, account=account, job_ids=sorted(moved_jobs))


def _from_files(customers: Iterable[int]) -> set[int]:
    """Those whom ServiceTitan does not know: nothing of theirs is derived."""
    return {customer for customer in customers if customer < 0}


def _contacts(account_id: int, into: dict[int, int]) -> list[tuple[int, int]]:
    """(our id of who goes, of who goes on), in the order of ids."""
    rows = sql.rows(
        "SELECT gone.id, stays.id FROM unnest(%s::bigint[], %s::bigint[]) AS t(gone, stays)"
        " JOIN audiences_contact gone ON gone.account_id = %s AND gone.person = ''"
        "  AND gone.servicetitan_customer_id = t.gone"
        " JOIN audiences_contact stays ON stays.account_id = %s AND stays.person = ''"
        "  AND stays.servicetitan_customer_id = t.stays ORDER BY gone.id",
        [*sql.arrays(sorted(into.items())), account_id, account_id],
    )
    return [(gone, stays) for gone, stays in rows]


def _left_alone(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(who goes on, the opt-out) where either of them asked to be left alone wherever they can be reached:
    the other's phones and mailboxes are theirs, too. A STOP from one phone is about that phone."""
    found = sql.rows(_LEFT_ALONE_SQL, dict(zip(("gone", "stays"), sql.arrays(pairs), strict=True)))
    return [(stays, wish) for stays, wish in found]


def _move_mirrored(account_id: int, into: dict[int, int]) -> list[int]:
    """Locations, phones, jobs and papers to the customer who goes on; ids of the jobs."""
    moved: list[int] = []
    for model in _MIRRORED:
        found = sql.column(
            f"UPDATE {model._meta.db_table} r SET servicetitan_customer_id = t.stays"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS t(gone, stays)"
            " WHERE r.account_id = %s AND r.servicetitan_customer_id = t.gone RETURNING r.id",
            [*sql.arrays(sorted(into.items())), account_id],
        )
        moved += found if model is Job else []
    return moved


def _move_own(pairs: Sequence[tuple[int, int]]) -> None:
    """Phones and mailboxes with what is known of them, the account's own tags and ids, and what files said.

    Tags of ServiceTitan are those that it gives the customer who goes on.
    """
    params: dict[str, Any] = dict(zip(("gone", "stays"), sql.arrays(pairs), strict=True))
    for statement in _MOVE_OWN:
        sql.run(statement, params)


PAIRS_SQL = "unnest(%(gone)s::bigint[], %(stays)s::bigint[]) AS t(gone, stays)"
_LEFT_ALONE_SQL = f"""
SELECT DISTINCT ON (t.stays) t.stays, oo.id FROM {PAIRS_SQL}
CROSS JOIN LATERAL (VALUES (t.gone), (t.stays)) side(id)
JOIN audiences_optout oo ON oo.contact_id = side.id AND oo.lifted_at IS NULL
WHERE (oo.source = 'agent' OR EXISTS (
        SELECT FROM audiences_optout other WHERE other.contact_id = side.id AND other.lifted_at IS NULL
          AND other.at = oo.at AND other.address_id <> oo.address_id))
  AND EXISTS (SELECT FROM audiences_contactaddress ca WHERE ca.contact_id = side.id)
  AND NOT EXISTS (
        SELECT FROM audiences_contactaddress ca WHERE ca.contact_id = side.id AND ca.wrong_number_at IS NULL
          AND NOT EXISTS (SELECT FROM audiences_optout its
                          WHERE its.address_id = ca.address_id AND its.lifted_at IS NULL))
ORDER BY t.stays, oo.at, oo.id
"""
# Phones stand behind those that there are; derivation puts ServiceTitan's into their order.
_MOVE_OWN = (
    f"""
    INSERT INTO audiences_contactaddress AS mine
        (contact_id, address_id, position, label, do_not_text, wrong_number_at, servicetitan_id)
    SELECT DISTINCT ON (t.stays, ca.address_id) t.stays, ca.address_id,
        least(ca.position + 100, {_LAST_POSITION}), ca.label, ca.do_not_text, ca.wrong_number_at,
        ca.servicetitan_id
    FROM {PAIRS_SQL} JOIN audiences_contactaddress ca ON ca.contact_id = t.gone
    ORDER BY t.stays, ca.address_id, ca.wrong_number_at, ca.position
    ON CONFLICT (contact_id, address_id) DO UPDATE SET
        do_not_text = mine.do_not_text OR EXCLUDED.do_not_text,
        wrong_number_at = coalesce(mine.wrong_number_at, EXCLUDED.wrong_number_at)
    """,
    f"DELETE FROM audiences_contactaddress ca USING {PAIRS_SQL} WHERE ca.contact_id = t.gone",
    f"""
    INSERT INTO audiences_contacttag (contact_id, tag_id)
    SELECT t.stays, ct.tag_id FROM {PAIRS_SQL} JOIN audiences_contacttag ct ON ct.contact_id = t.gone
    JOIN audiences_tag tag ON tag.id = ct.tag_id AND tag.servicetitan_id IS NULL
    ON CONFLICT DO NOTHING
    """,
    f"UPDATE audiences_ownid o SET contact_id = t.stays FROM {PAIRS_SQL} WHERE o.contact_id = t.gone",
    # What became of the rows of files is counted anew, so that each figure has as many people behind it.
    f"""
    WITH going AS (
        SELECT DISTINCT ON (i.of_id, t.stays) i.of_id, i.contact_id, t.stays, i.outcome
        FROM {PAIRS_SQL} JOIN audiences_importedcontact i ON i.contact_id = t.gone
        WHERE NOT EXISTS (SELECT FROM audiences_importedcontact o
                          WHERE o.of_id = i.of_id AND o.contact_id = t.stays)
        ORDER BY i.of_id, t.stays, i.contact_id
    ), moved AS (
        UPDATE audiences_importedcontact i SET contact_id = g.stays, outcome = 'merged'
        FROM going g WHERE i.of_id = g.of_id AND i.contact_id = g.contact_id
    )
    UPDATE audiences_contactimport l SET added = l.added - n.added, updated = l.updated - n.updated,
        unchanged = l.unchanged - n.unchanged, merged = l.merged + n.added + n.updated + n.unchanged
    FROM (SELECT of_id, count(*) FILTER (WHERE outcome = 'added') AS added,
              count(*) FILTER (WHERE outcome = 'updated') AS updated,
              count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged FROM going GROUP BY of_id) n
    WHERE l.id = n.of_id
    """,
)
